"""Bulk files as a Personalize import job reads them.

Belongs here: the CSV dialect (backslash escapes), its check against the dataset's schema, FULL and INCREMENTAL. Not here: jobs and their
states (`personalize`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.avro import Field, metadata

BUCKET = "s3://sandbox/"
ID_CHARACTERS, CATEGORY_CHARACTERS, TEXT_CHARACTERS = 256, 1_000, 20_000
MOST_SECONDS = 10**11
"""Later than the year 5100: milliseconds taken for seconds."""
LEAST_INTERACTIONS = 1_000
MOST_EVENT_TYPES_AND_METADATA = 10
KEYS = {"USERS": ("USER_ID",), "ITEMS": ("ITEM_ID",), "INTERACTIONS": ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")}

_FIELD = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>(?:[^",\\\r\n]|\\.)*+))(?P<end>,|\r?\n|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Row = dict[str, Any]


class ImportFailure(Exception):
    """Why a job fails; names file, column and line."""


def imported(folder: Path, location: str, fields: list[Field], dataset_type: str) -> list[Row]:
    """The rows of a file or folder of CSVs, checked. Raises ImportFailure."""
    rows = [row for path in files_at(folder, location) for row in read_csv(path.name, path.read_bytes(), fields)]
    if dataset_type == "INTERACTIONS":
        if len(rows) < LEAST_INTERACTIONS:
            raise ImportFailure(f"{location}: {len(rows)} interactions, at least {LEAST_INTERACTIONS}")
        kinds = len({row["EVENT_TYPE"] for row in rows if row.get("EVENT_TYPE")})
        columns = len(metadata(fields, dataset_type))
        if kinds + columns > MOST_EVENT_TYPES_AND_METADATA:
            raise ImportFailure(f"{location}: {kinds} event types and {columns} metadata columns, at most {MOST_EVENT_TYPES_AND_METADATA} together")
    return rows


def files_at(folder: Path, location: str) -> list[Path]:
    """The CSV file, or those of the folder, at an address of the sandbox's bucket. Raises ImportFailure when there is none."""
    if not location.startswith(BUCKET):
        raise ImportFailure(f"{location}: the bucket does not exist; the sandbox's is {BUCKET}")
    root = (folder / "s3").resolve()
    path = (root / location.removeprefix(BUCKET)).resolve()
    if path.is_relative_to(root):
        if path.is_file():
            return [path]
        found = sorted(path.rglob("*.csv")) if path.is_dir() else []
        if found:
            return found
    raise ImportFailure(f"{location}: no CSV file there")


def read_csv(name: str, content: bytes, fields: list[Field]) -> Iterator[Row]:
    """The rows of one file as typed values, null as None. Raises ImportFailure at the first violation."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ImportFailure(f"{name}: not UTF-8 at byte {error.start}") from error
    header = [field.name for field in fields]
    if text.partition("\n")[0].removesuffix("\r") != ",".join(header):
        raise ImportFailure(f"{name}, line 1: the header must be {','.join(header)}, in this order and without quotes")
    readers = [_reader(field) for field in fields]
    for line, record in _records(name, text):
        if line == 1:
            continue
        if len(record) != len(fields):
            raise ImportFailure(f"{name}, line {line}: {len(record)} columns, {len(fields)} in the schema")
        yield {field.name: _value(name, line, field, read, value) for field, read, value in zip(fields, readers, record, strict=True)}


def _records(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line a record starts on, its fields). Quotes inside a field stand behind a backslash; a doubled quote is an error, which
    Python's own reader would take for text.
    """
    at, line, start = 0, 1, 1
    record: list[str] = []
    while at < len(text):
        found = _FIELD.match(text, at)
        if found is None:
            raise ImportFailure(f"{name}, line {start}: broken quoting")
        value = found["plain"] if found["quoted"] is None else found["quoted"]
        record.append(_ESCAPED.sub(r"\1", value) if "\\" in value else value)
        line += found[0].count("\n")
        at = found.end()
        if found["end"] != ",":
            yield start, record
            record, start = [], line
    if record:  # the last line ends in a comma and nothing else
        yield start, [*record, ""]


def _value(name: str, line: int, field: Field, read: Callable[[str], Any], text: str) -> Any:
    if not text:
        if field.is_nullable:
            return None
        raise ImportFailure(f"{name}, line {line}, column {field.name}: empty, and the schema has no null")
    try:
        return read(text)
    except ValueError as error:
        raise ImportFailure(f"{name}, line {line}, column {field.name}: {error}") from error


def _reader(field: Field) -> Callable[[str], Any]:
    """Text to value; raises ValueError with words."""
    if field.name in ("TIMESTAMP", "CREATION_TIMESTAMP"):
        return _seconds
    if field.type in ("int", "long"):
        return _whole
    if field.type in ("float", "double"):
        return _number
    if field.type == "boolean":
        return _boolean
    return _text(_longest(field))


def _longest(field: Field) -> int | None:
    if field.name in ("USER_ID", "ITEM_ID"):
        return ID_CHARACTERS
    if field.is_textual:
        return TEXT_CHARACTERS
    return CATEGORY_CHARACTERS if field.is_categorical or field.name == "IMPRESSION" else None


def _text(longest: int | None) -> Callable[[str], str]:
    def read(text: str) -> str:
        if longest is not None and len(text) > longest:
            raise ValueError(f"{len(text)} characters, at most {longest}")
        return text

    return read


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise ValueError("no whole number")
    return int(text)


def _seconds(text: str) -> int:
    value = _whole(text)
    if value > MOST_SECONDS:
        raise ValueError("not in epoch seconds, milliseconds perhaps")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError("no number") from error
    if not math.isfinite(value):
        raise ValueError("no finite number")
    return value


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("a boolean is written true or false")
    return text == "true"


def combined(earlier: list[Row], new: list[Row], dataset_type: str, mode: str) -> list[Row]:
    """The dataset after the job. FULL replaces, INCREMENTAL replaces rows of the same key; of one key the last row counts."""
    key = KEYS[dataset_type]
    rows = {tuple(row.get(name) for name in key): row for row in ([] if mode == "FULL" else earlier) + new}
    return list(rows.values())
