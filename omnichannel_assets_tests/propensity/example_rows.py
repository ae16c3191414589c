"""Made-up examples with a known truth: the longer since the last order and the more returns, the likelier a customer leaves."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

FEATURES = ("recency_days", "order_days_90_days", "returned_items_90_days", "has_active_subscription")
LAST = date(2026, 3, 1)
LABELS = ("repurchase", "inactivity", "subscription_churn")


def examples(cutoffs: int = 5, customers: int = 400, *, seed: int = 1, rate_of_last: float | None = None) -> pa.Table:
    """``customers`` at each of some cut-offs, 30 days apart; ``rate_of_last`` replaces the labels of the last one by a draw."""
    parts = []
    for back in reversed(range(cutoffs)):
        rng = np.random.default_rng(seed * 100 + back)
        recency, returns = rng.uniform(0, 365, customers), rng.poisson(0.5, customers)
        chance = 1 / (1 + np.exp(-(recency / 60 + returns - 3.5)))
        leaves = rng.random(customers) < chance
        if back == 0 and rate_of_last is not None:
            leaves = np.arange(customers) < rate_of_last * customers
        columns = {
            "cutoff": pa.array([LAST - timedelta(days=30 * back)] * customers, pa.date32()),
            "customer_id": pa.array([f"c_{number:016x}" for number in range(customers)]),
            "recency_days": recency,
            "order_days_90_days": rng.poisson(2, customers),
            "returned_items_90_days": returns,
            "has_active_subscription": rng.random(customers) < 0.3,
            "inactivity": leaves,
            "repurchase": ~leaves,
            "subscription_churn": leaves,
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def without_labels(table: pa.Table, label: str, keep: np.ndarray) -> pa.Table:
    """Labels outside ``keep`` become NULL, as for a horizon that is not closed."""
    kept = pa.array([value if chosen else None for value, chosen in zip(table.column(label).to_pylist(), keep, strict=True)], pa.bool_())
    return table.set_column(table.schema.get_field_index(label), label, kept)
