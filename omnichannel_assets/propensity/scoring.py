"""Scores of a day: probabilities or amounts of a stored version, bands and deciles by rank, and what each input contributed.

Ranks follow the score as it is stored, with six decimals, then the customer id: whoever reads the table can rank again and finds the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.calibration import log_odds, probabilities
from omnichannel_assets.propensity.training import Model
from omnichannel_assets.propensity.trees import margins, matrix, opened

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

DECIMALS = 6
PENNY = Decimal("0.01")
HIGH_SHARE, MEDIUM_SHARE = 0.2, 0.5
"""The 20 % most likely to leave are ``high``, those up to half ``medium``, the rest ``low``."""


def score(model: Model, customers: pa.Table) -> np.ndarray:
    """What a version says of each customer, rounded as it is stored: a probability, or an amount in whole pence."""
    import numpy as np

    found = margins(model.booster or "", matrix(customers, model.features), model.features)
    if model.task.target == "amount":
        return np.exp(log_odds(found, model.calibration)).round(2)
    return probabilities(found, model.calibration).round(DECIMALS)


def pence(amounts: np.ndarray) -> list[Decimal]:
    """Amounts as they are stored."""
    return [Decimal(float(amount)).quantize(PENNY) for amount in amounts]


def contributions(model: Model, customers: pa.Table) -> np.ndarray:
    """What each input adds to each customer's log-odds of the label, or logarithm of the amount: customers x features. Steps of an isotonic calibration, which bend all
    of them alike, are left out.
    """
    import xgboost as xgb

    inputs = xgb.DMatrix(matrix(customers, model.features), feature_names=list(model.features), nthread=1)
    found = opened(model.booster or "").predict(inputs, pred_contribs=True).astype(float)
    return found[:, :-1] * model.calibration.slope


def places(scores: np.ndarray, customer_ids: Sequence[str]) -> np.ndarray:
    """The place of each customer, 0 for the highest score; equal scores by customer id."""
    import numpy as np

    found = np.empty(len(scores), dtype=int)
    found[np.lexsort((np.array(customer_ids, dtype=str), -scores))] = np.arange(len(scores))
    return found


def bands(place: np.ndarray) -> list[str]:
    """high, medium or low by place."""
    share = place / max(len(place), 1)
    return ["high" if part < HIGH_SHARE else "medium" if part < MEDIUM_SHARE else "low" for part in share.tolist()]


def deciles(place: np.ndarray) -> list[int]:
    """1 for the tenth with the highest scores, to 10."""
    return [int(part) for part in (place * 10 // max(len(place), 1) + 1).tolist()]
