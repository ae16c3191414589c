"""Outbound files without a person: records that name them go, all other bytes stay as they are.

Formats: CSV (a record may span lines inside quotes), JSON lines, other text line by line.
"""

from __future__ import annotations

from omnichannel_assets.erasure.search import Needles


def without_person(data: bytes, needles: Needles) -> tuple[bytes, int]:
    """The file's bytes without the records that name the person, and how many went."""
    kept, gone = [], 0
    for record in _records(data):
        if needles.are_in(record.decode(errors="replace")):
            gone += 1
        else:
            kept.append(record)
    return (b"".join(kept), gone) if gone else (data, 0)


def _records(data: bytes) -> list[bytes]:
    """Lines with their ends, those inside one pair of quotes together."""
    records: list[bytes] = []
    waiting: list[bytes] = []
    for line in data.splitlines(keepends=True):
        waiting.append(line)
        joined = b"".join(waiting)
        if joined.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 0:
            records.append(joined)
            waiting = []
    return [*records, *waiting]
