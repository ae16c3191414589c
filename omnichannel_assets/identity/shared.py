"""Which identifiers several people use, and from which as-of date on: a pure function of what was known before it.

Here: the ties between identifiers and user ids in the base replay (nothing detected), and the count that makes an identifier shared. Not here:
what follows from it (layers). An identifier is tied to a user id from the instant it was seen with something whose customer held it.
"""

from dataclasses import dataclass

import numpy as np

from omnichannel_assets.identity.links import EncodedLinks, sub_links
from omnichannel_assets.identity.merging import Merges, link_sets
from omnichannel_assets.identity.timeline import first_as_of

_NOBODY = -1
RULE = -1


@dataclass(frozen=True)
class Shared:
    """Identifiers that are shared, ascending, from `day` (as-of date) on: tied to `customers` different user ids at it, by link `cause`.

    One that a person declared has 0 customers and the cause RULE.
    """

    identifier: np.ndarray
    day: np.ndarray
    customers: np.ndarray
    cause: np.ndarray


def find_shared(links: EncodedLinks, merges: Merges, limit: int | None, declared: dict[int, int]) -> Shared:
    """Shared identifiers: tied to more than `limit` user ids (None: nothing is detected), or declared (identifier -> first as-of date).

    Only a component with more than `limit` user ids can hold one, so nothing else is looked at.
    """
    found = {}
    if limit is not None and "user_id" in links.types:
        user = links.types.index("user_id")
        users = np.bincount(merges.component[links.type_of == user], minlength=len(merges.is_limited))
        is_wide = (users > limit)[merges.component] if len(users) else np.zeros(0, bool)
        if is_wide.any():
            found = _tied(links, merges, is_wide, user, limit)
    for identifier, day in declared.items():
        if identifier not in found or day <= found[identifier][0]:
            found[identifier] = (day, 0, RULE)
    rows = sorted((identifier, *row) for identifier, row in found.items())
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return Shared(*columns)


def _tied(links: EncodedLinks, merges: Merges, is_wide: np.ndarray, user: int, limit: int) -> dict[int, tuple[int, int, int]]:
    part, numbers, link_numbers = sub_links(links, np.flatnonzero(is_wide[links.row_identifier]))
    local = np.full(links.identifier_count, -1, np.int64)
    local[numbers] = np.arange(len(numbers))
    inside = np.flatnonzero(is_wide[merges.loser])
    inside = inside[np.argsort(merges.link[inside], kind="stable")]
    joined: dict[int, list[tuple[int, int]]] = {}
    links_of = np.searchsorted(link_numbers, merges.link[inside]).tolist()
    for link, loser, winner in zip(links_of, local[merges.loser[inside]].tolist(), local[merges.winner[inside]].tolist(), strict=True):
        joined.setdefault(link, []).append((loser, winner))
    ties = _Ties(part.type_of == user, limit)
    days = first_as_of(part.link_known).tolist()
    for link, identifiers in link_sets(part):
        ties.day, ties.link = days[link], link
        ties.merge(joined.get(link, ()))
        ties.see(identifiers)
    return {int(numbers[i]): (day, len(ties.users[i]), int(link_numbers[link])) for i, (day, link) in ties.shared.items()}


class _Ties:
    """Walks the links in order and keeps, per identifier, the user ids it is tied to.

    A customer without a user id remembers who was seen with it: they are tied to the first user id it comes to hold.
    """

    def __init__(self, is_user: np.ndarray, limit: int) -> None:
        self.users: dict[int, set[int]] = {}
        self.shared: dict[int, tuple[int, int]] = {}
        self.day = self.link = 0
        self._limit = limit
        self._is_user = is_user.tolist()
        self._parent = list(range(len(is_user)))
        self._user = [number if user else _NOBODY for number, user in enumerate(self._is_user)]
        self._waiting: dict[int, set[int]] = {}

    def merge(self, merges: list[tuple[int, int]] | tuple[()]) -> None:
        """What one link joins: (loser, winner) each. All of it happens at once."""
        for loser, winner in merges:
            self._parent[loser] = winner
            held = [number for number in (self._user[loser], self._user[winner]) if number != _NOBODY]
            self._user[winner] = min(held, default=_NOBODY)
            one, other = self._waiting.pop(loser, set()), self._waiting.pop(winner, set())
            larger, smaller = (one, other) if len(one) >= len(other) else (other, one)
            larger |= smaller
            if larger:
                self._waiting[winner] = larger
        for winner in {self._find(winner) for _, winner in merges}:
            if self._user[winner] != _NOBODY:
                for identifier in self._waiting.pop(winner, ()):
                    self._tie(identifier, self._user[winner])

    def see(self, identifiers: list[int]) -> None:
        """Tie the identifiers of one link to each other's customers."""
        holders = [self._find(identifier) for identifier in identifiers]
        for identifier in identifiers:
            if not self._is_user[identifier]:
                for other, holder in zip(identifiers, holders, strict=True):
                    if other == identifier:
                        continue
                    if self._user[holder] == _NOBODY:
                        self._waiting.setdefault(holder, set()).add(identifier)
                    else:
                        self._tie(identifier, self._user[holder])

    def _tie(self, identifier: int, user: int) -> None:
        users = self.users.setdefault(identifier, set())
        # What is known on the day of the excess still counts at its as-of date; after that nothing changes any more.
        if user in users or (identifier in self.shared and self.day > self.shared[identifier][0]):
            return
        users.add(user)
        if len(users) == self._limit + 1:
            self.shared[identifier] = (self.day, self.link)

    def _find(self, identifier: int) -> int:
        parent = self._parent
        while (above := parent[identifier]) != identifier:
            parent[identifier] = identifier = parent[above]
        return identifier
