"""BG/NBD: how many purchases to expect of a customer, from how often and how lately they bought, by maximum likelihood.

Source: Fader, Hardie and Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model", Marketing Science 24(2),
equations 6 (likelihood) and 10 (expected purchases). While alive a customer buys at a gamma(r, alpha) distributed rate and leaves after each
purchase with a beta(a, b) distributed probability. Here: fitting and expected purchases. Not here: P(alive) as a score of churn. It is no
answer to "will they buy in the next days": who bought once and long ago is alive for certain by this model, and buys nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STARTS = ((0.0, 0.0, 0.0, 0.0), (-1.0, 2.0, 0.0, 1.0))
"""Logarithms of r, alpha, a and b to start from: the second where the first leads to a border, and the better end counts."""
BOUND = 9.0
"""Parameters stay between exp(-9) and exp(9): on customers that never come back, or never leave, the likelihood has no top."""
NODES = 128
TINY = 1e-12
"""Below this a probability of leaving is none: dividing by it would only round."""


@dataclass(frozen=True)
class Purchases:
    """Customers' histories up to now: days with a purchase after the first, weeks from the first to the last, weeks from the first to now."""

    repeats: np.ndarray
    last_weeks: np.ndarray
    weeks: np.ndarray


@dataclass(frozen=True)
class Parameters:
    """What was fitted, in weeks; ``log_likelihood`` is that of all customers."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


def log_likelihood(logs: np.ndarray, told: Purchases) -> np.ndarray:
    """The log-likelihood of each customer at the logarithms of (r, alpha, a, b)."""
    import numpy as np
    from scipy.special import betaln, gammaln

    r, alpha, a, b = np.exp(logs)
    x, last, now = told.repeats, told.last_weeks, told.weeks
    bought = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stayed = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + now)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
    return bought + np.where(x > 0, np.logaddexp(stayed, left), stayed)


def fit(told: Purchases) -> Parameters:
    """The parameters under which the customers' purchases are likeliest. Raises ValueError without a customer."""
    import numpy as np
    from scipy.optimize import minimize

    if not len(told.weeks):
        raise ValueError("no customers to fit")
    distinct, count = np.unique(np.column_stack([told.repeats, told.last_weeks, told.weeks]), axis=0, return_counts=True)
    once = Purchases(*distinct.T)

    def cost(logs: np.ndarray) -> float:
        return float(-(count * log_likelihood(logs, once)).sum() / count.sum())

    ends = []
    for start in STARTS:
        ends.append(minimize(cost, start, method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * 4, options={"ftol": 1e-11, "gtol": 1e-7}))
        if np.abs(ends[-1].x).max() < BOUND - 1:
            break
    best = min(ends, key=lambda end: end.fun)
    r, alpha, a, b = (float(value) for value in np.exp(best.x))
    return Parameters(r, alpha, a, b, float(-best.fun * count.sum()))


def expected_purchases(found: Parameters, told: Purchases, weeks: float) -> np.ndarray:
    """Purchases of each customer to expect in the next ``weeks``.

    Equation 10 before its integral is written as a hypergeometric function, which overflows or divides by zero for some parameters: the mean
    over who leaves how easily, beta(a, b + repeats), taken at even quantiles of it. Nothing in it grows without bound.
    """
    import numpy as np
    from scipy.special import betaincinv, expit

    r, alpha, a, b = found.r, found.alpha, found.a, found.b
    x, until = told.repeats, alpha + told.weeks
    nodes, share = np.polynomial.legendre.leggauss(NODES)
    bought = np.zeros(len(x))
    for repeats in np.unique(x):
        those = x == repeats
        leaves = np.maximum(betaincinv(a, b + repeats, (nodes + 1) / 2), TINY)
        per_leaving = -np.expm1(-(r + repeats) * np.log1p(np.outer(weeks / until[those], leaves))) / leaves
        bought[those] = (per_leaving * share).sum(axis=1) / 2
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * (np.log(until) - np.log(alpha + told.last_weeks))
    return bought * np.where(x > 0, expit(-left), 1.0)
