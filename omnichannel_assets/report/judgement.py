"""How good each model is, in words a campaign person can act on: from the stored evaluation and the stored refusals.

Here: which version scored, what its numbers mean. Not here: the numbers themselves (``propensity.evaluation``), HTML (``scores``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.propensity.tasks import Task

SAME_RANKING = 0.02
"""Two areas under the curve that differ by less are told as no clear difference."""
OFF = 0.05
"""A mean distance between predicted and observed shares beyond which percentages are not to be taken at their word."""
FEW = 50
"""Fewer customers with the label than this say little."""
TITLES = {"churn_inactivity": "Leaving", "repurchase": "Buying again", "churn_subscription": "Ending a subscription"}
Number = tuple[float | None, float | None]
"""Of the model, of recency alone."""


@dataclass(frozen=True)
class Judgement:
    """One model: who was judged and the metrics, or why there is no model."""

    task: Task
    population: str = ""
    metrics: Mapping[str, Number] = field(default_factory=dict)
    refusal: str = ""

    @property
    def title(self) -> str:
        """What the model tells, in two or three words."""
        return TITLES.get(self.task.model, self.task.title)

    @property
    def is_judged(self) -> bool:
        """Whether there are numbers to show."""
        return not self.refusal and self.value("auc") is not None

    def value(self, metric: str) -> float | None:
        """A metric of the model."""
        return self.metrics.get(metric, (None, None))[0]

    def baseline(self, metric: str) -> float | None:
        """A metric of recency alone."""
        return self.metrics.get(metric, (None, None))[1]

    @property
    def is_drawn(self) -> bool:
        """Whether there were enough cases for pictures: groups of a handful of customers show chance only."""
        return self.is_judged and (self.value("actual_count") or 0) >= FEW

    def bins(self) -> list[tuple[float, float]]:
        """Predicted and observed share of each group of the calibration."""
        found = [(self.value(f"bin_{n:02}_predicted"), self.value(f"bin_{n:02}_observed")) for n in range(1, 11)]
        return [(predicted, observed) for predicted, observed in found if predicted is not None and observed is not None]

    def lifts(self) -> tuple[list[float], list[float]]:
        """Lift of each tenth, by the model and by recency alone."""
        names = [f"tenth_{n:02}_lift" for n in range(1, 11)]
        return [self.value(n) or 0.0 for n in names if n in self.metrics], [self.baseline(n) or 0.0 for n in names if n in self.metrics]

    def sentences(self) -> list[str]:
        """How good it is, and when not to believe it."""
        if self.refusal:
            return [f"No scores: {self.refusal}"]
        if not self.is_judged:
            return [f"Cannot tell how good it is. {self.population}"]
        return [text for text in (self._ranking(), self._top(), self._forecast(), self._few()) if text]

    def _ranking(self) -> str:
        model, recency = self.value("auc"), self.baseline("auc")
        told = f"Of two {self.task.subject}, one of which {self.task.happened}, it names the right one {100 * model:.0f} times in 100 (a coin: 50"
        if recency is None:
            return f"{told})."
        gain = model - recency
        verdict = (
            "no clear difference"
            if abs(gain) < SAME_RANKING
            else "better than recency"
            if gain > 0
            else "worse than recency, which is the better guide"
        )
        return f"{told}; the time since the last order alone: {100 * recency:.0f}): {verdict}."

    def _top(self) -> str:
        model, recency = self.value("lift_at_10_percent"), self.baseline("lift_at_10_percent")
        if model is None:
            return ""
        beside = f"; recency alone {recency:.1f} times" if recency is not None else ""
        caution = ", which did better in this small group" if recency is not None and recency > model + 0.1 else ""
        return f"In the tenth with the highest scores it happened {model:.1f} times as often as on average{beside}{caution}."

    def _forecast(self) -> str:
        forecast, actual, error = (self.value(name) for name in ("forecast_count", "actual_count", "calibration_error"))
        if forecast is None or actual is None:
            return ""
        told = f"Expected were {forecast:,.0f} that {self.task.happened}; there were {actual:,.0f}"
        if error is None or error <= OFF:
            return f"{told}: the percentages can be taken at their word."
        lean = (
            "ran too high"
            if forecast > 1.1 * actual
            else "ran too low"
            if forecast < 0.9 * actual
            else "were right in total and wrong by group"
        )
        return f"{told}: the percentages {lean} ({100 * error:.0f} points off on average). Use the order of the customers, not the percentages."

    def _few(self) -> str:
        actual = self.value("actual_count")
        return (
            f"Only {actual:,.0f} cases were there to judge by: too few for pictures, and a few more or less would change these numbers."
            if actual is not None and actual < FEW
            else ""
        )


def judgements(engine: Engine, scored: date | None, tasks: Sequence[Task]) -> list[Judgement]:
    """Each model's newest version with a training date before the scores' date (the newest at all without scores); those never trained are left out."""
    bound = {"before": scored or date.max}
    metrics: dict[str, dict[str, Number]] = {}
    populations: dict[str, str] = {}
    for model, population, metric, value, baseline in engine.rows(
        "select model, population, metric, value, baseline from model_evaluation "
        "where as_of = (select max(as_of) from model_evaluation where as_of < $before) order by model, metric",
        bound,
    ):
        populations[model] = population
        metrics.setdefault(model, {})[metric] = (value, baseline)
    versions = " union all ".join(
        f"select model, refusal from {table} where as_of = (select max(as_of) from {table} where as_of < $before)"
        for table in ("churn_model", "repurchase_model")
    )
    refusals = dict(engine.rows(versions, bound))
    ordered = sorted(tasks, key=lambda task: task.population == "subscribers")  # the questions about everybody first
    known = [task for task in ordered if task.model in refusals or task.model in populations]
    return [Judgement(task, populations.get(task.model, ""), metrics.get(task.model, {}), refusals.get(task.model) or "") for task in known]
