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

from omnichannel_assets.sql.features import FEATURES, Feature

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

    ``usual`` writes what is usual, in brackets; None for yes and no. ``decimals`` is how exactly both are shown. ``told_by``: the input that
    is shown in its place, and the one that says what is usual for the customer.
    """

    feature: str
    stays: int
    say: Callable[[float], str]
    usual: Callable[[float], str] | None
    decimals: int = 0
    told_by: tuple[str, str] | None = None


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


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"


def _ratio(value: float) -> str:
    return f"{value:.1f}"


SHOWN: dict[str, tuple[Callable[[float], str], int]] = {"money": (number, 0), "share": (_percent, 2), "ratio": (_ratio, 1)}
"""Unit that is no noun -> how it is written, and how exactly."""


def _counted(value: float, nouns: tuple[str, str]) -> str:
    shown = number(value)
    return f"{shown} {nouns[0] if shown in ('1', 'less than 1') else nouns[1]}"


def _fact(feature: Feature, others: Mapping[str, Feature]) -> Fact:
    """A declared feature in words."""
    if feature.unit == "yes/no":
        if_true, if_false = feature.words.split(" / ")
        return Fact(feature.name, feature.stays, lambda value: if_true if value else if_false, None)
    if feature.told_by:
        shown, own = feature.told_by
        told = _fact(others[shown], others)
        text, _, rhythm = feature.words.replace(f"<{shown}>", "{}").replace(f"<{own}>", "{}").partition(" (")
        return Fact(
            feature.name,
            feature.stays,
            lambda value: text.format(_amount(others[shown], value)),
            lambda value: rhythm.removesuffix(")").format("day" if number(value) in ("1", "less than 1") else number(value)),
            told.decimals,
            (shown, own),
        )
    shown_as, decimals = SHOWN.get(feature.unit, (number, 0))
    return Fact(
        feature.name,
        feature.stays,
        lambda value: feature.words.format(_amount(feature, value)),
        lambda value: f"usually {shown_as(value)}",
        decimals,
    )


def _amount(feature: Feature, value: float) -> str:
    """A value with its noun, where it has one."""
    return _counted(value, feature.nouns) if feature.nouns else SHOWN[feature.unit][0](value)


def families(features: Sequence[Feature]) -> tuple[Family, ...]:
    """The inputs among some features by family, families and inputs in the order in which they are declared."""
    inputs = {feature.name: feature for feature in features if feature.kind != "text"}
    facts: dict[str, list[Fact]] = {}
    for feature in inputs.values():
        facts.setdefault(feature.family, []).append(_fact(feature, inputs))
    return tuple(Family(name, tuple(found)) for name, found in facts.items())


FAMILIES = families(FEATURES)
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
    if fact.told_by:
        values, usual = (scored.values[:, scored.features.index(name)] for name in fact.told_by)
    further = np.nan_to_num(np.sign(np.round(values, fact.decimals) - np.round(usual, fact.decimals)))
    differs = np.abs(values - usual) >= LEAST_DIFFERENCE * np.abs(usual)
    return differs & (further != 0) & ((fact.stays == 0) | (further * fact.stays == toward_staying))


def _sentence(scored: Scored, medians: Mapping[str, float], row: int, picked: Sequence[tuple[int, int]]) -> str | None:
    told = [_told(FAMILIES[family].facts[fact], scored, medians, row) for family, fact in picked]
    return SEPARATOR.join(told) or None


def _told(fact: Fact, scored: Scored, medians: Mapping[str, float], row: int) -> str:
    if fact.told_by:
        value, own = (float(scored.values[row, scored.features.index(name)]) for name in fact.told_by)
    else:
        value, own = float(scored.values[row, scored.features.index(fact.feature)]), medians[fact.feature]
    return fact.say(value) if fact.usual is None else f"{fact.say(value)} ({fact.usual(own)})"
