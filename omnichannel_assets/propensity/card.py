"""The model card: what a model answers, about whom, how good it was, what it cannot know and when not to use it. Words only.

After Mitchell et al. (2019), "Model cards for model reporting". Here: the sentences, from a stored version and its stored judgement. Not here:
pictures (``assets.card_picture``) and where a card is shown. A card repeats figures, it never makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from omnichannel_assets.propensity.baselines import LAST_SPEND, MODEL, NAMES, NAMES_OF_AMOUNTS, RECENCY
from omnichannel_assets.propensity.tasks import Task, days_in_words

TRUSTED_ERROR = 0.05
"""A mean calibration error above this: the order of customers counts, the percentages do not."""
CLEAR_GAIN = 0.02
"""An area under the curve above recency's by less is no clear gain, nor a Gini coefficient above that of the last spend."""
TRUSTED_TOTAL = 0.1
"""A total further from the actual one than this share of it: the order of customers counts, the amounts do not."""
MOST_FAMILIES = 8
OFF_BY = "mean_absolute_error"
YEAR_AND_A_HALF = 550
"""Days from the first to the last cut-off that show one season twice."""


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    def shown(self, decimals: int = 3) -> str:
        """The value, and the interval in brackets."""
        told = f"{self.value:,.{decimals}f}"
        return told if self.low is None or self.high is None else f"{told} ({self.low:,.{decimals}f} to {self.high:,.{decimals}f})"


@dataclass(frozen=True)
class Card:
    """Everything a card says of one version.

    ``population`` is the rule in words; ``learning`` label -> words (how it learned: inputs, search, calibration, champion ...);
    ``means`` judge -> metric -> mean over the origins; ``segments`` segment -> metric -> mean of the model; ``families`` -> share of what
    moves the scores, largest first; ``refusal`` says why there is no model.
    """

    task: Task
    as_of: date
    population: str
    cutoffs: Sequence[date] = ()
    origins: Sequence[date] = ()
    examples: int = 0
    positives: int = 0
    learning: Mapping[str, str] = field(default_factory=dict)
    means: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    families: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""

    def mean(self, judge: str, metric: str) -> float | None:
        """A mean over the origins, None where it was not measured."""
        found = self.means.get(judge, {}).get(metric)
        return None if found is None else found.value


SHOWN = {
    "auc": "AUC",
    "average_precision": "average precision",
    "lift_at_10_percent": "lift at 10 %",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "gini": "Gini",
    OFF_BY: "off by, on average",
    "total_ratio": "forecast / actual total",
    "top_tenth_share": "spent by the top tenth",
}
"""Metric -> its heading."""


@dataclass(frozen=True)
class Section:
    """A part of a card: sentences, points of a list, and tables as (headings, rows), to be shown in this order."""

    title: str
    sentences: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]] = ()


def sections(card: Card) -> list[Section]:
    """The whole card."""
    how_much = f"How much will {card.task.subject} spend in {days_in_words(card.task.horizon_days)}?"
    question = how_much if card.task.target == "amount" else f"Which {card.task.subject} {card.task.happened}?"
    asked = f"{question} Trained as of {card.as_of}; everything it learned from was known before that day."
    found = [
        Section(card.task.title, [asked, *([f"There is no model. {card.refusal}"] if card.refusal else [])]),
        Section("About whom", [card.population]),
    ]
    if card.examples:
        found.append(Section("How it learned", points=_learned(card)))
    found.append(_goodness(card))
    if card.families:
        shares = ", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in list(card.families.items())[:MOST_FAMILIES])
        found.append(Section("What moves the scores", [f"{shares}."]))
    return [*found, Section("What it cannot know", points=cannot_know(card)), Section("When not to use it", points=not_for(card))]


def card_text(card: Card) -> str:
    """The card as Markdown."""
    parts = []
    for place, section in enumerate(sections(card)):
        parts += [f"{'##' if place == 0 else '###'} {section.title}", *section.sentences]
        parts += ["\n".join(f"- {text}" for text in section.points)] if section.points else []
        parts += [_markdown(columns, rows) for columns, rows in section.tables]
    return "\n\n".join(parts)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _learned(card: Card) -> list[str]:
    span = f" from {card.cutoffs[0]} to {card.cutoffs[-1]}" if card.cutoffs else ""
    counted = f"{card.examples:,} {card.task.subject} at {len(card.cutoffs)} cut-offs{span}, of whom {card.positives:,} ({card.positives / card.examples:.0%})"
    return [f"{counted} {card.task.happened}.", *(f"{label}: {words}" for label, words in card.learning.items() if words)]


def _goodness(card: Card) -> Section:
    title = "How good it was"
    if not card.means.get(MODEL):
        return Section(title, ["Not judged: no later cut-off with a closed horizon, or too few customers at it."])
    days = (
        f"{len(card.origins)} origins from {card.origins[0]} to {card.origins[-1]}"
        if len(card.origins) > 1
        else f"the one origin {card.origins[0]}"
    )
    words = f"Mean over {days}: each time it learned only from what was known by then and was judged on what came after. In brackets 95 % intervals."
    names = NAMES_OF_AMOUNTS if card.task.target == "amount" else NAMES
    tables = [_table("judge", {name: card.means[judge] for judge, name in names.items() if judge in card.means})]
    if card.segments:
        tables.append(_table("part of the customers", {name.replace("_", " "): told for name, told in card.segments.items()}))
    return Section(title, [words], tables=tables)


def _table(first: str, rows: Mapping[str, Mapping[str, Figure]]) -> tuple[list[str], list[list[str]]]:
    metrics = [metric for metric in SHOWN if any(metric in told for told in rows.values())]
    cells = [[name, *(told[metric].shown() if metric in told else "" for metric in metrics)] for name, told in rows.items()]
    return [first, *(SHOWN[metric] for metric in metrics)], cells


def cannot_know(card: Card) -> list[str]:
    """What no score of this model can take into account."""
    found = [
        "Anything known at or after its day: late files, later merges of customers, what a campaign does to people.",
        "Why. It found what went along with the past, not what caused it.",
        "Prices, stock, competitors, weather, strikes, new shops: no input tells of them.",
        "Purchases that carry no identifier. Who pays cash without a card looks as if they had left.",
    ]
    if card.cutoffs and (days := (card.cutoffs[-1] - card.cutoffs[0]).days) < YEAR_AND_A_HALF:
        found.append(f"Seasons. Its cut-offs span {days} days: it saw no season twice and cannot tell one from a trend.")
    if card.task.population == "subscribers":
        found.append("Whether an end was wanted: an expired card and a decision look the same.")
    return found


SIMPLE_RULES = (("auc", "AUC", RECENCY, "the time since the last purchase"), ("gini", "Gini coefficient", LAST_SPEND, "the spend of the 90 days before"))
"""Metric, its name, the simplest judge, and what that goes by: a model must be clearly better."""


def not_for(card: Card) -> list[str]:
    """When these scores are the wrong thing to use; what was measured comes first."""
    found = [
        "For anything that weighs on one person: credit, prices, service. Small differences between two customers are chance; bands and tenths are not.",
        "To show that a campaign worked: only customers held out from it do.",
        "For customers outside the population above, and for days long after the last training.",
        "When a feed stopped: without orders everybody looks as if they were leaving.",
    ]
    error, total = card.mean(MODEL, "calibration_error"), card.mean(MODEL, "total_ratio")
    if total is not None and abs(total - 1) > TRUSTED_TOTAL:
        found.insert(0, f"As amounts: together they were {total:.0%} of what was spent. Use the order of the customers.")
    nearest = min((judge for judge in card.means if card.mean(judge, OFF_BY) is not None), key=lambda judge: card.mean(judge, OFF_BY) or 0.0, default=MODEL)
    if nearest != MODEL:
        found.insert(0, f"For one customer's amount: {NAMES_OF_AMOUNTS[nearest]} was off by less on average. Use the order of the customers, and totals of groups.")
    if error is not None and error > TRUSTED_ERROR:
        found.insert(0, f"As percentages: they were {100 * error:.0f} points off on average. Use the order of the customers.")
    for metric, name, judge, rule in SIMPLE_RULES:
        own, simple = card.mean(MODEL, metric), card.mean(judge, metric)
        if own is not None and simple is not None and own - simple < CLEAR_GAIN:
            found.insert(0, f"Instead of {judge.replace('_', ' ')}: its {name} is {own - simple:+.3f} beside that of {rule} alone. The simple rule does as well.")
    return found
