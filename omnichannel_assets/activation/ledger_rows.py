"""A ledger's rows as columns: found by key, begun and settled many at a time.

Belongs here: the arithmetic of the ledger's rules over columns. Not here: what the rules mean (`ledger`), storage (``assets/ledgers``). Rows
are in the order of stream, destination key and content hash. A row without ``updated_at`` has changed since that was last given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

STATES = ("pending", "loaded", "failed", "rejected")
PENDING, LOADED, FAILED, REJECTED = range(4)
KEY = ("stream", "destination_key", "content_hash")
NAMES = ("stream", "destination_key", "customer_id", "content_hash", "state", "attempts", "as_of", "sequence", "words")
"""The fields of an entry, in their order."""
FIXED = ("stream", "destination_key", "customer_id", "content_hash", "attempts", "as_of", "sequence")
"""Columns that only `begin` changes; the others are arrays written in place."""
FIRST_DAY = date(1970, 1, 1)


def _schema() -> pa.Schema:
    import pyarrow as pa

    texts = {name: pa.string() for name in ("stream", "destination_key", "customer_id", "content_hash")}
    return pa.schema({**texts, "attempts": pa.int64(), "as_of": pa.int32(), "sequence": pa.int64()})


@dataclass(frozen=True)
class Marks:
    """What else is known of wanted contents: their hashes, and which insist on another try."""

    hashes: pa.Array
    insists: pa.Array


class LedgerRows:
    """All rows of one channel's ledger."""

    def __init__(self, entries: Iterable[Any] | pa.Table = ()):
        import pyarrow as pa

        table = entries if isinstance(entries, pa.Table) else _table_of(list(entries))
        fixed = table.select(list(FIXED)).set_column(FIXED.index("as_of"), "as_of", table["as_of"].cast(pa.int32()))
        self._fixed = fixed.cast(_schema()).combine_chunks()
        self._state = _codes(table["state"])
        self._words = table["words"].to_numpy(zero_copy_only=False).astype(object)
        self._updated = table["updated_at"].cast(pa.int64()).fill_null(0).to_numpy().copy()
        self.order = 0
        """Grows whenever rows get other places."""
        if not self._is_sorted():  # stored rows are
            self._sort()
        self._newest = self._newest_of_keys()

    def __len__(self) -> int:
        return self._fixed.num_rows

    def row(self, place: int) -> tuple[Any, ...]:
        """The fields of one entry."""
        found = {name: self._fixed[name][place].as_py() for name in FIXED}
        found |= {"state": STATES[self._state[place]], "words": self._words[place], "as_of": date.fromordinal(FIRST_DAY.toordinal() + found["as_of"])}
        return tuple(found[name] for name in NAMES)

    def column(self, name: str, places: np.ndarray) -> pa.Array:
        """A column that is not written in place, of some rows."""
        import pyarrow as pa

        return self._fixed[name].take(pa.array(places)).combine_chunks()

    def newest(self, stream: str) -> np.ndarray:
        """Places of the rows that tell what a stream's keys hold."""
        import numpy as np

        return np.flatnonzero(self._is_of(stream) & self._newest)

    def streams(self) -> set[str]:
        """The streams that have rows."""
        return set(self._fixed["stream"].unique().to_pylist())

    def held(self, stream: str, gone_hash: str) -> int:
        """How many newest rows of a stream are loaded with anything but ``gone_hash``."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        own = self.newest(stream)
        is_gone = np.asarray(pc.equal(self.column("content_hash", own), pa.scalar(gone_hash)))
        return int(((self._state[own] == LOADED) & ~is_gone).sum())

    def find(self, stream: str, keys: Any) -> np.ndarray:
        """Place of the newest row of each key that has one."""
        import numpy as np

        own, at = self._located(stream, keys)
        return own[at[at >= 0]] if len(own) else np.zeros(0, dtype=np.int64)

    def states(self, places: np.ndarray) -> list[Any]:
        """States of some rows."""
        return [STATES[code] for code in self._state[places]]

    def counts(self, places: np.ndarray, states: Iterable[str]) -> int:
        """How many of some rows are in one of these states."""
        import numpy as np

        return int(np.isin(self._state[places], [STATES.index(state) for state in states]).sum())

    def unwanted(self, stream: str, wanted: Any, gone_hash: str) -> np.ndarray:
        """Places of the newest rows of keys that are not wanted, but those whose destination took ``gone_hash``."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        own = self.newest(stream)
        left = np.asarray(pc.invert(pc.is_in(self.column("destination_key", own), value_set=_texts(wanted))))
        told = np.asarray(pc.equal(self.column("content_hash", own), pa.scalar(gone_hash))) & (self._state[own] == LOADED)
        return own[left & ~told]

    def place_of(self, stream: str, key: str, content_hash: str) -> np.ndarray:
        """Place of one row, by bisection."""
        import numpy as np

        wanted, low, high = (stream, key, content_hash), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if tuple(self._fixed[name][middle].as_py().encode() for name in KEY) < tuple(text.encode() for text in wanted):
                low = middle + 1
            else:
                high = middle
        if low == len(self) or tuple(self._fixed[name][low].as_py() for name in KEY) != wanted:
            raise KeyError(f"{stream}: no entry of this key and content")
        return np.array([low])

    def settle(self, places: np.ndarray, states: Sequence[str], words: Sequence[str | None]) -> None:
        """Note how attempts ended."""
        self._state[places] = [STATES.index(state) for state in states]
        self._words[places] = words
        self._updated[places] = 0

    def stamped(self, micros: int) -> pa.Table:
        """The rows as a table; those that changed since the last time get this time (microseconds since 1970)."""
        import numpy as np
        import pyarrow as pa

        self._updated[self._updated == 0] = micros
        table = self._fixed.set_column(FIXED.index("as_of"), "as_of", self._fixed["as_of"].cast(pa.date32()))
        table = table.append_column("state", pa.DictionaryArray.from_arrays(pa.array(self._state), pa.array(STATES)).cast(pa.string()))
        table = table.append_column("words", pa.array(self._words, pa.string()))
        return table.append_column("updated_at", pa.array(np.array(self._updated)).cast(pa.timestamp("us", tz="UTC")))

    def begin(self, stream: str, keys: pa.Array, customer_ids: pa.Array, marks: Marks, as_of: date) -> tuple[np.ndarray, np.ndarray]:
        """Make pending what has to be sent. Returns which of the wanted that are, and the places of their rows."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if pc.count_distinct(keys).as_py() != len(keys):
            raise ValueError(f"{stream}: a destination key is wanted twice")
        own, at = self._located(stream, keys)
        is_found = at >= 0
        row = own[np.maximum(at, 0)] if len(own) else np.zeros(len(keys), dtype=np.int64)
        state = np.where(is_found, self._state[row], PENDING) if len(own) else np.zeros(len(keys), dtype=np.int8)
        day = (as_of - FIRST_DAY).days
        is_same, is_older = np.zeros(len(keys), dtype=bool), np.zeros(len(keys), dtype=bool)
        if len(own):
            is_same = is_found & np.asarray(pc.equal(self.column("content_hash", row), marks.hashes))
            is_older = np.asarray(self.column("as_of", row)) < day
        is_retried = is_same & (state == REJECTED) & np.asarray(marks.insists) & is_older
        is_left = is_same & ((state == LOADED) | (state == REJECTED)) & ~is_retried
        self._follow(row[is_left], customer_ids.filter(pa.array(is_left)))
        chosen = np.flatnonzero(~is_left)
        if not len(chosen):
            return chosen, chosen
        was = np.where(is_same, row, -1)[chosen]
        was = np.where(was < 0, self._older(stream, keys.take(chosen), marks.hashes.take(chosen)), was)
        sequence, attempts = (self._numbers(name) for name in ("sequence", "attempts"))
        found_at, same, retried = row[chosen], is_same[chosen], is_retried[chosen]
        numbers = np.where(is_found[chosen], sequence[found_at] + ~(same & ~retried), 1) if len(self) else np.ones(len(chosen), dtype=np.int64)
        tries = np.where(was >= 0, attempts[was] + 1, 1) if len(self) else np.ones(len(chosen), dtype=np.int64)
        count = len(chosen)
        columns = {"stream": pa.repeat(pa.scalar(stream), count), "destination_key": keys.take(chosen), "customer_id": customer_ids.take(chosen)}
        columns |= {"content_hash": marks.hashes.take(chosen), "attempts": pa.array(tries), "as_of": pa.repeat(pa.scalar(day, pa.int32()), count), "sequence": pa.array(numbers)}
        self._newest[found_at[is_found[chosen]]] = False
        return chosen, self._exchange(was[was >= 0], pa.table(columns, _schema()))

    def _older(self, stream: str, keys: pa.Array, hashes: pa.Array) -> np.ndarray:
        """Place of the row in which each key held this content before; -1 where it never did."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        older = np.flatnonzero(self._is_of(stream) & ~self._newest)
        older = older[np.asarray(pc.is_in(self.column("content_hash", older), value_set=hashes))]
        if not len(older):
            return np.full(len(keys), -1)
        joined = lambda one, other: pc.binary_join_element_wise(one, other, pa.scalar("\0"))  # noqa: E731
        before = joined(self.column("destination_key", older), self.column("content_hash", older))
        at = np.asarray(pc.index_in(joined(keys, hashes), value_set=before).fill_null(-1))
        return np.where(at >= 0, older[np.maximum(at, 0)], -1)

    def _exchange(self, replaced: np.ndarray, added: pa.Table) -> np.ndarray:
        """Take rows away and add pending ones, in order; returns the places of those added."""
        import numpy as np
        import pyarrow as pa

        before, count = len(self), added.num_rows
        is_kept = np.ones(before + count, dtype=bool)
        is_kept[replaced] = False
        self._fixed = pa.concat_tables([self._fixed, added])
        self._state = np.concatenate([self._state, np.full(count, PENDING, dtype=np.int8)])
        self._words = np.concatenate([self._words, np.full(count, None, dtype=object)])
        self._updated = np.concatenate([self._updated, np.zeros(count, dtype=np.int64)])
        is_newest = np.concatenate([self._newest, np.ones(count, dtype=bool)])
        order = self._sort(is_kept)
        places = np.empty(len(is_kept), dtype=np.int64)
        places[order] = np.arange(len(order))
        self._newest = is_newest[order]
        return places[before:]

    def _sort(self, is_kept: np.ndarray | None = None) -> np.ndarray:
        """Bring the rows, or those of them that are kept, in order; returns where each came from."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        order = np.asarray(pc.sort_indices(self._fixed, sort_keys=[(name, "ascending") for name in KEY]))
        order = order if is_kept is None else order[is_kept[order]]
        self.order += 1
        self._fixed = pa.table([self._fixed[name].take(pa.array(order)).combine_chunks() for name in FIXED], schema=_schema())
        self._state, self._words, self._updated = self._state[order], self._words[order], self._updated[order]
        return order

    def _is_sorted(self) -> bool:
        """Whether the rows ascend by their key already: far cheaper to see than to sort them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        count = len(self) - 1
        tied = pa.repeat(pa.scalar(True), max(count, 0))
        for name in KEY if count > 0 else ():
            one, other = (self._fixed[name].slice(start, count) for start in (0, 1))
            if pc.any(pc.and_(tied, pc.greater(one, other))).as_py():
                return False
            tied = pc.and_(tied, pc.equal(one, other))
        return True

    def _follow(self, places: np.ndarray, customer_ids: pa.Array) -> None:
        """The rows of keys that belong to another customer now say so."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if not len(places):
            return
        known = self.column("customer_id", places)
        is_other = np.asarray(pc.fill_null(pc.not_equal(known, customer_ids), False)) | (np.asarray(known.is_null()) != np.asarray(customer_ids.is_null()))
        places, customer_ids = places[is_other], customer_ids.filter(pa.array(is_other))
        if not len(places):
            return
        mask, order = np.zeros(len(self), dtype=bool), np.argsort(places)
        mask[places] = True
        column = pc.replace_with_mask(self._fixed["customer_id"].combine_chunks(), pa.array(mask), customer_ids.take(pa.array(order)))
        self._fixed = self._fixed.set_column(FIXED.index("customer_id"), "customer_id", column)
        self._updated[places] = 0

    def _located(self, stream: str, keys: Any) -> tuple[np.ndarray, np.ndarray]:
        """Places of a stream's newest rows, and for each key which of them is its, -1 where none is."""
        import numpy as np
        import pyarrow.compute as pc

        own = self.newest(stream)
        return own, np.asarray(pc.index_in(_texts(keys), value_set=self.column("destination_key", own)).fill_null(-1))

    def _is_of(self, stream: str) -> np.ndarray:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        return np.asarray(pc.equal(self._fixed["stream"].combine_chunks(), pa.scalar(stream)))

    def _numbers(self, name: str) -> np.ndarray:
        return self._fixed[name].to_numpy()

    def _newest_of_keys(self) -> np.ndarray:
        """Which rows have the highest sequence of their stream and key; rows of a key are neighbours."""
        import numpy as np
        import pyarrow.compute as pc

        count = len(self)
        if count < 2:
            return np.ones(count, dtype=bool)
        columns = [self._fixed[name].combine_chunks() for name in KEY[:2]]
        is_other = np.asarray(pc.or_(*(pc.not_equal(column.slice(1), column.slice(0, count - 1)) for column in columns)))
        group = np.concatenate([[0], np.cumsum(is_other)])
        sequence = self._numbers("sequence")
        highest = np.zeros(group[-1] + 1, dtype=np.int64)
        np.maximum.at(highest, group, sequence)
        return sequence == highest[group]


def _texts(values: Any) -> pa.Array:
    import pyarrow as pa

    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def _codes(states: pa.ChunkedArray) -> np.ndarray:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.index_in(states, value_set=pa.array(STATES)).combine_chunks()).astype(np.int8)


def _table_of(entries: list[Any]) -> pa.Table:
    """Entries as the table they are read from."""
    import pyarrow as pa

    kinds = {**{name: pa.string() for name in NAMES}, "attempts": pa.int64(), "as_of": pa.date32(), "sequence": pa.int64()}
    columns = {name: pa.array([getattr(entry, name) for entry in entries], kinds[name]) for name in NAMES}
    return pa.table({**columns, "updated_at": pa.nulls(len(entries), pa.timestamp("us", tz="UTC"))})
