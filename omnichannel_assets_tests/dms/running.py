"""Runs the DMS part the way the assets do: objects to change log to history, on an in-memory DuckDB in UTC. No assertions here."""

import functools

import duckdb
import pyarrow as pa

from omnichannel_assets.dms.files import ParsedObject, changes_schema, read_changes
from omnichannel_assets.dms.history import as_of_sql, counts_sql, history_sql, latest_sql, repeated_sql
from omnichannel_assets.dms.keys import parse_key
from omnichannel_assets.dms.registry import TableSpec, load_registry

REGISTRY = load_registry()


def spec_of(**fields) -> TableSpec:
    return TableSpec.model_validate({"name": "t", "schema": "public", **fields})


def parsed(content: str | bytes, key: str, spec: TableSpec, etag: str = "e1") -> ParsedObject:
    obj = parse_key(key, {spec.name: spec})
    assert obj is not None, key
    return read_changes(content.encode() if isinstance(content, str) else content, obj, etag, spec)


def log_of(objects: dict[str, str | bytes], spec: TableSpec) -> pa.Table:
    """The change log of objects (file name or full key -> content); none of their rows may be quarantined."""
    tables = [changes_schema(spec).empty_table()]
    for name, content in objects.items():
        read = parsed(content, name if "/" in name else f"{spec.schema_name}/{spec.name}/{name}", spec)
        assert read.quarantined.num_rows == 0, read.quarantined.to_pylist()
        tables.append(read.changes)
    return pa.concat_tables(tables)


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One connection for all tests: opening one costs more than most of the queries."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = 1")
    return connection


def _query(sql: str, views: dict[str, pa.Table], bound: dict | None = None) -> list[dict]:
    for name, table in views.items():
        _connection().register(name, table)
    cursor = _connection().execute(sql, bound) if bound else _connection().execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def history_table(log: pa.Table, spec: TableSpec, parent: TableSpec | None = None, parents: pa.Table | None = None) -> pa.Table:
    _connection().register("changes", log)
    if parents is not None:
        _connection().register("parents", parents)
    order = ", ".join(f'"{column}"' for column in spec.key)
    return _connection().sql(f"from ({history_sql(spec, parent)}) order by {order}, version").to_arrow_table()


def history(log: pa.Table, spec: TableSpec) -> list[dict]:
    return history_table(log, spec).to_pylist()


def counts(log: pa.Table, spec: TableSpec, parents: pa.Table | None = None, parent: TableSpec | None = None) -> dict:
    return _query(counts_sql(spec, parent), {"changes": log} | ({"parents": parents} if parents is not None else {}))[0]


def repeated(log: pa.Table, spec: TableSpec) -> list[tuple]:
    return sorted(tuple(row.values()) for row in _query(repeated_sql(spec), {"changes": log}))


def latest(versions: pa.Table, spec: TableSpec) -> list[dict]:
    return sorted(_query(latest_sql(spec), {"history": versions}), key=lambda row: [str(row[c]) for c in spec.key])


def as_of(versions: pa.Table, spec: TableSpec, moment) -> list[dict]:
    return sorted(_query(as_of_sql(spec), {"history": versions}, {"as_of": moment}), key=lambda row: [str(row[c]) for c in spec.key])


def asked(sql: str, log: pa.Table) -> dict:
    return _query(sql, {"changes": log})[0]
