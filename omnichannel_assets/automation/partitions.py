"""The partitions of the graph. Received days run from FIRST_DAY to LAST_DAY (open ends: 2000-01-01, and the day in progress);
as-of days from AS_OF_FIRST to the day after LAST_DAY, because a table as of T holds what was known before its midnight.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from omnichannel_assets.settings import Settings


def received_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """UTC received days inside the bounds of the settings; the newest partition is the day in progress (or LAST_DAY)."""
    end = (settings.last_day + timedelta(days=1)).isoformat() if settings.last_day else None
    return dg.DailyPartitionsDefinition(start_date=settings.first_received_day.isoformat(), end_date=end, end_offset=1)


def as_of_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """As-of dates inside the bounds of the settings; AS_OF belongs to them, wherever it lies."""
    first, last = settings.first_as_of, settings.last_day + timedelta(days=1) if settings.last_day else None
    if settings.as_of:
        first, last = min(first, settings.as_of), max(last, settings.as_of) if last else None
    end = (last + timedelta(days=1)).isoformat() if last else None
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_date=end, end_offset=1)
