"""Later cut-offs inside the training cut-offs: what a version of back then would have said, and how wrong it was.

A fold is a later cut-off with the cut-offs whose horizon had passed by it. Everything that is chosen while learning (parameters, number of
trees, inputs, calibration) is chosen by folds. All but the calibration is chosen with the level of each later cut-off set right first: a
season that moves everybody says nothing about which trees tell customers apart. Not here: how the procedure is judged (``evaluation``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.trees import MOST_TREES, PATIENCE, TWEEDIE_POWER, Parameters, Rows, Target, options, packed

if TYPE_CHECKING:
    import numpy as np
    import xgboost as xgb

MOST_FOLDS = 6
MOST_EARLIER, MOST_LATER = 15_000, 10_000
"""Examples drawn for the two sides of a fold: enough to choose by, and a large shop does not wait for its choices."""
AS_GOOD = 1.001
LEVEL_STEPS = 4
"""Newton's steps to the level of a cut-off."""
LEAST_OF_A_CLASS = 30
"""Examples with the label, and without it, on both sides of a fold; with fewer it says more about chance than about the model."""


@dataclass(frozen=True)
class Fold:
    """One later cut-off (``day``, days since 1970): the rows known before it, and its own."""

    day: int
    earlier: Rows
    later: Rows


@dataclass(frozen=True)
class HeldOut:
    """What ``trees`` that had not seen a cut-off say of it: margins, and what happened."""

    day: int
    margin: np.ndarray
    answers: np.ndarray
    target: Target = "probability"
    trees: xgb.Booster | None = None


def folds(rows: Rows, horizon_days: int, terms: Terms) -> list[Fold]:
    """The newest cut-offs that can be held against what was known by them, oldest first."""
    import numpy as np

    found = []
    for day in np.unique(rows.days)[::-1].tolist():
        earlier, later = rows.only(rows.days + horizon_days <= day), rows.only(rows.days == day)
        if tells(earlier) and tells(later) and len(found) < MOST_FOLDS:
            found.append(Fold(day, _drawn(earlier, MOST_EARLIER, terms), _drawn(later, MOST_LATER, terms)))
    return found[::-1]


def _drawn(rows: Rows, most: int, terms: Terms) -> Rows:
    """At most so many of the rows, drawn by the seed, in their order."""
    import numpy as np
    from numpy.random import default_rng

    if len(rows.answers) <= most:
        return rows
    chosen = np.zeros(len(rows.answers), dtype=bool)
    chosen[default_rng(terms.seed).permutation(len(rows.answers))[:most]] = True
    return rows.only(chosen)


def tells(rows: Rows) -> bool:
    """Whether there are enough with the label, and without it."""
    positives = int((rows.answers > 0).sum())
    return min(positives, len(rows.answers) - positives) >= LEAST_OF_A_CLASS


class Course:
    """A fold ready to be learned many times: its matrices are made once."""

    def __init__(self, fold: Fold, terms: Terms):
        self.fold, self.terms = fold, terms
        self.earlier, self.later = packed(fold.earlier, terms), packed(fold.later, terms)

    def losses(self, parameters: Parameters) -> list[float]:
        """Mean loss on the later cut-off after 1, 2, ... trees, its level set right, until the loss has long stopped falling."""
        import xgboost as xgb

        told: dict[str, dict[str, list[float]]] = {}
        later = self.fold.later

        def levelled(predicted: np.ndarray, _: xgb.DMatrix) -> tuple[str, float]:
            return "levelled", levelled_loss(margin_of(predicted, later.target), later.answers, later.target)

        xgb.train(
            options(parameters, self.fold.earlier, self.terms) | {"disable_default_eval_metric": True},
            self.earlier,
            MOST_TREES,
            evals=[(self.later, "later")],
            custom_metric=levelled,
            evals_result=told,
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        return told["later"]["levelled"]

    def held_out(self, parameters: Parameters) -> HeldOut:
        """What the trees of back then said of the later cut-off."""
        import xgboost as xgb

        trees = xgb.train(options(parameters, self.fold.earlier, self.terms), self.earlier, parameters.trees)
        return HeldOut(self.fold.day, trees.predict(self.later, output_margin=True).astype(float), self.fold.later.answers, self.fold.later.target, trees)


def best_length(courses: Sequence[Sequence[float]]) -> tuple[int, float]:
    """How many trees had the smallest mean loss over some folds, and that loss. A fold that stopped early stays at its last loss.

    Of lengths that are as good (``AS_GOOD``) the longest: more trees tell the level better, which the loss does not see.
    """
    import numpy as np

    longest = max(len(course) for course in courses)
    mean = np.mean([np.pad(np.asarray(course), (0, longest - len(course)), mode="edge") for course in courses], axis=0)
    return int(np.flatnonzero(mean <= mean.min() * AS_GOOD)[-1]) + 1, float(mean.min())


def losses_of(margin: np.ndarray, answers: np.ndarray, target: Target = "probability") -> np.ndarray:
    """The loss of each customer: negative log-likelihood of a probability, Tweedie deviance (up to a constant) of an amount."""
    import numpy as np

    if target == "probability":
        return np.logaddexp(0.0, margin) - answers * margin
    return np.exp((2 - TWEEDIE_POWER) * margin) / (2 - TWEEDIE_POWER) - answers * np.exp((1 - TWEEDIE_POWER) * margin) / (1 - TWEEDIE_POWER)


def margin_of(predicted: np.ndarray, target: Target) -> np.ndarray:
    """The margin behind what XGBoost predicts."""
    import numpy as np
    from scipy.special import logit

    return logit(predicted.astype(float)) if target == "probability" else np.log(predicted.astype(float))


def levelled_loss(margin: np.ndarray, answers: np.ndarray, target: Target) -> float:
    """Mean loss after the shift of all margins that makes it smallest."""
    import numpy as np

    if target == "amount":
        shift = np.log(max((answers * np.exp((1 - TWEEDIE_POWER) * margin)).sum(), 1e-12) / np.exp((2 - TWEEDIE_POWER) * margin).sum())
        return float(losses_of(margin + shift, answers, target).mean())
    from scipy.special import expit

    shift, wanted = 0.0, answers.mean()
    for _ in range(LEVEL_STEPS):
        rates = expit(margin + shift)
        shift += float(np.clip((wanted - rates.mean()) / max((rates * (1 - rates)).mean(), 1e-6), -2.0, 2.0))
    return float(losses_of(margin + shift, answers, target).mean())
