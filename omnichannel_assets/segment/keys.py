"""Object keys of Segment's S3 export: ``[prefix/]segment-logs/{source}/{received day as epoch}/{file}.gz``.

Source: ``connections/storage/catalog/aws-s3`` of Segment's documentation. Real exports use epoch milliseconds of UTC midnight; the unit is
not documented, so ten digits are read as seconds. File names mean nothing and are never parsed or sorted by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

KEY = re.compile(r"^(?:(?P<prefix>.+)/)?segment-logs/(?P<source>[^/]+)/(?P<day>\d{10}|\d{13})/(?P<file>[^/]+\.gz)\Z", re.ASCII)


@dataclass(frozen=True)
class SegmentObject:
    """What a key tells: source id and UTC received day."""

    key: str
    source_id: str
    received_day: date


def parse_key(key: str) -> SegmentObject | None:
    """The object behind a key, or None when the key is not part of a Segment export."""
    found = KEY.match(key)
    if not found:
        return None
    seconds = int(found["day"]) // (1000 if len(found["day"]) == 13 else 1)
    return SegmentObject(key, found["source"], (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date())
