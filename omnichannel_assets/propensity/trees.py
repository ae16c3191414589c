"""Gradient-boosted trees: numbers in, a booster as XGBoost's JSON out, and what such a booster says.

Here: the one place that speaks to XGBoost while learning. Not here: which parameters (``search``), which cut-offs (``validation``).
The classes stay as they are: nothing is resampled or weighted, because that would move every probability. What rareness needs is a smaller
leaf: ``leaf`` counts examples, and the weight a leaf must have follows from the mean rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.propensity.terms import Terms

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import xgboost as xgb

MOST_TREES = 200
PATIENCE = 15
"""After so many trees that do not help on a later cut-off, no more are grown there."""
TWEEDIE_POWER = 1.5
Target = Literal["probability", "amount"]
OBJECTIVES: dict[Target, dict[str, Any]] = {
    "probability": {"objective": "binary:logistic"},
    "amount": {"objective": "reg:tweedie", "tweedie_variance_power": TWEEDIE_POWER},
}


@dataclass(frozen=True)
class Parameters:
    """What the search may choose. ``leaf``: examples a leaf stands for at least; ``rows``, ``columns``: shares drawn for each tree;
    ``penalty``: on the size of leaves; ``trees``: how many, found by early stopping where there is a later cut-off.
    """

    depth: int = 3
    rate: float = 0.1
    leaf: int = 80
    rows: float = 0.8
    columns: float = 0.8
    penalty: float = 1.0
    trees: int = 60


DEFAULTS = Parameters()
"""What the search starts from."""


@dataclass(frozen=True)
class Rows:
    """Examples as numbers: inputs (NaN for NULL), what happened afterwards, and the cut-off of each row as days since 1970."""

    features: tuple[str, ...]
    inputs: np.ndarray
    answers: np.ndarray
    days: np.ndarray
    target: Target = "probability"

    def only(self, chosen: np.ndarray) -> Rows:
        """The rows where ``chosen`` is true."""
        return Rows(self.features, self.inputs[chosen], self.answers[chosen], self.days[chosen], self.target)

    def reading(self, features: Sequence[str]) -> Rows:
        """The same rows with some of the inputs, in the order they have here."""
        kept = [index for index, name in enumerate(self.features) if name in set(features)]
        return Rows(tuple(self.features[index] for index in kept), self.inputs[:, kept], self.answers, self.days, self.target)


def matrix(rows: pa.Table, features: Sequence[str]) -> np.ndarray:
    """Features as the trees read them: numbers, with NaN for NULL."""
    import numpy as np
    import pyarrow as pa

    columns = [rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in features]
    return np.column_stack(columns) if columns else np.empty((rows.num_rows, 0))


def packed(rows: Rows, terms: Terms) -> xgb.DMatrix:
    """Rows as XGBoost reads them; one that is used again keeps its bins."""
    import xgboost as xgb  # deferred: a second to import

    return xgb.DMatrix(rows.inputs, rows.answers.astype(float), feature_names=list(rows.features), nthread=terms.threads)


def options(parameters: Parameters, rows: Rows, terms: Terms) -> dict[str, Any]:
    """Parameters in XGBoost's words."""
    rate = float(rows.answers.mean())
    spread = rate * (1 - rate) if rows.target == "probability" else 1.0
    return OBJECTIVES[rows.target] | {
        "tree_method": "hist",
        "device": terms.device,
        "nthread": terms.threads,
        "seed": terms.seed,
        "max_depth": parameters.depth,
        "eta": parameters.rate,
        "subsample": parameters.rows,
        "colsample_bytree": parameters.columns,
        "lambda": parameters.penalty,
        "min_child_weight": parameters.leaf * spread,
    }


def grow(rows: Rows, parameters: Parameters, terms: Terms) -> str:
    """Trees over all rows, as XGBoost's JSON."""
    import xgboost as xgb

    grown = xgb.train(options(parameters, rows, terms), packed(rows, terms), parameters.trees)
    return bytes(grown.save_raw("json")).decode("utf-8")


def margins(booster: str, inputs: np.ndarray, features: Sequence[str]) -> np.ndarray:
    """What the trees say before calibration: log-odds of a probability, logarithm of an amount."""
    import xgboost as xgb

    return opened(booster).predict(xgb.DMatrix(inputs, feature_names=list(features), nthread=1), output_margin=True).astype(float)


def opened(booster: str) -> xgb.Booster:
    """The trees of a stored version."""
    import xgboost as xgb

    found = xgb.Booster({"nthread": 1})
    found.load_model(bytearray(booster.encode("utf-8")))
    return found
