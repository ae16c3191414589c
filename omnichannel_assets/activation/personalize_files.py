"""Bulk import files of Personalize: the same rows give the same bytes, and a row that would fail the whole import is left out and named.

Belongs here: values as the import reads them, limits, the CSV dialect (backslash escapes, header without quotes). Not here: where files go.
Work is by column, in Arrow; only what is left out is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.activation.csv_files import Problem, csv_bytes, first_problem, left_out
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_schemas import Column, Schema

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SECONDS = 10**11
"""Later than the year 5100: milliseconds taken for seconds."""
LEAST_INTERACTIONS, MOST_ADDED_BYTES = 1_000, 10**9
"""What an incremental import must and may hold."""


@dataclass(frozen=True)
class ImportFile:
    """A file's bytes, how many rows are in it, and the rows that are not."""

    data: bytes
    rows: int
    rejected: list[Outcome]


def write_csv(schema: Schema, rows: pa.Table) -> ImportFile:
    """The rows as an import file, sorted, empty text as null.

    Columns are found by name. Times may be timestamps or epoch seconds, categories lists of text, yes and no booleans. Raises ValueError when
    a column is missing, which is a mistake of the caller's and not of a row's.
    """
    import pyarrow.compute as pc

    missing = [column.name for column in schema.columns if column.name not in rows.column_names]
    if missing:
        raise ValueError(f"{schema.dataset_type}: no column {', '.join(missing)}")
    ready = _ready(schema, rows)
    found = {column.name: _problems(column, ready[column.name], rows[column.name]) for column in schema.columns}
    words = first_problem([problem for problems in found.values() for problem in problems])
    rejected = left_out(ready, schema.key, words)
    good = ready.filter(pc.is_null(words)).sort_by([(name, "ascending") for name in (*schema.key, *_others(schema))])
    return ImportFile(csv_bytes([column.name for column in schema.columns], good, "backslash"), good.num_rows, rejected)


def added_since(schema: Schema, rows: pa.Table, is_earlier: pa.ChunkedArray, is_imported: Callable[[bytes], bool]) -> ImportFile | None:
    """The file of the rows that are not ``is_earlier``, when importing only these leaves what importing all would; None when it would not.

    The earlier rows have to give the very file that was imported (``is_imported`` is asked), no new row may have the key of an earlier one,
    which would replace it, and the new rows must be as many, and not more, than such an import takes.
    """
    import pyarrow.compute as pc

    earlier, later = rows.filter(is_earlier), rows.filter(pc.invert(is_earlier))
    added = write_csv(schema, later) if later.num_rows >= LEAST_INTERACTIONS else None
    if added is None or added.rows < LEAST_INTERACTIONS or len(added.data) > MOST_ADDED_BYTES:
        return None
    if not is_imported(write_csv(schema, earlier).data):
        return None
    keys = list(schema.key)
    known, new = (_ready(schema, part).select(keys) for part in (earlier, later))
    return added if known.join(new, keys, join_type="left semi").num_rows == 0 else None


def _ready(schema: Schema, rows: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.table({column.name: _as_read(column, rows[column.name]) for column in schema.columns})


def _others(schema: Schema) -> list[str]:
    return [column.name for column in schema.columns if column.name not in schema.key]


def _as_read(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values in the type they are sorted and written in; what cannot be is null and found by `_problems`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind == "long":
        if pa.types.is_timestamp(values.type):
            # Down to the second, also before 1970, where a cast would round towards zero.
            values = pc.floor_temporal(values, unit="second").cast(pa.timestamp("s", values.type.tz), safe=False)
        return values.cast(pa.int64())
    if column.kind == "float":
        # By way of text: the direct cast of a decimal makes 19.90 into 19.900000000000002.
        return (values.cast(pa.string()) if pa.types.is_decimal(values.type) else values).cast(pa.float64())
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "True", "False")
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = pc.binary_join(values.cast(pa.list_(pa.string())), "|")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    text = values.cast(pa.string())
    known = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return pc.fill_null(known, column.default) if column.default else known


def _problems(column: Column, values: pa.ChunkedArray, given: pa.ChunkedArray) -> list[Problem]:
    """Each limit a column may break, and where it does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = []
    if not column.nullable:
        found.append((pc.is_null(values), f"{column.name}: empty"))
    if column.longest is not None:
        found.append((pc.greater(pc.utf8_length(values), column.longest), f"{column.name}: more than {column.longest} characters"))
    if column.kind == "float":
        found.append((pc.invert(pc.is_finite(values)), f"{column.name}: no finite number"))
    if column.kind == "long":
        found.append((pc.greater(values, MOST_SECONDS), f"{column.name}: not in epoch seconds, milliseconds perhaps"))
        found.append((pc.less(values, 0), f"{column.name}: before 1970"))
    if column.categorical and pa.types.is_list(given.type):
        bars = pc.greater(pc.count_substring(pc.fill_null(values, ""), "|"), pc.max_element_wise(pc.subtract(pc.list_value_length(given), 1), 0))
        found.append((bars, f"{column.name}: a category holds a vertical bar"))
    return found
