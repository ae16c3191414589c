"""What a person says about a proposed pair of records. It beats the threshold, and every later run honours it.

Belongs here: noting a verdict. Does not: what it changes (``identity.match_states``, at the next run).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.lake import Provenance, digest_of
from omnichannel_assets.lake.tables_identity import IDENTITY_MATCHES, MATCH_REVIEWS
from omnichannel_assets.resources.workspace import Workspace


def review_match(workspace: Workspace, one_ref: str, other_ref: str, verdict: Literal["accepted", "rejected"]) -> str:
    """Note a verdict about a proposed pair, in either order; a later verdict replaces an earlier one. Returns the pair's explanation.

    Raises InputError for a pair that was never proposed.
    """
    import pyarrow as pa

    pair = {"left_ref": min(one_ref, other_ref), "right_ref": max(one_ref, other_ref)}
    proposed = [row for row in workspace.lake.read(IDENTITY_MATCHES).to_pylist() if pair.items() <= row.items()]
    if not proposed:
        raise InputError("matches", "another pair", expected="two customer numbers that were proposed as one person", fix="see `omnichannel matches list`")
    now = datetime.now(UTC)  # wall-clock: when a person said so
    others = [row for row in workspace.lake.read(MATCH_REVIEWS).to_pylist() if not pair.items() <= row.items()]
    rows = pa.Table.from_pylist([*others, {**pair, "verdict": verdict, "reviewed_at": now}], schema=MATCH_REVIEWS.arrow())
    workspace.lake.publish(MATCH_REVIEWS, rows, Provenance(digest_of([pair, verdict, now.isoformat()]), {"rows_out": rows.num_rows}))
    return proposed[0]["explanation"]
