"""Reads a landing zone back from its files alone, without any code of the generator."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

TABLE_KEYS = {"order_lines": 2, "inventory": 2}
INVENTORY = ["product_id", "location_id", "quantity", "updated_at"]


@dataclass
class Landing:
    """Lines and rows as a reader finds them."""

    messages: list[dict] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    blank: int = 0
    broken: list[str] = field(default_factory=list)
    rows: dict[str, list[tuple[str, str, dict]]] = field(default_factory=lambda: defaultdict(list))

    def first_copies(self) -> list[dict]:
        """Each messageId once: the copy received first."""
        best: dict[str, dict] = {}
        for message in sorted(self.messages, key=lambda m: m["receivedAt"]):
            best.setdefault(message["messageId"], message)
        return list(best.values())

    def tracked(self, event: str) -> list[dict]:
        """First copies of one event."""
        return [m for m in self.first_copies() if m.get("event") == event]

    def current(self, table: str) -> dict[tuple[str, ...], dict]:
        """Rows alive after all changes."""
        alive: dict[tuple[str, ...], dict] = {}
        for _, op, row in self.rows[table]:
            key = tuple(row.values())[: TABLE_KEYS.get(table, 1)]
            if op == "D":
                alive.pop(key, None)
            else:
                alive[key] = row
        return alive


def read_landing(out: Path) -> Landing:
    """Read everything below a landing zone."""
    landing = Landing()
    for path in sorted((out / "segment-logs").glob("*/*/*.gz")):
        _read_object(path, landing)
    for folder in sorted((out / "dms" / "retail").iterdir()):
        loads = sorted(folder.glob("LOAD*.csv"))
        for path in [*loads, *sorted(set(folder.glob("*.csv")) - set(loads))]:
            _read_table_file(path, landing)
    return landing


def _read_object(path: Path, landing: Landing) -> None:
    try:
        lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        landing.broken.append(path.name)
        return
    if lines == [""]:
        landing.broken.append(path.name)
        return
    for line in lines[:-1]:
        if not line:
            landing.blank += 1
            continue
        try:
            landing.messages.append({**json.loads(line), "_source": path.parts[-3], "_folder": int(path.parts[-2])})
        except json.JSONDecodeError:
            landing.malformed.append(line)


def _read_table_file(path: Path, landing: Landing) -> None:
    table, full = path.parent.name, path.name.startswith("LOAD")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header = (INVENTORY if full else ["Op", *INVENTORY]) if table == "inventory" else rows.pop(0)
    for row in rows:
        named = dict(zip(header, row, strict=True))
        op = named.pop("Op", "I")
        landing.rows[table].append((path.name, op, named))


def read_truth(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one truth file."""
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pounds(value: object) -> Decimal:
    """A price that may be text or a JSON number."""
    return Decimal(str(value))
