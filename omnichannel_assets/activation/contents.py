"""Contents held as columns, so that those of a million customers fit into little memory.

Belongs here: a table of mapped fields as contents, and several of these one after the other. Not here: what a content is (`ledger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.ledger import Columns, Content, ManyContents, as_text, columns_of, text_hash, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

PART = 20_000
"""Rows that are Python values at the same time."""


def by_key(contents: Sequence[Content]) -> Sequence[Content]:
    """Contents in the order of their keys, so that the same are sent in the same order; those held as columns are."""
    return contents if isinstance(contents, ManyContents) else sorted(contents, key=lambda content: content.destination_key)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


class ContentTable(ManyContents):
    """One content a row. ``key`` columns make up its destination key, with colons between them; ``fields`` are its mapped fields.

    Brought in the order of the keys.
    """

    def __init__(self, rows: pa.Table, key: Sequence[str], customer_id: str, fields: Sequence[str]):
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = pc.binary_join_element_wise(*(rows[name].cast(pa.string()) for name in key), ":")
        order = pc.sort_indices(keys)
        self.keys, self._customer_ids = (_one(column.take(order)) for column in (keys, rows[customer_id].cast(pa.string())))
        self._fields = rows.select(list(fields)).take(order)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = range(len(self))[at]
        (row,) = self._fields.slice(place, 1).to_pylist()
        return Content(self.keys[place].as_py(), self._customer_ids[place].as_py(), row)

    @cached_property
    def _texts(self) -> pa.Array:
        import pyarrow as pa

        parts = [pa.array(_row_texts(self._fields.slice(start, PART)), pa.large_string()) for start in range(0, len(self), PART)]
        return pa.concat_arrays(parts) if parts else pa.array([], pa.large_string())

    def texts(self, places: pa.Array) -> list[str]:
        """The fields of some of them, in ascending places, as JSON text."""
        return self._texts.take(places).to_pylist()

    def columns(self) -> Columns:
        """What the ledger looks at."""
        import pyarrow as pa

        parts = [pa.array(map(text_hash, self._texts.slice(start, PART).to_pylist()), pa.string()) for start in range(0, len(self), PART)]
        hashes = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
        return Columns(self.keys, self._customer_ids, hashes, pa.array([False] * len(self), pa.bool_()))


def _row_texts(rows: pa.Table) -> list[str]:
    """Each row as `as_text` would have it, made column by column: a third of the time."""
    names = sorted(rows.column_names)
    columns = [_value_texts(rows[name]) for name in names]
    form = "{" + ",".join(as_text(name).replace("%", "%%") + ":%s" for name in names) + "}"
    return [form % values for values in zip(*columns, strict=True)] if names else ["{}"] * rows.num_rows


def _value_texts(values: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa

    listed = values.to_pylist()
    if pa.types.is_float64(values.type):
        return [repr(value) if value is not None and -_LARGE < value < _LARGE else as_text(value) for value in listed]
    known = {value: as_text(value) for value in set(listed)} if not pa.types.is_nested(values.type) else None
    return [known[value] for value in listed] if known else [as_text(value) for value in listed]


_LARGE = float("inf")


class Joined(ManyContents):
    """Contents of several sources, one after the other."""

    def __init__(self, *parts: Sequence[Content]):
        self._parts = [part for part in parts if len(part)]
        self._ends = [sum(map(len, self._parts[: number + 1])) for number in range(len(self._parts))]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = range(len(self))[at]
        part, start = next((part, end - len(part)) for part, end in zip(self._parts, self._ends, strict=True) if place < end)
        return part[place - start]

    @property
    def keys(self) -> pa.Array:
        """Destination keys."""
        return self.columns().keys

    def texts(self, places: pa.Array) -> list[str]:
        """The fields of some of them, in ascending places, as JSON text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found: list[str] = []  # places ascend, so the parts do
        for part, end in zip(self._parts, self._ends, strict=True):
            start = end - len(part)
            own = places.filter(pc.and_(pc.greater_equal(places, start), pc.less(places, end)))
            found += texts_of(part, pc.subtract(own, pa.scalar(start, own.type)))
        return found

    def columns(self) -> Columns:
        """What the ledger looks at."""
        import pyarrow as pa

        parts = [columns_of(part) for part in self._parts]
        if not parts:
            return columns_of([])
        names = ("keys", "customer_ids", "hashes", "insists")
        return Columns(*(pa.concat_arrays([getattr(part, name) for part in parts]) for name in names))
