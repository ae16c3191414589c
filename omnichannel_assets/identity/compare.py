"""What became of each customer between two resolutions of the same date.

The two differ by late files, changed rules or an erasure. Here: reading an identities table at a date, and classifying the
differences into journal rows. Not here: resolving (resolve) and recording the rows (assets). Customers are matched by the
identifiers they share, never by what their ids look like.
"""

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.outcome import CHANGES_SCHEMA, sorted_changes


def identities_at(identities: pa.Table, as_of: datetime.date) -> pa.Table:
    """(identifier_type, identifier_value, customer_id) as of a date: each identifier known by then, once."""
    day = pa.scalar(as_of, pa.date32())
    still = pc.fill_null(pc.greater(identities["valid_to"], day), True)
    rows = identities.filter(pc.and_(pc.less_equal(identities["valid_from"], day), still))
    return rows.select(["identifier_type", "identifier_value", "customer_id"])


def compare(previous: pa.Table, current: pa.Table, as_of: datetime.date, cause: str) -> pa.Table:
    """Journal rows (timeline.CHANGES_SCHEMA) that lead from one identities table to another at the same `as_of` date.

    split  the identifiers of `from` are now in several customers: one row for each, also for the one that keeps the id
    merge  all its remaining identifiers are in `to`, together with some of another previous customer
    rekey  the same customer under another id; with `to` null when none of its identifiers is left (erasure)
    new    none of its identifiers was known before
    Customers that kept their id and did not split have no row. Live ids afterwards = (live ids - all from) | all to.
    """
    keys = ["identifier_type", "identifier_value"]
    before = identities_at(previous, as_of).rename_columns([*keys, "before"])
    after = identities_at(current, as_of).rename_columns([*keys, "after"])
    flows = before.join(after, keys=keys, join_type="inner").group_by(["before", "after"]).aggregate([])
    flows = _counted(_counted(flows, "before", "parts"), "after", "origins")
    is_split = pc.greater(flows["parts"], 1)
    is_moved = pc.and_not(pc.not_equal(flows["before"], flows["after"]), is_split)
    joins_others = pc.greater(flows["origins"], 1)
    tables = [
        _rows("split", flows.filter(is_split)["before"], flows.filter(is_split)["after"]),
        _rows("merge", *_ends(flows.filter(pc.and_(is_moved, joins_others)))),
        _rows("rekey", *_ends(flows.filter(pc.and_not(is_moved, joins_others)))),
        _rows("rekey", _missing(before["before"], flows["before"]), None),
        _rows("new", None, _missing(after["after"], flows["after"])),
    ]
    found = pa.concat_tables(tables)
    stamped = found.add_column(0, "as_of", pa.repeat(pa.scalar(as_of, pa.date32()), len(found)))
    stamped = stamped.append_column("cause", pa.repeat(pa.scalar(cause, pa.string()), len(found)))
    return sorted_changes(stamped.cast(CHANGES_SCHEMA))


def _counted(flows: pa.Table, by: str, name: str) -> pa.Table:
    counts = flows.group_by(by).aggregate([([], "count_all")]).rename_columns([by, name])
    return flows.join(counts, keys=by, join_type="inner")


def _ends(flows: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    return flows["before"], flows["after"]


def _missing(customers: pa.ChunkedArray, matched: pa.ChunkedArray) -> pa.Array:
    distinct = pc.unique(customers)
    return distinct.filter(pc.invert(pc.is_in(distinct, value_set=pc.unique(matched))))


def _rows(change: str, ended: pa.Array | pa.ChunkedArray | None, found: pa.Array | pa.ChunkedArray | None) -> pa.Table:
    count = len(ended if ended is not None else found)
    nulls = pa.nulls(count, pa.string())
    columns = {
        "change": pa.repeat(pa.scalar(change, pa.string()), count),
        "from_customer_id": nulls if ended is None else ended,
        "to_customer_id": nulls if found is None else found,
    }
    return pa.table(columns)
