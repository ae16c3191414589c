"""Keeping a resolution up to date: only the components that changed links touch are resolved again.

Here: the state that is kept between runs, what changed between two versions of a part, and the update. Not here: storing the state (assets).
Why the result equals a full build: components never influence each other, and within one only the relative order of its links and
identifiers matters (merging, layers). An update resolves every component that holds a node of an added, removed or changed link,
over all links of all parts, and keeps the others, whose links are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.graph import Graph, Part, build_graph, labels_of, replace_parts
from omnichannel_assets.identity.links import rows_of
from omnichannel_assets.identity.outcome import Outcome
from omnichannel_assets.identity.resolve import Terms, solve
from omnichannel_assets.identity.timeline import NEVER

Reader = Callable[[str], pa.Table | None]
"""Gives the links table of a part, or None for a part that is gone."""


@dataclass(frozen=True)
class State:
    """A graph, the least node of each node's component in it (over all links, known or not yet), and what was found."""

    graph: Graph
    labels: np.ndarray
    outcome: Outcome


@dataclass(frozen=True)
class Update:
    """A state brought up to date, and how many nodes had to be resolved again."""

    state: State
    resolved: int


@dataclass(frozen=True)
class _Difference:
    """Nodes of links that are gone or differ, and the places (in the new part) of links that are new."""

    nodes: np.ndarray
    added: np.ndarray


def full_state(names: list[str], read: Reader, terms: Terms) -> State:
    """The state of some parts, from nothing."""
    graph = build_graph(names, read)  # type: ignore[arg-type]
    rows = rows_of(graph)
    return State(graph, labels_of(np.arange(graph.node_count), rows.link, rows.node).astype(np.int32), solve(graph, terms))


def updated_state(state: State, changed: list[str], read: Reader, terms: Terms, previous: Terms) -> Update:
    """The state with some parts read again, added or removed, and an as-of date that is the same or later.

    ``terms`` differ from ``previous``, those of the state, in the as-of date only. Raises UnknownNamesError where a full build is needed.
    """
    growth = replace_parts(state.graph, changed, read)
    graph, moved = growth.graph, growth.moved
    count = graph.node_count
    labels = np.arange(count, dtype=np.int32)
    labels[moved] = moved[state.labels]
    outcome = state.outcome.moved(moved, count)
    holder = np.full(count, -1, np.int64)
    now = outcome.intervals.until == NEVER
    holder[outcome.intervals.who[now]] = outcome.intervals.holder[now]
    is_touched = np.zeros(count, bool)
    for name in sorted({*changed, *graph.parts}):
        new = graph.parts.get(name)
        difference = _compared(state.graph.parts.get(name), new, moved) if name in changed else _Difference(*(np.zeros(0, np.int64),) * 2)
        is_touched[difference.nodes] = True
        if new is not None:
            fresh = np.union1d(difference.added, _newly_known(new, previous, terms))
            if not len(fresh):
                continue
            is_touched[_nodes_of(new, fresh[~_is_idle(new, fresh, outcome, holder)])] = True
    is_touched[_newly_declared(graph, previous, terms)] = True
    is_hit = np.zeros(count, bool)
    is_hit[labels[is_touched]] = True
    picked = is_hit[labels]
    if not picked.any():
        return Update(State(graph, labels, outcome), 0)
    rows, nodes = rows_of(graph, picked), np.flatnonzero(picked)
    labels[nodes] = labels_of(nodes, rows.link, rows.node)
    outcome = outcome.with_replaced(picked, solve(graph, terms, picked))
    return Update(State(graph, labels, outcome), len(nodes))


def _compared(old: Part | None, new: Part | None, moved: np.ndarray) -> _Difference:
    nothing = np.zeros(0, np.int64)
    if old is None or new is None:
        return _Difference(nothing if old is None else moved[old.row_node], nothing if new is None else np.arange(len(new.known)))
    old_rows = moved[old.row_node]
    match = pc.index_in(_names(new), value_set=_names(old))
    is_old = match.is_valid().to_numpy(zero_copy_only=False)
    here = np.flatnonzero(is_old)
    there = match.drop_null().to_numpy().astype(np.int64)
    is_same = new.known[here] == old.known[there]
    starts_here, counts_here = _runs(new.row_link, len(new.known))
    starts_there, counts_there = _runs(old.row_link, len(old.known))
    is_same &= counts_here[here] == counts_there[there]
    # Rows of a link ascend by node in both, so links of equal length are compared row by row.
    pairs = np.flatnonzero(is_same)
    counts = counts_here[here[pairs]]
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    differs = (
        new.row_node[np.repeat(starts_here[here[pairs]], counts) + inside] != old_rows[np.repeat(starts_there[there[pairs]], counts) + inside]
    )
    is_same[np.repeat(pairs, counts)[differs]] = False
    is_gone = np.ones(len(old.known), bool)
    is_gone[there[is_same]] = False
    changed = _nodes_of(new, here[~is_same])
    return _Difference(np.concatenate([old_rows[is_gone[old.row_link]], changed]), np.flatnonzero(~is_old))


def _names(part: Part) -> pa.Array:
    return pc.binary_join_element_wise(pa.array(part.source).cast(pa.large_string()), part.link_id, pa.scalar(":", pa.large_string()))


def _runs(row_link: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows of each link start, and how many there are."""
    starts = np.searchsorted(row_link, np.arange(count + 1))
    return starts[:-1], np.diff(starts)


def _nodes_of(part: Part, links: np.ndarray) -> np.ndarray:
    is_wanted = np.zeros(len(part.known), bool)
    is_wanted[links] = True
    return part.row_node[is_wanted[part.row_link]]


def _newly_known(part: Part, previous: Terms, terms: Terms) -> np.ndarray:
    """Places of links that the as-of date moved past."""
    if previous.before is None or previous.before == terms.before:
        return np.zeros(0, np.int64)
    late = part.known >= previous.before
    return np.flatnonzero(late if terms.before is None else late & (part.known < terms.before))


def _newly_declared(graph: Graph, previous: Terms, terms: Terms) -> np.ndarray:
    """Nodes that a person declared to be shared from a day that the as-of date moved past."""
    if previous.as_of is None:
        return np.zeros(0, np.int64)
    crossed = [v for v in terms.rules.shared.values if v.since and v.since > previous.as_of]
    nodes = graph.nodes_of([(v.identifier_type, v.identifier_value) for v in crossed])
    return nodes[nodes >= 0]


def _is_idle(part: Part, links: np.ndarray, outcome: Outcome, holder: np.ndarray) -> np.ndarray:
    """For links added to what was known: True where such a link changes nothing, so that its component can stay.

    It is known after everything that ever happened in a component without limits or shared identifiers in reach, and joins nodes of one
    customer; or it carries one node alone, known before. Then no first_known, no merge, no limit and no tie changes.
    """
    starts, counts = _runs(part.row_link, len(part.known))
    starts, counts, known = starts[links], counts[links], part.known[links]
    first = part.row_node[starts] if len(links) else starts
    alone = (counts == 1) & (holder[first] >= 0) & (known > outcome.first_known[first])
    places = np.repeat(np.arange(len(links)), counts)
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    nodes = part.row_node[np.repeat(starts, counts) + inside]
    is_quiet = (known[places] > outcome.settled[nodes]) & (holder[nodes] >= 0) & (holder[nodes] == holder[first][places])
    together = np.bincount(places[is_quiet], minlength=len(links)) == counts
    return alone | together
