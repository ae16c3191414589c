"""The judges a model must beat: recency, frequency, a regression on recency, frequency and money, and BG/NBD's expected purchases.

Here: what each says of customers, from columns of the features alone. Not here: how well they do (``metrics``). Each score is larger where the
label is likelier, so a judge of buying is turned around for a question about leaving. A judge whose columns are not there has nothing to say.
How much will be spent is for other judges: what was spent lately, everybody's mean, and the same regression for amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.bgnbd import Purchases, expected_purchases, fit
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.trees import TWEEDIE_POWER

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MODEL, RECENCY, FREQUENCY, RFM, BGNBD = "model", "recency", "frequency", "rfm", "bgnbd"
LAST_SPEND, MEAN_SPEND = "last_spend", "mean"
JUDGES = {
    MODEL: "the model",
    RECENCY: "days since the last purchase alone",
    FREQUENCY: "days with a purchase in the last 365 alone",
    RFM: "logistic regression on recency, frequency and money of the last 365 days",
    BGNBD: "expected purchases of BG/NBD",
}
"""Judge -> what it goes by."""
JUDGES_OF_AMOUNTS = {
    MODEL: "the model",
    RFM: "regression with a Tweedie loss on recency, frequency and money of the last 365 days",
    LAST_SPEND: "what the customer spent in the last 90 days, made as long as the horizon",
    MEAN_SPEND: "what customers spent on average at the cut-offs it learned from",
}
"""Judge of how much will be spent -> what it goes by."""
NAMES = {MODEL: "the model", BGNBD: "BG/NBD", RFM: "logistic RFM", RECENCY: "recency alone", FREQUENCY: "frequency alone"}
"""Judge -> its name in a table or picture, in their order there."""
NAMES_OF_AMOUNTS = {MODEL: "the model", RFM: "RFM regression", LAST_SPEND: "the last 90 days' spend", MEAN_SPEND: "everybody's mean"}
"""The same of the judges of how much will be spent."""
RFM_COLUMNS = ("recency_days", "order_days_365_days", "spend_365_days")
HISTORY_COLUMNS = ("recency_days", "first_order_days", "order_days_ever")
LEAST_HISTORIES = 50
"""Fewer customers than this give BG/NBD no parameters worth the name."""
WEEK = 7.0
LAST_SPEND_COLUMN, LAST_SPEND_DAYS = "spend_90_days", 90


@dataclass(frozen=True)
class Opinion:
    """What a judge says of each customer; ``is_forecast`` where it is a probability or an amount and more than a ranking."""

    scores: np.ndarray
    is_forecast: bool = False


def opinions(task: Task, learned: pa.Table, tested: pa.Table) -> dict[str, Opinion]:
    """Judge -> its opinion of the tested customers. ``learned``: examples whose horizon had passed by the date of the tested ones."""
    if task.target == "amount":
        return _opinions_of_amounts(task, learned, tested)
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
    from sklearn.linear_model import LogisticRegression

    answers = learned.column(task.label).to_numpy(zero_copy_only=False).astype(bool)
    if answers.all() or not answers.any():
        return {}
    inputs, asked = _inputs(learned, tested)
    fitted = LogisticRegression(C=1e3, tol=1e-8, max_iter=200, solver="newton-cholesky").fit(inputs, answers)
    return {RFM: Opinion(fitted.predict_proba(asked)[:, 1], is_forecast=True)}


def _opinions_of_amounts(task: Task, learned: pa.Table, tested: pa.Table) -> dict[str, Opinion]:
    import numpy as np

    spent = _column(learned, task.label)
    found = {MEAN_SPEND: np.full(tested.num_rows, spent.mean())}
    if LAST_SPEND_COLUMN in tested.column_names:
        found[LAST_SPEND] = np.nan_to_num(_column(tested, LAST_SPEND_COLUMN)) * task.horizon_days / LAST_SPEND_DAYS
    if set(RFM_COLUMNS) <= set(tested.column_names):
        found[RFM] = _rfm_amounts(spent, *_inputs(learned, tested))
    return {judge: Opinion(amounts, is_forecast=True) for judge, amounts in found.items()}


def _rfm_amounts(spent: np.ndarray, inputs: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """A line for the logarithm of the amount, with the trees' loss, and its total set right where it learned, as theirs is."""
    from sklearn.linear_model import TweedieRegressor

    fitted = TweedieRegressor(power=TWEEDIE_POWER, alpha=1e-4, link="log", solver="newton-cholesky", max_iter=200).fit(inputs, spent)
    return fitted.predict(asked) * (spent.sum() / fitted.predict(inputs).sum())


def _inputs(learned: pa.Table, tested: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Recency, frequency and money of both, on the scale of those that are learned from."""
    import numpy as np

    inputs = _logs(learned)
    centre, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
    return (inputs - centre) / spread, (_logs(tested) - centre) / spread


def _logs(rows: pa.Table) -> np.ndarray:
    import numpy as np

    return np.log1p(np.maximum(np.nan_to_num(np.column_stack([_column(rows, name) for name in RFM_COLUMNS])), 0))


def purchases(customers: pa.Table) -> Purchases:
    """Customers' histories as BG/NBD reads them: several purchases on one day are one."""
    import numpy as np

    first, last = _column(customers, "first_order_days"), _column(customers, "recency_days")
    repeats = _column(customers, "order_days_ever") - 1
    return Purchases(repeats, np.where(repeats > 0, np.round((first - last) / WEEK, 9), 0.0), np.round(first / WEEK, 9))
