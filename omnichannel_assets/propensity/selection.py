"""Which inputs a model reads: those that hold on later cut-offs, if leaving out the others holds too.

The worth of an input is how much the loss on a later cut-off rises when its values are dealt out anew among the customers there. Inputs are
chosen on the earlier folds and confirmed on the newest, which had no say in the choice: unless the trees do as well without the others
there and on each earlier fold, every input stays. Not here: folds (``validation``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.trees import Parameters
from omnichannel_assets.propensity.validation import Course, Fold, HeldOut, levelled_loss

if TYPE_CHECKING:
    import numpy as np
    import xgboost as xgb

MOST_FOLDS = 4
"""The newest folds: the last confirms, the others choose."""
LEAST_KEPT = 2
LEAST_SHARE = 0.01
"""Of all worth, what one input must have to be more than noise."""


@dataclass(frozen=True)
class Worth:
    """One input: mean rise of the loss without it over the choosing folds, on how many of them it rose, and whether it is read."""

    feature: str
    worth: float
    held_on: int
    kept: bool


@dataclass(frozen=True)
class Selection:
    """What was measured of every input, the most worth first, and in words what followed."""

    worths: tuple[Worth, ...] = ()
    words: str = "all inputs are read: too few later cut-offs to choose on some and confirm on another"


NOT_SELECTED = Selection()
"""Where there is too little to choose by."""


def select(courses: Sequence[Course], parameters: Parameters, terms: Terms, plain: Sequence[HeldOut]) -> tuple[Selection, list[HeldOut]]:
    """What to read, and what trees that read it say of every fold. ``plain`` is what trees that read everything say."""
    import numpy as np

    used = list(courses)[-MOST_FOLDS:]
    if len(used) < 2:
        return NOT_SELECTED, list(plain)
    features, choosing, seen = used[0].fold.later.features, used[:-1], list(plain)[-len(used) :]
    measured = np.array([worth_on(course.fold, told.trees, terms) for course, told in zip(choosing, seen, strict=False)])
    worth, held_on = measured.mean(axis=0), (measured > 0).sum(axis=0)
    before, shorter = _losses(seen), []
    for holds in candidates(worth, held_on, len(choosing)):
        reads = [name for name, chosen in zip(features, holds, strict=True) if chosen]
        if LEAST_KEPT <= len(reads) < len(features):
            told = [_reading(course.fold, reads, terms).held_out(parameters) for course in choosing]
            shorter.append((_losses(told), reads, told))
    told, kept, words = list(plain), set(features), "all inputs are read: no choice of them does as well"
    if shorter:
        losses, reads, fewer = min(shorter, key=lambda found: (float(np.mean(found[0])), len(found[1])))
        newest = _reading(used[-1].fold, reads, terms).held_out(parameters)
        after = _losses([newest])[0]
        words = f"{len(reads)} of {len(features)} hold on {len(choosing)} later cut-offs; on the newest the loss is {before[-1]:.4f} with all, {after:.4f} with those"
        if all(short <= full for short, full in zip([*losses, after], before, strict=True)):
            rest = [_reading(course.fold, reads, terms).held_out(parameters) for course in courses[: -len(used)]]
            told, kept, words = [*rest, *fewer, newest], set(reads), f"those that hold are read: {words}"
        else:
            words = f"all inputs are read: {words}"
    rows = [Worth(name, round(float(w), 9), int(on), name in kept) for name, w, on in zip(features, worth, held_on, strict=True)]
    return Selection(tuple(sorted(rows, key=lambda row: (-row.worth, row.feature))), words), told


def candidates(worth: np.ndarray, held_on: np.ndarray, cutoffs: int) -> list[np.ndarray]:
    """Which inputs might do alone: those that hold on most cut-offs, and those that hold on all and are worth more than noise."""
    enough = LEAST_SHARE * worth.clip(min=0).sum()
    return [(worth > 0) & (held_on * 2 > cutoffs), (worth > enough) & (held_on == cutoffs)]


def _reading(fold: Fold, features: Sequence[str], terms: Terms) -> Course:
    return Course(Fold(fold.day, fold.earlier.reading(features), fold.later.reading(features)), terms)


def _losses(held_out: Sequence[HeldOut]) -> list[float]:
    return [levelled_loss(each.margin, each.answers, each.target) for each in held_out]


def worth_on(fold: Fold, trees: xgb.Booster, terms: Terms) -> np.ndarray:
    """How much the loss on the later cut-off rises when one input at a time is dealt out anew; 0 for an input that no tree asks about."""
    import numpy as np
    from numpy.random import default_rng

    rows = fold.later
    order = default_rng(terms.seed).permutation(len(rows.answers))

    def loss(inputs: np.ndarray) -> float:
        told = trees.inplace_predict(inputs, predict_type="margin", validate_features=False).astype(float)
        return levelled_loss(told, rows.answers, rows.target)

    usual = loss(rows.inputs)
    asked = set(trees.get_score(importance_type="weight"))
    rises = np.zeros(len(rows.features))
    for index, name in enumerate(rows.features):
        if name in asked:
            dealt = rows.inputs.copy()
            dealt[:, index] = dealt[order, index]
            rises[index] = loss(dealt) - usual
    return rises
