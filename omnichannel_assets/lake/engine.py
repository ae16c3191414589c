"""The SQL engine: one module wraps DuckDB, with bounded memory, UTC, no network, and models read from ``sql/*.sql``.

A model file is one SELECT over named inputs; its header names them after ``Reads:``. Values are bound as ``$name`` parameters, never pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.schema import SQL_TYPES, Column, TableSchema

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SQL: Traversable = resources.files("omnichannel_assets") / "sql"
"""Where the models are."""


@dataclass(frozen=True)
class EngineLimits:
    """What the engine may use: memory in MiB, threads, and a folder to spill to."""

    memory_mb: int = 1024
    threads: int = 2
    scratch: Path | None = None


class Engine:
    """An in-memory DuckDB connection over registered tables. Not shared between threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable by name."""
        self.connection.register(name, table)

    def register_files(self, schema: TableSchema, paths: Sequence[str], name: str | None = None, absent: Sequence[Column] = ()) -> None:
        """Make Parquet files readable as one table; without files the table is empty and keeps its columns.

        ``absent`` columns are added as NULL: a model may name columns that the shop's database does not have. So are columns that a partition
        by as-of date lacks because an older version of the code made it: such partitions are never made again.
        """
        view = quoted(name or schema.name)
        nulls = [f"cast(null as {SQL_TYPES[column.kind]}) as {quoted(column.name)}" for column in absent]
        columns = ", ".join([*(quoted(column) for column in schema.names), *nulls])
        if not paths:
            empty = ", ".join(f"cast(null as {SQL_TYPES[column.kind]}) as {quoted(column.name)}" for column in (*schema.columns, *absent))
            self.connection.execute(f"create or replace view {view} as select {empty} limit 0")
            return
        listed = ", ".join(text_literal(path) for path in paths)
        if schema.partition == "as_of":
            typed = ", ".join(f"cast(null as {SQL_TYPES[column.kind]}) as {quoted(column.name)}" for column in schema.columns)
            self.connection.execute(
                f"create or replace view {view} as select {columns} from (select {typed} where false union all by name "
                f"select * from read_parquet([{listed}], hive_partitioning = false, union_by_name = true))"
            )
            return
        self.connection.execute(
            f"create or replace view {view} as select {columns} from read_parquet([{listed}], hive_partitioning = false)"
        )

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Rows of one SELECT as Arrow. Only the parameters the text uses are bound."""
        used = _used(sql, parameters or {})
        with _errors_without_values():
            return self.connection.sql(sql, params=used).to_arrow_table()

    def write_file(self, sql: str, path: Path) -> None:
        """Write the rows of a SELECT to a Parquet file, without holding them in memory."""
        with _errors_without_values():
            self.connection.execute(f"copy ({sql}) to {text_literal(str(path))} (format parquet)")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of one small SELECT as tuples."""
        used = _used(sql, parameters or {})
        with _errors_without_values():
            return self.connection.execute(sql, used).fetchall()

    def select(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of one SELECT that somebody typed. Raises InputError for anything else or a mistake in it."""
        import duckdb

        try:
            statements = duckdb.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InputError(
                    "sql", "something else", expected="one SELECT", fix="query tables by name, for example: select * from customers limit 5"
                )
            cursor = self.connection.execute(sql)
            return [column[0] for column in cursor.description or []], cursor.fetchall()
        except duckdb.Error as error:
            raise InputError(
                "sql", without_values(str(error)), expected="a query the engine understands", fix="correct the query"
            ) from None

    def confine(self, folder: str) -> None:
        """From now on read files below one folder only, and let no statement change that: for SQL that somebody typed."""
        self.connection.execute(f"set allowed_directories = [{text_literal(folder)}]")
        self.connection.execute("set enable_external_access = false")
        self.connection.execute("set lock_configuration = true")

    def run_script(self, text: str) -> None:
        """Run statements that return nothing, such as macros."""
        self.connection.execute(text)

    def store_query(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Keep the rows of a SELECT under a name for the life of this engine (named steps shared by several models)."""
        self.register(name, self.query(sql, parameters))

    def model(self, schema: TableSchema, parameters: Mapping[str, Any] | None = None, sql: str | None = None) -> pa.Table:
        """Run the model of a table: declared columns and types. Rows come unordered; publishing sorts them."""
        columns = ", ".join(
            f"cast({quoted(column.name)} as {SQL_TYPES[column.kind]}) as {quoted(column.name)}" for column in schema.columns
        )
        text = sql or model_text(schema.name)
        return self.query(f"select {columns} from (\n{text}\n) as model", parameters)


@contextmanager
def open_engine(limits: EngineLimits) -> Iterator[Engine]:
    """An engine for one step; closed, and its spill files gone, afterwards."""
    import duckdb  # deferred: loading the definitions must not load an engine

    config: dict[str, Any] = {
        "memory_limit": f"{limits.memory_mb}MiB",
        "threads": limits.threads,
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": False,
    }
    if limits.scratch:
        config["temp_directory"] = str(limits.scratch)
    connection = duckdb.connect(config=config)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        yield Engine(connection)
    finally:
        connection.close()


class EngineError(Exception):
    """The engine refused a query of ours: a defect. Told without the rows' values, which its own errors quote."""


@contextmanager
def _errors_without_values() -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise EngineError(f"{type(error).__name__}: {without_values(str(error))}") from None


def _used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a text binds outside its comments."""
    code = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE)
    return {name: value for name, value in parameters.items() if re.search(rf"\${name}\b", code)}


def without_values(message: str) -> str:
    """The first line of an engine's message with quoted texts and numbers taken out: conversion errors quote the rows' values."""
    return re.sub(r"\d{3,}", "...", re.sub(r"'[^']*'", "'...'", message.splitlines()[0]))


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A text as an SQL literal, for places that take no bound parameter (file names, view bodies)."""
    return "'" + value.replace("'", "''") + "'"


def model_text(name: str) -> str:
    """The text of ``sql/<name>.sql``, without a trailing semicolon."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8").strip().rstrip(";")


def model_exists(name: str) -> bool:
    """Whether there is a ``sql/<name>.sql``."""
    return (SQL / f"{name}.sql").is_file()


def model_inputs(name: str) -> list[str]:
    """The tables a model names in its header, after ``Reads:``."""
    found = re.search(r"^--.* Reads: (?P<names>[a-z_0-9, ]+)\.", model_text(name), re.MULTILINE)
    return [part.strip() for part in found["names"].split(",")] if found else []
