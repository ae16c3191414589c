"""Parts of the judged customers that a shop looks at on their own: new, loyal, store-only and online-only ones.

Here: the rules, in words and over the columns of the features at the cut-off. Not here: what is measured of a part (``metrics``). A customer
may be in several parts or in none; nothing that happened after the cut-off decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ALL = "all"
NEW_DAYS = 90
LOYAL_ORDER_DAYS = 4


@dataclass(frozen=True)
class Segment:
    """A part of the customers: its name in the table, its rule in words, the columns the rule reads, and the rule over them as numbers."""

    name: str
    words: str
    columns: tuple[str, ...]
    holds: Callable[..., np.ndarray]


SEGMENTS: tuple[Segment, ...] = (
    Segment("new", f"first purchase in the last {NEW_DAYS} days", ("first_order_days",), lambda first: first <= NEW_DAYS),
    Segment(
        "loyal",
        f"purchases on {LOYAL_ORDER_DAYS} days or more in the last 365, the first of all more than {NEW_DAYS} days ago",
        ("first_order_days", "order_days_365_days"),
        lambda first, days: (first > NEW_DAYS) & (days >= LOYAL_ORDER_DAYS),
    ),
    Segment("store_only", "purchases in the last 365 days, none of them online", ("online_share",), lambda online: online == 0),
    Segment("online_only", "purchases in the last 365 days, all of them online", ("online_share",), lambda online: online == 1),
)
WORDS = {ALL: "everybody", **{segment.name: segment.words for segment in SEGMENTS}}
"""Segment -> its rule in words."""


def members(customers: pa.Table) -> dict[str, np.ndarray]:
    """Segment -> which customers are in it, ``all`` first. A part that the columns cannot tell, that is empty or that is everybody is left out."""
    import numpy as np

    found = {ALL: np.ones(customers.num_rows, dtype=bool)}
    for segment in SEGMENTS:
        if set(segment.columns) <= set(customers.column_names):
            inside = segment.holds(*(_numbers(customers, name) for name in segment.columns))
            if inside.any() and not inside.all():
                found[segment.name] = inside
    return found


def _numbers(customers: pa.Table, name: str) -> np.ndarray:
    """A column with NaN for NULL: no rule holds for what is not known."""
    import pyarrow as pa

    return customers.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
