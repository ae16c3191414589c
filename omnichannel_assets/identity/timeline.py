"""From merges to what holds from when to when, in whole as-of dates; everything here is numbers, the texts come in `tables`.

Here: day boundaries and the life of each customer. Not here: deciding what merges (merging), shared identifiers (shared), texts (tables).
Only states at 00:00 UTC exist: what happens between two midnights collapses into one step, and a fact known on a day is
first visible at the as-of date of the next.
"""

from dataclasses import dataclass

import numpy as np

from omnichannel_assets.identity.links import DAY_MICROSECONDS, EncodedLinks
from omnichannel_assets.identity.merging import Merges

# Later than any date: the as-of date at which what still holds has ended.
NEVER = np.iinfo(np.int32).max
ALWAYS = np.iinfo(np.int32).min

MERGE, NEW, REKEY, SPLIT = range(4)
CHANGE_NAMES = ("merge", "new", "rekey", "split")
"""The kinds of journal rows in the order of the journal: a kind's number is its place here."""


@dataclass(frozen=True)
class Lifetimes:
    """Per identifier number [n], the customer named after it, in days since 1970 on the as-of axis.

    starts, ends  it exists at T when starts <= T < ends; with starts == ends it is never visible
    heir          who holds its identifiers at `ends`: itself if it never ends; always visible then
    end_link      the link that ended it; -1 if none
    """

    starts: np.ndarray
    ends: np.ndarray
    heir: np.ndarray
    end_link: np.ndarray

    @property
    def is_visible(self) -> np.ndarray:
        """[n] True where some day boundary saw this customer."""
        return self.starts < self.ends


@dataclass(frozen=True)
class Intervals:
    """Rows of who belonged to whom: identifier `who` was the customer named after `holder` at T when since <= T < until (NEVER: still is)."""

    who: np.ndarray
    holder: np.ndarray
    since: np.ndarray
    until: np.ndarray

    def take(self, rows: np.ndarray | slice) -> "Intervals":
        """Some rows, by places, booleans or a slice."""
        return Intervals(self.who[rows], self.holder[rows], self.since[rows], self.until[rows])

    def between(self, start: np.ndarray, end: np.ndarray) -> "Intervals":
        """What of each row lies in its own [start, end), days given per row."""
        since, until = np.maximum(self.since, start), np.minimum(self.until, end)
        return Intervals(self.who, self.holder, since, until).take(since < until)


@dataclass(frozen=True)
class Changes:
    """Rows of the journal: at as-of date `day`, of a kind, from a customer to one (both named by an identifier, -1: none), by a link.

    A cause below zero is no link alone: -2 - link says "shared:" before the link's name, and -1 is "shared:rule".
    """

    day: np.ndarray
    kind: np.ndarray
    ended: np.ndarray
    found: np.ndarray
    cause: np.ndarray

    def take(self, rows: np.ndarray) -> "Changes":
        """Some rows, by places or booleans."""
        return Changes(self.day[rows], self.kind[rows], self.ended[rows], self.found[rows], self.cause[rows])


def joined_intervals(tables: list[Intervals]) -> Intervals:
    """The rows of several tables, in their order."""
    return Intervals(*(np.concatenate([getattr(t, n) for t in tables]) for n in ("who", "holder", "since", "until")))


def joined_changes(tables: list[Changes]) -> Changes:
    """The rows of several tables, in their order."""
    return Changes(*(np.concatenate([getattr(t, n) for t in tables]) for n in ("day", "kind", "ended", "found", "cause")))


def lifetimes(links: EncodedLinks, merges: Merges) -> Lifetimes:
    """When each customer starts, ends and into whom, collapsed to day boundaries."""
    starts = first_as_of(links.first_known)
    ends = np.full(links.identifier_count, NEVER, np.int32)
    heir = np.arange(links.identifier_count)
    end_link = np.full(links.identifier_count, -1, np.int64)
    ends[merges.loser] = first_as_of(links.link_known[merges.link])
    heir[merges.loser] = merges.winner
    end_link[merges.loser] = merges.link
    # Skip heirs that end at the same boundary; jumping to the heir's heir halves what is left of a chain each round.
    while (is_gone := (ends[heir] == ends) & (heir[heir] != heir)).any():
        heir = np.where(is_gone, heir[heir], heir)
    return Lifetimes(starts, ends, heir, end_link)


def intervals(lives: Lifetimes) -> Intervals:
    """Who holds each identifier from when to when; of one identifier in the order of time."""
    count = len(lives.starts)
    who, holder, since = np.arange(count), np.arange(count), lives.starts
    steps = []
    while len(who):
        until = lives.ends[holder]
        seen = since < until
        steps.append(Intervals(who[seen], holder[seen], since[seen], until[seen]))
        goes_on = until != NEVER
        who, holder, since = who[goes_on], lives.heir[holder[goes_on]], until[goes_on]
    return joined_intervals(steps) if steps else Intervals(who, holder, since, since)


def births_and_merges(links: EncodedLinks, lives: Lifetimes) -> Changes:
    """Every `new` and `merge` along the as-of axis.

    The cause of `new` is the first link that carries the identifier the customer is named after; the cause of `merge` is the
    link at which `ended` ended. Merges of one day name the customer that holds the identifiers at its boundary.
    """
    born = np.flatnonzero(lives.is_visible)
    ended = np.flatnonzero(lives.is_visible & (lives.ends != NEVER))
    return Changes(
        np.concatenate([lives.starts[born], lives.ends[ended]]),
        np.repeat(np.array([NEW, MERGE], np.int8), [len(born), len(ended)]),
        np.concatenate([np.full(len(born), -1), ended]),
        np.concatenate([born, lives.heir[ended]]),
        np.concatenate([links.first_link[born], lives.end_link[ended]]),
    )


def first_as_of(known: np.ndarray) -> np.ndarray:
    """The first as-of date (days since 1970) at which a fact known at an instant counts."""
    return (known // DAY_MICROSECONDS + 1).astype(np.int32)
