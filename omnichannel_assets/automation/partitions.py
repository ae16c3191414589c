"""The partitions of the graph. Received days run from FIRST_DAY to LAST_DAY (open ends: 2000-01-01, and the day in progress)."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from omnichannel_assets.settings import Settings

def received_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """UTC received days inside the bounds of the settings; the newest partition is the day in progress (or LAST_DAY)."""
    end = (settings.last_day + timedelta(days=1)).isoformat() if settings.last_day else None
    return dg.DailyPartitionsDefinition(start_date=settings.first_received_day.isoformat(), end_date=end, end_offset=1)
