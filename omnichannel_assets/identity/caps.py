"""How large one customer may grow: counts of identifiers and of merges, and what a link that would exceed a cap still joins.

Here: the caps of specs/segment.md 5.4 during the replay. Not here: limits per identifier type, and the replay itself (merging).
A merge joins two customers that both existed before the link; an identifier that the link itself brings joins without one.
"""

import numpy as np

from omnichannel_assets.identity.links import EncodedLinks
from omnichannel_assets.identity.rules import Caps

_NO_CAP = 2**62


class CustomerSizes:
    """Per customer (its oldest identifier's number) how many identifiers it holds and how often it has merged."""

    def __init__(self, links: EncodedLinks, caps: Caps) -> None:
        self._most_identifiers = caps.identifiers or _NO_CAP
        self._most_merges = _NO_CAP if caps.merges is None else caps.merges
        self._first_link = links.first_link
        self._size: dict[int, int] = {}
        self._merges: dict[int, int] = {}

    def longest_fitting(self, customers: list[int], link: int) -> list[int]:
        """The customers that stay when a link's identifiers are dropped from the end until no cap is exceeded.

        Counts only grow as customers are added, so walking forward to the first excess finds the same set in one pass.
        """
        size, merges, existed = 0, 0, 0
        for position, customer in enumerate(customers):
            size += self._size.get(customer, 1)
            existed += self._existed(customer, link)
            merges += self._merges.get(customer, 0)
            # One customer alone always fits: it did when it was committed.
            if position and (size > self._most_identifiers or merges + max(existed - 1, 0) > self._most_merges):
                return customers[:position]
        return customers

    def join(self, customers: list[int], winner: int, link: int) -> None:
        """Count these customers as one, under `winner`."""
        existed = sum(self._existed(customer, link) for customer in customers)
        size = sum(self._size.pop(customer, 1) for customer in customers)
        merges = sum(self._merges.pop(customer, 0) for customer in customers)
        self._size[winner] = size
        self._merges[winner] = merges + max(existed - 1, 0)

    def _existed(self, customer: int, link: int) -> bool:
        return self._most_merges != _NO_CAP and bool(self._first_link[customer] < link)


def may_exceed_caps(caps: Caps, component: np.ndarray) -> np.ndarray:
    """[components] True where a customer could reach a cap: n identifiers hold n identifiers and merge n - 1 times at most."""
    sizes = np.bincount(component, minlength=component.max(initial=-1) + 1)
    harmless = min(caps.identifiers or _NO_CAP, _NO_CAP if caps.merges is None else caps.merges + 1)
    return sizes > harmless
