"""What is measured of forecast amounts, for weighted customers as in ``metrics``: how near, how much in total, and whether the order is right.

Here: pure functions of amounts, forecasts and weights. Not here: shares and their ranking (``metrics``), who forecasts (``baselines``). Amounts
have many zeros and a long tail: half of the customers may spend nothing, so a forecast of 0 for everybody can have the smallest mean absolute
error. It is read beside the total and the Gini coefficient, which such a forecast fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnichannel_assets.propensity.metrics import Measures, Ranked, decile_table, lift

if TYPE_CHECKING:
    import numpy as np

TOP = 0.1
BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "mean_absolute_error": (0.0, None),
    "total_ratio": (0.0, None),
    "top_tenth_share": (0.0, 1.0),
    "gini": (-1.0, 1.0),
}
"""The main metrics, which get an interval, and between what they lie."""


def main_metrics(found: Ranked, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The main metrics of each draw. ``weights``: draws x customers in their order before ranking. NaN where nobody with weight spent anything.

    ``total_ratio`` is forecast over actual total; ``top_tenth_share`` the share of the actual total spent by the tenth with the largest
    forecasts; ``gini`` as in ``_gini``. Customers with one forecast count as in any order: of everybody's mean the tenth has a tenth.
    """
    import numpy as np

    weights = weights[:, found.order]
    spent = (weights * found.answers).sum(axis=1)
    best = np.argsort(-found.answers, kind="stable")
    until, total = _steps(found.scores, weights, found.answers)
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = {
            "mean_absolute_error": (weights * np.abs(found.scores - found.answers)).sum(axis=1) / weights.sum(axis=1),
            "total_ratio": (weights * found.scores).sum(axis=1) / spent,
            "top_tenth_share": TOP * lift(until, total, TOP),
            "gini": _gini(until, total) / _gini(*_steps(found.answers[best], weights[:, best], found.answers[best])),
        }
    return {name: np.where(spent <= 0, np.nan, values) for name, values in measured.items()}


def _steps(scores: np.ndarray, weights: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight, and amount, of everybody down to each score, the highest first; customers of one score are one step."""
    import numpy as np

    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    return weights.cumsum(axis=1)[:, ends], (weights * amounts).cumsum(axis=1)[:, ends]


def _gini(until: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Twice the area between the curve of amount by customers, largest forecast first, and the diagonal.

    Divided by that of the best order possible, the amounts' own, it is the normalised Gini coefficient: 1 for the best order, 0 for chance.
    """
    import numpy as np

    customers, amount = (np.pad(sums, ((0, 0), (1, 0))) / sums[:, -1:] for sums in (until, total))
    return (np.diff(customers, axis=1) * (amount[:, 1:] + amount[:, :-1])).sum(axis=1) - 1


def counts(found: Ranked) -> dict[str, float]:
    """Customers judged, how many of them spent anything, what they spent together, and what was forecast."""
    totals = {"actual_total": float(found.answers.sum()), "forecast_total": float(found.scores.sum())}
    return {"customers": float(len(found.answers)), "actual_count": float((found.answers > 0).sum()), **totals}


OF_AMOUNTS = Measures(main_metrics, counts, decile_table, ("gini", "mean_absolute_error"))
"""Amounts: of each tenth the mean forecast and the mean amount, ``decile_01_predicted`` and ``_observed``."""
