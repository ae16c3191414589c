"""What is predicted: the three questions, the label that answers each, and how to speak of it.

A task names a column of the examples; nothing here reads or computes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One question about a customer's next days.

    ``leaves`` says whether a high score is about leaving (churn) or about coming back. ``recency_sign`` turns days since the last purchase
    into a baseline that ranks as the score does. The other texts complete sentences: "50 needed ``subject`` ``happened``".
    """

    model: str
    label: str
    horizon_days: int
    title: str
    subject: str
    happened: str
    did_not: str
    leaves: bool
    population: Literal["eligible", "subscribers"] = "eligible"
    target: Literal["probability", "amount"] = "probability"

    @property
    def recency_sign(self) -> int:
        """+1 where a longer time since the last purchase speaks for the label."""
        return 1 if self.leaves else -1


CHURN_INACTIVITY = Task(
    "churn_inactivity", "inactivity_90", 90, "Churn by inactivity", "customers", "bought nothing for 90 days", "bought within 90 days", True
)
CHURN_SUBSCRIPTION = Task(
    "churn_subscription",
    "subscription_churn_90",
    90,
    "Churn of subscriptions",
    "subscriptions",
    "ended within 90 days",
    "went on for 90 days",
    True,
    "subscribers",
)
REPURCHASE = Task(
    "repurchase", "repurchase_30", 30, "Repurchase", "customers", "bought again within 30 days", "bought nothing for 30 days", False
)
TASKS = (CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE)
