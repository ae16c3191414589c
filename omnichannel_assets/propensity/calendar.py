"""Which dates models learn from: the training as-of date of a date, the cut-offs of a training date, and when a horizon is closed.

Here: date arithmetic only. Not here: what happens at a cut-off (``sql/training_examples.sql``) and what is learned from it (``training``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

STEP_DAYS = 30
"""Days from one cut-off to the next."""
HISTORY_DAYS = 60
"""Days of orders that must lie before a cut-off."""


def training_date(as_of: date) -> date:
    """The training as-of date of an as-of date: the last Monday strictly before it."""
    return as_of - timedelta(days=as_of.weekday() or 7)


def training_dates(as_of: date, first: date) -> list[date]:
    """The training dates of an as-of date, of those of the week before it that the graph has, and on a Monday that day itself.

    A Monday's own version scores nothing on that day; the weekly training makes it, so that Tuesday finds it.
    """
    days = [as_of - timedelta(days=back) for back in range(8)]
    today = {as_of} if as_of.weekday() == 0 else set()
    return sorted(today | {training_date(day) for day in days if day >= first or day == as_of})


def orders_until(last_order: datetime, as_of: date) -> date:
    """Until when the orders tell what customers did: midnight after the last one, never later than the training date."""
    return min(last_order.date() + timedelta(days=1), as_of)


def cutoffs(first_order: datetime, until: date, horizon_days: int, most: int) -> list[date]:
    """Up to ``most`` past cut-offs whose shortest horizon of ``horizon_days`` is closed, oldest first."""
    earliest = first_order.date() + timedelta(days=HISTORY_DAYS)
    steps = (until - timedelta(days=horizon_days + STEP_DAYS * step) for step in range(most))
    return sorted(day for day in steps if day >= earliest)


def closed(days: Iterable[date], horizon_days: int, until: date) -> list[date]:
    """Those of some cut-offs whose horizon has passed by ``until``, oldest first."""
    return sorted(day for day in days if day + timedelta(days=horizon_days) <= until)
