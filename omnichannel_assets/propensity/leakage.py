"""Whether examples know more than could be known: three alarms, each for leaks that the others do not see.

- *rebuilt*: the same rows made from inputs in which nothing known at or after the cut-off is left must be the same to the byte. Sees every
  leak through time conditions and identity, however small, and columns that were changed after the features were made.
- *single feature*: one input that tells a label almost alone. People are not that easy to foresee; a column made from the label is.
- *split*: a model that learned at random from all cut-offs, the judged one included, beside one that learned only from cut-offs whose horizon
  had passed. Sees columns whose meaning depends on how long ago the cut-off was: today's state instead of that of the cut-off.

Here: plain functions over Arrow tables. Not here: how rows are rebuilt (``assets.leakage``), and when examples are judged.

The two splits are compared on the same customers at the same cut-off, with equally many examples of *other* customers. A shuffled split as it
is usually made is not compared: it differs from a split by time on honest data too, because neighbouring rows of a customer share most of
their label (on real sales by 0.14 for the end of a subscription) and because it averages over seasons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.calendar import closed
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.trees import matrix

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MOST_SINGLE_AUC = 0.95
"""Honest inputs reach 0.81 on the sample and 0.74 on two years of real sales."""
MOST_GAP = 0.05
"""By how much learning at random may beat learning by time. Honest examples: up to 0.027 on real sales; days since the last order counted from
today instead of the cut-off: 0.11 to 0.31."""
NEEDED = 50
"""Rows with the label, and without it, that one feature is judged on: then 0.95 is three standard errors from 0.85."""
NEEDED_TO_SPLIT = 100
"""The same for the two splits, at the judged cut-off and in what is learned from."""
MOST_ROWS = 20_000
"""Rows that are judged, or learned from, at a time; more are drawn from. Enough for an AUC within 0.01."""
TREES = 60
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.15,
    "subsample": 0.8,
    "min_child_weight": 20,
    "nthread": 1,
}
SEED = 20
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Alarms:
    """What rang, one sentence each, and what could not be judged and why. ``judged`` counts the (label, cut-off) pairs and splits looked at."""

    found: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()
    judged: int = 0

    def __add__(self, other: Alarms) -> Alarms:
        return Alarms(self.found + other.found, self.not_judged + other.not_judged, self.judged + other.judged)


def alarms(tasks: Sequence[Task], examples: pa.Table, features: Sequence[str]) -> Alarms:
    """The two alarms that need the examples alone: single features, and the two splits."""
    total = Alarms()
    for task in tasks:
        labelled = _labelled(task, examples)
        total += single_features(task, labelled, features) + splits(task, labelled, features)
    return total


def rebuilt(examples: pa.Table, again: pa.Table, days: Sequence[date], columns: Sequence[str]) -> Alarms:
    """Whether the rows at some cut-offs are those that were made ``again``, to the byte: the same customers, and the same in some columns."""
    import pyarrow as pa

    told, made = _at(examples, days), _at(again, days)
    in_told, in_made = _keys(told), _keys(made)
    shared = in_told.keys() & in_made.keys()
    where = f"at {' and '.join(day.isoformat() for day in days)} with everything known later deleted"
    found = []
    if len(shared) < max(len(in_told), len(in_made)):
        lost, new = len(in_told) - len(shared), len(in_made) - len(shared)
        found.append(f"rebuilt: {lost:,} of {told.num_rows:,} customers are not there {where}, and {new:,} others are")
    order = sorted(shared)
    told, made = (t.take(pa.array([rows[key] for key in order], pa.int64())) for t, rows in ((told, in_told), (made, in_made)))
    differing = {name: count for name in columns if (count := _differing(told.column(name), made.column(name)))} if order else {}
    for name, count in sorted(differing.items(), key=lambda item: (-item[1], item[0])):
        found.append(f"rebuilt: {name} differs in {count:,} of {len(order):,} rows {where}")
    return Alarms(tuple(found), judged=len(days))


def _keys(table: pa.Table) -> dict[tuple[date, str], int]:
    """Cut-off and customer -> row."""
    pairs = zip(table.column("cutoff").to_pylist(), table.column("customer_id").to_pylist(), strict=True)
    return {pair: row for row, pair in enumerate(pairs)}


def _differing(told: pa.ChunkedArray, made: pa.ChunkedArray) -> int:
    """In how many places two columns differ. NULL equals NULL; numbers are compared by their bytes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(told.type):
        told, made = (_as_bits(column) for column in (told, made))
    unequal = pc.fill_null(pc.not_equal(told, made), False)
    return int(pc.sum(pc.or_(unequal, pc.xor(told.is_null(), made.is_null()))).as_py() or 0)


def _as_bits(column: pa.ChunkedArray) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    absent = column.is_null().to_numpy(zero_copy_only=False)
    return pa.array(column.fill_null(0.0).to_numpy().astype(np.float64).view(np.int64), mask=absent)


def single_features(task: Task, labelled: pa.Table, features: Sequence[str]) -> Alarms:
    """Whether a feature alone tells the label, at any cut-off or over all of them: what is today's state tells most at the latest one."""
    import numpy as np

    days, place = _places(labelled)
    worst: dict[str, tuple[float, str]] = {}
    judged = 0
    for number, day in [(-1, None), *enumerate(days)]:
        part = labelled.take(_drawn(np.flatnonzero(place == number) if day else np.arange(len(place))))
        answers = _answers(task, part)
        if min(answers.sum(), (~answers).sum()) < NEEDED:
            continue
        judged += 1
        for name, area in zip(features, single_areas(matrix(part, features), answers), strict=True):
            if area > worst.get(name, (MOST_SINGLE_AUC, ""))[0]:
                worst[name] = (float(area), f"at {day}" if day else "at all cut-offs")
    found = [
        f"single feature: {name} alone tells {task.label}, AUC {area:.3f} {where} (at most {MOST_SINGLE_AUC})"
        for name, (area, where) in worst.items()
    ]
    return Alarms(tuple(found), () if judged else (f"single feature of {task.label}: fewer than {NEEDED} rows of a kind",), judged)


def single_areas(inputs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The AUC of each input alone in its better direction; a missing value is taken as the least or the most, whichever tells more."""
    import numpy as np

    missing = np.isnan(inputs)
    with_gaps = missing.any(axis=0)
    found = _areas(np.where(missing, -np.inf, inputs), answers)
    if with_gaps.any():
        other = _areas(np.where(missing, np.inf, inputs)[:, with_gaps], answers)
        found[with_gaps] = np.maximum(found[with_gaps], other)
    return found


def _areas(inputs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    import numpy as np
    from scipy.stats import rankdata

    positives = answers.sum()
    ranks = rankdata(inputs, axis=0)[answers].sum(axis=0)
    area = (ranks - positives * (positives + 1) / 2) / (positives * (len(answers) - positives))
    return np.maximum(area, 1 - area)


def splits(task: Task, labelled: pa.Table, features: Sequence[str]) -> Alarms:
    """Whether learning at random beats learning by time at the last cut-off, by more than the noise of the difference (two standard errors)."""
    import numpy as np

    days, place = _places(labelled)
    earlier = closed(days, task.horizon_days, days[-1]) if days else []
    if not earlier:
        return Alarms(not_judged=(f"split of {task.label}: no cut-off had closed by the last one",))
    answers, is_test, is_known = _answers(task, labelled), place == len(days) - 1, place < len(earlier)
    fewest = min(np.bincount(answers[rows], minlength=2).min() for rows in (is_test, is_known))
    if fewest < NEEDED_TO_SPLIT:
        return Alarms(not_judged=(f"split of {task.label}: {fewest} rows of a kind, {NEEDED_TO_SPLIT} are needed",))

    def inputs(rows: np.ndarray) -> np.ndarray:
        # Which cut-off a row is of is an input too: with it the random model can learn what a column meant at each of them.
        return np.column_stack([matrix(labelled.take(rows), features), place[rows]])

    rows, by_random, by_time = _scored(inputs, answers, _halves(labelled), is_test, is_known)
    one, other, noise = areas_with_noise(answers[rows], by_random, by_time)
    if one - other - 2 * noise <= MOST_GAP:
        return Alarms(judged=1)
    text = f"split: a random split tells {task.label} better than one by time, AUC {one:.3f} against {other:.3f} at {days[-1]} (at most {MOST_GAP} more)"
    return Alarms((text,), judged=1)


def _halves(labelled: pa.Table) -> np.ndarray:
    """Half of the customers, by the person they are today, so that nobody is learned from and judged."""
    import numpy as np

    name = "heir_id" if "heir_id" in labelled.column_names else "customer_id"
    people = labelled.column(name).fill_null("").combine_chunks().dictionary_encode().indices.to_numpy()
    return np.random.Generator(np.random.PCG64(SEED)).integers(0, 2, int(people.max(initial=0)) + 1)[people]


def _scored(
    inputs: Callable[[np.ndarray], np.ndarray], answers: np.ndarray, half: np.ndarray, is_test: np.ndarray, is_known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The judged rows, and what a random and a time model of the other half of the customers say of them."""
    import numpy as np
    import xgboost as xgb

    def learned(rows: np.ndarray, tested: xgb.DMatrix) -> np.ndarray:
        known = xgb.DMatrix(inputs(rows), answers[rows].astype(float), nthread=1)
        return xgb.train({**PARAMETERS, "seed": SEED}, known, TREES).predict(tested).astype(float)

    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for side in (0, 1):
        tested, others = _drawn(np.flatnonzero(is_test & (half == side))), half != side
        known = _drawn(np.flatnonzero(is_known & others))
        asked = xgb.DMatrix(inputs(tested), nthread=1)
        found.append((tested, learned(_drawn(np.flatnonzero(others), len(known)), asked), learned(known, asked)))
    rows, by_random, by_time = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, by_random, by_time


def areas_with_noise(answers: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The AUC of two scores of the same rows, and the standard error of their difference.

    DeLong, DeLong and Clarke-Pearson (1988): each row with the label has a share of rows without it below its score, and the other way
    round; the areas are the means of these shares, and the differences between the two scores' shares are independent.
    """
    import numpy as np
    from scipy.stats import rankdata

    def shares(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ranks = rankdata(scores)
        above, below = scores[answers], scores[~answers]
        return (ranks[answers] - rankdata(above)) / len(below), 1 - (ranks[~answers] - rankdata(below)) / len(above)

    first, second = shares(one), shares(other)
    spread = [np.var(a - b, ddof=1) / len(a) for a, b in zip(first, second, strict=True)]
    return float(first[0].mean()), float(second[0].mean()), float(np.sqrt(sum(spread)))


def _labelled(task: Task, examples: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    kept = examples.filter(pc.is_valid(examples.column(task.label)))
    return kept.sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])


def _places(labelled: pa.Table) -> tuple[list[date], np.ndarray]:
    """The cut-offs, oldest first, and the place of each row's among them."""
    import numpy as np
    import pyarrow as pa

    found, place = np.unique(labelled.column("cutoff").cast(pa.int32()).to_numpy(), return_inverse=True)
    return [EPOCH + timedelta(days=int(number)) for number in found], place


def _answers(task: Task, labelled: pa.Table) -> np.ndarray:
    return labelled.column(task.label).to_numpy(zero_copy_only=False).astype(bool)


def _drawn(rows: np.ndarray, most: int = MOST_ROWS) -> np.ndarray:
    """Some of the rows, at most ``most``, in their order; the same ones every time."""
    import numpy as np

    return rows if len(rows) <= most else np.sort(np.random.Generator(np.random.PCG64(SEED)).choice(rows, most, replace=False))


def _at(examples: pa.Table, days: Sequence[date]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    return examples.filter(pc.is_in(examples.column("cutoff"), pa.array(days, pa.date32())))
