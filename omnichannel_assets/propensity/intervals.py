"""How sure a figure is: bootstrap over customers, drawn once for all that is compared.

Here: the draws and the interval made of them. Not here: what is measured (``metrics``). A draw gives every customer a Poisson(1) weight, which
for many customers is the same as drawing them with replacement (Chamandy et al. 2012, "Estimating uncertainty for massive data streams"). A
customer has the same weight in every origin and for every judge, so differences and means over origins are of the same drawn customers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Bounds = tuple[float | None, float | None]
SEED = 20
DRAWS = 200
LEVEL = 0.95
MOST_CUSTOMERS = 10_000
"""Of more customers an even pick of so many is drawn from, and the interval made as much narrower as more customers make it."""
CELLS = 500_000
"""Weights worked on at once: so many stay in a processor's own memory."""


@dataclass(frozen=True)
class Draws:
    """Weights of some customers, the same for the same customers. ``customer_ids`` are sorted and distinct; ``of`` how many they stand for."""

    customer_ids: tuple[str, ...]
    of: int
    count: int = DRAWS
    seed: int = SEED

    @property
    def narrowing(self) -> float:
        """How much narrower an interval of all customers is than one of those that are drawn from."""
        return float((len(self.customer_ids) / self.of) ** 0.5) if self.of else 1.0

    @cached_property
    def _place(self) -> dict[str, int]:
        return {customer: place for place, customer in enumerate(self.customer_ids)}

    @cached_property
    def _weights(self) -> np.ndarray:
        """Draws x customers; a weight above 255 does not happen."""
        import numpy as np

        generators = (np.random.Generator(np.random.PCG64([self.seed, draw])) for draw in range(self.count))
        return np.stack([one.poisson(1.0, len(self.customer_ids)).astype(np.uint8) for one in generators])

    def inside(self, customer_ids: Sequence[str]) -> np.ndarray:
        """Which of some customers are drawn from."""
        import numpy as np

        return np.array([customer in self._place for customer in customer_ids], dtype=bool)

    def blocks(self, customer_ids: Sequence[str]) -> Iterator[np.ndarray]:
        """The weights of some customers that are drawn from, in their order, in blocks of draws x customers."""
        import numpy as np

        places = np.array([self._place[customer] for customer in customer_ids], dtype=int)
        size = max(1, CELLS // max(1, len(places)))
        for start in range(0, self.count, size):
            yield self._weights[start : start + size, places].astype(np.float64)


def drawn(customer_ids: Sequence[str], count: int = DRAWS, most: int = MOST_CUSTOMERS) -> Draws:
    """Draws over the customers named, in whatever order and however often they are named; over an even pick of them where they are very many."""
    distinct = sorted(set(customer_ids))
    step = -(-len(distinct) // most) if distinct else 1
    return Draws(tuple(distinct[::step]), len(distinct), count)


def interval(value: float, draws: np.ndarray, narrowing: float = 1.0, bounds: Bounds = (None, None)) -> tuple[float, float] | None:
    """The 95 % interval of a figure from its draws; None where too few of them could be measured.

    The percentiles are moved so that the draws' mean is the figure: a calibration error is larger in every draw, for chance adds to it.
    """
    import numpy as np

    known = draws[np.isfinite(draws)]
    if len(known) < 0.9 * len(draws) or not len(draws):
        return None
    low, high = value + narrowing * (np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - known.mean())
    least, most = bounds
    return float(low if least is None else max(low, least)), float(high if most is None else min(high, most))
