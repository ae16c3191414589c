"""Which version is in force: the champion stays unless the challenger wins by more than noise wherever both can be judged.

Both are judged on cut-offs at or after the champion's training date, which it cannot have learned from; the challenger is what its procedure
would have been by that cut-off. The same customers, two losses each: a win is a mean difference that chance does not explain
(``LEAST_ERRORS`` standard errors). Not here: how versions are stored and found again (``assets.models``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.calibration import log_odds
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import Model, labelled_rows, rows_of, train
from omnichannel_assets.propensity.trees import Rows, margins
from omnichannel_assets.propensity.validation import losses_of, tells

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LEAST_ERRORS = 1.96


@dataclass(frozen=True)
class Version:
    """What the rule asks of a version: when it was made, why it cannot be used (None: it can)."""

    made: date
    refusal: str | None = None


@dataclass(frozen=True)
class Origin:
    """One cut-off both were judged on: the champion's mean loss minus the challenger's, and its standard error."""

    day: date
    gain: float
    error: float

    @property
    def is_won(self) -> bool:
        """Whether the challenger is better by more than noise."""
        return self.gain > LEAST_ERRORS * self.error


@dataclass(frozen=True)
class Verdict:
    """The training date of the version in force from now on, and why, in one sentence."""

    in_force: date
    words: str


def contest(champion: Model, since: date, examples: pa.Table, features: Sequence[str], terms: Terms) -> list[Origin]:
    """The champion of a training date (``since``) and its challenger on every later cut-off whose horizon is closed, oldest first.

    A cut-off where the challenger would not have been, or where nearly everybody ended alike, is left out.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    task, origins = champion.task, []
    labelled = labelled_rows(task.label, task.horizon_days, examples, None)
    for day in sorted(day for day in set(labelled.column("cutoff").to_pylist()) if day >= since):
        later = rows_of(labelled.filter(pc.equal(labelled.column("cutoff"), pa.scalar(day, pa.date32()))), features, task)
        challenger = train(task, examples, features, known_until=day, terms=terms) if tells(later) else None
        if challenger and challenger.booster:
            difference = _losses(champion, later) - _losses(challenger, later)
            error = float(difference.std(ddof=1)) / len(difference) ** 0.5
            origins.append(Origin(day, round(float(difference.mean()), 9), round(error, 9)))
    return origins


def _losses(model: Model, rows: Rows) -> np.ndarray:
    """The loss of each customer by one version."""
    inputs = rows.reading(model.features)
    order = [inputs.features.index(name) for name in model.features]
    margin = margins(model.booster or "", inputs.inputs[:, order], model.features)
    return losses_of(log_odds(margin, model.calibration), rows.answers, rows.target)


def settled(challenger: Version, champion: Version | None, most_days: int) -> Verdict | None:
    """The verdict where no comparison is needed, else None. ``most_days`` is the age at which a champion makes way, 0 for at once."""
    if challenger.refusal:
        if champion is None or champion.refusal:
            return Verdict(challenger.made, f"none in force: {challenger.refusal}")
        return Verdict(champion.made, f"kept: the version of {champion.made} stays, because there is no challenger. {challenger.refusal}")
    if champion is None:
        return Verdict(challenger.made, "champion: there was none before")
    if champion.refusal:
        return Verdict(challenger.made, f"champion: the version of {champion.made} cannot be used. {champion.refusal}")
    age = (challenger.made - champion.made).days
    if age >= most_days:
        return Verdict(challenger.made, f"champion: the version of {champion.made} is {age} days old, and {most_days} is the most")
    return None


def verdict(challenger: date, champion: date, origins: list[Origin], horizon_days: int) -> Verdict:
    """The verdict after a comparison."""
    if not origins:
        words = f"kept: the version of {champion} stays; since then no cut-off has a closed horizon of {horizon_days} days to judge both on"
        return Verdict(champion, words)
    lost = [origin for origin in origins if not origin.is_won]
    if not lost:
        least = min(origins, key=lambda origin: origin.gain)
        words = f"champion: better than the version of {champion} on each of {len(origins)} later cut-offs, by {least.gain:.4f} or more of loss"
        return Verdict(challenger, words)
    told = ", ".join(f"{origin.day}: {origin.gain:+.4f} (noise {LEAST_ERRORS * origin.error:.4f})" for origin in lost)
    words = f"kept: the version of {champion} stays; the challenger did not win by more than noise on {len(lost)} of {len(origins)} later cut-offs: {told}"
    return Verdict(champion, words)
