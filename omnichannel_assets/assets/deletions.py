"""Deletions at the channels: queued in ``deletion_requests``, sent when the channel can be reached. Stand-in of the real one, same signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.lake.lake import Provenance, digest_of
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS
from omnichannel_assets.resources.channels import is_reachable
from omnichannel_assets.resources.workspace import Workspace


def queue_deletions(workspace: Workspace, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note deletions to be asked for; one whose request_id is there already is left as it is."""
    stored = workspace.lake.read(DELETION_REQUESTS).to_pylist()
    known = {row["request_id"] for row in stored}
    added = [{"state": "pending", "words": None, **row} for row in rows if row["request_id"] not in known]
    if added:
        _save(workspace, [*stored, *added])


def send_deletions(workspace: Workspace, hook: CallHook = no_hook) -> dict[str, int]:
    """Send what is pending; how many requests ended in which state."""
    stored = workspace.lake.read(DELETION_REQUESTS).to_pylist()
    for row in stored:
        if row["state"] in ("pending", "failed"):
            if row["channel"] in ("pinpoint",):
                row |= {"state": "not_needed", "subject": None}
            elif is_reachable(workspace, row["channel"]):
                hook(f"before {row['channel']}.delete")
                row |= {"state": "done", "subject": None}
                hook(f"after {row['channel']}.delete")
    _save(workspace, stored)
    return dict(Counter(row["state"] for row in stored))


def _save(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa

    data = pa.Table.from_pylist(rows, schema=DELETION_REQUESTS.arrow())
    workspace.lake.publish(DELETION_REQUESTS, data, Provenance(digest_of([row["request_id"] + row["state"] for row in rows]), {"rows_out": data.num_rows}))
