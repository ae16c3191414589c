"""Expected spend: what a customer will spend in the days that churn speaks of, by trees with a Tweedie loss (many zeros, a long tail).

It learns as the probabilities do (``training``): same cut-offs, same search, same selection, same refusals; only the label is an amount. It
is judged on later cut-offs beside two guesses that cost nothing: what the customer spent in the days before, and the mean of everybody.
Not here: how learning works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.calibration import log_odds
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import Model, labelled_rows, train
from omnichannel_assets.propensity.trees import margins, matrix

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LAST_SPEND = "spend_90_days"
"""The feature that is the first guess."""
PENNY = Decimal("0.01")
MOST_ORIGINS = 1


@dataclass(frozen=True)
class Judged:
    """How one guess did on one later cut-off: mean absolute error, forecast over actual total, and the share of the actual spend that the tenth
    of the customers with the largest forecast made.
    """

    cutoff: date
    guess: str
    error: float
    total: float
    top_tenth: float


def expected_spend(model: Model, customers: pa.Table) -> list[Decimal]:
    """The expected spend of each customer, in whole pence."""
    found = amounts(model, customers)
    return [Decimal(float(value)).quantize(PENNY) for value in found]


def amounts(model: Model, customers: pa.Table) -> np.ndarray:
    """The expected spend of each customer as numbers."""
    import numpy as np

    return np.exp(log_odds(margins(model.booster or "", matrix(customers, model.features), model.features), model.calibration))


def judge(task: Task, examples: pa.Table, features: Sequence[str], terms: Terms) -> list[Judged]:
    """The whole procedure of back then on the newest closed cut-offs, beside both guesses; empty where it would have refused."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    labelled = labelled_rows(task.label, task.horizon_days, examples, None)
    found = []
    for day in sorted(set(labelled.column("cutoff").to_pylist()))[-MOST_ORIGINS:]:
        model = train(task, examples, features, known_until=day, terms=terms)
        if model.booster is None:
            continue
        known = labelled_rows(task.label, task.horizon_days, examples, day)
        later = labelled.filter(pc.equal(labelled.column("cutoff"), pa.scalar(day, pa.date32())))
        actual = later.column(task.label).cast(pa.float64()).to_numpy(zero_copy_only=False)
        guesses = {"model": amounts(model, later), "mean": np.full(len(actual), pc.mean(known.column(task.label).cast(pa.float64())).as_py())}
        if LAST_SPEND in later.column_names:
            guesses["last spend"] = later.column(LAST_SPEND).cast(pa.float64()).to_numpy(zero_copy_only=False)
        found += [_judged(day, name, guess, actual) for name, guess in guesses.items()]
    return found


def _judged(day: date, name: str, guess: np.ndarray, actual: np.ndarray) -> Judged:
    import numpy as np

    total = float(actual.sum())
    top = np.argsort(-guess, kind="stable")[: max(len(guess) // 10, 1)]
    share = len(top) / len(guess) if np.ptp(guess) == 0 else float(actual[top].sum()) / total if total else 0.0
    return Judged(
        day, name, round(float(np.abs(guess - actual).mean()), 4), round(float(guess.sum()) / total, 4) if total else 0.0, round(share, 4)
    )


def told(judged: Sequence[Judged]) -> str:
    """How good it is, in one sentence a newcomer understands."""
    if not judged:
        return "Cannot tell yet how good the expected spend is: no later cut-off could be held out."
    mean = {guess: [sum(getattr(each, name) for each in judged if each.guess == guess) for name in ("error", "top_tenth")] for guess in _names(judged)}
    count = len({each.cutoff for each in judged})
    shown = "; ".join(f"{guess}: off by {error / count:,.2f} on average, top tenth {100 * top / count:.0f} % of the spend" for guess, (error, top) in mean.items())
    forecast = sum(each.total for each in judged if each.guess == "model") / count
    better = all(mean["model"][0] < error for guess, (error, _) in mean.items() if guess != "model")
    verdict = "better than both guesses" if better else "no better than the best guess: use its order, not its amounts"
    where = "the newest closed cut-off" if count == 1 else f"{count} later cut-offs"
    return f"On {where} ({shown}): {verdict}. Forecast over actual total: {forecast:.2f}."


def _names(judged: Sequence[Judged]) -> list[str]:
    return list(dict.fromkeys(each.guess for each in judged))
