"""Contract of a declared table, derived from its schema: columns and kinds, required values, and the grain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.lake import is_sorted
from omnichannel_assets.lake.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa


def contract(table: TableSchema, data: pa.Table) -> CheckOutcome:
    """Whether rows keep the table's declaration. Details: missing columns, NULLs in required columns, rows that share a key."""
    missing = [name for name in table.names if name not in data.column_names]
    if missing:
        return CheckOutcome("contract", False, details={"missing_columns": missing})
    wrong = [f.name for f in table.arrow() if data.schema.field(f.name).type != f.type and not _castable(data, f)]
    nulls = {name: data.column(name).null_count for name in table.required if data.column(name).null_count}
    shared = _rows_sharing_a_key(data, table.key)
    details = {"rows": data.num_rows, "wrong_types": wrong, "nulls_in_required": nulls, "rows_sharing_a_key": shared}
    return CheckOutcome("contract", not (wrong or nulls or shared), details=details)


def _rows_sharing_a_key(data: pa.Table, key: tuple[str, ...]) -> int:
    """Rows too many. In rows that are sorted by the key, as most are, those that share it are neighbours: a twentieth of the time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_sorted(data, key):
        return data.num_rows - data.select(list(key)).group_by(list(key)).aggregate([]).num_rows
    count = max(data.num_rows - 1, 0)
    is_shared = pa.repeat(pa.scalar(True), count)
    for name in key:
        one, other = data[name].slice(0, count), data[name].slice(1)
        equal = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
        is_shared = pc.and_(is_shared, equal)
    return pc.sum(is_shared).as_py() or 0


def _castable(data: pa.Table, field: pa.Field) -> bool:
    import pyarrow as pa

    try:
        data.column(field.name).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def conservation(rows_in: int, accounted: dict[str, int]) -> CheckOutcome:
    """Rows in = rows out + everything else that happened to them, to the row (promise 1 of the design)."""
    return CheckOutcome("conservation", rows_in == sum(accounted.values()), details={"rows_in": rows_in, **accounted})
