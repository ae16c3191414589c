"""How a model learns: gradient-boosted trees on earlier cut-offs, probabilities calibrated on the latest closed one, or a refusal in words.

Examples come as an Arrow table with a column ``cutoff``, the features and the labels; a label is NULL where its horizon is not closed.
One thread and a fixed seed: the same examples give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.tasks import Task

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import xgboost as xgb

NEEDED = 50
"""Examples with the label, and without it, that the trees need."""
NEEDED_TO_CALIBRATE = 30
"""The same at the cut-off that calibrates; with fewer the trees' own probabilities are kept."""
NEEDED_CUTOFFS = 2
TREES = 250
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 20,
    "seed": 20,
    "nthread": 1,
}


@dataclass(frozen=True)
class Calibration:
    """Probability = 1 / (1 + exp(-(slope * margin + intercept)))."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True)
class Model:
    """A version of a model, or why there is none (``refusal``). ``examples`` and ``positives`` count all closed cut-offs."""

    task: Task
    features: tuple[str, ...]
    cutoffs: tuple[date, ...] = ()
    calibrated_on: date | None = None
    examples: int = 0
    positives: int = 0
    calibration: Calibration = Calibration()
    booster: str | None = None
    refusal: str | None = None


def matrix(rows: pa.Table, features: Sequence[str]) -> np.ndarray:
    """Features as the trees read them: numbers, with NaN for NULL."""
    import numpy as np
    import pyarrow as pa

    columns = [rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in features]
    return np.column_stack(columns) if columns else np.empty((rows.num_rows, 0))


def train(task: Task, examples: pa.Table, features: Sequence[str], *, known_until: date | None = None) -> Model:
    """Learn one task. ``known_until`` leaves out cut-offs whose horizon had not passed by that day, as if it were then."""
    labelled = _labelled(task, examples, known_until)
    days = sorted(set(labelled.column("cutoff").to_pylist()))
    answers = labelled.column(task.label).to_numpy(zero_copy_only=False).astype(bool)
    count, positives = len(answers), int(answers.sum())
    if len(days) < NEEDED_CUTOFFS:
        text = (
            f"{task.title} cannot be learned yet: {len(days)} of the {NEEDED_CUTOFFS} needed cut-offs "
            f"{'has' if len(days) == 1 else 'have'} {task.subject} and a closed horizon of {task.horizon_days} days."
        )
        return Model(task, tuple(features), tuple(days), None, count, positives, refusal=text)
    import numpy as np

    is_last = np.array([day == days[-1] for day in labelled.column("cutoff").to_pylist()])
    refusal = _too_few(task, answers[~is_last], len(days) - 1)
    if refusal:
        return Model(task, tuple(features), tuple(days[:-1]), None, count, positives, refusal=refusal)
    inputs = matrix(labelled, features)
    booster = _grow(inputs[~is_last], answers[~is_last], features)
    calibration = calibrate(margins(booster, inputs[is_last], features), answers[is_last])
    return Model(task, tuple(features), tuple(days[:-1]), days[-1], count, positives, calibration, booster)


def _labelled(task: Task, examples: pa.Table, known_until: date | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = examples.filter(pc.is_valid(examples.column(task.label))).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])
    if known_until is None:
        return kept
    days = calendar.closed(set(kept.column("cutoff").to_pylist()), task.horizon_days, known_until)
    return kept.filter(pc.is_in(kept.column("cutoff"), pa.array(days, pa.date32())))


def _too_few(task: Task, answers: np.ndarray, cutoffs: int) -> str | None:
    """Why the trees cannot be grown, or None."""
    positives = int(answers.sum())
    for found, happened in ((positives, task.happened), (len(answers) - positives, task.did_not)):
        if found < NEEDED:
            where = "the earlier cut-off" if cutoffs == 1 else f"the {cutoffs} earlier cut-offs"
            return f"{task.title} cannot be learned yet: {found} of the {NEEDED} needed {task.subject} {happened} at {where}."
    return None


def _grow(inputs: np.ndarray, answers: np.ndarray, features: Sequence[str]) -> str:
    import xgboost as xgb  # deferred: a second to import

    grown = xgb.train(PARAMETERS, xgb.DMatrix(inputs, answers.astype(float), feature_names=list(features), nthread=1), TREES)
    return bytes(grown.save_raw("json")).decode("utf-8")


def margins(booster: str, inputs: np.ndarray, features: Sequence[str]) -> np.ndarray:
    """What the trees say before calibration, as log-odds."""
    import xgboost as xgb

    return opened(booster).predict(xgb.DMatrix(inputs, feature_names=list(features), nthread=1), output_margin=True).astype(float)


def opened(booster: str) -> xgb.Booster:
    """The trees of a stored version."""
    import xgboost as xgb

    found = xgb.Booster({"nthread": 1})
    found.load_model(bytearray(booster.encode("utf-8")))
    return found


def calibrate(margin: np.ndarray, answers: np.ndarray) -> Calibration:
    """Platt scaling on a later cut-off. With few of one class the trees' own probabilities stay; a slope that would turn the ranking
    around is never used: then only the level is corrected.
    """
    positives = int(answers.sum())
    if min(positives, len(answers) - positives) < NEEDED_TO_CALIBRATE:
        return Calibration()
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, tol=1e-10, max_iter=500, solver="newton-cholesky").fit(margin.reshape(-1, 1), answers)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        slope, intercept = 1.0, _level(margin, positives / len(answers))
    return Calibration(round(slope, 9), round(intercept, 9))


def _level(margin: np.ndarray, rate: float) -> float:
    """The shift of all log-odds that makes the mean probability a rate."""
    from scipy.optimize import brentq

    return float(brentq(lambda shift: float(probabilities(margin, Calibration(1.0, shift)).mean()) - rate, -50.0, 50.0))


def probabilities(margin: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Calibrated probabilities of some margins."""
    from scipy.special import expit

    return expit(calibration.slope * margin + calibration.intercept)
