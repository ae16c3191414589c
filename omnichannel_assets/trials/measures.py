"""The difference between two arms and how sure it is: the one place where an interval or a p value of a trial is made.

Here: two groups of numbers. Not here: which groups (``comparison``), how many people are needed (``power``), words (``words``).

The interval is the difference of the sample means, and 1.96 standard errors to either side; the standard error is the root of both sample variances
(divided by n - 1), each divided by the people of its arm (Neyman 1923; Imbens and Rubin 2015, section 6). It makes no use of equal variances. With few
people Student's t stands in for 1.96 (Welch 1947). A share that few people have, or few lack, gets the score interval (Newcombe 1998, method 10) and
Fisher's exact test, for there the other interval is too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NORMAL = 1.96
LARGE = 1000
"""Degrees of freedom from which Student's t is the normal distribution to three digits."""
FEW = 10
"""Fewer people than this with (or without) what is counted: the normal distribution does not hold."""
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """Treatment less control. ``error`` is its standard error; the bounds are None where two groups cannot tell it (nobody, or no variation)."""

    value: float
    error: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def error_around(self) -> float:
        """The standard error as the interval's width tells it: for a rare share nobody of whom did it, the variances say nothing."""
        return self.error if self.low is None or self.high is None else (self.high - self.low) / (2 * NORMAL)

    @property
    def error_towards_zero(self) -> float:
        """The same on the side of the interval where zero is."""
        if self.low is None or self.high is None:
            return self.error
        return (self.value - self.low if self.value > 0 else self.high - self.value) / NORMAL


def difference(treated: np.ndarray, control: np.ndarray, *, is_share: bool) -> Difference | None:
    """The difference of two groups' means; None where one of them has fewer than two people."""
    import numpy as np

    people = len(treated), len(control)
    if min(people) < 2:
        return None
    value = float(np.mean(treated) - np.mean(control))
    variances = [float(np.var(group, ddof=1)) / len(group) for group in (treated, control)]
    error = sum(variances) ** 0.5
    counted = [int(np.count_nonzero(group)) for group in (treated, control)]
    if is_share and _is_rare(counted, people):
        return Difference(value, error, *_score_interval(counted, people), _exact_p(counted, people))
    if error == 0 or min(counted) < FEW:
        return Difference(value, error, None, None, None)
    freedom = error**4 / sum(variance**2 / (number - 1) for variance, number in zip(variances, people, strict=True))
    reach = _quantile(freedom) * error
    return Difference(value, error, value - reach, value + reach, _p(value / error, freedom))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of comparisons that are read together, each as if it were the only one (Holm 1979). None smaller than it was."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = largest
    return found


def _quantile(freedom: float) -> float:
    if freedom >= LARGE:
        return NORMAL
    from scipy.stats import t

    return float(t.ppf(1 - LEVEL / 2, freedom))


def _p(ratio: float, freedom: float) -> float:
    from scipy.stats import norm, t

    return float(2 * (norm.sf(abs(ratio)) if freedom >= LARGE else t.sf(abs(ratio), freedom)))


def _is_rare(counted: Sequence[int], people: Sequence[int]) -> bool:
    return any(min(number, of - number) < FEW for number, of in zip(counted, people, strict=True))


def _score_interval(counted: Sequence[int], people: Sequence[int]) -> tuple[float, float]:
    (share, low, high), (base, base_low, base_high) = (_wilson(number, of) for number, of in zip(counted, people, strict=True))
    down = ((share - low) ** 2 + (base_high - base) ** 2) ** 0.5
    up = ((high - share) ** 2 + (base - base_low) ** 2) ** 0.5
    return share - base - down, share - base + up


def _wilson(number: int, of: int) -> tuple[float, float, float]:
    share, square = number / of, NORMAL**2
    middle = (number + square / 2) / (of + square)
    reach = NORMAL * (of * share * (1 - share) + square / 4) ** 0.5 / (of + square)
    return share, middle - reach, middle + reach


def _exact_p(counted: Sequence[int], people: Sequence[int]) -> float:
    from scipy.stats import fisher_exact

    return float(fisher_exact([[number, of - number] for number, of in zip(counted, people, strict=True)]).pvalue)
