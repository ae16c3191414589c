"""What is predicted: the three questions, the label that answers each, of whom they are asked, and how to speak of it.

A task names a column of the examples; nothing here reads or computes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ELIGIBLE_DAYS = 365


@dataclass(frozen=True)
class Horizons:
    """How far the questions look ahead, in days: buying again, and leaving of both kinds."""

    repurchase_days: int = 30
    churn_days: int = 90

    @property
    def shortest(self) -> int:
        """The horizon that is closed first."""
        return min(self.repurchase_days, self.churn_days)


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

    def asked_of(self, eligible_days: int) -> str:
        """Who is asked, up to the date that follows; ``eligible_days`` as the setting of that name (0: no limit)."""
        subscribed = " an active subscription and" if self.population == "subscribers" else ""
        if eligible_days:
            return f"known customers with{subscribed} a purchase in the {days_in_words(eligible_days)} before"
        return f"known customers with{subscribed} any purchase before"


def days_in_words(days: int) -> str:
    """``1 day``, ``30 days``."""
    return f"{days} day" if days == 1 else f"{days} days"


def tasks(horizons: Horizons) -> tuple[Task, ...]:
    """The three questions: leaving by inactivity, the end of a subscription, buying again."""
    churn, again = days_in_words(horizons.churn_days), days_in_words(horizons.repurchase_days)
    return (
        Task(
            "churn_inactivity",
            "inactivity",
            horizons.churn_days,
            "Churn by inactivity",
            "customers",
            f"bought nothing for {churn}",
            f"bought within {churn}",
            True,
        ),
        Task(
            "churn_subscription",
            "subscription_churn",
            horizons.churn_days,
            "Churn of subscriptions",
            "subscriptions",
            f"ended within {churn}",
            f"went on for {churn}",
            True,
            "subscribers",
        ),
        Task(
            "repurchase",
            "repurchase",
            horizons.repurchase_days,
            "Repurchase",
            "customers",
            f"bought again within {again}",
            f"bought nothing for {again}",
            False,
        ),
    )


def task_named(model: str, horizon_days: int) -> Task:
    """The question that a stored version of a model answers, whatever the horizons are today."""
    return next(task for task in tasks(Horizons(horizon_days, horizon_days)) if task.model == model)


CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE = TASKS = tasks(Horizons())
"""The questions with the horizons that hold where nobody sets any."""
