"""The ledger's rules: what must be sent, given what the destination holds; and what an answer makes of a row. No storage, no clock.

One entry a stream, destination key and content. The entry with the highest sequence is what the destination holds or may hold; an earlier
content that comes back gets a new sequence, so it is sent again. States: pending (about to be sent; after a crash nobody knows whether it
arrived, so it is sent again under the same message id), loaded, failed (the next delivery tries again) and rejected (it does not, unless the
content insists: then a newer as-of date tries it under a new message id). Entries are held as columns (`ledger_rows`), so that a million of
them fit into little memory.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.activation.ledger_rows import LedgerRows, Marks

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from omnichannel_assets.activation.outcomes import Outcome

State = Literal["pending", "loaded", "failed", "rejected"]
as_text = json.JSONEncoder(sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":")).encode
"""Mapped fields as the text that their hash is made of."""


def text_hash(text: str) -> str:
    """Digest of mapped fields, given as text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Content:
    """What a destination key should hold: the fields mapped to a stream, and whose they are (None: a whole data set).

    ``insists``: after a refusal it is tried again for a newer as-of date, because what was wrong may lie outside of it.
    """

    destination_key: str
    customer_id: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    insists: bool = False

    @property
    def hash(self) -> str:
        """Digest of the mapped fields: equal fields are never sent twice."""
        return text_hash(as_text(self.fields))


@dataclass(frozen=True)
class Columns:
    """Contents as columns: all that the ledger's rules look at."""

    keys: pa.Array
    customer_ids: pa.Array
    hashes: pa.Array
    insists: pa.Array


class ManyContents(Sequence[Content]):
    """Contents that are held as columns; a single one is made when somebody looks at it."""

    keys: pa.Array

    @abstractmethod
    def columns(self) -> Columns:
        """What the ledger looks at."""

    @abstractmethod
    def texts(self, places: pa.Array) -> list[str]:
        """The fields of some of them, in ascending places, as JSON text."""


def texts_of(contents: Sequence[Content], places: pa.Array) -> list[str]:
    """The fields of some contents, in ascending places, as JSON text."""
    if isinstance(contents, ManyContents):
        return contents.texts(places)
    return [as_text(contents[place].fields) for place in places.to_pylist()]


def keys_of(contents: Sequence[Content]) -> pa.Array:
    """Destination keys of contents, however they are held."""
    import pyarrow as pa

    return contents.keys if isinstance(contents, ManyContents) else pa.array([content.destination_key for content in contents], pa.string())


def columns_of(wanted: Iterable[Content]) -> Columns:
    """Contents, however they are held, as columns."""
    import pyarrow as pa

    if isinstance(wanted, ManyContents):
        return wanted.columns()
    listed = list(wanted)
    return Columns(
        pa.array([content.destination_key for content in listed], pa.string()),
        pa.array([content.customer_id for content in listed], pa.string()),
        pa.array([content.hash for content in listed], pa.string()),
        pa.array([content.insists for content in listed], pa.bool_()),
    )


@dataclass(frozen=True)
class Entry:
    """One row of the ledger, without its channel and the time of its last change."""

    stream: str
    destination_key: str
    customer_id: str | None
    content_hash: str
    state: State
    attempts: int
    as_of: date
    sequence: int
    words: str | None = None

    @property
    def message_id(self) -> str:
        """The same for every attempt at this content in this place of the key's history; different for everything else."""
        return message_id(self.stream, self.destination_key, self.content_hash, self.sequence)


def message_id(stream: str, destination_key: str, content_hash: str, sequence: int) -> str:
    """The id of every attempt at one content in one place of a key's history."""
    return "oa-" + hashlib.blake2b(f"{stream}\0{destination_key}\0{content_hash}\0{sequence}".encode(), digest_size=16).hexdigest()


class Sending(Sequence[tuple[Entry, Content]]):
    """What has to be sent now, in the order it was wanted; entries and contents are made when somebody looks at them.

    Good until the ledger begins something else: rows have other places then, and RuntimeError says so.
    """

    def __init__(self, rows: LedgerRows, wanted: Sequence[Content], chosen: np.ndarray, places: np.ndarray):
        self._rows, self.wanted, self.chosen, self._at, self._order = rows, wanted, chosen, places, rows.order

    def __len__(self) -> int:
        return len(self.chosen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        return Entry(*self._rows.row(int(self._places[at]))), self.wanted[int(self.chosen[at])]

    @property
    def _places(self) -> np.ndarray:
        if self._rows.order != self._order:
            raise RuntimeError("the ledger has begun something else since")
        return self._at

    @property
    def keys(self) -> pa.Array:
        """Destination keys."""
        return self._rows.column("destination_key", self._places)

    def parts(self, size: int = 1_000) -> Iterator[tuple[str, str, str]]:
        """Destination key, fields as JSON text and message id of each, read some at a time."""
        import pyarrow as pa

        for start in range(0, len(self), size):
            places = self._places[start : start + size]
            columns = [self._rows.column(name, places).to_pylist() for name in ("stream", "destination_key", "content_hash", "sequence")]
            texts = texts_of(self.wanted, pa.array(self.chosen[start : start + size]))
            yield from zip(columns[1], texts, map(message_id, *columns), strict=True)

    def settle(self, start: int, outcomes: Sequence[Outcome]) -> None:
        """Note how the attempts from ``start`` on ended, one outcome after the other."""
        self._rows.settle(self._places[start : start + len(outcomes)], [outcome.state for outcome in outcomes], [outcome.words or None for outcome in outcomes])


class Ledger:
    """The entries of one channel, as a delivery changes them."""

    def __init__(self, entries: Iterable[Entry] | pa.Table = ()):
        self.rows = LedgerRows(entries)

    def entries(self) -> list[Entry]:
        """Every entry, in the order of stream, key and content."""
        return [Entry(*self.rows.row(place)) for place in range(len(self.rows))]

    def newest(self, stream: str) -> dict[str, Entry]:
        """Destination key -> the entry that tells what it holds. Makes an object of each; see the methods below for long streams."""
        found = (Entry(*self.rows.row(int(place))) for place in self.rows.newest(stream))
        return {entry.destination_key: entry for entry in found}

    def streams(self) -> set[str]:
        """The streams that have entries."""
        return self.rows.streams()

    def held(self, stream: str, gone_hash: str) -> int:
        """How many keys of a stream are loaded with anything but ``gone_hash``."""
        return self.rows.held(stream, gone_hash)

    def has(self, stream: str, *states: State) -> bool:
        """Whether any destination key of a stream is in one of these states."""
        return self.rows.counts(self.rows.newest(stream), states) > 0

    def states(self, stream: str, keys: Sequence[str] | pa.Array) -> list[State]:
        """How the last attempt at each of these keys ended, for those the ledger knows."""
        return self.rows.states(self.rows.find(stream, keys))

    def unwanted(self, stream: str, wanted: Sequence[str] | pa.Array, gone_hash: str) -> list[Entry]:
        """Newest entries, by key, of keys that are not wanted and were not told so yet with ``gone_hash``."""
        places = self.rows.unwanted(stream, wanted, gone_hash)
        return sorted((Entry(*self.rows.row(int(place))) for place in places), key=lambda entry: entry.destination_key)

    def begin(self, stream: str, wanted: Iterable[Content], as_of: date) -> Sending:
        """Note as pending what has to be sent, and return it: new and changed contents, and those whose last attempt did not end well.

        A content that is loaded, or was rejected as it is, is left alone; its entry follows the key to another customer. Raises ValueError
        when a destination key is wanted twice.
        """
        contents = wanted if isinstance(wanted, Sequence) else list(wanted)
        columns = columns_of(contents)
        chosen, places = self.rows.begin(stream, columns.keys, columns.customer_ids, Marks(columns.hashes, columns.insists), as_of)
        return Sending(self.rows, contents, chosen, places)

    def settle(self, entry: Entry, state: State, words: str = "") -> None:
        """Note how an attempt ended."""
        self.rows.settle(self.rows.place_of(entry.stream, entry.destination_key, entry.content_hash), [state], [words or None])
