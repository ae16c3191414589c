"""Weak links: what one message alone holds together, against networkx and against the definition taken word for word."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnichannel_assets.identity.weak_links import LinkSets, find_weak_links

Sets = list[tuple[list[int], int]]


def weak(sets: Sets, known: set[int] | None = None) -> dict[int, set[frozenset[int]]]:
    """Weak set -> the parts of it that count. All identifiers are known unless told otherwise."""
    highest = max((member for members, _ in sets for member in members), default=-1)
    rows = [(number, member) for number, (members, _) in enumerate(sets) for member in members]
    is_known = np.array([known is None or member in known for member in range(highest + 1)], bool)
    columns = np.array(rows, np.int64).reshape(-1, 2).T
    found = find_weak_links(LinkSets(columns[0], columns[1], np.array([links for _, links in sets], np.int64), is_known))
    parts: dict[int, dict[int, set[int]]] = {}
    for number, member, part in zip(found.set_of.tolist(), found.member_of.tolist(), found.part.tolist(), strict=True):
        parts.setdefault(number, {}).setdefault(part, set()).add(member)
    return {number: set(map(frozenset, split.values())) for number, split in parts.items()}


def by_definition(sets: Sets, known: set[int]) -> dict[int, set[frozenset[int]]]:
    """Take each single link away and look at what is left of the customer."""
    found = {}
    for number, (members, links) in enumerate(sets):
        others = [other for place, (other, _) in enumerate(sets) if place != number]
        rest = nx.Graph()
        rest.add_nodes_from(member for group, _ in sets for member in group)
        for other in others:
            nx.add_path(rest, other)
        seen_elsewhere = {member for other in others for member in other}
        parts = [part for part in nx.connected_components(rest) if part & set(members)]
        counting = [part for part in parts if part & known and part & seen_elsewhere]
        if links == 1 and len(counting) > 1:
            found[number] = {frozenset(part & set(members)) for part in counting}
    return found


def test_a_single_message_between_two_people_who_are_each_known_without_it_is_weak() -> None:
    login, device, mail, number = range(4)
    sets = [([login, device], 7), ([mail, number], 2), ([login, device, mail], 1)]
    assert weak(sets, known={login, mail, number}) == {2: {frozenset({login, device}), frozenset({mail})}}


def test_the_same_message_seen_twice_is_not() -> None:
    assert weak([([0, 1], 7), ([2, 3], 2), ([0, 1, 2], 2)]) == {}


def test_nor_is_one_beside_another_that_joins_the_same_parts() -> None:
    assert weak([([0, 1], 7), ([2, 3], 2), ([0, 2], 1), ([1, 3], 1)]) == {}


def test_a_record_that_alone_tells_of_its_identifiers_is_not_weak() -> None:
    reference, mail, phone = range(3)
    assert weak([([reference, mail, phone], 1)]) == {}
    assert weak([([reference, mail, phone], 1), ([reference], 12)]) == {}


def test_it_is_when_another_part_was_seen_without_it() -> None:
    reference, mail, phone = range(3)
    assert weak([([reference, mail, phone], 1), ([reference], 12), ([mail], 3)]) == {0: {frozenset({reference}), frozenset({mail})}}


def test_a_device_that_hangs_on_one_message_splits_off_nobody_known() -> None:
    login, device = range(2)
    assert weak([([login, device], 1), ([login], 5), ([device], 5)], known={login}) == {}


def test_what_hangs_behind_a_device_counts_for_the_link_in_front_of_it() -> None:
    login, device, mail = range(3)
    sets = [([login, device], 1), ([login], 5), ([device, mail], 1)]
    assert weak(sets, known={login, mail}) == {0: {frozenset({login}), frozenset({device})}}


@st.composite
def graphs(draw: st.DrawFn) -> Sets:
    """Distinct sets of up to four of a dozen identifiers, each seen once, now and then twice."""
    chosen = draw(st.lists(st.frozensets(st.integers(0, 11), min_size=1, max_size=4), max_size=16, unique=True))
    return [(sorted(members), draw(st.sampled_from([1, 1, 1, 2]))) for members in chosen]


@settings(max_examples=1200, derandomize=True, database=None, deadline=None)
@given(graphs(), st.frozensets(st.integers(0, 11)))
@example([([0, 1, 2], 1), ([0, 1], 1), ([0], 1), ([2], 1)], frozenset({0, 2}))
def test_weak_links_are_those_of_the_definition(sets: Sets, known: frozenset[int]) -> None:
    assert weak(sets, set(known)) == by_definition(sets, set(known))


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda pair: pair[0] < pair[1]), max_size=24))
def test_of_pairs_seen_once_the_weak_ones_are_the_bridges_of_the_graph(pairs: set[tuple[int, int]]) -> None:
    """Every identifier is known and was also seen alone."""
    sets = [(list(pair), 1) for pair in sorted(pairs)] + [([number], 1) for number in range(15)]
    found = {tuple(sets[number][0]) for number in weak(sets)}
    assert found == {tuple(sorted(bridge)) for bridge in nx.bridges(nx.Graph(sorted(pairs)))}


def test_a_chain_longer_than_the_rounds_of_trimming_is_judged_the_same_way() -> None:
    chain: Sets = [([n, n + 1], 1) for n in range(300)]
    assert weak([*chain, ([0], 9)], known={0}) == {}
    assert len(weak([*chain, ([0], 9), ([300], 9)], known={0, 300})) == 300
