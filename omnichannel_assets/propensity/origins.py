"""Rolling origins: every past cut-off on which a model can be judged that had learned only what was known by then.

Here: which cut-offs, who is judged on each, and what the judges say of them. Not here: measuring it (``evaluation``). At an origin the model and
the logistic baseline learn from cut-offs whose horizon had passed by it; BG/NBD reads purchases before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.baselines import MODEL, Opinion, opinions
from omnichannel_assets.propensity.scoring import score
from omnichannel_assets.propensity.segments import members
from omnichannel_assets.propensity.tasks import ELIGIBLE_DAYS, Task
from omnichannel_assets.propensity.training import Model, train

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class Judging:
    """How models are judged: on how many of the newest origins (or on those named), whom the population holds, and how one learns.

    ``eligible_days`` only words the population (0: no limit). ``learn`` has the form of ``training.train``.
    """

    most_origins: int = 3
    origins: tuple[date, ...] = ()
    eligible_days: int = ELIGIBLE_DAYS
    learn: Callable[..., Model] = train


@dataclass(frozen=True)
class Judged:
    """One origin: the customers with a known answer, in order of their ids, what each judge says of them, and the model that was judged.

    ``answers``: 1 with the label, else 0, or the amount.
    """

    origin: date
    model: Model
    customers: pa.Table
    answers: np.ndarray
    opinions: Mapping[str, Opinion]
    segments: Mapping[str, np.ndarray]
    customer_ids: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class NotJudged:
    """An origin where nothing can be judged: how many customers with a known answer there are, how many had the label, and why."""

    origin: date
    customers: int
    positives: int
    reason: str


def origins(task: Task, examples: pa.Table, judging: Judging) -> list[date]:
    """The cut-offs with a closed horizon that models are judged on, oldest first."""
    import pyarrow.compute as pc

    days = sorted(set(examples.filter(pc.is_valid(examples.column(task.label))).column("cutoff").to_pylist()))
    return [day for day in days if day in judging.origins] if judging.origins else days[-judging.most_origins :]


def has_both(task: Task, answers: np.ndarray, least: int = 1) -> bool:
    """Whether enough customers had the label and enough did not; amounts above 0 differ among themselves, so enough of those will do."""
    happened = int((answers > 0).sum())
    return happened >= least and (task.target == "amount" or len(answers) - happened >= least)


def judged_at(task: Task, examples: pa.Table, features: Sequence[str], origin: date, judging: Judging) -> Judged | NotJudged:
    """Learn as if it were the origin, and let every judge speak of the customers of that day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labelled = examples.filter(pc.is_valid(examples.column(task.label)))
    tested = labelled.filter(pc.equal(labelled.column("cutoff"), origin)).sort_by([("customer_id", "ascending")])
    answers = tested.column(task.label).cast(pa.float64()).to_numpy(zero_copy_only=False)
    positives = int((answers > 0).sum())
    model = judging.learn(task, examples, features, known_until=origin)
    if model.refusal:
        return NotJudged(origin, len(answers), positives, model.refusal)
    if not has_both(task, answers):
        return NotJudged(origin, len(answers), positives, "all of them ended alike")
    days = calendar.closed(set(labelled.column("cutoff").to_pylist()), task.horizon_days, origin)
    learned = labelled.filter(pc.is_in(labelled.column("cutoff"), pa.array(days, pa.date32()))).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])
    spoken = {MODEL: Opinion(score(model, tested), is_forecast=True), **opinions(task, learned, tested)}
    return Judged(origin, model, tested, answers, spoken, members(tested), tested.column("customer_id").to_pylist())
