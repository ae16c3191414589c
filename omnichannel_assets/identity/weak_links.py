"""Weak links: single messages or rows without which a customer would be two people, each with evidence of its own.

Here: finding them among the sets of identifiers that were seen together. Not here: counting them for a page (health) or drawing them.
A link is weak when no other link joins the same parts, and at least two of the parts it joins are known (an e-mail, a login, ...) and
were also seen without it. So a customer that one record alone tells of has no weak link: there is nobody else the record could belong to.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Rounds of taking off what cannot matter, before the walk that needs no such help. Chains longer than this are rare.
_ROUNDS = 40
# How far apart two groups of one set may stand for a ring of two links to be found on whole columns; the walk finds the others.
_CLOSE = 4


@dataclass(frozen=True)
class LinkSets:
    """Sets of identifiers that links carried together: each distinct set once, all its identifiers in one customer.

    set_of, member_of  [rows] a set and an identifier it holds, each pair once
    links              [sets] how many links carried exactly this set
    is_known           [identifiers] whether the identifier makes a customer a known person
    """

    set_of: np.ndarray
    member_of: np.ndarray
    links: np.ndarray
    is_known: np.ndarray


@dataclass(frozen=True)
class WeakLinks:
    """One row per weak set and identifier of it that lies in a part that counts; `part` numbers the parts of one set.

    Without the set's only link, identifiers of different parts would belong to different customers.
    """

    set_of: np.ndarray
    member_of: np.ndarray
    part: np.ndarray


@dataclass
class _Graph:
    """Single links between groups of identifiers that hold without them; a bipartite graph of sets and groups.

    A set that lost parts which cannot matter remembers in `set_known` whether one of them was known.
    """

    set_of: np.ndarray
    group_of: np.ndarray
    known: np.ndarray
    alive: np.ndarray
    set_known: np.ndarray


def find_weak_links(sets: LinkSets) -> WeakLinks:
    """All weak links. Work is done on whole columns, but for a walk over the customers whose single links form rings."""
    group = _joined(len(sets.is_known), *_lasting_pairs(sets))
    graph = _single_links(sets, group)
    while len((pairs := _doubly_joined(graph))[0]):
        group = _joined(len(graph.known), *pairs)[group]
        graph = _single_links(sets, group)
    is_settled = _take_off_leaves(graph)
    in_tree = _in_trees(graph) if is_settled else np.zeros(len(graph.set_of), bool)
    found = [(graph.set_of[in_tree], graph.group_of[in_tree], graph.group_of[in_tree])]
    if not in_tree.all():
        found.append(_walk(graph, ~in_tree))
    weak_set, weak_group, part = (np.concatenate(column) for column in zip(*found, strict=True))
    return _members(sets, group, weak_set, weak_group, part)


def _joined(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[count] The group each number is in when these pairs are joined."""
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64) if count else np.zeros(0, np.int64)


def _lasting_pairs(sets: LinkSets) -> tuple[np.ndarray, np.ndarray]:
    """Identifiers of sets seen twice or more: they hold together if any one link is taken away."""
    lasts = sets.links[sets.set_of] > 1
    rows_set, rows_member = sets.set_of[lasts], sets.member_of[lasts]
    _, first, place = np.unique(rows_set, return_index=True, return_inverse=True)
    return rows_member[first][place], rows_member


def _doubly_joined(graph: _Graph) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of groups that two single links join: one may go. Looks at groups that stand close in a set, as nearly all do."""
    count = max(len(graph.known), 1)
    keys = []
    for apart in range(1, _CLOSE + 1):
        same = graph.set_of[apart:] == graph.set_of[:-apart]
        keys.append(graph.group_of[:-apart][same] * count + graph.group_of[apart:][same])
    pairs, times = np.unique(np.concatenate(keys), return_counts=True)
    one, other = np.divmod(pairs[times > 1], count)
    return one, other


def _single_links(sets: LinkSets, group: np.ndarray) -> _Graph:
    """Sets seen once that join several groups; every group with whether it is known and has evidence of its own."""
    count = group.max(initial=-1) + 1
    size = np.bincount(sets.set_of, minlength=len(sets.links))
    known, alive = np.zeros(count, bool), np.zeros(count, bool)
    known[group[sets.is_known]] = True
    alive[group[sets.member_of[size[sets.set_of] == 1]]] = True
    alive |= np.bincount(group, minlength=count) > 1
    joins = (sets.links[sets.set_of] == 1) & (size[sets.set_of] > 1)
    pairs = np.unique(sets.set_of[joins] * max(count, 1) + group[sets.member_of[joins]])
    set_of, group_of = np.divmod(pairs, max(count, 1))
    several = np.bincount(set_of, minlength=len(sets.links))[set_of] > 1
    return _Graph(set_of[several], group_of[several], known, alive, np.zeros(len(sets.links), bool))


def _take_off_leaves(graph: _Graph) -> bool:
    """Remove groups at the rim that are not known or have no evidence of their own, and sets left with one group. True when done.

    What is removed lives on as a mark: a set remembers that something known hung on it, a group that another link carries it.
    """
    for _ in range(_ROUNDS):
        at_rim = np.bincount(graph.group_of, minlength=len(graph.known))[graph.group_of] == 1
        goes = at_rim & ~(graph.known & graph.alive)[graph.group_of]
        graph.set_known[graph.set_of[goes & graph.known[graph.group_of]]] = True
        graph.set_of, graph.group_of = graph.set_of[~goes], graph.group_of[~goes]
        ends = np.bincount(graph.set_of, minlength=len(graph.set_known))[graph.set_of] == 1
        graph.alive[graph.group_of[ends]] = True
        graph.known[graph.group_of[ends & graph.set_known[graph.set_of]]] = True
        graph.set_of, graph.group_of = graph.set_of[~ends], graph.group_of[~ends]
        if not goes.any() and not ends.any():
            return True
    return False


def _in_trees(graph: _Graph) -> np.ndarray:
    """[rows] True in pieces without rings: every leaf is a part that counts, so every set there is weak, each of its groups a part."""
    groups, sets = len(graph.known), len(graph.set_known)
    nodes = groups + sets
    rows = len(graph.set_of)
    joined = coo_array((np.ones(rows, np.int8), (graph.group_of, groups + graph.set_of)), shape=(nodes, nodes))
    piece = connected_components(joined, directed=False)[1]
    present = np.unique(np.concatenate([graph.group_of, groups + graph.set_of]))
    size = np.bincount(piece[present], minlength=nodes)
    edges = np.bincount(piece[graph.group_of], minlength=nodes)
    return (edges == size - 1)[piece[graph.group_of]]


def _walk(graph: _Graph, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weak sets among the chosen rows, found by one depth-first walk: (set, group of it, its part), for parts that count."""
    groups = len(graph.known)
    near: dict[int, list[int]] = {}
    for number, group in zip(graph.set_of[chosen].tolist(), graph.group_of[chosen].tolist(), strict=True):
        near.setdefault(group, []).append(groups + number)
        near.setdefault(groups + number, []).append(group)
    found: list[tuple[int, int, int]] = []
    seen: dict[int, int] = {}
    for start in near:
        if start < groups and start not in seen:
            found += _weak_of_piece(graph, near, start, seen)
    columns = np.array(found, np.int64).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def _weak_of_piece(graph: _Graph, near: dict[int, list[int]], start: int, seen: dict[int, int]) -> list[tuple[int, int, int]]:
    """Weak sets of the piece around a group: those whose subtrees no ring ties back, when two of the parts left count."""
    groups = len(graph.known)
    order, parent = _depth_first(near, start, seen)
    low = {node: min(seen[other] for other in (node, *near[node]) if other != parent[node]) for node in order}
    known = {node: int(graph.known[node] if node < groups else graph.set_known[node - groups]) for node in order}
    size = dict.fromkeys(order, 1)
    for node in reversed(order[1:]):
        above = parent[node]
        low[above] = min(low[above], low[node])
        known[above] += known[node]
        size[above] += size[node]
    found = []
    for node in (node for node in order if node >= groups):
        apart = [child for child in near[node] if parent[child] == node and low[child] >= seen[node]]
        counts = {child: known[child] > 0 and (size[child] > 1 or bool(graph.alive[child])) for child in apart}
        rest = size[start] - 1 - sum(size[child] for child in apart)
        own = int(graph.set_known[node - groups])
        rest_known = known[start] - own - sum(known[child] for child in apart)
        counts[parent[node]] = rest_known > 0 and (rest > 1 or bool(graph.alive[start]))
        if sum(counts.values()) > 1:
            for group in near[node]:
                part = next((child for child in apart if seen[child] <= seen[group] < seen[child] + size[child]), parent[node])
                found += [(node - groups, group, part)] if counts[part] else []
    return found


def _depth_first(near: dict[int, list[int]], start: int, seen: dict[int, int]) -> tuple[list[int], dict[int, int]]:
    """Nodes in the order of a depth-first walk, noted in `seen`, and the node each was reached from."""
    order, parent = [start], {start: -1}
    seen[start] = len(seen)
    way = [(start, iter(near[start]))]
    while way:
        node, others = way[-1]
        onward = next((other for other in others if other not in seen), None)
        if onward is None:
            way.pop()
            continue
        seen[onward] = len(seen)
        order.append(onward)
        parent[onward] = node
        way.append((onward, iter(near[onward])))
    return order, parent


def _members(sets: LinkSets, group: np.ndarray, weak_set: np.ndarray, weak_group: np.ndarray, part: np.ndarray) -> WeakLinks:
    """From groups back to the identifiers that the weak links carry."""
    count = max(group.max(initial=-1) + 1, 1)
    keys = weak_set * count + weak_group
    order = np.argsort(keys, kind="stable")
    rows = sets.set_of * count + group[sets.member_of]
    place = np.minimum(np.searchsorted(keys[order], rows), max(len(keys) - 1, 0))
    held = keys[order][place] == rows if len(keys) else np.zeros(len(rows), bool)
    return WeakLinks(sets.set_of[held], sets.member_of[held], part[order][place[held]] if len(keys) else part)
