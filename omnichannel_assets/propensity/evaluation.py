"""How good a model is: the same procedure one cut-off earlier, judged on the last closed cut-off beside recency alone.

The judged model has learned only from cut-offs whose horizon had passed by the test cut-off. Everything a picture needs is a metric, so that
pictures are drawn from the stored table: ten bins of equal size (``bin_01_predicted``, ``_observed``, ``_customers``), lift by tenth
(``tenth_01_lift``) and each feature family's share of what moves the scores (``weight_of_recency``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.importance import weights
from omnichannel_assets.propensity.scoring import places, score
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.terms import USUAL, Terms
from omnichannel_assets.propensity.training import Model, train

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BINS = 10
RULES = {
    "eligible": "known customers with a purchase in the 365 days before",
    "subscribers": "known customers with an active subscription and a purchase in the 365 days before",
}
Row = tuple[str, float | None, float | None]
"""Metric, value of the model, value of the baseline."""


def evaluate(task: Task, examples: pa.Table, features: Sequence[str], terms: Terms = USUAL) -> tuple[str, list[Row]]:
    """Who was judged, in words, and the metrics; with too little data one metric without a value, and the words say why."""
    import pyarrow.compute as pc

    labelled = examples.filter(pc.is_valid(examples.column(task.label)))
    days = sorted(set(labelled.column("cutoff").to_pylist()))
    if not days:
        return f"{task.title} cannot be judged yet: no cut-off has a closed horizon of {task.horizon_days} days.", [("auc", None, None)]
    tested = labelled.filter(pc.equal(labelled.column("cutoff"), days[-1])).sort_by([("customer_id", "ascending")])
    model = train(task, examples, features, known_until=days[-1], terms=terms)
    answers = tested.column(task.label).to_numpy(zero_copy_only=False).astype(bool)
    population = _population(task, days[-1], answers, model)
    if model.refusal:
        return f"{population}. Not judged: {model.refusal}", [("auc", None, None)]
    if answers.all() or not answers.any():
        return f"{population}. Not judged: all of them ended alike", [("auc", None, None)]
    return population, measure(task, model, tested, answers)


def _population(task: Task, day: date, answers: np.ndarray, model: Model) -> str:
    learned = (
        f"; learned from {len(model.cutoffs)} cut-offs up to {model.cutoffs[-1]}{f', chosen by {model.calibrated_on} and before' if model.calibrated_on else ''}"
        if model.booster
        else ""
    )
    return f"{RULES[task.population]} {day}: {len(answers):,}, of whom {int(answers.sum()):,} {task.happened}{learned}"


def measure(task: Task, model: Model, tested: pa.Table, answers: np.ndarray) -> list[Row]:
    """Metrics of a model over customers whose answers are known."""
    import numpy as np
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    ids = tested.column("customer_id").to_pylist()
    found = score(model, tested)
    recency = tested.column("recency_days").to_numpy() * task.recency_sign
    rate = np.full(len(answers), model.positives / model.examples)
    certain = np.clip(found, 1e-6, 1 - 1e-6)
    by_model, by_recency = answers[np.argsort(places(found, ids))], answers[np.argsort(places(recency, ids))]
    rows: list[Row] = [
        ("auc", roc_auc_score(answers, found), roc_auc_score(answers, recency)),
        ("average_precision", average_precision_score(answers, found), average_precision_score(answers, recency)),
        ("log_loss", log_loss(answers, certain), log_loss(answers, rate)),
        ("brier", brier_score_loss(answers, found), brier_score_loss(answers, rate)),
        ("lift_at_10_percent", _lift(by_model, 0, 10), _lift(by_recency, 0, 10)),
        ("forecast_count", float(found.sum()), float(rate.sum())),
        ("actual_count", float(answers.sum()), None),
        *((f"tenth_{n + 1:02}_lift", _lift(by_model, n, 10), _lift(by_recency, n, 10)) for n in range(10)),
        *_bins(found, answers, ids),
        *((f"weight_of_{name}", share, None) for name, share in weights(model, tested).items()),
    ]
    return [(name, _rounded(value), _rounded(baseline)) for name, value, baseline in rows]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _lift(ranked: np.ndarray, part: int, parts: int) -> float | None:
    """How often the label comes in one part of the ranking, over how often it comes at all."""
    length = len(ranked)
    chosen = ranked[part * length // parts : (part + 1) * length // parts]
    return float(chosen.mean() / ranked.mean()) if len(chosen) else None


def _bins(found: np.ndarray, answers: np.ndarray, ids: Sequence[str]) -> list[Row]:
    import numpy as np

    groups = [group for group in np.array_split(np.argsort(places(found, ids))[::-1], BINS) if len(group)]
    errors = [len(group) * abs(found[group].mean() - answers[group].mean()) for group in groups]
    rows: list[Row] = [("calibration_error", float(sum(errors) / len(found)), None)]
    for number, group in enumerate(groups, start=1):
        rows += [
            (f"bin_{number:02}_predicted", float(found[group].mean()), None),
            (f"bin_{number:02}_observed", float(answers[group].mean()), None),
            (f"bin_{number:02}_customers", float(len(group)), None),
        ]
    return rows
