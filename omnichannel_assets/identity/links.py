"""Links in the order the rules speak of: identifiers and links numbered from the oldest.

Here: numbering what a graph knows before an instant, all of it or some nodes. Not here: the graph itself (graph) and any merging (merging).
The fact to keep in mind: a smaller identifier number means an older identifier, and a customer is named after its oldest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.graph import INSTANT, LINKS_SCHEMA, Graph, compact
from omnichannel_assets.identity.rules import IdentityRules

__all__ = ["DAY_MICROSECONDS", "INSTANT", "LINKS_SCHEMA", "EncodedLinks", "Rows", "encode", "rows_of", "sub_links"]

DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True)
class EncodedLinks:
    """n identifiers and m links, numbered.

    Identifiers are numbered by (first_known_at, priority, value), so the oldest is 0; links by (known_at, source, link_id).
    types        identifier types, highest priority first; type_of [n] index into them
    node         [n] node of the graph
    first_known  [n] microseconds since 1970, UTC; first_link [n] the first link that carries the identifier
    link_known   [m] microseconds since 1970, UTC; link_place [m] place among the graph's links, for its name
    row_link, row_identifier  distinct (link, identifier) pairs by link, inside it by (priority, value)
    """

    types: list[str]
    type_of: np.ndarray
    node: np.ndarray
    first_known: np.ndarray
    first_link: np.ndarray
    link_known: np.ndarray
    link_place: np.ndarray
    row_link: np.ndarray
    row_identifier: np.ndarray

    @property
    def identifier_count(self) -> int:
        """n, the number of distinct identifiers."""
        return len(self.type_of)


@dataclass(frozen=True)
class Rows:
    """(link, node) pairs of several parts: ``link`` is a place among all links of the graph, in the order of its parts."""

    link: np.ndarray
    node: np.ndarray


def rows_of(graph: Graph, picked: np.ndarray | None = None, before: int | None = None) -> Rows:
    """The rows of picked nodes ([nodes] booleans; None: all) in links known before an instant (microseconds; None: all)."""
    links, nodes, start = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)], 0
    for part in graph.parts.values():
        keep = None if picked is None else picked[part.row_node]
        if before is not None and part.known.max(initial=before - 1) >= before:
            early = (part.known < before)[part.row_link]
            keep = early if keep is None else keep & early
        links.append((part.row_link if keep is None else part.row_link[keep]) + np.int32(start))
        nodes.append(part.row_node if keep is None else part.row_node[keep])
        start += len(part.known)
    return Rows(np.concatenate(links), np.concatenate(nodes))


def encode(graph: Graph, rows: Rows, rules: IdentityRules) -> EncodedLinks:
    """Number the links and identifiers of some rows, whose relative order is all that any rule asks for."""
    by_priority = sorted(range(len(graph.types)), key=lambda code: rules.priority_key(graph.types[code]))
    used, row_place = compact(rows.link, sum(len(part.known) for part in graph.parts.values()))
    known, source = (_of_links(graph, used, name) for name in ("known", "source"))
    order = _link_order(known, source, lambda chosen: link_ids(graph, used[chosen]))
    number = np.empty(len(used), np.int32)
    number[order] = np.arange(len(used), dtype=np.int32)
    row_link = number[row_place]
    nodes, row_kind = compact(rows.node, graph.node_count)
    # `place` ascends by (priority, value): the order inside a link. Nodes of one type are adjacent and ascend by value.
    rank = np.argsort(np.array(by_priority, np.int64)) if by_priority else np.zeros(0, np.int64)
    node_type = (np.searchsorted(graph.type_starts, nodes, side="right") - 1).astype(np.int32)
    in_priority = np.argsort(rank[node_type], kind="stable")
    place = np.empty(len(nodes), np.int32)
    place[in_priority] = np.arange(len(nodes), dtype=np.int32)
    first_link = np.full(len(nodes), len(used), np.int32)
    np.minimum.at(first_link, row_kind, row_link)
    link_known = known[order]
    first_known = link_known[first_link]
    oldest_first = in_priority[np.argsort(first_known[in_priority], kind="stable")]
    by_place = np.empty(len(nodes), np.int32)
    by_place[place[oldest_first]] = np.arange(len(nodes), dtype=np.int32)
    packed = np.sort(row_link.astype(np.int64) << 32 | place[row_kind])
    return EncodedLinks(
        types=[graph.types[code] for code in by_priority],
        type_of=rank[node_type[oldest_first]],
        node=nodes[oldest_first],
        first_known=first_known[oldest_first],
        first_link=first_link[oldest_first],
        link_known=link_known,
        link_place=used[order],
        row_link=(packed >> 32).astype(np.int32),
        row_identifier=by_place[(packed & 0xFFFFFFFF).astype(np.int32)],
    )


def sub_links(links: EncodedLinks, rows: np.ndarray) -> tuple[EncodedLinks, np.ndarray, np.ndarray]:
    """The links that some rows (places, ascending) make, numbered anew in the same order; and the old numbers of its identifiers and links.

    An identifier keeps its own first_known: leaving out others' rows leaves its own.
    """
    own, row_link = compact(links.row_link[rows], len(links.link_known))
    identifiers, row_identifier = compact(links.row_identifier[rows], links.identifier_count)
    first = np.minimum(np.searchsorted(own, links.first_link[identifiers]), max(len(own) - 1, 0))
    part = EncodedLinks(
        links.types,
        links.type_of[identifiers],
        links.node[identifiers],
        links.first_known[identifiers],
        first,
        links.link_known[own],
        links.link_place[own],
        row_link,
        row_identifier,
    )
    return part, identifiers, own


def link_ids(graph: Graph, places: np.ndarray) -> pa.Array:
    """The link_id of links given by their places, in the order given."""
    parts = list(graph.parts.values())
    ends = np.cumsum([len(part.known) for part in parts])
    order = np.argsort(places, kind="stable")
    cuts = np.searchsorted(places[order], ends)
    taken, start = [pa.array([], pa.large_string())], 0
    for part, end, cut in zip(parts, ends, cuts, strict=True):
        if cut > start:
            taken.append(part.link_id.take(pa.array(places[order[start:cut]] - (end - len(part.known)))))
        start = cut
    back = np.empty(len(places), np.int64)
    back[order] = np.arange(len(places))
    return pa.concat_arrays(taken).take(pa.array(back))


def link_names(graph: Graph, places: np.ndarray) -> pa.Array:
    """The names "source:link_id" of links given by their places."""
    sources = pa.array(graph.sources, pa.large_string()).take(pa.array(_of_links(graph, places, "source")))
    return pc.binary_join_element_wise(sources, link_ids(graph, places), pa.scalar(":", pa.large_string()))


def _of_links(graph: Graph, places: np.ndarray, name: str) -> np.ndarray:
    columns = [getattr(part, name) for part in graph.parts.values()]
    return np.concatenate(columns)[places] if columns else np.zeros(0, np.int64)


def _link_order(known: np.ndarray, source: np.ndarray, ids: Callable[[np.ndarray], pa.Array]) -> np.ndarray:
    """Order of links by (known_at, source, link_id). Texts are looked at only where instants tie, and whole ones only where their heads tie."""
    order = np.argsort(known, kind="stable")
    places = _tied(known[order])
    if not len(places):
        return order
    tied = order[places]
    texts = ids(tied)
    heads = _heads(texts)
    finer = np.lexsort((heads, source[tied], known[tied]))
    keys = [column[finer] for column in (known[tied], source[tied], heads)]
    still = _tied(*keys)
    if len(still):
        group = np.cumsum(np.any([np.diff(key[still], prepend=key[still[0]]) != 0 for key in keys], axis=0))
        table = pa.table({"group": group, "id": texts.take(pa.array(finer[still]))})
        finer[still] = finer[still][pc.sort_indices(table, [("group", "ascending"), ("id", "ascending")]).to_numpy()]
    order[places] = tied[finer]
    return order


def _tied(*columns: np.ndarray) -> np.ndarray:
    """Places of rows that equal a neighbour in every column."""
    same = np.ones(max(len(columns[0]) - 1, 0), bool)
    for column in columns:
        same &= column[1:] == column[:-1]
    return np.flatnonzero(np.append(same, False) | np.insert(same, 0, False)) if len(columns[0]) else np.zeros(0, np.int64)


def _heads(texts: pa.Array) -> np.ndarray:
    """The first eight bytes of each text as a number that orders alike; shorter texts are filled with zeros."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    heads = np.zeros(len(texts), np.uint64)
    for place in range(8):
        at = starts[:-1] + place
        inside = at < starts[1:]
        heads = heads << np.uint64(8) | np.where(inside, bytes_[np.minimum(at, len(bytes_) - 1)], 0).astype(np.uint64)
    return heads
