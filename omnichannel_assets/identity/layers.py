"""Customers with shared identifiers left out from the as-of date on at which they are shared.

Here: the layer after replay. Up to a date D at which something becomes shared the base replay holds; from D on the replay of the same links
without it. Only the component that held it is resolved again, once for each such date. Not here: what is shared (shared).
Why parts may be resolved alone: a link touches one component, so components never influence each other, and within one only the relative order
of links and identifiers matters.
"""

from dataclasses import dataclass

import numpy as np

from omnichannel_assets.identity.links import EncodedLinks, sub_links
from omnichannel_assets.identity.merging import Merges, find_merges
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.identity.shared import RULE, Shared
from omnichannel_assets.identity.timeline import (
    ALWAYS,
    MERGE,
    NEVER,
    NEW,
    REKEY,
    SPLIT,
    Changes,
    Intervals,
    Lifetimes,
    births_and_merges,
    intervals,
    joined_changes,
    joined_intervals,
    lifetimes,
)

_SHARED_RULE = -1


@dataclass(frozen=True)
class _Solved:
    """A resolution of some components: its identifiers and links as numbers of the whole, and per identifier the day at which it is replaced."""

    links: EncodedLinks
    lives: Lifetimes
    component: np.ndarray
    numbers: np.ndarray
    link_numbers: np.ndarray
    end: np.ndarray


def resolve_layers(links: EncodedLinks, merges: Merges, rules: IdentityRules, shared: Shared) -> tuple[Intervals, Changes]:
    """Intervals (each identifier's in the order of time) and journal, with everything in `shared` left out from its day on."""
    layers = _Layers(links, shared)
    everyone = np.arange(links.identifier_count)
    lives = lifetimes(links, merges)
    if not len(shared.identifier):
        return intervals(lives), births_and_merges(links, lives)
    end = layers.ends(merges.component)
    layers.emit(_Solved(links, lives, merges.component, everyone, np.arange(len(links.link_known)), end), ALWAYS)
    rows = np.flatnonzero(end[links.row_identifier] != NEVER)
    for day in np.unique(shared.day).tolist():
        rows = layers.split(day, rows, rules)
    return _stitched(joined_intervals(layers.intervals)), joined_changes(layers.changes)


class _Layers:
    """What is known so far of all dates. Per identifier: when its present solution ends, its component there and who held it at that end."""

    def __init__(self, links: EncodedLinks, shared: Shared) -> None:
        count = links.identifier_count
        self.intervals: list[Intervals] = []
        self.changes: list[Changes] = []
        self._links = links
        self._shared_from = np.full(count, NEVER, np.int32)
        self._shared_from[shared.identifier] = shared.day
        self._cause = np.full(count, RULE, np.int64)
        self._cause[shared.identifier] = shared.cause
        self._end = np.full(count, NEVER, np.int32)
        self._component = np.zeros(count, np.int64)
        self._held = np.full(count, -1, np.int64)
        self._components = 0

    def ends(self, component: np.ndarray, numbers: np.ndarray | None = None) -> np.ndarray:
        """Per identifier, the first day at which something in its component becomes shared; NEVER if nothing does."""
        days = self._shared_from if numbers is None else self._shared_from[numbers]
        first = np.full(component.max(initial=-1) + 1, NEVER, np.int32)
        np.minimum.at(first, component, days)
        return first[component]

    def emit(self, solved: _Solved, start: int) -> Intervals:
        """Record what a solution says of the days from `start` on until it is replaced; its intervals from `start` on, unnumbered."""
        found = intervals(solved.lives)
        found = found.between(np.full(len(found.who), start, np.int32), np.full(len(found.who), NEVER, np.int32))
        own = found.between(found.since, solved.end[found.who])
        self.intervals.append(Intervals(solved.numbers[own.who], solved.numbers[own.holder], own.since, own.until))
        changes = births_and_merges(solved.links, solved.lives)
        changes = changes.take((changes.day > start) & (changes.day < solved.end[changes.found]))
        ended = np.where(changes.ended < 0, -1, solved.numbers[changes.ended])
        self.changes.append(
            Changes(changes.day, changes.kind, ended, solved.numbers[changes.found], solved.link_numbers[changes.cause])
        )
        self._end[solved.numbers] = solved.end
        self._component[solved.numbers] = solved.component + self._components
        self._components += int(solved.component.max(initial=-1)) + 1
        last = own.take(own.until == solved.end[own.who])
        self._held[solved.numbers] = -1
        self._held[solved.numbers[last.who]] = solved.numbers[last.holder]
        return found

    def split(self, day: int, rows: np.ndarray, rules: IdentityRules) -> np.ndarray:
        """Resolve again the components in which something becomes shared on `day`; the rows that later days may still need."""
        links = self._links
        touched = self._end[links.row_identifier[rows]] == day
        waiting, rows = rows[~touched], rows[touched]
        before = np.unique(links.row_identifier[rows])
        held, component = self._held[before], self._component[before]
        left = rows[self._shared_from[links.row_identifier[rows]] > day]
        part, numbers, link_numbers = sub_links(links, left)
        merges = find_merges(part, rules)
        solved = _Solved(part, lifetimes(part, merges), merges.component, numbers, link_numbers, self.ends(merges.component, numbers))
        first_cause = self._first_causes(before, component, day)
        found = self.emit(solved, day)
        now = found.take(found.since == day)
        after = np.full(links.identifier_count, -1, np.int64)
        after[numbers[now.who]] = numbers[now.holder]
        self.changes.append(_difference(day, held, after[before], first_cause, self._merged_at(solved, day)))
        self.changes[-1] = self._with_first_links(self.changes[-1])
        return np.sort(np.concatenate([waiting, left[solved.end[part.row_identifier] != NEVER]]))

    def _first_causes(self, before: np.ndarray, component: np.ndarray, day: int) -> np.ndarray:
        """Per identifier, the journal's cause for its component: a declared value, else the first link that was one person too many."""
        new = self._shared_from[before] == day
        least = np.full(self._components, np.iinfo(np.int64).max)
        np.minimum.at(least, component[new], self._cause[before[new]])
        return np.where(least[component] == RULE, _SHARED_RULE, -2 - least[component])

    def _merged_at(self, solved: _Solved, day: int) -> dict[tuple[int, int], int]:
        """(ended, heir) -> link, for customers that the new solution itself lets end on the day, as any day might have."""
        lives, numbers = solved.lives, solved.numbers
        gone = np.flatnonzero(lives.is_visible & (lives.ends == day))
        names = zip(numbers[gone].tolist(), numbers[lives.heir[gone]].tolist(), strict=True)
        return dict(zip(names, solved.link_numbers[lives.end_link[gone]].tolist(), strict=True))

    def _with_first_links(self, changes: Changes) -> Changes:
        cause = np.where(changes.kind == NEW, self._links.first_link[changes.found], changes.cause)
        return Changes(changes.day, changes.kind, changes.ended, changes.found, cause)


def _difference(day: int, held: np.ndarray, holds: np.ndarray, causes: np.ndarray, merged: dict[tuple[int, int], int]) -> Changes:
    """The journal rows between two states of the same identifiers (-1: nobody's), classified as in ``compare``."""
    both = (held >= 0) & (holds >= 0)
    pairs, first = np.unique(held[both] << 32 | holds[both], return_index=True)
    why = causes[both][first]
    old, new = pairs >> 32, pairs & 0xFFFFFFFF
    parts, origins = (_repeats(column) for column in (old, new))
    is_split = parts > 1
    is_moved = (old != new) & ~is_split
    kind = np.where(is_split, SPLIT, np.where(origins > 1, MERGE, REKEY))
    told = is_split | is_moved
    rows = [(kind[told], old[told], new[told], why[told])]
    # Somebody's before, and none of its identifiers is anybody's now.
    ended, place = np.unique(held[held >= 0], return_index=True)
    is_gone = ~np.isin(ended, old)
    why_gone = causes[held >= 0][place][is_gone]
    rows.append((np.full(is_gone.sum(), REKEY), ended[is_gone], np.full(is_gone.sum(), -1), why_gone))
    born = np.setdiff1d(holds[holds >= 0], new)
    rows.append((np.full(len(born), NEW), np.full(len(born), -1), born, np.zeros(len(born), np.int64)))
    kinds, olds, news, cause = (np.concatenate(column) for column in zip(*rows, strict=True))
    own = [merged.get(pair) for pair in zip(olds.tolist(), news.tolist(), strict=True)]
    is_own = np.array([k == MERGE and link is not None for k, link in zip(kinds.tolist(), own, strict=True)], bool)
    cause = np.where(is_own, np.array([0 if link is None else link for link in own], np.int64), cause)
    return Changes(np.full(len(kinds), day, np.int32), kinds.astype(np.int8), olds, news, cause)


def _repeats(column: np.ndarray) -> np.ndarray:
    """How often each entry occurs in its column."""
    _, index, counts = np.unique(column, return_inverse=True, return_counts=True)
    return counts[index]


def _stitched(rows: Intervals) -> Intervals:
    """Adjacent intervals of one identifier with one customer as one interval."""
    rows = rows.take(np.lexsort((rows.since, rows.who)))
    goes_on = (rows.who[1:] == rows.who[:-1]) & (rows.holder[1:] == rows.holder[:-1]) & (rows.since[1:] == rows.until[:-1])
    first = np.flatnonzero(np.insert(~goes_on, 0, True)) if len(rows.who) else np.zeros(0, np.int64)
    last = np.append(first[1:], len(rows.who)) - 1
    return Intervals(rows.who[first], rows.holder[first], rows.since[first], rows.until[last] if len(first) else rows.until)
