"""What a resolution found, as numbers of the graph's nodes, and the tables it becomes: identities, their journal, shared identifiers.

Here: customer ids, texts, and the order of the tables' rows. Not here: how anything was found (merging, shared, layers). An outcome
can be cut and joined along components, which is what makes an update of a few of them cheap (incremental).
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.graph import INSTANT, Graph
from omnichannel_assets.identity.timeline import CHANGE_NAMES, NEVER, Intervals

IDENTITIES_SCHEMA = pa.schema(
    [
        pa.field("identifier_type", pa.string(), nullable=False),
        pa.field("identifier_value", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("first_known_at", INSTANT, nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_to", pa.date32()),
    ]
)

CHANGES_SCHEMA = pa.schema(
    [
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
        pa.field("from_customer_id", pa.string()),
        pa.field("to_customer_id", pa.string()),
        pa.field("cause", pa.string(), nullable=False),
    ]
)

SHARED_SCHEMA = pa.schema(
    [
        pa.field("identifier_type", pa.string(), nullable=False),
        pa.field("identifier_value", pa.string(), nullable=False),
        pa.field("shared_from", pa.date32(), nullable=False),
        pa.field("customers", pa.int64(), nullable=False),
        pa.field("cause", pa.string(), nullable=False),
    ]
)
_ROWS_A_CHUNK = 2_000_000
_HEAD = np.frombuffer(b"c_", np.uint16)[0]
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
"""[256] both hex digits of each byte, as the two letters lie in memory."""


@dataclass(frozen=True)
class Journal:
    """Rows of the journal over nodes (-1: none), with the cause in words."""

    day: np.ndarray
    kind: np.ndarray
    ended: np.ndarray
    found: np.ndarray
    cause: pa.Array

    def take(self, rows: np.ndarray) -> "Journal":
        """Some rows, by places."""
        return Journal(self.day[rows], self.kind[rows], self.ended[rows], self.found[rows], self.cause.take(pa.array(rows)))


@dataclass(frozen=True)
class SharedNodes:
    """Shared identifiers as nodes, ascending."""

    node: np.ndarray
    day: np.ndarray
    customers: np.ndarray
    cause: pa.Array

    def take(self, rows: np.ndarray) -> "SharedNodes":
        """Some rows, by places."""
        return SharedNodes(self.node[rows], self.day[rows], self.customers[rows], self.cause.take(pa.array(rows)))


@dataclass(frozen=True)
class Outcome:
    """Everything known of a graph's nodes before an as-of date.

    intervals    by (node, since); journal in no order; shared by node
    first_known  [nodes] microseconds since 1970, UTC; meaningless where nothing is known
    customer     [nodes] the number in the id of the customer named after the node; meaningless where none ever was
    settled      [nodes] the instant after which a further link between known nodes of its component changes nothing; NEVER_SETTLED if it may
    """

    intervals: Intervals
    journal: Journal
    shared: SharedNodes
    first_known: np.ndarray
    customer: np.ndarray
    settled: np.ndarray

    def moved(self, number: np.ndarray, count: int) -> "Outcome":
        """The same outcome after nodes were renumbered; ``number`` ascends."""
        if len(number) == count:
            return self

        def along(column: np.ndarray, blank: int) -> np.ndarray:
            wider = np.full(count, blank, column.dtype)
            wider[number] = column
            return wider

        def renamed(nodes: np.ndarray) -> np.ndarray:
            return np.where(nodes < 0, nodes, number[nodes])

        rows, journal = self.intervals, self.journal
        return Outcome(
            Intervals(number[rows.who], number[rows.holder], rows.since, rows.until),
            replace(journal, ended=renamed(journal.ended), found=renamed(journal.found)),
            replace(self.shared, node=number[self.shared.node]),
            along(self.first_known, 0),
            along(self.customer, 0),
            along(self.settled, NEVER_SETTLED),
        )

    def with_replaced(self, picked: np.ndarray, found: "Outcome") -> "Outcome":
        """This outcome with everything of the picked nodes (whole components) from another one of the same graph."""
        old, new, journal, other = self.intervals, found.intervals, self.journal, found.journal
        kept = np.flatnonzero(~picked[old.who])
        # A node's rows come from one side only, and each side is sorted: its rows go in before those of the next node of the other one.
        places = np.searchsorted(old.who[kept], new.who)
        rows = Intervals(*(np.insert(getattr(old, n)[kept], places, getattr(new, n)) for n in ("who", "holder", "since", "until")))
        told = journal.take(np.flatnonzero(~picked[np.maximum(journal.ended, journal.found)]))
        both = [np.concatenate([getattr(told, n), getattr(other, n)]) for n in ("day", "kind", "ended", "found")]
        shared = self.shared.take(np.flatnonzero(~picked[self.shared.node]))
        nodes, days, customers = (np.concatenate([getattr(shared, n), getattr(found.shared, n)]) for n in ("node", "day", "customers"))
        joined = SharedNodes(nodes, days, customers, pa.concat_arrays([shared.cause, found.shared.cause]))
        return Outcome(
            rows,
            Journal(*both, pa.concat_arrays([told.cause, other.cause])),
            joined.take(np.argsort(nodes, kind="stable")),
            *(_with(getattr(self, n), getattr(found, n), np.flatnonzero(picked)) for n in ("first_known", "customer", "settled")),
        )


def _with(column: np.ndarray, other: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A copy of a column with some places from another one."""
    column = column.copy()
    column[places] = other[places]
    return column


NEVER_SETTLED = np.iinfo(np.int64).max


def customer_numbers(graph: Graph, nodes: np.ndarray, first_known: np.ndarray, key: bytes) -> np.ndarray:
    """The number in each customer's id: keyed BLAKE2b over the oldest identifier it is named after (design section 5)."""
    if not 1 <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise SettingError("IDENTITY_KEY", key, expected="1 to 64 bytes", fix="set a random key and keep it", secret=True)
    instants = np.datetime_as_string(first_known.astype("datetime64[us]"), unit="us").tolist()
    codes = (np.searchsorted(graph.type_starts, nodes, side="right") - 1).tolist()
    # Length prefixes: no value can be chosen so that two different identifiers are spelled alike.
    heads = [f"|{len(name)}:{name}|" for name in graph.types]
    keyed, digests = hashlib.blake2b(digest_size=8, key=key), bytearray()
    for instant, code, text in zip(instants, codes, graph.values(nodes).to_pylist(), strict=True):
        digest = keyed.copy()
        digest.update(f"{instant}{heads[code]}{len(text)}:{text}".encode())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), ">u8").astype(np.uint64)


def identities_table(graph: Graph, outcome: Outcome) -> pa.Table:
    """IDENTITIES_SCHEMA sorted by (identifier_type, identifier_value, valid_from): who holds each identifier from when to when."""
    rows, types = outcome.intervals, pa.array(graph.types, pa.string())
    type_of, values = graph.type_of, graph.values()
    tables = [IDENTITIES_SCHEMA.empty_table()]
    for start in range(0, len(rows.who), _ROWS_A_CHUNK):
        some = rows.take(slice(start, start + _ROWS_A_CHUNK))
        columns = [
            types.take(pa.array(type_of[some.who])),
            values.take(pa.array(some.who)).cast(pa.string()),
            _customer_ids(outcome.customer, some.holder),
            pa.array(outcome.first_known[some.who]).cast(INSTANT),
            _dates(some.since),
            _dates(some.until),
        ]
        tables.append(pa.table(columns, schema=IDENTITIES_SCHEMA))
    return pa.concat_tables(tables)


def changes_table(outcome: Outcome) -> pa.Table:
    """CHANGES_SCHEMA sorted by (as_of, change, to, from)."""
    journal, customer = outcome.journal, outcome.customer
    to_null = journal.found < 0
    from_id, to_id = (
        np.where(side < 0, 0, customer[side]) for side in (journal.ended, journal.found)
    ) if len(customer) else (np.zeros(0, np.uint64),) * 2
    # One number for (day, kind, to is null); whether from is null follows from the kind.
    leading = journal.day.astype(np.int64) * (2 * len(CHANGE_NAMES)) + journal.kind * 2 + to_null
    order = _sorting(leading - leading.min(initial=0), to_id, from_id)
    names, tables = pa.array(CHANGE_NAMES, pa.string()), [CHANGES_SCHEMA.empty_table()]
    for start in range(0, len(order), _ROWS_A_CHUNK):
        rows = order[start : start + _ROWS_A_CHUNK]
        columns = [
            _dates(journal.day[rows]),
            names.take(pa.array(journal.kind[rows])),
            _customer_ids(customer, journal.ended[rows]),
            _customer_ids(customer, journal.found[rows]),
            journal.cause.take(pa.array(rows)).cast(pa.string()),
        ]
        tables.append(pa.table(columns, schema=CHANGES_SCHEMA))
    return pa.concat_tables(tables)


def _sorting(leading: np.ndarray, middle: np.ndarray, last: np.ndarray) -> np.ndarray:
    """np.lexsort((last, middle, leading)) for leading numbers from 0 and unsigned others: one sort, and another of the few rows it left tied."""
    bits = int(leading.max(initial=0)).bit_length()
    key = leading.astype(np.uint64) << np.uint64(64 - bits) | middle >> np.uint64(bits) if bits else middle
    order = np.argsort(key)
    is_tied = np.diff(key[order]) == 0
    tied = np.flatnonzero(np.append(is_tied, False) | np.insert(is_tied, 0, False))
    rows = order[tied]
    order[tied] = rows[np.lexsort((last[rows], middle[rows], leading[rows]))]
    return order


def shared_table(graph: Graph, outcome: Outcome) -> pa.Table:
    """SHARED_SCHEMA sorted by (identifier_type, identifier_value)."""
    shared = outcome.shared
    columns = [
        pa.array(graph.types, pa.string()).take(pa.array(graph.type_of[shared.node])),
        graph.values(shared.node).cast(pa.string()),
        _dates(shared.day),
        pa.array(shared.customers, pa.int64()),
        shared.cause.cast(pa.string()),
    ]
    return pa.table(columns, schema=SHARED_SCHEMA)


def sorted_changes(changes: pa.Table) -> pa.Table:
    """The journal's order: (as_of, change, to, from)."""
    keys = ("as_of", "change", "to_customer_id", "from_customer_id")
    return changes.sort_by([(name, "ascending") for name in keys]).combine_chunks()


def _dates(days: np.ndarray) -> pa.Array:
    is_open = days == NEVER
    return pa.array(np.where(is_open, 0, days).astype(np.int32), mask=is_open).cast(pa.date32())


def _customer_ids(customer: np.ndarray, nodes: np.ndarray) -> pa.Array:
    """ "c_" and 16 hex digits for each node; null for -1."""
    count = len(nodes)
    if not len(customer):
        return pa.nulls(count, pa.string())
    letters = np.empty((count, 9), np.uint16)
    letters[:, 0] = _HEAD
    letters[:, 1:] = _HEX[customer[nodes].astype(">u8").view(np.uint8).reshape(count, 8)]
    is_there = nodes >= 0
    valid = None if is_there.all() else pa.array(is_there).buffers()[1]
    offsets = np.arange(count + 1, dtype=np.int32) * 18
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters), valid)
