"""What other rules would do to the customers of a date, in counts: the content of a plan.

Here: counting what compare found, and which identifiers leave or join. Not here: comparing (compare), reading and writing tables
(assets/rules_plan). Only customer ids and counts come out, never an identifier's value.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.compare import compare, identities_at

EXAMPLES = 5


@dataclass(frozen=True)
class Effects:
    """Customers that split, merge into another, change id only, end without an heir, and appear; identifiers by type.

    blocked     identifiers that are no longer any (type -> number)
    shared      identifiers that from some date on belong to nobody
    carried     identifiers that are new
    touched     ids that split, merge, change or end
    examples    a few of them, as (change, id before, ids after)
    """

    split: int
    merge: int
    rekey: int
    end: int
    new: int
    blocked: dict[str, int]
    shared: dict[str, int]
    carried: dict[str, int]
    touched: pa.Array
    examples: list[tuple[str, str, list[str]]]


def effects_of(previous: pa.Table, current: pa.Table, as_of: datetime.date) -> Effects:
    """What leads from one identities table to another at the same date."""
    changes = compare(previous, current, as_of, "plan")
    before, after = identities_at(previous, as_of), identities_at(current, as_of)
    left, known = _without(before, after), current.filter(pc.less_equal(current["valid_from"], pa.scalar(as_of, pa.date32())))
    blocked = _without(left, known)
    ended = pc.and_(pc.equal(changes["change"], "rekey"), pc.is_null(changes["to_customer_id"]))
    gone = changes.filter(ended)
    kept = changes.filter(pc.invert(ended))
    by_change = {kind: kept.filter(pc.equal(kept["change"], kind)) for kind in ("split", "merge", "rekey", "new")}
    return Effects(
        split=_distinct(by_change["split"]),
        merge=_distinct(by_change["merge"]),
        rekey=_distinct(by_change["rekey"]),
        end=_distinct(gone),
        new=by_change["new"].num_rows,
        blocked=_by_type(blocked),
        shared=_by_type(_without(left, blocked)),
        carried=_by_type(_without(after, before)),
        touched=pc.unique(changes["from_customer_id"].drop_null()),
        examples=[example for kind in ("split", "merge", "rekey") for example in _examples(kind, by_change[kind])],
    )


def _distinct(changes: pa.Table) -> int:
    return len(pc.unique(changes["from_customer_id"]))


def _without(one: pa.Table, other: pa.Table) -> pa.Table:
    keys = ["identifier_type", "identifier_value"]
    return one.select(keys).join(other.select(keys), keys=keys, join_type="left anti")


def _by_type(identifiers: pa.Table) -> dict[str, int]:
    counts = identifiers.group_by("identifier_type").aggregate([([], "count_all")])
    return dict(sorted(zip(counts["identifier_type"].to_pylist(), counts["count_all"].to_pylist(), strict=True)))


def _examples(kind: str, changes: pa.Table) -> list[tuple[str, str, list[str]]]:
    found: dict[str, list[str]] = {}
    for row in changes.sort_by([("from_customer_id", "ascending"), ("to_customer_id", "ascending")]).to_pylist():
        if row["from_customer_id"] not in found and len(found) == EXAMPLES:
            break
        found.setdefault(row["from_customer_id"], []).append(row["to_customer_id"])
    return [(kind, before, after) for before, after in found.items()]
