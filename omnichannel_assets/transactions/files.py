"""Reading plain files of sales: CSV, Parquet, and CDNOW's columns of text.

A line is one thing sold to a customer at a time, or given back: whose quantity is below zero (the mark of cancelled lines in Online Retail II).
Lines that repeat are all kept, for a till may scan the same thing twice. Files that overlap in time are joined by time, in the order of their
first lines: each file holds from its first line until the next file's first line. Lines without a customer, and lines that cannot be read, are
counted and left out. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import Engine, quoted

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

GUESSES: dict[str, tuple[str, ...]] = {
    "customer": ("customerid", "customer", "custid", "clientid", "client", "userid", "user"),
    "time": ("invoicedate", "orderedat", "orderdate", "datetime", "timestamp", "time", "date", "purchasedate"),
    "amount": ("amount", "linetotal", "total", "revenue", "sales", "dollars", "dollarvalue", "value"),
    "price": ("unitprice", "price"),
    "quantity": ("quantity", "qty", "units", "numberofcds", "cds"),
    "order": ("invoice", "invoiceno", "orderid", "order", "transactionid", "basketid"),
    "item": ("description", "stockcode", "itemid", "item", "productid", "product", "sku"),
}
"""Part of a line -> column names that mean it, without case, blanks and underscores; the first that a file has counts."""
NEEDED = ("customer", "time")
CDNOW_PARTS = (4, 5)
"""Customer, date, CDs and dollars; the public sample has its own customer number in between."""
MOSTLY = 0.5
"""A file of which a larger share of lines cannot be read is not what its columns say."""

SALES = """with parts as (
    select nullif(nullif(regexp_replace(trim(cast(customer as varchar)), '\\.0+$', ''), ''), 'nan') as customer, {time} as sold_at,
        try_cast(replace(trim(cast(quantity as varchar)), ',', '') as double) as units, try_cast(replace(trim(cast(amount as varchar)), ',', '') as double) as amount,
        try_cast(replace(trim(cast(price as varchar)), ',', '') as double) as price, nullif(trim(cast("order" as varchar)), '') as order_name, nullif(trim(cast(item as varchar)), '') as item
    from raw_lines
)
select customer, sold_at, order_name, item,
    try_cast(case when quantity_is_told then units else sign(amount) end as decimal(15, 3)) as units, try_cast(round(case when amount_is_told then amount else price * units end, 2) as decimal(18, 2)) as amount
from parts cross join (select {quantity_is_told} as quantity_is_told, {amount_is_told} as amount_is_told) as told"""
READABLE = "sold_at is not null and units is not null and units <> 0 and amount is not null and abs(units) < 1e9 and abs(amount) < 1e11"


@dataclass(frozen=True)
class Columns:
    """Which columns of the files to read, by part of a line; parts that are not named are guessed. ``time_format``: as strptime writes it."""

    named: Mapping[str, str] = field(default_factory=dict)
    time_format: str = ""


@dataclass(frozen=True)
class FileCounts:
    """What became of the lines of one file: ``lines`` = sales + returns + without_customer + unreadable + in_a_later_file."""

    name: str
    lines: int
    sales: int
    returns: int
    without_customer: int
    unreadable: int
    in_a_later_file: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Sales:
    """Lines of all files, one table: customer, sold_at, order_name, item, units (below zero: given back), amount (as signed as the units)."""

    lines: pa.Table
    files: tuple[FileCounts, ...]


def read_sales(paths: Sequence[Path], columns: Columns, engine: Engine) -> Sales:
    """The lines of some files as one table. Raises InputError for a file that is none of the kinds, or whose columns are not told."""
    raw = [_raw(path) for path in paths]
    chosen = [_chosen(path, table.column_names, columns) for path, (table, _) in zip(paths, raw, strict=True)]
    chosen = _same_item(chosen, [table.column_names for table, _ in raw], columns)
    parsed = [_parsed(engine, table, parts, columns.time_format) for (table, _), parts in zip(raw, chosen, strict=True)]
    told = sorted(
        (_checked(engine, path, lines, broken, columns), place)
        for place, (path, lines, (_, broken)) in enumerate(zip(paths, parsed, raw, strict=True))
    )
    kept, counts = [], []
    for at, (_, place) in enumerate(told):
        until = told[at + 1][0] if at + 1 < len(told) else None
        lines, numbers = _kept(engine, parsed[place], until)
        kept.append(lines)
        counts.append(FileCounts(paths[place].name, parsed[place].num_rows + raw[place][1], *_added(numbers, raw[place][1]), chosen[place]))
    import pyarrow as pa

    return Sales(pa.concat_tables(kept), tuple(counts))


def _added(numbers: tuple[int, ...], broken: int) -> tuple[int, ...]:
    sales, returns, nobody, unreadable, later = numbers
    return sales, returns, nobody, unreadable + broken, later


def _raw(path: Path) -> tuple[pa.Table, int]:
    """A file's columns as they are, and how many of its lines have another number of parts."""
    import pyarrow as pa

    readers: dict[str, Callable[[Path], tuple[pa.Table, int]]] = {".parquet": _parquet, ".csv": _csv, ".txt": _text, ".tsv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError("--transactions", path.name, expected="a .csv, .tsv, .txt or .parquet file", fix="convert or rename it")
    try:
        table, broken = reader(path)
    except (OSError, pa.ArrowException) as error:
        told = f"{path.name}, which cannot be read ({type(error).__name__})"
        raise InputError("--transactions", told, expected=f"a readable {path.suffix} file", fix="check the file") from None
    if not table.num_rows:
        raise InputError("--transactions", f"{path.name} without a line", expected="sales", fix="check the file")
    return table, broken


def _parquet(path: Path) -> tuple[pa.Table, int]:
    import pyarrow.parquet as pq

    return pq.read_table(path), 0


def _csv(path: Path) -> tuple[pa.Table, int]:
    """A CSV as texts. In UTF-8, else in Latin-1, in which copies of Online Retail II go round."""
    import pyarrow as pa
    from pyarrow import csv

    with path.open("rb") as file:
        head = file.readline(1_000_000).decode("utf-8-sig", errors="replace")
    delimiter = max(",;\t|", key=head.count)
    broken: list[int] = []

    def skip(row: Any) -> str:
        broken.append(1)
        return "skip"

    names = [name.strip().strip('"') for name in head.rstrip("\r\n").split(delimiter)]
    for encoding in ("utf-8", "latin-1"):
        broken.clear()
        try:
            table = csv.read_csv(
                path,
                csv.ReadOptions(encoding=encoding),
                csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
                csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            )
            return table, len(broken)
        except (UnicodeDecodeError, pa.ArrowInvalid) as error:
            if encoding == "latin-1" or "UTF" not in str(error):
                raise pa.ArrowInvalid("not a CSV") from None
    return table, len(broken)


def _text(path: Path) -> tuple[pa.Table, int]:
    """CDNOW's files: parts between blanks, with or without a line of names. A .txt with commas or tabs is a CSV."""
    import pyarrow as pa

    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if any(sign in first for sign in ",;\t|"):
        return _csv(path)
    split = [parts for parts in (line.split() for line in lines) if parts]
    if split and not split[0][-1].replace(".", "").isdigit():
        split = split[1:]
    rows = [parts for parts in split if len(parts) in CDNOW_PARTS]
    names = ("customer", "date", "cds", "dollars")
    columns = [[parts[0] for parts in rows], *([parts[at] for parts in rows] for at in (-3, -2, -1))]
    return pa.table(dict(zip(names, columns, strict=True))), len(split) - len(rows)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _chosen(path: Path, names: Iterable[str], columns: Columns) -> dict[str, str]:
    """Part of a line -> column of a file. Raises InputError when one that is needed is not there."""
    by_name = {_plain(name): name for name in reversed(list(names))}
    found = {}
    for part, guesses in GUESSES.items():
        asked = columns.named.get(part)
        if asked and _plain(asked) not in by_name:
            raise InputError(f"--{part}", f"{path.name} with columns {', '.join(by_name.values())}", expected=f"a column {asked}", fix="name one of its columns")
        guess = next((by_name[name] for name in ([_plain(asked)] if asked else guesses) if name in by_name), None)
        if guess:
            found[part] = guess
    for part in NEEDED:
        if part not in found:
            raise _missing(path, part, by_name.values())
    if "amount" not in found and not {"price", "quantity"} <= set(found):
        raise _missing(path, "amount", by_name.values())
    return found


def _missing(path: Path, part: str, names: Iterable[str]) -> InputError:
    what = "an amount, or a price and a quantity" if part == "amount" else f"a {part}"
    return InputError("--transactions", f"{path.name} with columns {', '.join(names)}", expected=f"a column that tells {what}", fix=f"name it with --{part}")


def _same_item(chosen: list[dict[str, str]], names: list[list[str]], columns: Columns) -> list[dict[str, str]]:
    """Items of several files are the same by a column that all of them have; else nothing tells which they are."""
    if len(chosen) == 1 or columns.named.get("item"):
        return chosen
    plain = [{_plain(name): name for name in of_file} for of_file in names]
    shared = next((guess for guess in GUESSES["item"] if all(guess in of_file for of_file in plain)), None)
    kept = [{part: name for part, name in parts.items() if part != "item"} for parts in chosen]
    return [{**parts, "item": of_file[shared]} for parts, of_file in zip(kept, plain, strict=True)] if shared else kept


def _parsed(engine: Engine, table: pa.Table, parts: Mapping[str, str], time_format: str) -> pa.Table:
    import pyarrow as pa

    absent = pa.nulls(table.num_rows, pa.string())
    columns = [table.column(parts[part]) if part in parts else absent for part in GUESSES]
    kind = columns[list(GUESSES).index("time")].type
    text = 'trim(cast("time" as varchar))'
    time = f"coalesce(try_cast({text} as timestamptz), cast(try_strptime({text}, '%Y%m%d') as timestamptz))"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        time = 'cast("time" as timestamptz)'
    elif time_format:
        time = f"cast(try_strptime({text}, $time_format) as timestamptz)"
    engine.register("raw_lines", pa.table(columns, names=list(GUESSES)))
    told = {"quantity_is_told": "quantity" in parts, "amount_is_told": "amount" in parts}
    sql = SALES.format(time=time, **{name: str(value).lower() for name, value in told.items()})
    return engine.query(sql, {"time_format": time_format})


def _checked(engine: Engine, path: Path, lines: pa.Table, broken: int, columns: Columns) -> datetime:
    """The time of a file's first line. Raises InputError when most of its lines cannot be read."""
    engine.register("lines", lines)
    first, dated, readable = engine.rows(f"select min(sold_at) filter (where {READABLE}), count(sold_at), count(*) filter (where {READABLE}) from lines")[0]
    if dated <= MOSTLY * (lines.num_rows + broken):
        wanted = f"times written as {columns.time_format}" if columns.time_format else "times written as 2011-03-01, 2011-03-01 08:26 or 20110301"
        got = f"{path.name}, where {lines.num_rows + broken - dated:,} of {lines.num_rows + broken:,} lines have no readable time"
        raise InputError("--transactions", got, expected=wanted, fix="say how they are written with --time-format, such as %m/%d/%Y %H:%M")
    if readable <= MOSTLY * (lines.num_rows + broken):
        got = f"{path.name}, where {lines.num_rows + broken - readable:,} of {lines.num_rows + broken:,} lines have no readable quantity or amount"
        raise InputError("--transactions", got, expected="numbers with a decimal point", fix="name the columns with --quantity, --amount or --price")
    return first


def _kept(engine: Engine, lines: pa.Table, until: datetime | None) -> tuple[pa.Table, tuple[int, ...]]:
    """The lines of a file that count, and how many are sales, returns, nobody's, unreadable and in a later file."""
    engine.register("lines", lines)
    bound = {"until": until}
    state = f"case when not ({READABLE}) then 'unreadable' when sold_at >= $until then 'later' when customer is null then 'nobody' when units > 0 then 'sale' else 'return' end"
    numbers = dict(engine.rows(f"select coalesce({state}, 'unreadable'), count(*) from lines group by 1", bound))
    kept = engine.query(
        f"select {', '.join(quoted(name) for name in lines.column_names)} from (select *, {state} as state from lines) as told where state in ('sale', 'return')", bound
    )
    return kept, tuple(numbers.get(name, 0) for name in ("sale", "return", "nobody", "unreadable", "later"))
