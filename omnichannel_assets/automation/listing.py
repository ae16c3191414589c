"""Deciding what a listing of the landing zone asks for. Plain functions: the sensors only list, call these and report.

A tick compares object versions as listed with those that runs have staged; nothing is downloaded. The lake is the memory, so a lost or
garbled cursor costs one wide look and nothing else. The cursor holds only where the sweep of old days stands.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from omnichannel_assets.dms.keys import parse_key as parse_dms_key
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.store import ListedObject
from omnichannel_assets.segment.keys import parse_key as parse_segment_key

LOOKBACK_DAYS = 7
SWEPT_DAYS = 200
CURSOR_VERSION = 1


@dataclass(frozen=True)
class NewFiles:
    """Something a run should take up: a received day or a DMS table, a digest of its waiting versions, and how many there are."""

    target: str
    digest: str
    files: int

    @property
    def run_key(self) -> str:
        """The same waiting versions give the same key, so they start one run; newer content gives another."""
        return f"{self.target}-{self.digest}"


def new_segment_days(listing: Iterable[ListedObject], staged: Mapping[str, str], first: date, last: date | None) -> list[NewFiles]:
    """Received days with object versions that are not staged yet (``staged``: key -> token), oldest first."""
    waiting: dict[date, list[ListedObject]] = defaultdict(list)
    for listed in listing:
        found = parse_segment_key(listed.key)
        if (
            found
            and staged.get(listed.key) != listed.token
            and first <= found.received_day
            and (last is None or found.received_day <= last)
        ):
            waiting[found.received_day].append(listed)
    return [_new_files(day.isoformat(), waiting[day]) for day in sorted(waiting)]


def new_dms_tables(listing: Iterable[ListedObject], staged: Mapping[str, str], registry: Mapping[str, TableSpec]) -> list[NewFiles]:
    """DMS tables with object versions that are not in their change log yet, by name."""
    waiting: dict[str, list[ListedObject]] = defaultdict(list)
    for listed in listing:
        found = parse_dms_key(listed.key, registry)
        if found and staged.get(listed.key) != listed.token:
            waiting[found.table].append(listed)
    return [_new_files(table, waiting[table]) for table in sorted(waiting)]


def _new_files(target: str, objects: Sequence[ListedObject]) -> NewFiles:
    return NewFiles(target, digest_of(sorted([listed.key, listed.token] for listed in objects))[:16], len(objects))


def swept_days(days: Sequence[date], cursor: str | None) -> tuple[list[date], str]:
    """Which day folders to list in this tick, and the next cursor.

    Always the newest LOOKBACK_DAYS; of the older ones the next SWEPT_DAYS in turn, so that rewritten objects are found in bounded time
    and a tick stays bounded. An unreadable cursor starts the sweep anew.
    """
    ordered = sorted(days)
    if not ordered:
        return [], _cursor(None)
    newest_from = ordered[-1] - timedelta(days=LOOKBACK_DAYS - 1)
    recent, old = [day for day in ordered if day >= newest_from], [day for day in ordered if day < newest_from]
    start = _sweep_position(cursor)
    swept = [day for day in old if start is None or day >= start][:SWEPT_DAYS]
    rest = [day for day in old if swept and day > swept[-1]]
    return [*swept, *recent], _cursor(rest[0] if rest else None)


def _cursor(sweep_from: date | None) -> str:
    return json.dumps({"version": CURSOR_VERSION, "sweep_from": sweep_from.isoformat() if sweep_from else None})


def _sweep_position(cursor: str | None) -> date | None:
    try:
        read = json.loads(cursor or "{}")
        return date.fromisoformat(read["sweep_from"]) if read.get("version") == CURSOR_VERSION and read.get("sweep_from") else None
    except (ValueError, TypeError, AttributeError):
        return None
