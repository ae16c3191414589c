"""The graph of all links as integers: who is a node, which links a part holds, which nodes hang together.

Here: building the graph from links tables part by part, replacing parts of it, and its connected components. Not here: dates, limits, rules
(links, merging). The fact to keep in mind: nodes are numbered by (type, value) ascending, so a node's number is its place in every table
that is sorted by identifier; when new identifiers come in between, all numbers move up and ``Growth.moved`` says where each one went.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

INSTANT = pa.timestamp("us", tz="UTC")

LINKS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("link_id", pa.string(), nullable=False),
        pa.field("known_at", INSTANT, nullable=False),
        pa.field("identifier_type", pa.string(), nullable=False),
        pa.field("identifier_value", pa.string(), nullable=False),
    ]
)
_TYPE_DIGITS = 4
_BATCH_ROWS = 4_000_000
_FEW = 8
"""Keys this many times fewer than the known ones are looked up one by one; more are hashed together with them."""


@dataclass(frozen=True)
class Part:
    """The links of one part of the links table: m links and r rows.

    source             [m] index into the graph's sources; link_id [m] texts; known [m] microseconds since 1970, UTC
    row_link, row_node [r] distinct pairs of a link of this part and a node, ascending
    """

    source: np.ndarray
    link_id: pa.Array
    known: np.ndarray
    row_link: np.ndarray
    row_node: np.ndarray


@dataclass(frozen=True)
class Graph:
    """n nodes and the links between them.

    sources, types  texts in ascending order
    keys            [n] four hex digits of the type's index, then the value: ascending, so a node's number is its place here
    parts           name -> Part. A link (source, link_id) is in one part only
    """

    sources: tuple[str, ...]
    types: tuple[str, ...]
    keys: pa.Array
    parts: Mapping[str, Part]

    @property
    def node_count(self) -> int:
        """n."""
        return len(self.keys)

    @property
    def type_starts(self) -> np.ndarray:
        """[types + 1] number of the first node of each type, and n."""
        prefixes = pa.array([_prefix(code) for code in range(len(self.types) + 1)], pa.large_string())
        return pc.search_sorted(self.keys, prefixes).to_numpy().astype(np.int64)

    @property
    def type_of(self) -> np.ndarray:
        """[n] index into ``types``."""
        return np.repeat(np.arange(len(self.types), dtype=np.int32), np.diff(self.type_starts))

    def values(self, nodes: np.ndarray | None = None) -> pa.Array:
        """The identifier values of some nodes, or of all."""
        keys = self.keys if nodes is None else self.keys.take(pa.array(nodes))
        return pc.utf8_slice_codeunits(keys, _TYPE_DIGITS)

    def nodes_of(self, identifiers: list[tuple[str, str]]) -> np.ndarray:
        """The node of each (type, value); -1 where there is none."""
        known = [(place, t, v) for place, (t, v) in enumerate(identifiers) if t in self.types]
        found = np.full(len(identifiers), -1, np.int64)
        if known and self.node_count:
            keys = pa.array([_prefix(self.types.index(t)) + v for _, t, v in known], pa.large_string())
            at = np.minimum(pc.search_sorted(self.keys, keys).to_numpy().astype(np.int64), self.node_count - 1)
            same = pc.equal(self.keys.take(pa.array(at)), keys).to_numpy(zero_copy_only=False)
            found[[place for place, *_ in known]] = np.where(same, at, -1)
        return found


@dataclass(frozen=True)
class Growth:
    """A graph some of whose parts were replaced. ``moved`` [nodes before] is the new number of each old node."""

    graph: Graph
    moved: np.ndarray


class UnknownNamesError(ValueError):
    """Links name a source or an identifier type that the graph does not have: build it anew."""


def build_graph(names: list[str], read: Callable[[str], pa.Table]) -> Graph:
    """The graph of some parts; ``read`` gives the links table (LINKS_SCHEMA, any row order, repeated rows allowed) of a part.

    Raises ValueError if a required column is absent or holds a null, or if one link has two known_at: the caller's defect.
    """
    named = [(set(), set())] + [_names(read(name)) for name in names]
    sources, types = (tuple(sorted(set().union(*column))) for column in zip(*named, strict=True))
    empty = Graph(sources, types, pa.array([], pa.large_string()), {})
    return replace_parts(empty, names, read).graph


def replace_parts(graph: Graph, names: list[str], read: Callable[[str], pa.Table | None]) -> Growth:
    """The graph with some parts read again or added; a part for which ``read`` gives None is removed. Nodes are never removed.

    Raises UnknownNamesError where the caller has to build the graph anew.
    """
    moved = np.arange(graph.node_count, dtype=np.int32)
    batch: dict[str, tuple[Part, pa.Array]] = {}
    for name in sorted(names):
        table = read(name)
        if table is None:
            graph = replace(graph, parts={other: part for other, part in graph.parts.items() if other != name})
            continue
        batch[name] = _raw_part(graph, table)
        if sum(len(part.row_node) for part, _ in batch.values()) >= _BATCH_ROWS:
            graph, step = _with_raw_parts(graph, batch)
            moved, batch = step[moved], {}
    if batch:
        graph, step = _with_raw_parts(graph, batch)
        moved = step[moved]
    return Growth(graph, moved)


def _names(table: pa.Table) -> tuple[set[str], set[str]]:
    table = checked_links(table)
    return tuple(set(pc.unique(table[name]).to_pylist()) for name in ("source", "identifier_type"))  # type: ignore[return-value]


def checked_links(links: pa.Table) -> pa.Table:
    """A links table with the columns of LINKS_SCHEMA and no nulls. Raises ValueError."""
    absent = [name for name in LINKS_SCHEMA.names if name not in links.column_names]
    if absent:
        raise ValueError(f"links: columns {absent} are absent; it has {links.column_names}")
    links = links.select(LINKS_SCHEMA.names)
    with_nulls = [name for name in LINKS_SCHEMA.names if links[name].null_count]
    if with_nulls:
        raise ValueError(f"links: columns {with_nulls} hold nulls; drop such rows before resolving")
    return links.set_column(2, "known_at", links["known_at"].cast(INSTANT))


def _raw_part(graph: Graph, table: pa.Table) -> tuple[Part, pa.Array]:
    """A part whose row_node are places in the array of keys returned with it."""
    table = checked_links(table)
    ids, id_codes = _encoded(table["link_id"])
    source = _codes(table["source"], graph.sources, "source")
    pairs, first_row, row_link = np.unique(
        source.astype(np.int64) * max(len(ids), 1) + id_codes, return_index=True, return_inverse=True
    )
    known = pc.cast(table["known_at"], pa.int64()).to_numpy()
    link_known = known[first_row]
    if not np.array_equal(link_known[row_link], known):
        raise ValueError("links: one link has rows with different known_at; every row of a link carries the link's own")
    values, value_codes = _encoded(table["identifier_value"])
    types = _codes(table["identifier_type"], graph.types, "identifier type")
    kinds, row_kind = np.unique(types.astype(np.int64) * max(len(values), 1) + value_codes, return_inverse=True)
    kind_type, kind_value = np.divmod(kinds, max(len(values), 1))
    prefixes = pa.array([_prefix(code) for code in range(len(graph.types))], pa.large_string())
    keys = pc.binary_join_element_wise(
        prefixes.take(pa.array(kind_type)), values.take(pa.array(kind_value)), pa.scalar("", pa.large_string())
    )
    rows = np.sort(row_link * max(len(kinds), 1) + row_kind)
    rows = rows[np.diff(rows, prepend=-1) != 0]
    row_link, row_kind = np.divmod(rows, max(len(kinds), 1))
    link_source, link_code = np.divmod(pairs, max(len(ids), 1))
    part = Part(
        link_source.astype(np.int16), ids.take(pa.array(link_code)), link_known, row_link.astype(np.int32), row_kind.astype(np.int32)
    )
    return part, keys


def _with_raw_parts(graph: Graph, raw: Mapping[str, tuple[Part, pa.Array]]) -> tuple[Graph, np.ndarray]:
    """Give nodes to the keys of raw parts; also the new number of each node there was."""
    counted = graph.node_count
    together = _joined([keys for _, keys in raw.values()])
    if len(together) * _FEW < counted:
        keys, codes = _looked_up(graph.keys, together)
    else:
        encoded = _joined([graph.keys, together]).dictionary_encode()
        keys, codes = encoded.dictionary, encoded.indices.to_numpy()[counted:].astype(np.int64)
    fresh = keys.slice(counted)
    fresh_order = pc.array_sort_indices(fresh).to_numpy().astype(np.int64)
    fresh = fresh.take(pa.array(fresh_order))
    # Merge two ascending runs: each new key goes in before the old one that follows it.
    places = pc.search_sorted(graph.keys, fresh).to_numpy().astype(np.int64) if counted else np.zeros(len(fresh), np.int64)
    moved = np.arange(counted, dtype=np.int32)
    moved += np.cumsum(np.bincount(places, minlength=counted + 1)[:counted], dtype=np.int32)
    number = np.empty(len(keys), np.int32)
    number[:counted] = moved
    number[counted + fresh_order] = places + np.arange(len(fresh))
    merged = np.empty(len(keys), np.int32)
    merged[number] = np.arange(len(keys), dtype=np.int32)
    parts = {name: replace(part, row_node=moved[part.row_node]) for name, part in graph.parts.items()} if len(fresh) else dict(graph.parts)
    start = 0
    for name, (part, own) in raw.items():
        nodes = number[codes[start : start + len(own)]]
        start += len(own)
        parts[name] = _sorted_rows(replace(part, row_node=nodes[part.row_node]))
    return replace(graph, keys=keys.take(pa.array(merged)), parts=dict(sorted(parts.items()))), moved


def _joined(arrays: list[pa.Array]) -> pa.Array:
    together = pa.chunked_array(arrays, pa.large_string()).combine_chunks()
    return together if isinstance(together, pa.Array) else pa.concat_arrays(together.chunks)


def _looked_up(known: pa.Array, keys: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Ascending known keys followed by those they lack, and the place of each key there: for few keys, without hashing the known ones."""
    at = np.minimum(pc.search_sorted(known, keys).to_numpy().astype(np.int64), len(known) - 1)
    is_known = pc.equal(known.take(pa.array(at)), keys)
    lacking = keys.filter(pc.invert(is_known)).dictionary_encode()
    places = at
    places[~is_known.to_numpy(zero_copy_only=False)] = len(known) + lacking.indices.to_numpy()
    return pa.concat_arrays([known, lacking.dictionary]) if len(lacking) else known, places


def _sorted_rows(part: Part) -> Part:
    packed = np.sort(part.row_link.astype(np.int64) << 32 | part.row_node)
    return replace(part, row_link=(packed >> 32).astype(np.int32), row_node=(packed & 0xFFFFFFFF).astype(np.int32))


def _prefix(code: int) -> str:
    return f"{code:0{_TYPE_DIGITS}x}"


def _encoded(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """Distinct texts and, per row, the index into them."""
    # 64-bit offsets: a chunked column of more than 2 GiB of text must still become one array.
    texts = column.cast(pa.large_string()).combine_chunks()
    encoded = pc.dictionary_encode(texts if isinstance(texts, pa.Array) else pa.concat_arrays(texts.chunks))
    return encoded.dictionary, encoded.indices.to_numpy().astype(np.int64)


def _codes(column: pa.ChunkedArray, names: tuple[str, ...], what: str) -> np.ndarray:
    texts, codes = _encoded(column)
    unknown = sorted(set(texts.to_pylist()) - set(names))
    if unknown:
        raise UnknownNamesError(f"links: a new {what}")
    return np.array([names.index(text) for text in texts.to_pylist()], np.int32)[codes] if len(texts) else codes.astype(np.int32)


def components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[count] number of the component of each node of a graph whose edges are (left, right)."""
    if not count:
        return np.zeros(0, np.int64)
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def pairs_of(row_link: np.ndarray, row_node: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first node of the link, other node, link) for each further node of each link; rows of a link are adjacent."""
    starts = np.flatnonzero(np.diff(row_link, prepend=-1))
    head = np.repeat(row_node[starts], np.diff(starts, append=len(row_link)))
    is_other = np.ones(len(row_link), bool)
    is_other[starts] = False
    return head[is_other], row_node[is_other], row_link[is_other]


def compact(numbers: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct numbers below ``count``, ascending, and the index of each one among them: np.unique without sorting."""
    is_used = np.zeros(count, bool)
    is_used[numbers] = True
    index = np.cumsum(is_used, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(is_used), index[numbers]


def labels_of(nodes: np.ndarray, row_link: np.ndarray, row_node: np.ndarray) -> np.ndarray:
    """For ascending ``nodes`` and all rows that hold them: the least node of each one's component."""
    found, local = compact(row_node, int(nodes[-1]) + 1 if len(nodes) else 0)
    left, right, _ = pairs_of(row_link, local)
    component = components(len(found), left, right)
    least = np.full(component.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, component, found)
    labels = nodes.copy()  # a node without any row left is alone
    labels[np.searchsorted(nodes, found)] = least[component]
    return labels
