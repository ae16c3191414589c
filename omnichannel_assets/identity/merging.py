"""Which customers merge, and at which link: union first, replay only where a limit could bite.

Here: connected components, the test whether a component can ever exceed a limit, and Segment's rule 5.3 link by link.
Not here: dates, customer ids and tables (timeline). A customer is represented by its oldest (smallest) identifier number.
"""

from array import array
from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from omnichannel_assets.identity.caps import CustomerSizes, may_exceed_caps
from omnichannel_assets.identity.graph import components, pairs_of
from omnichannel_assets.identity.links import EncodedLinks, sub_links
from omnichannel_assets.identity.rules import IdentityRules

# Below every instant: "ever" is a window that opened before time began.
_ALWAYS = -(2**63)
# A number in a list takes ten times the memory it takes in an array.
_PAIRS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Merges:
    """One row per merge, in no particular order: at `link`, customer `loser` ended and became part of `winner` (< loser).

    The three are arrays of the same length; a customer ends at most once.
    component [identifiers] number of the component in the graph of these links; is_limited [components] it was replayed
    """

    loser: np.ndarray
    winner: np.ndarray
    link: np.ndarray
    component: np.ndarray
    is_limited: np.ndarray


def find_merges(links: EncodedLinks, rules: IdentityRules) -> Merges:
    """All merges of replaying every link in order with the rule of specs/segment.md 5.3 (design section 5).

    Why union-then-replay equals replaying everything. A link touches one connected component of the graph of all links, so
    components never influence each other. Let every window that ends at some value's first_known_at hold at most the limit
    in the *whole* component. Any tentative result at a link known at t is a subset of it, and its window (t - w, t] holds no more
    than the window ending at the latest first_known_at <= t: it cannot exceed a limit. So nothing is ever dropped, every link
    joins all its identifiers, and a pair of identifiers seen before joins nothing new: the first link of each pair suffices.
    Caps bite no earlier than the size of the component allows, and such components are replayed too.
    An identifier attached nowhere is a customer of one: looked up, it adds just itself, as rule 5.3 would for an unknown value.
    """
    left, right, link = pairs_of(links.row_link, links.row_identifier)
    component = components(links.identifier_count, left, right)
    is_limited = _may_exceed(links, rules, component) | may_exceed_caps(rules.caps, component)
    in_free = ~is_limited[component[left]] if len(left) else np.zeros(0, bool)
    free = _union(links.identifier_count, *_first_of_each_pair(left[in_free], right[in_free], link[in_free]))
    replayed = _replay(links, rules, is_limited[component])
    return Merges(*(np.concatenate([a, b]) for a, b in zip(free, replayed, strict=True)), component, is_limited)


def _may_exceed(links: EncodedLinks, rules: IdentityRules, component: np.ndarray) -> np.ndarray:
    """[components] True where some window ending at a value's first_known_at holds more values than the type's limit."""
    exceeds = np.zeros(component.max(initial=-1) + 1, bool)
    for code, name in enumerate(links.types):
        limit = rules.limit_of(name)
        members = np.flatnonzero(links.type_of == code)
        # Identifier numbers ascend with first_known_at, so a stable sort keeps each component's values in time order.
        members = members[np.argsort(component[members], kind="stable")]
        early, late = members[: -limit.count], members[limit.count :]
        is_over = component[early] == component[late]
        if limit.window_microseconds is not None:
            is_over &= links.first_known[late] - links.first_known[early] < limit.window_microseconds
        exceeds[component[early[is_over]]] = True
    return exceeds


def _first_of_each_pair(left: np.ndarray, right: np.ndarray, link: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Pairs come in link order, and unique keeps the first of equals.
    _, first = np.unique(left.astype(np.int64) << 32 | right, return_index=True)
    first.sort()
    return left[first], right[first], link[first]


class _Customers:
    """Disjoint sets of identifiers, each represented by its smallest number, with the journal of their merges."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self._journal = (array("q"), array("q"), array("q"))

    def find(self, identifier: int) -> int:
        parent = self._parent
        while (above := parent[identifier]) != identifier:
            parent[identifier] = identifier = parent[above]
        return identifier

    def merge(self, winner: int, loser: int, link: int) -> None:
        self._parent[loser] = winner
        losers, winners, links = self._journal
        losers.append(loser)
        winners.append(winner)
        links.append(link)

    def journal(self) -> tuple[np.ndarray, ...]:
        return tuple(np.array(column, np.int64) for column in self._journal)  # loser, winner, link


def _union(count: int, left: np.ndarray, right: np.ndarray, link: np.ndarray) -> tuple[np.ndarray, ...]:
    customers = _Customers(count)
    find, merge = customers.find, customers.merge
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        for one, other, at in zip(left[some].tolist(), right[some].tolist(), link[some].tolist(), strict=True):
            one, other = find(one), find(other)
            if one < other:
                merge(one, other, at)
            elif other < one:
                merge(other, one, at)
    return customers.journal()


def _replay(links: EncodedLinks, rules: IdentityRules, is_replayed: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rule 5.3 over the links of identifiers marked in `is_replayed` [n], in total order."""
    links, numbers, link_numbers = sub_links(links, np.flatnonzero(is_replayed[links.row_identifier]))
    customers = _Customers(links.identifier_count)
    holdings, sizes = _Holdings(links, rules), CustomerSizes(links, rules.caps)
    for link, identifiers in link_sets(links):
        touched = list(dict.fromkeys(map(customers.find, identifiers)))
        if len(touched) == 1:
            continue
        known_at = int(links.link_known[link])
        joined = sizes.longest_fitting(holdings.longest_fitting(touched, known_at), link)
        if len(joined) > 1:
            winner = min(joined)
            holdings.join(joined, winner, known_at)
            sizes.join(joined, winner, link)
            for loser in joined:
                if loser != winner:
                    customers.merge(winner, loser, link)
    losers, winners, at = customers.journal()
    return numbers[losers], numbers[winners], link_numbers[at]


def link_sets(links: EncodedLinks) -> Iterator[tuple[int, list[int]]]:
    """(link, its identifiers by priority and value) for links of at least two identifiers, in total order."""
    row_identifier = links.row_identifier.tolist()
    starts = np.flatnonzero(np.diff(links.row_link, prepend=-1))
    ends = np.append(starts[1:], len(links.row_link))
    several = ends - starts > 1
    starts, ends = starts[several], ends[several]
    for link, start, end in zip(links.row_link[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield link, row_identifier[start:end]


class _Holdings:
    """Per customer and type, when its values were first known: what the limits count.

    Lists are ascending. Replay time only advances, so what has left a window is forgotten: after a merge a list holds at most
    the limit, however large the customer is. Customers of one identifier are made on demand.
    """

    def __init__(self, links: EncodedLinks, rules: IdentityRules) -> None:
        limits = [rules.limit_of(name) for name in links.types]
        self._counts = [limit.count for limit in limits]
        self._windows = [limit.window_microseconds for limit in limits]
        self._type_of = links.type_of
        self._first_known = links.first_known
        self._held: dict[int, dict[int, list[int]]] = {}

    def longest_fitting(self, customers: list[int], known_at: int) -> list[int]:
        """The customers that stay when a link's identifiers are dropped from the end until no limit is exceeded.

        Counts only grow as customers are added, so walking forward to the first excess finds the same set in one pass.
        """
        totals: dict[int, int] = {}
        for position, customer in enumerate(customers):
            for code, times in self._of(customer).items():
                total = totals.get(code, 0) + len(times) - bisect_right(times, self._opens(code, known_at))
                # One customer alone is always within its limits: it was when it was committed, and windows only slide on.
                if total > self._counts[code]:
                    return customers[:position]
                totals[code] = total
        return customers

    def join(self, customers: list[int], winner: int, known_at: int) -> None:
        """Pool what these customers hold under `winner`, smaller into larger."""
        held = [self._of(customer) for customer in customers]
        for customer in customers:
            self._held.pop(customer, None)
        pool = max(held, key=len)
        for other in held:
            if other is not pool:
                for code, times in other.items():
                    pool[code] = _merged(pool.get(code, []), times, self._opens(code, known_at))
        self._held[winner] = pool

    def _of(self, customer: int) -> dict[int, list[int]]:
        held = self._held.get(customer)
        if held is None:
            held = {int(self._type_of[customer]): [int(self._first_known[customer])]}
            self._held[customer] = held
        return held

    def _opens(self, code: int, known_at: int) -> int:
        window = self._windows[code]
        return _ALWAYS if window is None else known_at - window


def _merged(one: list[int], other: list[int], opens: int) -> list[int]:
    larger, smaller = (one, other) if len(one) >= len(other) else (other, one)
    for time in smaller:
        if time > opens:
            insort(larger, time)
    del larger[: bisect_right(larger, opens)]
    return larger
