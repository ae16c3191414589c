"""How scores hold up: what was forecast beside what happened, and whether customers and scores have moved away from what a model learned.

Two kinds of readings. An *outcome* is read once, when the horizon of a day's scores has closed: by tenths of the customers, highest scores
first. *Drift* is read for every day's scores at once: the population stability index (PSI) of each input and score against the newest cut-off
of the examples behind the models, and against the cut-off a year before, where there is one: what moves every year is season, not drift.

Here: plain functions over numbers. Not here: which days, and what was known when (``assets.score_monitoring``). Every alert must be larger than
a limit *and* than what chance does to so few customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.scoring import places
from omnichannel_assets.propensity.trees import Target

if TYPE_CHECKING:
    import numpy as np

TENTHS = 10
BINS = 10
"""Bins of a PSI: tenths of the reference, as far as its values can be told apart, and one bin for missing values."""
DRIFTED = 0.25
"""The usual limit of a PSI for "has moved"; 0.1 to 0.25 is usually called "watch it"."""
MISSED = 0.2
"""An outcome is missed when it differs from the forecast by more than this share of it; so the figure means the same for rare and common."""
SIGMAS = 3.0
"""And by more than so many standard errors: dozens of readings a day are looked at, and two would name one of twenty for nothing."""
SEASON_DAYS = 15
"""How far from a year earlier a cut-off may lie: half of the step between cut-offs."""
YEAR = timedelta(days=365)
NO_SEASON = "no data of the same season a year earlier"


@dataclass(frozen=True)
class Reading:
    """One number about scores. ``name`` is ``all`` or a tenth (``01`` the highest scores) of an outcome, else what may have drifted.

    Of an outcome: ``forecast`` and ``actual`` are means over the customers, ``low`` and ``high`` where the actual mean is expected, at 95 %,
    when the forecast is right, ``value`` is actual less forecast. Of drift: ``value`` is the PSI, ``chance`` what chance alone rarely exceeds.
    """

    measure: str
    name: str
    compared_with: str
    customers: int
    value: float
    chance: float
    forecast: float | None = None
    actual: float | None = None
    low: float | None = None
    high: float | None = None
    is_alert: bool = False
    words: str | None = None


def closed_on(scored_on: date, horizon_days: int, orders: Iterable[tuple[datetime, datetime]]) -> date | None:
    """The first date before which it was known that a horizon had passed: an order at or after its last day had become known.

    ``orders`` are (ordered_at, known_at). None while there is none: a feed that fell silent closes nothing.
    """
    end = scored_on + timedelta(days=horizon_days)
    known = [known_at for ordered_at, known_at in orders if ordered_at.date() + timedelta(days=1) >= end]
    return max(end, min(known).date() + timedelta(days=1)) if known else None


def outcome(
    forecast: np.ndarray, actual: np.ndarray, ids: Sequence[str], season: tuple[str, float] | None = None, target: Target = "probability"
) -> list[Reading]:
    """What happened to scored customers beside the forecast, over all and by tenth; ``actual`` is 1 or 0, or what they spent.

    ``season`` is when it was a year earlier, in words, and how often it happened then, or how much was spent. A miss that is the season's usual rate is still a miss
    (the model did not know), but its words show it.
    """
    import numpy as np

    order = np.argsort(places(forecast, ids))
    whole = _outcome("all", forecast, actual, target)
    is_missed = abs(whole.value) > max(MISSED * abs(float(forecast.mean())), whole.chance)
    readings = [replace(whole, is_alert=is_missed, words=_words(whole, season, target))]
    for number, group in enumerate(np.array_split(order, TENTHS), start=1):
        if len(group):
            readings.append(_outcome(f"{number:02}", forecast[group], actual[group], target))
    return readings


def _outcome(name: str, forecast: np.ndarray, actual: np.ndarray, target: Target) -> Reading:
    """One reading. Of probabilities the forecast itself says how far chance moves the actual mean, as the sum of coins so weighted.

    An amount says nothing of its spread, and that is large: most spend nothing and a few a lot. Its standard error comes from the squared
    distances of the customers from their forecasts, so one unexpected large buyer widens it and raises no alert; for the same reason, nine
    customers never do.
    """
    import numpy as np

    count, expected, happened = len(forecast), float(forecast.mean()), float(actual.mean())
    squares = forecast * (1 - forecast) if target == "probability" else (actual - forecast) ** 2
    error = float(np.sqrt(squares.sum())) / count
    low, high = max(expected - 1.96 * error, 0.0), expected + 1.96 * error
    high = min(high, 1.0) if target == "probability" else high
    return Reading("outcome", name, "what happened", count, happened - expected, SIGMAS * error, expected, happened, low, high)


def _words(whole: Reading, season: tuple[str, float] | None, target: Target) -> str:
    form, happened = (".1%", "happened, of") if target == "probability" else (",.2f", "spent, by each of")
    earlier = f"{season[1]:{form}} at {season[0]}" if season else NO_SEASON
    return f"{whole.forecast:{form}} forecast, {whole.actual:{form}} {happened} {whole.customers:,} customers, {earlier}"


@dataclass(frozen=True)
class Reference:
    """Customers at an earlier cut-off: what they are called in words, and their numbers, customers x names."""

    title: str
    values: np.ndarray


def drift(measure: str, names: Sequence[str], values: np.ndarray, reference: Reference, season: Reference | None) -> list[Reading]:
    """How far each column of today's customers has moved from the reference, and from the same season a year earlier where there is one.

    An alert needs both, where there are both: what was so a year earlier too comes back every year. A column that the reference lacks
    altogether is not read: there is nothing to have moved from.
    """
    import numpy as np

    readings = []
    for place, name in enumerate(names):
        if np.isnan(reference.values[:, place]).all():
            continue  # not collected back then: no model can have learned anything from it
        moved, chance = psi(reference.values[:, place], values[:, place])
        again = psi(season.values[:, place], values[:, place]) if season else None
        has_moved, is_new = moved > max(DRIFTED, chance), again is None or again[0] > max(DRIFTED, again[1])
        told = f"{again[0]:.2f} against {season.title}" if season and again else NO_SEASON
        words = f"{name} PSI {moved:.2f} against {reference.title} (alert above {max(DRIFTED, chance):.2f}), {told}"
        readings.append(Reading(measure, name, reference.title, len(values), moved, chance, is_alert=has_moved and is_new, words=words))
        if season and again:
            readings.append(Reading(measure, name, season.title, len(values), again[0], again[1]))
    return readings


def psi(reference: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The population stability index of values against a reference, and what it rarely exceeds by chance (three standard deviations).

    Bins are tenths of the reference's values; equal edges are one, so a yes-or-no column has two bins. Missing values are a bin of their own.
    Half a customer is added to each bin, so that an empty one does not make the index infinite. By chance it is distributed about as
    (1/n + 1/m) times chi-square with one degree of freedom a bin less one.
    """
    import numpy as np

    if not len(reference) or not len(values):
        return 0.0, float("inf")
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    counted = [_counts(column, edges) for column in (reference, values)]
    seen = (counted[0] + counted[1]) > 0
    shares = [(counts[seen] + 0.5) / (counts[seen] + 0.5).sum() for counts in counted]
    bins, scale = int(seen.sum()), 1 / len(reference) + 1 / len(values)
    value = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return value, scale * ((bins - 1) + SIGMAS * float(np.sqrt(2 * (bins - 1))))


def _counts(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values lie in each bin, the missing ones last. A value on an edge is in the bin below it."""
    import numpy as np

    missing = np.isnan(column)
    bins = np.searchsorted(edges, column[~missing], side="left")
    return np.append(np.bincount(bins, minlength=len(edges) + 1), missing.sum()).astype(float)


def same_season(days: Iterable[date], scored_on: date) -> date | None:
    """The cut-off nearest to a year before a date, or None when none is near."""
    near = [(abs(day - (scored_on - YEAR)), day) for day in days if abs(day - (scored_on - YEAR)) <= timedelta(days=SEASON_DAYS)]
    return min(near)[1] if near else None
