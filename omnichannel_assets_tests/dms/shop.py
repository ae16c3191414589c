"""A small shop database and DMS's copy of it: a made-up life of the seven tables, written as full load and change files.

`inventory` is copied with DMS's default settings (no header, no operation and no commit time in the load), `returns` gains a column on the
way, `orders` are taken out and put back, and a task restart repeats rows. `replayed` reads the files back the slow, obvious way.
"""

import csv
import io
import random
from datetime import UTC, datetime, timedelta

from omnichannel_assets.dms.registry import TableSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
SPLIT = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = ["plain", "with, comma", 'says "no bag"', "two\nlines", "", "=1+1", "'; drop table orders; --", "NULL and void", "Zoë ☃"]


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def life(spec: TableSpec, rng: random.Random, rows: int) -> list[tuple[datetime, str, list[str]]]:
    """(when, op, values in registry order) in order of time; about a third of the rows are edited, one in ten is deleted."""
    happened = []
    for number in range(rows):
        at = START + timedelta(days=rng.uniform(0, 110))
        row = {column: value(spec, column, kind, number, at, rng) for column, kind in spec.columns.items()}
        happened.append((at, "I", list(row.values())))
        if spec.fixed != "all" and rng.random() < 0.35:
            at += timedelta(days=rng.uniform(0, 9))
            loose = [c for c in spec.columns if c not in spec.fixed_columns and spec.columns[c] == "text"]
            row |= {column: rng.choice(TEXTS) for column in loose} | ({spec.changed_at: text_of(at)} if spec.changed_at else {})
            happened.append((at, "U", list(row.values())))
        if rng.random() < 0.1:
            happened.append((at + timedelta(hours=3), "D", list(row.values())))
            if rng.random() < 0.5:
                happened.append((at + timedelta(hours=4), "I", list(row.values())))
    return sorted(happened, key=lambda change: change[0])


def value(spec: TableSpec, column: str, kind: str, number: int, at: datetime, rng: random.Random) -> str:
    if column in spec.key:
        return str(number)
    if column in (spec.event_at, spec.changed_at):
        return text_of(at)
    made = {
        "text": lambda: rng.choice([*TEXTS, "\\N"]),
        "integer": lambda: str(rng.randint(-5, 500)),
        "decimal": lambda: f"{rng.randint(0, 99999) / 100:.2f}",
        "boolean": lambda: rng.choice("tf"),
        "date": lambda: "1980-02-29",
        "timestamp": lambda: rng.choice(["\\N", text_of(at + timedelta(days=90))]),
    }
    return made[kind]()


def copied(spec: TableSpec, happened: list[tuple[datetime, str, list[str]]], rng: random.Random) -> dict[str, bytes]:
    """The files DMS writes: a full load of the state at SPLIT in three parts, then one change file a week."""
    is_bare = spec.name == "inventory"
    state: dict[tuple, list[str]] = {}
    weeks: dict[str, list] = {}
    at_key = [list(spec.columns).index(column) for column in spec.key]
    for at, op, values in happened:
        key = tuple(values[i] for i in at_key)
        if at >= SPLIT:
            weeks.setdefault(at.strftime("%G%V"), []).append((at, op, values))
        elif op == "D":
            state.pop(key)
        else:
            state[key] = values
    files = {}
    loaded = [values if is_bare else ["I", *values, text_of(SPLIT)] for values in state.values()]
    header = [] if is_bare else [["Op", *spec.columns, "dms_ts"]]
    for part in range(3):
        files[f"dms/retail/{spec.name}/LOAD{part + 9:08X}.csv"] = _written(header + loaded[part::3])
    for number, week in enumerate(weeks.values()):
        grown = ["colour"] if spec.name == "returns" and number > len(weeks) / 2 else []
        lines = [] if is_bare else [["Op", *spec.columns, *grown, "dms_ts"]]
        for at, op, values in week:
            line = [op, *values] if is_bare else [op, *values, *(["red"] if grown else []), text_of(at.replace(microsecond=0))]
            lines += [line, line] if rng.random() < 0.05 else [line]
        files[f"dms/retail/{spec.name}/{week[-1][0]:%Y%m%d-%H%M%S}{week[-1][0].microsecond // 1000:03d}.csv"] = _written(lines)
    return files


def _written(lines: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()


def replayed(spec: TableSpec, files: dict[str, bytes]) -> dict[tuple, dict[str, str | None]]:
    """The current state by key, as texts: files in the order of their names, full load first, rows in order, deletions taken out."""
    state: dict[tuple, dict[str, str | None]] = {}
    for key in sorted(files, key=lambda name: ("LOAD" not in name, name)):
        lines = list(csv.reader(io.StringIO(files[key].decode(), newline="")))
        names = list(spec.columns) if "LOAD" in key else ["Op", *spec.columns]
        if "Op" in lines[0] or spec.key[0] in lines[0]:
            names = lines.pop(0)
        for line in lines:
            row = dict(zip(names, line, strict=True))
            row = {name: None if text == "\\N" else text for name, text in row.items()}
            place = tuple(row[column] for column in spec.key)
            if row.get("Op") == "D":
                state.pop(place, None)
            else:
                state[place] = row
    return state
