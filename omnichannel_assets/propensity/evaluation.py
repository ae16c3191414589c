"""How good a model is, on every rolling origin and on average, beside judges that need no model: the figures of ``model_evaluation``.

Here: which figures there are, and of whom. Not here: origins and judges (``origins``, ``baselines``), formulas (``metrics``), intervals
(``intervals``). Everything a picture needs is a figure, so that pictures are drawn from the stored table: ten groups by score
(``decile_01_predicted``, ``_observed``, ``_customers``, ``_lift``, 01 with the highest scores), the ROC curve (``roc_01`` to ``roc_19``) and,
at the newest origin, each feature family's share of what moves the scores (``weight_of_recency``). The row of the mean over origins has
``mean`` in the place of the origin. How much will be spent is judged in the same way, with other figures (``amounts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omnichannel_assets.propensity import amounts, metrics
from omnichannel_assets.propensity.baselines import MODEL
from omnichannel_assets.propensity.importance import weights
from omnichannel_assets.propensity.intervals import Draws, drawn, interval
from omnichannel_assets.propensity.origins import Judged, Judging, NotJudged, has_both, judged_at, origins
from omnichannel_assets.propensity.segments import ALL, WORDS
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.trees import Target

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    import pyarrow as pa

MEAN = "mean"
LEAST_IN_SEGMENT = 30
"""A part of the customers with fewer of either answer is not judged on its own."""
OVER = "_over_"
"""How far a metric of the model is above a judge's, of the same drawn customers: ``auc_over_recency``."""
MEASURES: dict[Target, metrics.Measures] = {"probability": metrics.OF_PROBABILITIES, "amount": amounts.OF_AMOUNTS}
"""What is measured of each kind of answer."""
BOUNDS = {**metrics.BOUNDS, **amounts.BOUNDS}
USUAL = Judging()
"""Three origins, the default parameters of the trees, the default population."""


@dataclass(frozen=True)
class Figure:
    """One row of ``model_evaluation`` without its model and date. ``origin``: a date, or ``mean``; no ``value`` where nothing can be told."""

    origin: str
    segment: str
    judge: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    population: str


@dataclass(frozen=True)
class _Measured:
    """Figures of one origin and segment by judge and metric, with the draws of those that have an interval."""

    measures: metrics.Measures
    origin: str
    segment: str
    population: str
    values: Mapping[tuple[str, str], float]
    draws: Mapping[tuple[str, str], np.ndarray]


def evaluate(task: Task, examples: pa.Table, features: Sequence[str], judging: Judging = USUAL) -> list[Figure]:
    """Judge a task on rolling origins. Where none can be judged there is one figure without a value, and its population says why."""
    days = origins(task, examples, judging)
    if not days:
        reason = f"{task.title} cannot be judged yet: no cut-off has a closed horizon of {task.horizon_days} days."
        return [_without_value(task, reason)]
    found = [judged_at(task, examples, features, day, judging) for day in days]
    judged = [one for one in found if isinstance(one, Judged)]
    if not judged:
        return [_nothing(task, judging, [one for one in found if isinstance(one, NotJudged)][-1])]
    draws = drawn([customer for one in judged for customer in one.customer_ids])
    measured = [part for one in judged for part in _measured(task, judging, one, draws)]
    figures = [figure for part in measured for figure in _figures(part, draws)]
    return [*figures, *_means(measured, draws), *_weights(task, judging, judged[-1])]


def _nothing(task: Task, judging: Judging, last: NotJudged) -> Figure:
    words = _people(task, judging, last.origin, last.customers, last.positives)
    return _without_value(task, f"{words}. Not judged: {last.reason}")


def _without_value(task: Task, why: str) -> Figure:
    return Figure(MEAN, ALL, MODEL, MEASURES[task.target].leads[0], None, None, None, why)


def _people(task: Task, judging: Judging, day: date, count: int, positives: int) -> str:
    return f"{task.asked_of(judging.eligible_days)} {day}: {count:,}, of whom {positives:,} {task.happened}"


def population(task: Task, judging: Judging, one: Judged) -> str:
    """Who was judged at an origin, and what the model had learned from, in words."""
    people = _people(task, judging, one.origin, len(one.answers), int((one.answers > 0).sum()))
    learned = f"learned from {len(one.model.cutoffs)} cut-offs up to {one.model.cutoffs[-1]}"
    chosen = f", chosen by {one.model.calibrated_on} and before" if one.model.calibrated_on else ""
    return f"{people}; {learned}{chosen}"


def _measured(task: Task, judging: Judging, one: Judged, draws: Draws) -> list[_Measured]:
    """Every segment of one origin; parts too small to say anything are left out."""
    import numpy as np

    words, measures = population(task, judging, one), MEASURES[task.target]
    found = []
    for segment, inside in one.segments.items():
        positives = int((one.answers[inside] > 0).sum())
        if segment != ALL and not has_both(task, one.answers[inside], LEAST_IN_SEGMENT):
            continue
        ids = np.array(one.customer_ids, dtype=object)[inside]
        values, spread = {}, {}
        for judge, opinion in one.opinions.items():
            ranked = metrics.ranked(one.answers[inside], opinion.scores[inside], ids, is_forecast=opinion.is_forecast)
            points = measures.main(ranked, np.ones((1, len(ids))))
            values |= {(judge, name): float(value[0]) for name, value in points.items()}
            values |= {(judge, name): value for name, value in measures.counts(ranked).items()}
            shapes = measures.shapes(ranked) if segment == ALL else {}
            values |= {(judge, name): value for name, value in shapes.items()}
            spread |= {(judge, name): value for name, value in _drawn_metrics(measures, one, inside, judge, draws).items()}
        told = words if segment == ALL else f"{segment} ({WORDS[segment]}): {len(ids):,}, of whom {positives:,} {task.happened}; of {words}"
        found.append(_with_differences(_Measured(measures, one.origin.isoformat(), segment, told, values, spread)))
    return found


def _drawn_metrics(measures: metrics.Measures, one: Judged, inside: np.ndarray, judge: str, draws: Draws) -> dict[str, np.ndarray]:
    import numpy as np

    ids = np.array(one.customer_ids, dtype=object)[inside]
    opinion, picked = one.opinions[judge], draws.inside(ids)
    ranked = metrics.ranked(one.answers[inside][picked], opinion.scores[inside][picked], ids[picked], is_forecast=opinion.is_forecast)
    blocks = [measures.main(ranked, weights) for weights in draws.blocks(ids[picked])]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _with_differences(found: _Measured) -> _Measured:
    values, spread = dict(found.values), dict(found.draws)
    for judge in sorted({judge for judge, _ in found.values} - {MODEL}):
        for metric in found.measures.leads:
            name = (MODEL, f"{metric}{OVER}{judge}")
            values[name] = found.values[MODEL, metric] - found.values[judge, metric]
            spread[name] = found.draws[MODEL, metric] - found.draws[judge, metric]
    return replace(found, values=values, draws=spread)


def _figures(found: _Measured, draws: Draws) -> list[Figure]:
    return [
        _figure(found.origin, found.segment, name, value, found.draws.get(name), draws, found.population) for name, value in found.values.items()
    ]


def _figure(origin: str, segment: str, name: tuple[str, str], value: float, spread: np.ndarray | None, draws: Draws, words: str) -> Figure:
    judge, metric = name
    limits = interval(value, spread, draws.narrowing, BOUNDS.get(metric, (None, None))) if spread is not None else None
    low, high = limits or (None, None)
    return Figure(origin, segment, judge, metric, _rounded(value), _rounded(low), _rounded(high), words)


def _rounded(value: float | None) -> float | None:
    return None if value is None or value != value else round(float(value), 6)


def _means(measured: Sequence[_Measured], draws: Draws) -> list[Figure]:
    """Means over the origins where a segment was judged; their interval is of customers drawn once for all origins."""
    import numpy as np

    found = []
    for segment in dict.fromkeys(part.segment for part in measured):
        parts = [part for part in measured if part.segment == segment]
        days = f"{len(parts)} origins from {parts[0].origin} to {parts[-1].origin}" if len(parts) > 1 else f"the one origin {parts[0].origin}"
        words = f"mean over {days}; the last: {parts[-1].population}"
        for name in parts[0].values:
            if all(name in part.values for part in parts):
                value = float(np.mean([part.values[name] for part in parts]))
                spread = np.mean([part.draws[name] for part in parts], axis=0) if name in parts[0].draws else None
                found.append(_figure(MEAN, segment, name, value, spread, draws, words))
    return found


def _weights(task: Task, judging: Judging, newest: Judged) -> list[Figure]:
    words = population(task, judging, newest)
    day = newest.origin.isoformat()
    shares = weights(newest.model, newest.customers)
    return [Figure(day, ALL, MODEL, f"weight_of_{name}", _rounded(share), None, None, words) for name, share in shares.items()]
