"""The landing zone's files, byte for byte: gzip objects by source and day, CSV files by table.

Belongs here: names, folders, headers, file options, and objects that are broken as a whole. Does not belong here: what lines and rows say.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from omnichannel_assets.sample.people import World
from omnichannel_assets.sample.shop import Change
from omnichannel_assets.sample.vocabulary import BARE_TABLES, SERVER, TABLE_COLUMNS, TABLE_KEYS, segment_time, sql_time, token

LINES_PER_OBJECT = 600
BLANK_LINE_SHARE = 0.03
REPEATED_ROW_SHARE = 0.002
LOAD_FILES = 3


class LandingWriter:
    """Writes both halves of a landing zone below `out`."""

    def __init__(self, world: World, out: Path):
        self.rng = world.draws("writers")
        self.seed, self.out, self.period = world.seed, out, world.period
        self.counts: Counter[str] = Counter()

    def write_segment(self, lines: Mapping[tuple[str, datetime], Sequence[str]]) -> None:
        """One folder per source and received day, lines in no order, spread over objects with meaningless names."""
        for (source, day), content in sorted(lines.items()):
            folder = self._day_folder(source, day)
            shuffled = list(content)
            self.rng.shuffle(shuffled)
            objects = 1 + len(shuffled) // LINES_PER_OBJECT
            for n in range(objects):
                self._object(folder / f"{token(self.seed, source, day, n)}.gz", shuffled[n::objects])
        self._broken_objects()

    def _day_folder(self, source: str, day: datetime) -> Path:
        folder = self.out / "segment-logs" / source / str(int(day.replace(tzinfo=UTC).timestamp()) * 1000)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _object(self, path: Path, lines: list[str]) -> None:
        self.counts["lines_in_files"] += len(lines)
        if self.rng.random() < BLANK_LINE_SHARE or not self.counts["segment_files"]:
            lines.insert(len(lines) // 2, "")
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 6, mtime=0))
        self.counts["segment_files"] += 1

    def _broken_objects(self) -> None:
        """On a day in the middle: one object cut off in mid-stream, one empty, one that is no gzip; their receipt times are not the folder's."""
        middle = self.period.split
        folder = self._day_folder(SERVER, middle)
        beat = {"type": "track", "event": "Heartbeat", "userId": "u-heartbeat", "context": {}}
        clock = {"timestamp": segment_time(self.period.start), "receivedAt": segment_time(self.period.start + timedelta(seconds=1))}
        beats = [json.dumps({**beat, **clock, "messageId": f"cut-{token(self.seed, 'beat', n)}"}) for n in range(800)]
        whole = gzip.compress("\n".join(beats).encode(), 6, mtime=0)
        (folder / "cut-off.gz").write_bytes(whole[: len(whole) // 2])
        (folder / "empty.gz").write_bytes(b"")
        (folder / "not-gzip.gz").write_text(json.dumps({**beat, **clock, "messageId": "plain-1"}) + "\n", encoding="utf-8")
        self.counts["broken_files"] = 3

    def write_tables(self, changes: Mapping[str, Iterable[Change]]) -> None:
        """Per table: the full load at the split, then one file of changes a week."""
        for table, unsorted in changes.items():
            ordered = sorted(unsorted, key=lambda c: c.at)
            folder = self.out / "dms" / "retail" / table
            folder.mkdir(parents=True, exist_ok=True)
            self._full_load(folder, table, [c for c in ordered if c.at < self.period.split])
            self._weekly_changes(folder, table, [c for c in ordered if c.at >= self.period.split])
            self.counts[f"dms_{table}_rows"] = len(ordered)

    def _full_load(self, folder: Path, table: str, changes: Sequence[Change]) -> None:
        held: dict[tuple[str, ...], tuple[str, ...]] = {}
        for change in changes:
            key = change.values[: TABLE_KEYS.get(table, 1)]
            if change.op == "D":
                held.pop(key, None)
            else:
                held[key] = change.values
        rows, loaded = list(held.values()), sql_time(self.period.split)
        bare = table in BARE_TABLES
        size = max(1, -(-len(rows) // LOAD_FILES))
        for n, first in enumerate(range(0, max(1, len(rows)), size), 1):
            body = [r if bare else ("I", *r, loaded) for r in rows[first : first + size]]
            self._csv(folder / f"LOAD{n:08X}.csv", [] if bare else [("Op", *TABLE_COLUMNS[table], "dms_ts")], body)

    def _weekly_changes(self, folder: Path, table: str, changes: Sequence[Change]) -> None:
        if not changes:
            return
        grows_at = self.period.split + (changes[-1].at - self.period.split) / 2
        for _, group in groupby(changes, key=lambda c: c.at.isocalendar()[:2]):
            week = list(group)
            closed = week[-1].at
            added = [("refund_method", "card")] if table == "returns" and closed > grows_at else []
            header = ("Op", *TABLE_COLUMNS[table], *(name for name, _ in added), "dms_ts")
            bare = table in BARE_TABLES
            rows: list[tuple[str, ...]] = []
            for n, change in enumerate(week):
                extra = () if bare else (*(value for _, value in added), sql_time(change.at.replace(microsecond=0)))
                rows.append((change.op, *change.values, *extra))
                if self.rng.random() < REPEATED_ROW_SHARE or (table == "orders" and n == 0 and not self.counts["dms_repeated_rows"]):
                    rows.append(rows[-1])
                    self.counts["dms_repeated_rows"] += 1
            self._csv(folder / f"{closed:%Y%m%d-%H%M%S}{closed.microsecond // 1000:03d}.csv", [] if bare else [header], rows)

    def _csv(self, path: Path, header: Sequence[Sequence[str]], rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(header)
        writer.writerows(rows)
        path.write_bytes(text.getvalue().encode())
        self.counts["dms_files"] += 1
