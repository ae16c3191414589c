"""Reads one DMS object: every data row becomes one change-log row or one quarantine row.

Belongs here: which field is which column, the operation, keys, the columns we add. Not here: bytes to records (`csv_rows`),
values to types (`values`), what the changes mean over time (`history`). Nothing in an object's content raises an error.
A row's number is its 1-based place among the object's data records (a header and blank lines are none), good and bad ones counted.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omnichannel_assets.dms.csv_rows import BrokenRow, csv_line, csv_records, decompressed, is_readable
from omnichannel_assets.dms.keys import DmsObject
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.dms.values import arrow_type, read_column, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

_BARE_NULL = "NULL"  # CsvNullValue's default; files without a header come from tasks with default settings
_OPS = ("I", "U", "D")


@dataclass(frozen=True)
class ParsedObject:
    """What one object holds. `rows_read == changes.num_rows + quarantined.num_rows`, always.

    `changes` has `changes_schema(spec)`. `quarantined` has `rule`, `position` (the row's number; 0 for the object as a whole) and
    `payload` (the row as CSV, or as JSON for Parquet). Rules: `invalid_utf8`, `broken_quotes`, `wrong_width`, `unknown_op`,
    `missing_key`, `unreadable_<type>:<column>`, `truncated_gzip`, `damaged_gzip`, `unreadable_file`.
    """

    changes: "pa.Table"
    quarantined: "pa.Table"
    rows_read: int


@dataclass(frozen=True)
class _Layout:
    """Which field of a record is what: registry columns by name, the columns DMS adds, and columns the registry does not know."""

    columns: dict[str, int]
    op: int | None
    commit: int | None
    change_seq: int | None
    unknown: dict[str, int]
    width: int


@dataclass
class _Rows:
    """The records of one object that have the layout's width, column-wise, and what was set aside on the way."""

    layout: _Layout
    fields: list["pa.Array"]
    positions: list[int]
    payload: Callable[[int], str]
    null_tokens: tuple[str, ...]
    set_aside: list[tuple[str, int, str]] = field(default_factory=list)


def changes_schema(spec: TableSpec) -> "pa.Schema":
    """The change log's columns: the registry's, then those we add. Sort key: object_key, row, object_etag.

    `extra`: JSON object of columns the registry does not know, keys sorted, nulls left out; null when there are none.
    `op`: I, U or D. `kind`: full_load or cdc. `committed_at`: DMS's timestamp column (full load: transfer time). `file_at`: time in a
    change file's name. `unsupplied`, only with a no_value_token: comma-joined names of columns the change did not carry.
    """
    import pyarrow as pa

    moment = arrow_type("timestamp")
    added = [("extra", pa.string()), ("op", pa.string()), ("kind", pa.string()), ("committed_at", moment), ("change_seq", pa.string())]
    added += [("file_at", moment), ("object_key", pa.string()), ("object_etag", pa.string()), ("row", pa.int64())]
    if spec.no_value_token is not None:
        added.append(("unsupplied", pa.string()))
    return pa.schema([(name, arrow_type(kind)) for name, kind in spec.columns.items()] + added)


def read_changes(data: bytes, obj: DmsObject, etag: str, spec: TableSpec) -> ParsedObject:
    """The rows of one object (CSV or Parquet, gzipped or not) of the table `spec`, found under `obj.key` with entity tag `etag`.

    Formats: spec sections 2 to 4 and 7. The header decides where there is one; without, the width does: columns, with the operation
    before and the commit column after them or not. Identifying columns lose their padding (`TableSpec.identifying_columns`), so `O1` and
    `O1   ` are one key. Never raises for what `data` holds.
    """
    content, damage = decompressed(data)
    if not content and damage is None:
        return _assembled(_no_rows(spec), obj, etag, spec)
    if ".parquet" in obj.key.rsplit("/", 1)[-1]:
        rows = _parquet_rows(content, damage is not None, spec)
    else:
        rows = _csv_rows(csv_records(content, damage), obj, spec)
    return _assembled(rows, obj, etag, spec)


def _no_rows(spec: TableSpec) -> _Rows:
    return _Rows(_Layout({}, None, None, None, {}, 0), [], [], lambda at: "", ())


# CSV: which field is which


def _csv_rows(records: list[list[str] | BrokenRow], obj: DmsObject, spec: TableSpec) -> _Rows:
    import pyarrow as pa

    has_header = bool(records) and isinstance(records[0], list) and _is_header(records[0], spec)
    if has_header:
        layout = _named_layout([f.encode("utf-8", "replace").decode() for f in records[0]], spec)
        records = records[1:]
    else:
        layout = _bare_layout([r for r in records if isinstance(r, list)], obj, spec)
    good: list[list[str]] = []
    positions: list[int] = []
    set_aside: list[tuple[str, int, str]] = []
    for position, record in enumerate(records, 1):
        if isinstance(record, BrokenRow):
            set_aside.append((record.rule, position, record.text))
        elif not is_readable(record):
            set_aside.append(("invalid_utf8", position, csv_line(record)))
        elif len(record) != layout.width:
            set_aside.append(("wrong_width", position, csv_line(record)))
        else:
            good.append(record)
            positions.append(position)
    fields = [pa.array([record[at] for record in good], pa.string()) for at in range(layout.width)]
    tokens = (spec.null_token,) if has_header else (spec.null_token, _BARE_NULL)
    return _Rows(layout, fields, positions, lambda at: csv_line(good[at]), tokens, set_aside)


def _is_header(fields: list[str], spec: TableSpec) -> bool:
    """Whether a record is a header: it names more than half of the registry's columns and every field holds a letter.

    Both, because a customer may be called `first_name`, but a data row also has numbers, times or empty fields.
    """
    present = {name.lower() for name in fields}
    known = sum(column.lower() in present for column in spec.columns)
    return 2 * known > len(spec.columns) and all(any(c.isalpha() for c in name) for name in fields)


def _named_layout(names: list[str], spec: TableSpec) -> _Layout:
    by_lower = {column.lower(): column for column in spec.columns}
    columns: dict[str, int] = {}
    added: dict[str, int] = {}
    unknown: dict[str, int] = {}
    control = {spec.commit_column.lower(): "commit"} | ({spec.change_seq.lower(): "change_seq"} if spec.change_seq else {})
    for at, name in enumerate(names):
        lowered = name.strip().lower()
        if at == 0 and lowered == "op":
            added["op"] = at
        elif lowered in by_lower and by_lower[lowered] not in columns:
            columns[by_lower[lowered]] = at
        elif lowered in control and control[lowered] not in added:
            added[control[lowered]] = at
        else:  # also a name that comes twice: the first is the column, the others are kept apart
            unknown[name if name not in unknown else f"{name}#{at}"] = at
    return _Layout(columns, added.get("op"), added.get("commit"), added.get("change_seq"), unknown, len(names))


def _bare_layout(records: list[list[str]], obj: DmsObject, spec: TableSpec) -> _Layout:
    """The layout of a file without header: columns in registry order, then change_seq if the registry names one; the most common
    width says whether an operation stands before them and a commit time after. One extra field is an operation if most look like one.
    """
    base = len(spec.columns) + (spec.change_seq is not None)
    usual = base if obj.kind == "full_load" else base + 1
    widths = Counter(len(record) for record in records)
    width = max((base, base + 1, base + 2), key=lambda w: (widths[w], w == usual, -w))
    operations = [record[0] in _OPS for record in records if len(record) == width]
    has_op = width == base + 2 or (width == base + 1 and 2 * sum(operations) >= len(operations))
    start = int(has_op)
    columns = {column: start + at for at, column in enumerate(spec.columns)}
    change_seq = start + len(columns) if spec.change_seq is not None else None
    return _Layout(columns, 0 if has_op else None, width - 1 if width - base - start else None, change_seq, {}, width)


# Parquet


def _parquet_rows(content: bytes, is_damaged: bool, spec: TableSpec) -> _Rows:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if is_damaged:
            raise pa.ArrowInvalid("the compressed stream is damaged")
        table = pq.ParquetFile(io.BytesIO(content)).read().combine_chunks()
        fields = [_one_array(column) for column in table.columns]
        layout = _named_layout([str(name) for name in table.column_names], spec)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        # Only Arrow's words about the format are kept: the bytes are in the landing zone.
        empty = _no_rows(spec)
        empty.set_aside.append(("unreadable_file", 0, type(error).__name__))
        return empty
    names = table.column_names

    def payload(at: int) -> str:
        return json.dumps(
            {f"{name}": texts_of(column[at : at + 1])[0] for name, column in zip(names, fields, strict=True)}, ensure_ascii=False
        )

    return _Rows(layout, fields, list(range(1, table.num_rows + 1)), payload, ())


def _one_array(column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    merged = column.combine_chunks()
    return pa.concat_arrays(merged.chunks) if isinstance(merged, pa.ChunkedArray) else merged


# Records to changes


class _Verdicts:
    """The first rule each row breaks, if any."""

    def __init__(self, length: int):
        import pyarrow as pa

        self.rules: pa.Array = pa.nulls(length, pa.string())

    def add(self, bad: "pa.BooleanArray", rule: str) -> None:
        import pyarrow.compute as pc

        if pc.any(bad).as_py():
            self.rules = pc.if_else(pc.and_(bad, pc.is_null(self.rules)), rule, self.rules)


def _assembled(rows: _Rows, obj: DmsObject, etag: str, spec: TableSpec) -> ParsedObject:
    import pyarrow as pa
    import pyarrow.compute as pc

    length = len(rows.positions)
    verdicts = _Verdicts(length)
    op = _operations(rows, obj, verdicts)
    fields, unsupplied = _without_tokens(rows, spec)
    columns = _typed_columns(fields, rows.layout, spec, verdicts)
    schema = changes_schema(spec)
    committed_at = _optional(fields, rows.layout.commit, "timestamp", spec.commit_column, verdicts)
    change_seq = _optional(fields, rows.layout.change_seq, "text", spec.change_seq or "", verdicts)
    constant = {"kind": obj.kind, "file_at": obj.file_at, "object_key": obj.key, "object_etag": etag}
    columns |= {name: pa.repeat(pa.scalar(value, schema.field(name).type), length) for name, value in constant.items()}
    columns |= {"op": op, "committed_at": committed_at or pa.nulls(length, schema.field("committed_at").type)}
    columns["change_seq"] = pc.if_else(pc.equal(change_seq, ""), None, change_seq) if change_seq else pa.nulls(length, pa.string())
    columns["extra"] = _extra(fields, rows.layout.unknown, length)
    columns["row"] = pa.array(rows.positions, pa.int64())
    if spec.no_value_token is not None:
        columns["unsupplied"] = unsupplied
    table = pa.table([columns[name] for name in schema.names], schema=schema)
    good = pc.is_null(verdicts.rules)
    return ParsedObject(table.filter(good), _quarantine(rows, verdicts.rules), length + len(rows.set_aside))


def _operations(rows: _Rows, obj: DmsObject, verdicts: _Verdicts) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if rows.layout.op is None:
        return pa.repeat(pa.scalar("I"), len(rows.positions))
    op, bad = read_column(rows.fields[rows.layout.op], "text")
    allowed = pa.array(_OPS if obj.kind == "cdc" else _OPS[:1])  # a full load only ever inserts
    verdicts.add(pc.or_(bad, pc.invert(pc.is_in(op, value_set=allowed))), "unknown_op")
    return op


def _without_tokens(rows: _Rows, spec: TableSpec) -> tuple[list["pa.Array"], "pa.Array"]:
    """The fields with null and no-value tokens as nulls, and per row the names of columns the change did not carry."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.scalar(None, pa.string())
    fields = [pc.if_else(pc.is_in(f, value_set=pa.array(rows.null_tokens)), nothing, f) if rows.null_tokens else f for f in rows.fields]
    length = len(rows.positions)
    missing: list[list[str]] = [[] for _ in range(length if spec.no_value_token is not None else 0)]
    for name, at in rows.layout.columns.items() if spec.no_value_token is not None else ():
        if not pa.types.is_string(fields[at].type):
            continue
        hit = pc.fill_null(pc.equal(fields[at], spec.no_value_token), False)
        fields[at] = pc.if_else(hit, nothing, fields[at])
        for index in pc.indices_nonzero(hit).to_pylist():
            missing[index].append(name)
    return fields, pa.array([",".join(names) or None for names in missing], pa.string())


def _typed_columns(fields: list["pa.Array"], layout: _Layout, spec: TableSpec, verdicts: _Verdicts) -> dict[str, "pa.Array"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    length = len(verdicts.rules)
    columns: dict[str, pa.Array] = {}
    unreadable: list[tuple[pa.BooleanArray, str]] = []
    for name, kind in spec.columns.items():
        if name not in layout.columns:
            columns[name] = pa.nulls(length, arrow_type(kind))
            continue
        columns[name], bad = read_column(fields[layout.columns[name]], kind, is_identifying=name in spec.identifying_columns)
        unreadable.append((bad, f"unreadable_{kind}:{name}"))
        if name in spec.key:  # an unreadable key is not missing
            lost = pc.and_(pc.is_null(columns[name]), pc.invert(bad))
            if kind == "text":
                lost = pc.or_(lost, pc.fill_null(pc.equal(columns[name], ""), False))
            verdicts.add(lost, "missing_key")
    if any(name not in layout.columns for name in spec.key):
        verdicts.add(pa.repeat(pa.scalar(True), length), "missing_key")
    for bad, rule in unreadable:
        verdicts.add(bad, rule)
    return columns


def _optional(fields: list["pa.Array"], at: int | None, kind: str, name: str, verdicts: _Verdicts) -> "pa.Array | None":
    if at is None:
        return None
    column, bad = read_column(fields[at], kind)
    verdicts.add(bad, f"unreadable_{kind}:{name}")
    return column


def _extra(fields: list["pa.Array"], unknown: dict[str, int], length: int) -> "pa.Array":
    """Unknown columns as JSON text. A null is left out: a source that gains an empty column has not changed its rows."""
    import pyarrow as pa

    if not unknown:
        return pa.nulls(length, pa.string())
    names = sorted(unknown)
    values = [_texts(fields[unknown[name]]) for name in names]
    cells = ({n: v for n, v in zip(names, row, strict=True) if v is not None} for row in zip(*values, strict=True))
    return pa.array([json.dumps(cell, ensure_ascii=False) if cell else None for cell in cells], pa.string())


def _texts(column: "pa.Array") -> list[str | None]:
    import pyarrow as pa

    return column.to_pylist() if pa.types.is_string(column.type) else texts_of(column)


def _quarantine(rows: _Rows, rules: "pa.Array") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    bad = pc.indices_nonzero(pc.is_valid(rules)).to_pylist()
    found = [(rules[at].as_py(), rows.positions[at], rows.payload(at)) for at in bad]
    found = sorted(found + rows.set_aside, key=lambda row: row[1])
    schema = pa.schema([("rule", pa.string()), ("position", pa.int64()), ("payload", pa.string())])
    columns = list(zip(*found, strict=True)) or [[], [], []]
    return pa.table([pa.array(list(column), kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)
