"""How a model learns: gradient-boosted trees on earlier cut-offs, everything chosen by what holds on later ones, or a refusal in words.

Examples come as an Arrow table with a column ``cutoff``, the features and the labels; a label is NULL where its horizon is not closed.
Parameters, inputs and calibration are chosen by versions of back then on cut-offs they had not seen; the trees in force then grow on every
closed cut-off, because those that lack the newest run a season late. A fixed seed: the same examples and terms give the same bytes.
Not here: the steps themselves (``search``, ``selection``, ``calibration``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.calibration import AS_IT_IS, Calibration, Way, choose, totalled
from omnichannel_assets.propensity.search import NOT_SEARCHED, Found, search
from omnichannel_assets.propensity.selection import NOT_SELECTED, Selection, select
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.terms import USUAL, Terms
from omnichannel_assets.propensity.trees import Rows, grow, margins, matrix
from omnichannel_assets.propensity.validation import Course, folds

if TYPE_CHECKING:
    import pyarrow as pa

NEEDED_CUTOFFS = 2


@dataclass(frozen=True)
class Learning:
    """How a version came to be: parameters and trials, what was measured of the inputs, how it was calibrated and how each way held.

    ``validated``: the later cut-offs that had a say, oldest first.
    """

    found: Found = NOT_SEARCHED
    selection: Selection = NOT_SELECTED
    calibrated_by: str = "none"
    ways: tuple[Way, ...] = ()
    validated: tuple[date, ...] = ()


UNTOLD = Learning()
"""Of a version that was never grown."""


@dataclass(frozen=True)
class Model:
    """A version of a model, or why there is none (``refusal``). ``examples`` and ``positives`` count all closed cut-offs.

    ``features`` are the inputs it reads; ``cutoffs`` those its trees grew on; ``calibrated_on`` the newest that was held out to choose by.
    """

    task: Task
    features: tuple[str, ...]
    cutoffs: tuple[date, ...] = ()
    calibrated_on: date | None = None
    examples: int = 0
    positives: int = 0
    calibration: Calibration = AS_IT_IS
    booster: str | None = None
    refusal: str | None = None
    learning: Learning = UNTOLD


def train(
    task: Task, examples: pa.Table, features: Sequence[str], *, known_until: date | None = None, terms: Terms = USUAL
) -> Model:
    """Learn one task. ``known_until`` leaves out cut-offs whose horizon had not passed by that day, as if it were then."""
    labelled = labelled_rows(task.label, task.horizon_days, examples, known_until)
    days = sorted(set(labelled.column("cutoff").to_pylist()))
    rows = rows_of(labelled, features, task)
    count, positives = len(rows.answers), int((rows.answers > 0).sum())
    refusal = _too_short(task, len(days)) or _too_few(task, count, positives, len(days), terms.least_examples)
    if refusal:
        return Model(task, tuple(features), tuple(days), None, count, positives, refusal=refusal)
    courses = [Course(fold, terms) for fold in folds(rows, task.horizon_days, terms)]
    found = search(courses, terms)
    plain = [course.held_out(found.parameters) for course in courses]
    selection, held_out = select(courses, found.parameters, terms, plain)
    read = tuple(name for name in features if name in {worth.feature for worth in selection.worths if worth.kept}) or tuple(features)
    booster = grow(rows.reading(read), found.parameters, terms)
    if task.target == "amount":
        name, calibration, ways = "total", totalled(margins(booster, rows.reading(read).inputs, read), rows.answers), ()
    else:
        name, calibration, ways = choose(held_out, task.horizon_days)
    learning = Learning(found, selection, name, ways, tuple(date_of(course.fold.day) for course in courses))
    newest = learning.validated[-1] if courses else None
    return Model(task, read, tuple(days), newest, count, positives, calibration, booster, None, learning)


def labelled_rows(label: str, horizon_days: int, examples: pa.Table, known_until: date | None) -> pa.Table:
    """The examples whose label was known by a day, in one order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = examples.filter(pc.is_valid(examples.column(label))).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])
    if known_until is None:
        return kept
    days = calendar.closed(set(kept.column("cutoff").to_pylist()), horizon_days, known_until)
    return kept.filter(pc.is_in(kept.column("cutoff"), pa.array(days, pa.date32())))


def rows_of(labelled: pa.Table, features: Sequence[str], task: Task) -> Rows:
    """Labelled examples as numbers."""
    import pyarrow as pa

    answers = labelled.column(task.label).cast(pa.float64()).to_numpy(zero_copy_only=False)
    days = labelled.column("cutoff").cast(pa.int32()).to_numpy(zero_copy_only=False)
    return Rows(tuple(features), matrix(labelled, features), answers, days, task.target)


def date_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(number))


def _too_short(task: Task, cutoffs: int) -> str | None:
    """Why the history is too short, or None."""
    if cutoffs >= NEEDED_CUTOFFS:
        return None
    return (
        f"{task.title} cannot be learned yet: {cutoffs} of the {NEEDED_CUTOFFS} needed cut-offs {'has' if cutoffs == 1 else 'have'} "
        f"{task.subject} and a closed horizon of {task.horizon_days} days."
    )


def _too_few(task: Task, count: int, positives: int, cutoffs: int, needed: int) -> str | None:
    """Why the trees cannot be grown, or None."""
    for found, happened in ((positives, task.happened), (count - positives, task.did_not)):
        if found < needed:
            return f"{task.title} cannot be learned yet: {found} {task.subject} {happened} at the {cutoffs} past cut-offs; {needed} are needed."
    return None
