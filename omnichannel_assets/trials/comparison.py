"""A trial and its comparisons: each arm against control, of everybody and of parts, for every outcome.

Here: which people are compared, and one row of figures for each comparison. Not here: reading files (``files``), the formulas (``measures``, ``cuped``,
``power``). Everybody in an arm counts, whether anything reached them or not (intention to treat): whoever a channel could not reach is no random pick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omnichannel_assets.trials.cuped import Adjusted, adjusted
from omnichannel_assets.trials.measures import LEVEL, Difference, difference, holm
from omnichannel_assets.trials.power import detectable_of, more_people

if TYPE_CHECKING:
    import numpy as np

ALL = "all"


@dataclass(frozen=True)
class Trial:
    """People in arms. ``arms`` holds each person's arm; ``outcomes`` and ``history`` numbers by name, ``parts`` labels by name (None: in no part).

    All in the same order of people. ``history`` is what was known before the first of them was in an arm. ``shares``: planned sizes by arm, if told.
    """

    arms: np.ndarray
    control: str
    outcomes: Mapping[str, np.ndarray]
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)
    shares: Mapping[str, float] | None = None

    @property
    def treatments(self) -> list[str]:
        """Names of the arms that are not control, sorted."""
        return sorted({str(arm) for arm in self.arms} - {self.control})

    @property
    def people(self) -> dict[str, int]:
        """People by arm."""
        import numpy as np

        names, numbers = np.unique(self.arms, return_counts=True)
        return {str(name): int(number) for name, number in zip(names, numbers, strict=True)}


@dataclass(frozen=True)
class Comparison:
    """One arm against control for one outcome in one part of the people. Shares are 0 to 1; amounts in the outcome's own unit.

    ``p_among`` is ``p`` with all comparisons of the same kind taken into account. ``is_adjusted``: CUPED was used, and ``difference`` to ``p`` are
    after it. ``variance_before`` and ``variance_after``: inside the arms, without and with what history explains, whether it is used or not. ``detectable``: the smallest true difference so many
    people are expected to show; ``more_people``: how many more it would take for the measured one, where it is not clear.
    """

    part: str
    label: str
    outcome: str
    is_share: bool
    arm: str
    people: int
    mean: float | None
    control_people: int
    control_mean: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    p: float | None = None
    p_among: float | None = None
    is_adjusted: bool = False
    variance_before: float | None = None
    variance_after: float | None = None
    detectable: float | None = None
    more_people: int | None = None
    compared: int = 1

    @property
    def is_clear(self) -> bool:
        """Whether the difference is clear of zero; a part's also among all the parts that were looked at."""
        found = self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)
        return found and (self.part == ALL or (self.p_among is not None and self.p_among < LEVEL))

    def plain(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def compare(trial: Trial) -> list[Comparison]:
    """Every outcome of every arm against control: of everybody first, then of each part. Sorted as arms, outcomes and parts are."""
    import numpy as np

    found = [_compared(trial, np.ones(len(trial.arms), dtype=bool), ALL, ALL, arm, name) for arm in trial.treatments for name in trial.outcomes]
    for part, label, inside in _parts(trial):
        found += [_compared(trial, inside, part, label, arm, name) for arm in trial.treatments for name in trial.outcomes]
    return _among_many(found)


def _parts(trial: Trial) -> Iterator[tuple[str, str, np.ndarray]]:
    """Part, label and who is in it. Sub-groups of treatment, which control has none of, are held against all of control."""
    import numpy as np

    control = trial.arms == trial.control
    for part, labels in trial.parts.items():
        everywhere = control if all(label is None for label in labels[control]) else np.zeros(len(control), dtype=bool)
        for label in sorted({label for label in labels if label is not None}, key=_in_order):
            yield part, str(label), (labels == label) | everywhere


def _in_order(label: Any) -> tuple[int, float, str]:
    text = str(label)
    return (0, float(text), "") if text.replace(".", "", 1).isdigit() else (1, 0.0, text)


def _compared(trial: Trial, inside: np.ndarray, part: str, label: str, arm: str, name: str) -> Comparison:
    import numpy as np

    values = trial.outcomes[name]
    is_share = bool(np.isin(values, (0.0, 1.0)).all())
    chosen = [inside & (trial.arms == which) for which in (arm, trial.control)]
    treated, control = (values[which] for which in chosen)
    means = [float(group.mean()) if len(group) else None for group in (treated, control)]
    row = Comparison(part, label, name, is_share, arm, len(treated), means[0], len(control), means[1])
    told = difference(treated, control, is_share=is_share)
    if told is None:
        return row
    without = _without_history(trial, chosen, treated, control)
    if without is not None:
        row = replace(row, variance_before=without.variance_before, variance_after=without.variance_after)
        if without.helps and told.low is not None:
            told, row = difference(without.treated, without.control, is_share=False) or told, replace(row, is_adjusted=True)
    return _with_figures(row, told)


def _without_history(trial: Trial, chosen: Sequence[np.ndarray], treated: np.ndarray, control: np.ndarray) -> Adjusted | None:
    import numpy as np

    if not trial.history:
        return None
    history = [np.stack([column[which] for column in trial.history.values()], axis=1) for which in chosen]
    return adjusted(treated, control, (history[0], history[1]))


def _with_figures(row: Comparison, told: Difference) -> Comparison:
    relative = told.value / row.control_mean if row.control_mean else None
    needed = None if told.is_clear else more_people(row.people + row.control_people, told.value, told.error_towards_zero)
    seen = detectable_of(told.error_around) if told.error_around else None
    return replace(row, difference=told.value, low=told.low, high=told.high, relative=relative, p=told.p, detectable=seen, more_people=needed)


def _among_many(found: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons with p values that allow for all those of everybody, or all those of parts, being read together."""
    kinds = {True: [row for row in found if row.part == ALL], False: [row for row in found if row.part != ALL]}
    told = {}
    for rows in kinds.values():
        judged = [row for row in rows if row.p is not None]
        for row, p in zip(judged, holm([row.p for row in judged if row.p is not None]), strict=True):
            told[id(row)] = p
    return [replace(row, p_among=told.get(id(row)), compared=len(kinds[row.part == ALL])) for row in found]
