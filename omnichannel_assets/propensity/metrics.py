"""What is measured of a ranking or of probabilities, for weighted customers: one weight each for the figure, many draws of weights for its interval.

Here: pure functions of answers, a score and weights. Not here: amounts (``amounts``), who judges (``baselines``, ``bgnbd``, ``training``), draws
and intervals (``intervals``). A score that is no probability only ranks: it has no log loss, Brier score, calibration error or forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

PARTS = (5, 10, 20)
DECILES = 10
ROC_STEPS = 20
CERTAIN = 1e-6
"""Probabilities nearer to 0 or 1 than this count as this near: one sure mistake must not make the log loss infinite."""
BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "auc": (0.0, 1.0),
    "average_precision": (0.0, 1.0),
    "brier": (0.0, 1.0),
    "log_loss": (0.0, None),
    "calibration_error": (0.0, 1.0),
    **{f"lift_at_{part}_percent": (0.0, None) for part in PARTS},
}
"""The main metrics, which get an interval, and between what they lie."""


@dataclass(frozen=True)
class Measures:
    """What is measured of one kind of answers.

    ``main`` gets an interval, ``counts`` do not; ``shapes`` are for pictures, and measured of everybody only. By ``leads`` the
    model is held against each of the other judges; the first of them is the headline.
    """

    main: Callable[[Ranked, np.ndarray], dict[str, np.ndarray]]
    counts: Callable[[Ranked], dict[str, float]]
    shapes: Callable[[Ranked], dict[str, float]]
    leads: tuple[str, ...]


@dataclass(frozen=True)
class Ranked:
    """Customers in the order of their score, the highest first, equal scores by customer id."""

    answers: np.ndarray
    scores: np.ndarray
    is_forecast: bool
    order: np.ndarray
    """The place each of them had before ranking."""


def ranked(answers: np.ndarray, scores: np.ndarray, customer_ids: Sequence[str], *, is_forecast: bool) -> Ranked:
    """Put customers in order."""
    import numpy as np

    order = np.lexsort((np.array(customer_ids, dtype=str), -scores))
    return Ranked(answers[order].astype(np.float64), scores[order].astype(np.float64), is_forecast, order)


def main_metrics(found: Ranked, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The main metrics of each draw. ``weights``: draws x customers in their order before ranking. NaN where only one answer has weight."""
    import numpy as np

    weights = weights[:, found.order]
    until, hits = weights.cumsum(axis=1), (weights * found.answers).cumsum(axis=1)
    total, happened = until[:, -1], hits[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = _rank_metrics(found.scores, until, hits)
        measured |= {f"lift_at_{part}_percent": lift(until, hits, part / 100) for part in PARTS}
        if found.is_forecast:
            sure = np.clip(found.scores, CERTAIN, 1 - CERTAIN)
            losses = -(found.answers * np.log(sure) + (1 - found.answers) * np.log(1 - sure))
            measured["log_loss"] = (weights * losses).sum(axis=1) / total
            measured["brier"] = (weights * (found.scores - found.answers) ** 2).sum(axis=1) / total
            measured["calibration_error"] = _calibration_error(found, weights) / total
    one_sided = (happened <= 0) | (happened >= total)
    return {name: np.where(one_sided, np.nan, values) for name, values in measured.items()}


def _rank_metrics(scores: np.ndarray, until: np.ndarray, hits: np.ndarray) -> dict[str, np.ndarray]:
    """Area under the ROC curve and average precision, with customers of one score as one step of the curve.

    ``until`` and ``hits``: weight, and weight with the label, of everybody up to each place.
    """
    import numpy as np

    steps = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    if len(steps) < len(scores):
        until, hits = until[:, steps], hits[:, steps]
    gained = np.diff(hits, axis=1, prepend=0.0)
    misses = until - hits
    before = np.concatenate([np.zeros((len(misses), 1)), misses[:, :-1]], axis=1)
    below = misses[:, -1:] - (misses + before) / 2
    precision = np.divide(hits, until, out=np.zeros_like(hits), where=until > 0)
    happened = hits[:, -1]
    return {
        "auc": np.einsum("dc,dc->d", gained, below) / (happened * misses[:, -1]),
        "average_precision": np.einsum("dc,dc->d", gained, precision) / happened,
    }


def lift(until: np.ndarray, hits: np.ndarray, share: float) -> np.ndarray:
    """How often the label comes in the first share of the ranking, over how often it comes at all; a customer on the border counts in part.

    ``until`` and ``hits`` as in ``_rank_metrics``; of amounts ``hits`` is money.
    """
    import numpy as np

    wanted = share * until[:, -1]
    whole = (until <= wanted[:, None]).sum(axis=1)
    draws = np.arange(len(until))
    before = [np.where(whole > 0, sums[draws, whole - 1], 0.0) for sums in (until, hits)]
    border = np.minimum(whole, until.shape[1] - 1)
    rest, gained = until[draws, border] - before[0], hits[draws, border] - before[1]
    part = np.divide(wanted - before[0], rest, out=np.zeros_like(rest), where=rest > 0)
    return (before[1] + part * gained) / share / hits[:, -1]


def _tenths(length: int) -> list[slice]:
    cuts = [part * length // DECILES for part in range(DECILES + 1)]
    return [slice(start, end) for start, end in pairwise(cuts) if end > start]


def _calibration_error(found: Ranked, weights: np.ndarray) -> np.ndarray:
    """Distance between predicted and observed shares of ten groups of equal size, summed over everybody."""
    import numpy as np

    gaps = weights * (found.scores - found.answers)
    return np.abs(np.add.reduceat(gaps, [part.start for part in _tenths(len(found.answers))], axis=1)).sum(axis=1)


def decile_table(found: Ranked) -> dict[str, float]:
    """Ten groups of equal size, 01 with the highest scores: predicted and observed share, customers and lift, as ``decile_01_observed``."""
    rate = found.answers.mean()
    rows: dict[str, float] = {}
    for number, part in enumerate(_tenths(len(found.answers)), start=1):
        name = f"decile_{number:02}"
        if found.is_forecast:
            rows[f"{name}_predicted"] = float(found.scores[part].mean())
        observed = float(found.answers[part].mean())
        rows |= {f"{name}_observed": observed, f"{name}_customers": float(part.stop - part.start), f"{name}_lift": observed / rate}
    return rows


def roc_points(found: Ranked) -> dict[str, float]:
    """The ROC curve at every twentieth of those without the label: ``roc_03`` is the share of those with it ranked above 15 % of the others."""
    import numpy as np

    starts = np.flatnonzero(np.concatenate([[True], np.diff(found.scores) != 0]))
    hits = np.add.reduceat(found.answers, starts).cumsum()
    misses = np.add.reduceat(1 - found.answers, starts).cumsum()
    if not hits[-1] or not misses[-1]:
        return {}
    places = np.arange(1, ROC_STEPS) / ROC_STEPS
    curve = np.interp(places, np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1]))
    return {f"roc_{number:02}": float(share) for number, share in enumerate(curve, start=1)}


def counts(found: Ranked) -> dict[str, float]:
    """Customers judged, how many of them had the label, and how many were forecast."""
    rows = {"customers": float(len(found.answers)), "actual_count": float(found.answers.sum())}
    return rows | ({"forecast_count": float(found.scores.sum())} if found.is_forecast else {})


OF_PROBABILITIES = Measures(main_metrics, counts, lambda found: decile_table(found) | roc_points(found), ("auc",))
"""Answers that are yes or no."""
