"""The judges a model must beat: recency, frequency, a logistic model of recency, frequency and money, and BG/NBD's expected purchases.

Here: what each says of customers, from columns of the features alone. Not here: how well they do (``metrics``). Each score is larger where the
label is likelier, so a judge of buying is turned around for a question about leaving. A judge whose columns are not there has nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.bgnbd import Purchases, expected_purchases, fit
from omnichannel_assets.propensity.tasks import Task

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MODEL, RECENCY, FREQUENCY, RFM, BGNBD = "model", "recency", "frequency", "rfm", "bgnbd"
JUDGES = {
    MODEL: "the model",
    RECENCY: "days since the last purchase alone",
    FREQUENCY: "days with a purchase in the last 365 alone",
    RFM: "logistic regression on recency, frequency and money of the last 365 days",
    BGNBD: "expected purchases of BG/NBD",
}
"""Judge -> what it goes by."""
NAMES = {MODEL: "the model", BGNBD: "BG/NBD", RFM: "logistic RFM", RECENCY: "recency alone", FREQUENCY: "frequency alone"}
"""Judge -> its name in a table or picture, in their order there."""
RFM_COLUMNS = ("recency_days", "order_days_365_days", "spend_365_days")
HISTORY_COLUMNS = ("recency_days", "first_order_days", "order_days_ever")
LEAST_HISTORIES = 50
"""Fewer customers than this give BG/NBD no parameters worth the name."""
WEEK = 7.0


@dataclass(frozen=True)
class Opinion:
    """What a judge says of each customer; ``is_probability`` where it is more than a ranking."""

    scores: np.ndarray
    is_probability: bool = False


def opinions(task: Task, learned: pa.Table, tested: pa.Table) -> dict[str, Opinion]:
    """Judge -> its opinion of the tested customers. ``learned``: examples whose horizon had passed by the date of the tested ones."""
    found = {}
    buys = -1.0 if task.leaves else 1.0
    names = set(tested.column_names)
    if "recency_days" in names:
        found[RECENCY] = Opinion(_column(tested, "recency_days") * task.recency_sign)
    if "order_days_365_days" in names:
        found[FREQUENCY] = Opinion(_column(tested, "order_days_365_days") * buys)
    if set(RFM_COLUMNS) <= names:
        found |= _rfm(task, learned, tested)
    if set(HISTORY_COLUMNS) <= names and tested.num_rows >= LEAST_HISTORIES:
        told = purchases(tested)
        found[BGNBD] = Opinion(expected_purchases(fit(told), told, task.horizon_days / WEEK) * buys)
    return found


def _column(rows: pa.Table, name: str) -> np.ndarray:
    import pyarrow as pa

    return rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)


def _rfm(task: Task, learned: pa.Table, tested: pa.Table) -> dict[str, Opinion]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    answers = learned.column(task.label).to_numpy(zero_copy_only=False).astype(bool)
    if answers.all() or not answers.any():
        return {}
    inputs = _logs(learned)
    centre, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=1e3, tol=1e-8, max_iter=200, solver="newton-cholesky").fit((inputs - centre) / spread, answers)
    return {RFM: Opinion(fitted.predict_proba((_logs(tested) - centre) / spread)[:, 1], is_probability=True)}


def _logs(rows: pa.Table) -> np.ndarray:
    import numpy as np

    return np.log1p(np.maximum(np.nan_to_num(np.column_stack([_column(rows, name) for name in RFM_COLUMNS])), 0))


def purchases(customers: pa.Table) -> Purchases:
    """Customers' histories as BG/NBD reads them: several purchases on one day are one."""
    import numpy as np

    first, last = _column(customers, "first_order_days"), _column(customers, "recency_days")
    repeats = _column(customers, "order_days_ever") - 1
    return Purchases(repeats, np.where(repeats > 0, np.round((first - last) / WEEK, 9), 0.0), np.round(first / WEEK, 9))
