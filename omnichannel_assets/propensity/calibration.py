"""From what trees say to probabilities: none, level, Platt or isotonic, whichever held on later cut-offs.

Everything is learned from held-out margins of several cut-offs, never from the rows the trees grew on. Leaving the probabilities alone is
the default: another way is taken only where, learned before a later cut-off, it lowered the loss there, over several of them and by more
than noise. One closed month says little about the next season. Every way keeps the order of the customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.validation import LEAST_OF_A_CLASS, HeldOut, losses_of

if TYPE_CHECKING:
    import numpy as np

LEAST_COMPARISONS = 3
"""Horizons, one after the other, over which a way must have been held against leaving the probabilities alone: what happens in overlapping
ones is the same season, told twice."""
NEWEST = 3
SHRUNK = 0.5
"""How far the level follows the newest cut-offs; the rest stays at the long-run rate that the trees have learned."""
LEAST_FOR_ISOTONIC = 200
"""Examples of each class: steps follow the noise of fewer."""
EDGE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """Log-odds = slope * margin + intercept; with ``knots`` the line through these points instead, going on beyond them with slope 1."""

    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()


AS_IT_IS = Calibration()
"""The trees' own probabilities."""


@dataclass(frozen=True)
class Way:
    """One way to calibrate and how it held: mean gain in loss over leaving alone on some later cut-offs, and its standard error. Both None
    where the cut-offs span too few horizons to tell.
    """

    name: str
    cutoffs: int
    gain: float | None = None
    error: float | None = None


def log_odds(margin: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Calibrated log-odds of some margins."""
    import numpy as np

    if not calibration.knots:
        return calibration.slope * margin + calibration.intercept
    at, told = np.array(calibration.knots).T
    return np.interp(margin, at, told) + np.minimum(margin - at[0], 0) + np.maximum(margin - at[-1], 0)


def probabilities(margin: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Calibrated probabilities of some margins."""
    from scipy.special import expit

    return expit(log_odds(margin, calibration))


def choose(held_out: Sequence[HeldOut], horizon_days: int) -> tuple[str, Calibration, tuple[Way, ...]]:
    """The way that held best on later cut-offs, learned from all of them, and how each way held."""
    tried = tuple(_held(name, held_out, horizon_days) for name in WAYS)
    won = [way for way in tried if way.gain is not None and way.error is not None and way.gain > way.error]
    best = max(won, key=lambda way: way.gain or 0.0, default=None)
    found = WAYS[best.name](held_out) if best else None
    return (best.name, found, tried) if best and found else ("none", Calibration(), tried)


def totalled(margin: np.ndarray, amounts: np.ndarray) -> Calibration:
    """The shift that makes expected amounts add up to the actual ones where the trees grew; shrunk leaves of a long tail add up to less."""
    import numpy as np

    return Calibration(1.0, round(float(np.log(amounts.sum() / np.exp(margin).sum())), 9))


def _held(name: str, held_out: Sequence[HeldOut], horizon_days: int) -> Way:
    """How one way did on each later cut-off, learned from those that were closed by it."""
    import numpy as np

    gains, days = [], []
    for later in held_out:
        earlier = [each for each in held_out if each.day + horizon_days <= later.day]
        found = WAYS[name](earlier) if earlier else None
        if found:
            plain, told = (losses_of(margin, later.answers).mean() for margin in (later.margin, log_odds(later.margin, found)))
            gains.append(float(plain - told))
            days.append(later.day)
    horizons = min(len(days), (days[-1] - days[0]) / horizon_days + 1) if days else 0
    if horizons < LEAST_COMPARISONS:
        return Way(name, len(gains))
    return Way(name, len(gains), round(float(np.mean(gains)), 9), round(float(np.std(gains, ddof=1) / np.sqrt(horizons)), 9))


def _pooled(held_out: Sequence[HeldOut]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    return np.concatenate([each.margin for each in held_out]), np.concatenate([each.answers for each in held_out])


def level(held_out: Sequence[HeldOut]) -> Calibration:
    """Part of the way to the rate of the newest cut-offs."""
    shifts = [_shift(each.margin, float(each.answers.mean())) for each in held_out[-NEWEST:]]
    return Calibration(1.0, round(SHRUNK * sum(shifts) / len(shifts), 9))


def platt(held_out: Sequence[HeldOut]) -> Calibration:
    """A line over all cut-offs."""
    return fitted_line(*_pooled(held_out))


def fitted_line(margin: np.ndarray, answers: np.ndarray) -> Calibration:
    """Platt scaling. With few of one class the trees' own probabilities stay; a slope that would turn the ranking around is never used: then
    only the level is corrected.
    """
    positives = int(answers.sum())
    if min(positives, len(answers) - positives) < LEAST_OF_A_CLASS:
        return Calibration()
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, tol=1e-10, max_iter=500, solver="newton-cholesky").fit(margin.reshape(-1, 1), answers.astype(bool))
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        slope, intercept = 1.0, _shift(margin, positives / len(answers))
    return Calibration(round(slope, 9), round(intercept, 9))


def isotonic(held_out: Sequence[HeldOut]) -> Calibration | None:
    """Rising steps over all cut-offs, joined by lines between their middles so that no two customers become equal; None with little data."""
    import numpy as np
    from scipy.special import logit
    from sklearn.isotonic import IsotonicRegression

    margin, answers = _pooled(held_out)
    positives = int(answers.sum())
    if min(positives, len(answers) - positives) < LEAST_FOR_ISOTONIC:
        return None
    steps = IsotonicRegression(y_min=EDGE, y_max=1 - EDGE).fit_transform(margin, answers)
    heights, place, sizes = np.unique(steps, return_inverse=True, return_counts=True)
    middles = np.bincount(place, weights=margin) / sizes
    return Calibration(knots=tuple((round(float(at), 9), round(float(told), 9)) for at, told in zip(middles, logit(heights), strict=True)))


def _shift(margin: np.ndarray, rate: float) -> float:
    """The shift of all log-odds that makes the mean probability a rate."""
    from scipy.optimize import brentq
    from scipy.special import expit

    bounded = min(max(rate, EDGE), 1 - EDGE)
    return float(brentq(lambda shift: float(expit(margin + shift).mean()) - bounded, -50.0, 50.0))


WAYS: dict[str, Callable[[Sequence[HeldOut]], Calibration | None]] = {"level": level, "platt": platt, "isotonic": isotonic}
"""Ways besides leaving alone, each learned from held-out cut-offs, oldest first."""
