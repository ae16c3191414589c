"""Why a score is what it is, in words a campaign person understands: "last order 96 days ago (usually every 31)".

Correlated inputs form one family, because only together do they say something. A reason must hold twice: the family moves this score in
the direction it points, compared with the mean customer, by the model's own contributions; and the number shown differs from what is
usual in the direction that common sense gives it. So nobody reads that they may leave "because" of many views. What is usual is the
median of the scored population, or the customer's own rhythm where the words say "every".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MOST = 3
LEAST_MOVE = 0.02
"""A family that moves the log-odds by less is no reason."""
LEAST_DIFFERENCE = 0.2
"""A number that differs from the usual one by a smaller share of it is no reason."""
SEPARATOR = "; "


@dataclass(frozen=True)
class Fact:
    """One input in words. ``stays``: +1 where more speaks for a customer who stays and buys, -1 for one who leaves, 0 for either.

    ``usual`` writes what is usual; None for yes and no. ``decimals`` is how exactly both are shown.
    """

    feature: str
    stays: int
    say: Callable[[float], str]
    usual: Callable[[float], str] | None
    decimals: int = 0


@dataclass(frozen=True)
class Family:
    """Inputs that tell of the same thing; one reason at most comes from it."""

    name: str
    facts: tuple[Fact, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(fact.feature for fact in self.facts)


def number(value: float) -> str:
    """A whole number as people write it; a small one that is not zero does not read as zero."""
    return "less than 1" if 0 < value < 0.5 else f"{value:,.0f}"


def _counted(value: float, one: str, many: str) -> str:
    shown = number(value)
    return f"{shown} {one if shown in ('1', 'less than 1') else many}"


def _count(feature: str, stays: int, text: str, one: str, many: str) -> Fact:
    """``text`` has a place for the count with its noun."""
    return Fact(feature, stays, lambda value: text.format(_counted(value, one, many)), number)


def _days(feature: str, stays: int, text: str) -> Fact:
    return _count(feature, stays, text, "day", "days")


def _percent(feature: str, stays: int, text: str) -> Fact:
    return Fact(feature, stays, lambda value: text.format(f"{value * 100:.0f} %"), lambda value: f"{value * 100:.0f} %", 2)


def _amount(feature: str, stays: int, text: str) -> Fact:
    return Fact(feature, stays, lambda value: text.format(number(value)), number)


def _flag(feature: str, stays: int, if_true: str, if_false: str) -> Fact:
    return Fact(feature, stays, lambda value: if_true if value else if_false, None)


def _rate(feature: str, stays: int, text: str) -> Fact:
    return Fact(feature, stays, lambda value: text.format(f"{value:.1f}"), lambda value: f"{value:.1f}", 1)


FAMILIES: tuple[Family, ...] = (
    Family("recency", (_days("recency_days", -1, "last order {} ago"), _days("recency_over_gap", -1, "last order {} ago"))),
    Family(
        "frequency",
        (
            _days("order_days_30_days", 1, "ordered on {} in 30 days"),
            _days("order_days_90_days", 1, "ordered on {} in 90 days"),
            _days("order_days_180_days", 1, "ordered on {} in 180 days"),
            _days("order_days_365_days", 1, "ordered on {} in a year"),
            _count("orders_365_days", 1, "{} in a year", "order", "orders"),
            _rate("order_days_per_month", 1, "orders on {} days a month"),
            _days("mean_gap_days", -1, "{} between orders"),
            _days("longest_gap_days", -1, "longest pause {}"),
        ),
    ),
    Family(
        "spend",
        (
            _amount("spend_30_days", 1, "spent {} in 30 days"),
            _amount("spend_90_days", 1, "spent {} in 90 days"),
            _amount("spend_180_days", 1, "spent {} in 180 days"),
            _amount("spend_365_days", 1, "spent {} in a year"),
            _amount("average_order_value", 0, "orders worth {} on average"),
        ),
    ),
    Family(
        "basket",
        (
            _count("lines_90_days", 1, "{} in 90 days", "order line", "order lines"),
            _count("lines_365_days", 1, "{} in a year", "order line", "order lines"),
            _count("items_365_days", 1, "bought {} in a year", "unit", "units"),
            _count("distinct_items_365_days", 1, "bought {} in a year", "different item", "different items"),
        ),
    ),
    Family(
        "returns",
        (
            _count("returned_items_90_days", -1, "{} in 90 days", "return", "returns"),
            _amount("returned_amount_90_days", -1, "{} paid back for returns in 90 days"),
        ),
    ),
    Family(
        "browsing",
        (
            _count("views_30_days", 1, "viewed {} in 30 days", "product", "products"),
            _count("views_90_days", 1, "viewed {} in 90 days", "product", "products"),
            _count("carts_30_days", 1, "put {} in the basket in 30 days", "product", "products"),
            _count("carts_90_days", 1, "put {} in the basket in 90 days", "product", "products"),
            _count("searches_30_days", 1, "searched {} in 30 days", "time", "times"),
            _count("searches_90_days", 1, "searched {} in 90 days", "time", "times"),
            _days("last_visit_days", -1, "last visit {} ago"),
        ),
    ),
    Family(
        "wishes",
        (
            _count("wishes_30_days", 1, "put {} on the wish list in 30 days", "product", "products"),
            _count("wishes_90_days", 1, "put {} on the wish list in 90 days", "product", "products"),
        ),
    ),
    Family(
        "mails",
        (
            _count("mails_delivered_90_days", 0, "got {} in 90 days", "e-mail", "e-mails"),
            _count("mails_opened_90_days", 1, "opened {} in 90 days", "e-mail", "e-mails"),
            _count("mails_clicked_90_days", 1, "clicked in {} in 90 days", "e-mail", "e-mails"),
            _flag("has_unsubscribed", -1, "unsubscribed from e-mail", "still gets e-mail, where most do not"),
        ),
    ),
    Family("tenure", (_days("first_order_days", 0, "first order {} ago"), _days("known_days", 0, "known for {}"))),
    Family("channel", (_percent("online_share", 0, "{} of orders online"),)),
    Family(
        "taste",
        (
            _percent("top_category_share", 0, "{} of purchases from one category"),
            _count("categories_365_days", 0, "bought from {} in a year", "category", "categories"),
        ),
    ),
    Family(
        "subscription",
        (
            _flag("has_active_subscription", 1, "has a running subscription", "no running subscription, where most have one"),
            _days("subscription_age_days", 1, "subscribed for {}"),
            _days("renewal_in_days", 0, "subscription renews in {}"),
            _count("ended_subscriptions", -1, "{} ended so far", "subscription", "subscriptions"),
        ),
    ),
)
"""Every input of the models, once."""


@dataclass(frozen=True)
class Scored:
    """What reasons are made from: inputs and contributions as customers x features, and each customer's place by score (0 the highest)."""

    features: tuple[str, ...]
    values: np.ndarray
    contributions: np.ndarray
    places: np.ndarray
    leaves: bool


def reasons(scored: Scored) -> list[str | None]:
    """Up to three reasons a customer, the strongest first: what raises the score for the upper half by rank, what lowers it for the rest."""
    import numpy as np

    if not len(scored.places):
        return []
    upward = np.where(scored.places * 2 < len(scored.places), 1.0, -1.0)
    toward_staying = upward * (-1.0 if scored.leaves else 1.0)
    medians = usual_values(scored.features, scored.values)
    moved = (scored.contributions - scored.contributions.mean(axis=0)) * upward[:, None]
    strength = np.zeros((len(upward), len(FAMILIES)))
    chosen = np.full((len(upward), len(FAMILIES)), -1)
    for place, family in enumerate(FAMILIES):
        strength[:, place], chosen[:, place] = _strongest(family, scored, moved, medians, toward_staying)
    order = np.argsort(-strength, axis=1, kind="stable")[:, :MOST]
    return [
        _sentence(scored, medians, row, [(p, chosen[row, p]) for p in order[row] if strength[row, p] >= LEAST_MOVE])
        for row in range(len(upward))
    ]


def usual_values(features: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """The median of each input over the customers that have it."""
    import numpy as np

    return {name: float(np.nanmedian(values[:, index])) for index, name in enumerate(features) if not np.isnan(values[:, index]).all()}


def _strongest(
    family: Family, scored: Scored, moved: np.ndarray, medians: Mapping[str, float], toward_staying: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much a family moves each score in its direction, and which of its facts says so best (-1: none may be said, strength 0)."""
    import numpy as np

    together = sum((moved[:, scored.features.index(name)] for name in family.names if name in scored.features), np.zeros(len(moved)))
    best, chosen = np.zeros(len(moved)), np.full(len(moved), -1)
    for place, fact in enumerate(family.facts):
        if fact.feature in medians:
            own = moved[:, scored.features.index(fact.feature)]
            better = _may_be_said(fact, scored, medians, toward_staying) & (own > best)
            best, chosen = np.where(better, own, best), np.where(better, place, chosen)
    return np.where(chosen >= 0, np.maximum(together, 0.0), 0.0), chosen


def _may_be_said(fact: Fact, scored: Scored, medians: Mapping[str, float], toward_staying: np.ndarray) -> np.ndarray:
    """For whom the number shown is known, differs from the usual one as shown, and points where the score points."""
    import numpy as np

    values, usual = scored.values[:, scored.features.index(fact.feature)], medians[fact.feature]
    if fact.feature == "recency_over_gap":
        values, usual = scored.values[:, scored.features.index("recency_days")], own_gap(scored)
    further = np.nan_to_num(np.sign(np.round(values, fact.decimals) - np.round(usual, fact.decimals)))
    differs = np.abs(values - usual) >= LEAST_DIFFERENCE * np.abs(usual)
    return differs & (further != 0) & ((fact.stays == 0) | (further * fact.stays == toward_staying))


def own_gap(scored: Scored) -> np.ndarray:
    """Days from one order to the next of each customer; NaN with one order."""
    return scored.values[:, scored.features.index("mean_gap_days")]


def _sentence(scored: Scored, medians: Mapping[str, float], row: int, picked: Sequence[tuple[int, int]]) -> str | None:
    told = [_told(FAMILIES[family].facts[fact], scored, medians, row) for family, fact in picked]
    return SEPARATOR.join(told) or None


def _told(fact: Fact, scored: Scored, medians: Mapping[str, float], row: int) -> str:
    value = float(scored.values[row, scored.features.index(fact.feature)])
    if fact.feature == "recency_over_gap":
        value, every = float(scored.values[row, scored.features.index("recency_days")]), float(own_gap(scored)[row])
        return f"{fact.say(value)} (usually every {'day' if number(every) in ('1', 'less than 1') else number(every)})"
    return fact.say(value) if fact.usual is None else f"{fact.say(value)} (usually {fact.usual(medians[fact.feature])})"
