"""How good each model is, in words a campaign person can act on: from the stored evaluation and the stored refusals.

Here: which version scored, what its numbers mean. Not here: the numbers themselves (``propensity.evaluation``), HTML (``scores``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.propensity.card import CLEAR_GAIN, TRUSTED_ERROR, TRUSTED_TOTAL
from omnichannel_assets.propensity.tasks import Task, days_in_words

FEW = 50
"""Fewer customers with the label than this say little."""
TITLES = {"churn_inactivity": "Leaving", "repurchase": "Buying again", "churn_subscription": "Ending a subscription", "expected_spend": "Spending"}
Number = tuple[float | None, float | None]
"""Of the model, of the simplest judge: recency alone, or of amounts the last 90 days' spend."""
Origin = tuple[float | None, float | None]
"""Area under the curve at one origin: of the model, of recency alone."""


@dataclass(frozen=True)
class Judgement:
    """One model: who was judged at the newest origin and the metrics of it, or why there is no model. ``origins`` tells all of them by date."""

    task: Task
    population: str = ""
    metrics: Mapping[str, Number] = field(default_factory=dict)
    refusal: str = ""
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the model tells, in two or three words."""
        return TITLES.get(self.task.model, self.task.title)

    @property
    def heading(self) -> str:
        """What the model tells, and by when."""
        if self.task.target == "amount":
            return f"{self.title} in the next {days_in_words(self.task.horizon_days)}"
        return f"{self.title}: {self.task.happened}"

    @property
    def is_judged(self) -> bool:
        """Whether there are numbers to show."""
        return not self.refusal and self.value("gini" if self.task.target == "amount" else "auc") is not None

    def value(self, metric: str) -> float | None:
        """A metric of the model."""
        return self.metrics.get(metric, (None, None))[0]

    def baseline(self, metric: str) -> float | None:
        """A metric of the simplest judge."""
        return self.metrics.get(metric, (None, None))[1]

    @property
    def is_drawn(self) -> bool:
        """Whether there were enough cases for pictures, which are of shares: groups of a handful of customers show chance only."""
        return self.is_judged and self.task.target == "probability" and (self.value("actual_count") or 0) >= FEW

    def bins(self) -> list[tuple[float, float]]:
        """Predicted and observed share of each group of the calibration, the lowest scores first."""
        found = [(self.value(f"decile_{n:02}_predicted"), self.value(f"decile_{n:02}_observed")) for n in range(10, 0, -1)]
        return [(predicted, observed) for predicted, observed in found if predicted is not None and observed is not None]

    def lifts(self) -> tuple[list[float], list[float]]:
        """Lift of each tenth, by the model and by recency alone."""
        names = [f"decile_{n:02}_lift" for n in range(1, 11)]
        return [self.value(n) or 0.0 for n in names if n in self.metrics], [self.baseline(n) or 0.0 for n in names if n in self.metrics]

    def sentences(self) -> list[str]:
        """How good it is, and when not to believe it."""
        if self.refusal:
            return [f"No scores: {self.refusal}"]
        if not self.is_judged:
            return [f"Cannot tell how good it is. {self.population}"]
        told = (self._order(), self._total()) if self.task.target == "amount" else (self._ranking(), self._earlier(), self._top(), self._forecast())
        return [text for text in (*told, self._few()) if text]

    def _order(self) -> str:
        """Of amounts: how much of the money those made who were named first."""
        share, simple, gain = self.value("top_tenth_share"), self.baseline("top_tenth_share"), self._gain("gini")
        if share is None:
            return ""
        told = f"The tenth with the largest forecasts made {100 * share:.0f} % of what was spent (a coin: 10 %"
        if simple is None or gain is None:
            return f"{told})."
        return f"{told}; the tenth that had spent most in the 90 days before: {100 * simple:.0f} %). Over the whole order: {_verdict(gain, 'the last spend')}."

    def _total(self) -> str:
        forecast, actual = self.value("forecast_total"), self.value("actual_total")
        if forecast is None or not actual:
            return ""
        told = f"Expected were {forecast:,.0f} in all; spent were {actual:,.0f}"
        if abs(forecast / actual - 1) <= TRUSTED_TOTAL:
            return f"{told}: totals of groups can be taken at their word, the amount of one customer cannot."
        return f"{told}: the amounts ran too {'high' if forecast > actual else 'low'}. Use the order of the customers, not the amounts."

    def _gain(self, metric: str) -> float | None:
        model, simple = self.value(metric), self.baseline(metric)
        return None if model is None or simple is None else model - simple

    def _ranking(self) -> str:
        model, recency, gain = self.value("auc"), self.baseline("auc"), self._gain("auc")
        told = f"Of two {self.task.subject}, one of which {self.task.happened}, it names the right one {100 * model:.0f} times in 100 (a coin: 50"
        if gain is None:
            return f"{told})."
        return f"{told}; the time since the last order alone: {100 * recency:.0f}): {_verdict(gain, 'recency')}."

    def _earlier(self) -> str:
        """Whether it was as good at the other origins: one date may be luck."""
        model = [own for own, _ in self.origins.values() if own is not None]
        gains = [own - recency for own, recency in self.origins.values() if own is not None and recency is not None]
        if len(model) < 2:
            return ""
        better = sum(gain >= CLEAR_GAIN for gain in gains)
        beside = f"; clearly better than recency alone on {better} of {len(gains)}" if gains else ""
        return f"Over {len(model)} dates, each judged by what was known before it: {100 * min(model):.0f} to {100 * max(model):.0f} times in 100{beside}."

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
        if error is None or error <= TRUSTED_ERROR:
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


def _verdict(gain: float, simple: str) -> str:
    if abs(gain) < CLEAR_GAIN:
        return "no clear difference"
    return f"better than {simple}" if gain > 0 else f"worse than {simple}, which is the better guide"


JUDGED = "select * from model_evaluation where segment = 'all' and as_of = (select max(as_of) from model_evaluation where as_of < $before)"
NEWEST_ORIGIN = f"""with judged as ({JUDGED}),
newest as (select model, coalesce(max(origin) filter (where origin <> 'mean'), 'mean') as origin from judged group by model)
select m.model, m.population, m.metric, m.value, r.value as baseline
from judged as m
join newest as n on n.model = m.model and n.origin = m.origin
left join judged as r on r.model = m.model and r.origin = m.origin and r.metric = m.metric and r.judge in ('recency', 'last_spend')
where m.judge = 'model' order by m.model, m.metric"""
"""Figures of the newest origin of each model; a model that could not be judged has one row without a value."""
ALL_ORIGINS = f"""with judged as ({JUDGED})
select m.model, m.origin, m.value, r.value as baseline
from judged as m
left join judged as r on r.model = m.model and r.origin = m.origin and r.metric = m.metric and r.judge = 'recency'
where m.judge = 'model' and m.metric = 'auc' and m.origin <> 'mean' order by m.model, m.origin"""


def judgements(engine: Engine, scored: date | None, tasks: Sequence[Task]) -> list[Judgement]:
    """Each model's newest version with a training date before the scores' date (the newest at all without scores); those never trained are left out."""
    bound = {"before": scored or date.max}
    metrics: dict[str, dict[str, Number]] = {}
    populations: dict[str, str] = {}
    for model, population, metric, value, baseline in engine.rows(NEWEST_ORIGIN, bound):
        populations[model] = population
        metrics.setdefault(model, {})[metric] = (value, baseline)
    origins: dict[str, dict[str, Origin]] = {}
    for model, origin, value, baseline in engine.rows(ALL_ORIGINS, bound):
        origins.setdefault(model, {})[origin] = (value, baseline)
    versions = " union all ".join(
        f"select model, refusal from {table} where as_of = (select max(as_of) from {table} where as_of < $before)"
        for table in ("churn_model", "repurchase_model", "spend_model")
    )
    refusals = dict(engine.rows(versions, bound))
    ordered = sorted(tasks, key=lambda task: task.population == "subscribers")  # the questions about everybody first
    known = [task for task in ordered if task.model in refusals or task.model in populations]
    return [
        Judgement(task, populations.get(task.model, ""), metrics.get(task.model, {}), refusals.get(task.model) or "", origins.get(task.model, {}))
        for task in known
    ]
