"""The approval that lets campaigns leave the house: a person releases exactly the audiences of one as-of date.

Belongs here: asking and noting. Does not: holding a delivery (``assets/deliveries``), starting one (``automation``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.lake import Provenance, digest_of
from omnichannel_assets.lake.tables_activation import AUDIENCE_APPROVALS, AUDIENCES
from omnichannel_assets.resources.workspace import Workspace


def audiences_digest(workspace: Workspace, as_of: date) -> str | None:
    """Digest of the audiences of one as-of date; None when they were not chosen yet."""
    manifest = workspace.lake.manifest(AUDIENCES.name, ("as_of", as_of.isoformat()))
    return manifest.sha256 if manifest else None


def is_approved(workspace: Workspace, as_of: date) -> bool:
    """Whether campaigns of this as-of date may leave: approval is off, or a person released exactly these audiences."""
    if workspace.settings.audience_approval == "off":
        return True
    digest = audiences_digest(workspace, as_of)
    return any(row["as_of"] == as_of and row["audiences_digest"] == digest for row in workspace.lake.read(AUDIENCE_APPROVALS).to_pylist())


def approve_audiences(workspace: Workspace, as_of: date) -> dict[str, dict[str, int]]:
    """Release the audiences of one as-of date for campaigns; returns how many are in each arm. Approving twice is harmless.

    Raises InputError when there are no audiences of that date.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = audiences_digest(workspace, as_of)
    if digest is None:
        raise InputError("approve", f"{as_of}", expected="an as-of date whose audiences were chosen", fix="run `omnichannel run` first")
    if not is_approved(workspace, as_of):
        now = datetime.now(UTC)  # wall-clock: when a person approved
        row = {"as_of": as_of, "audiences_digest": digest, "approved_at": now}
        rows = pa.concat_tables([workspace.lake.read(AUDIENCE_APPROVALS), pa.Table.from_pylist([row], schema=AUDIENCE_APPROVALS.arrow())])
        workspace.lake.publish(AUDIENCE_APPROVALS, rows, Provenance(digest_of([as_of, digest]), {"rows_out": rows.num_rows}))
    (path,) = workspace.lake.paths(AUDIENCES, [as_of.isoformat()])
    counted = pq.read_table(path, partitioning=None).group_by(["audience", "arm"]).aggregate([([], "count_all")]).to_pylist()
    found: dict[str, dict[str, int]] = {}
    for row in sorted(counted, key=lambda row: (row["audience"], row["arm"])):
        found.setdefault(row["audience"], {})[row["arm"]] = row["count_all"]
    return found
