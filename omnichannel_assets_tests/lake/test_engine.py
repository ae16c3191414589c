"""The engine: declared types, bound values, names and literals as text, and confinement for typed SQL."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import EngineLimits, model_inputs, open_engine, quoted, text_literal
from omnichannel_assets.lake.lake import Lake, Provenance
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.lake.schema import SQL_TYPES, Column, TableSchema
from omnichannel_assets.lake.store import LocalStore
from omnichannel_assets.lake.tables import STATIC_TABLES

ALL_KINDS = TableSchema("kinds", "One column of each kind.", tuple(Column(kind, kind, kind) for kind in SQL_TYPES), ("text",))


@pytest.fixture
def engine():
    with open_engine(EngineLimits(256, 1)) as opened:
        yield opened


def test_a_model_has_the_declared_columns_and_types_whatever_its_sql_gives(engine):
    columns = ", ".join(f"null as {quoted(column.name)}" for column in reversed(ALL_KINDS.columns))
    assert engine.model(ALL_KINDS, sql=f"select 1 as extra, {columns}").schema.names == ALL_KINDS.names
    row = engine.model(ALL_KINDS, sql="select 1 as text, '7' as integer, '1.005' as decimal, '0.25' as number, 'true' as boolean, '2026-01-01' as date, '2026-01-01 00:00:00' as timestamp, [] as products, [] as identifiers")
    assert row.to_pylist()[0] | {"date": None} == {
        "text": "1", "integer": 7, "decimal": Decimal("1.01"), "number": 0.25, "boolean": True, "date": None, "timestamp": datetime(2026, 1, 1, tzinfo=UTC), "products": [], "identifiers": [],
    }  # fmt: skip


def test_a_table_without_files_is_empty_with_its_columns(engine):
    for table in (ALL_KINDS, *STATIC_TABLES):
        engine.register_files(table, [])
        assert engine.query(f"select * from {quoted(table.name)}").schema.names == table.names


def test_instants_are_utc(engine):
    assert engine.rows("select timestamptz '2026-06-01 12:00:00' = timestamptz '2026-06-01 12:00:00+00'") == [(True,)]


def test_only_parameters_the_text_names_are_bound(engine):
    assert engine.query("select $a as a", {"a": 1, "as_of": 2}).to_pylist() == [{"a": 1}]
    assert engine.rows("select $as_of", {"a": 1, "as_of": 2}) == [(2,)]


def test_a_value_is_never_part_of_the_text(engine):
    assert engine.rows("select $v", {"v": "'; drop table x; --"}) == [("'; drop table x; --",)]


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.text(min_size=1, max_size=12).filter(lambda text: "\x00" not in text))
def test_any_text_is_only_text_as_a_literal_and_only_a_name_as_a_name(text):
    with open_engine(EngineLimits(256, 1)) as engine:
        assert engine.rows(f"select {text_literal(text)} as {quoted(text)}") == [(text,)]


def test_files_with_quotes_in_their_path_are_read(tmp_path):
    lake = Lake(LocalStore(tmp_path / "it's a \"lake\""))
    lake.publish(STATIC_TABLES[0], STATIC_TABLES[0].arrow().empty_table(), Provenance("d"))
    with lake.engine() as engine:
        engine.register_files(STATIC_TABLES[0], lake.paths(STATIC_TABLES[0]))
        assert engine.rows("select count(*) from landing_files") == [(0,)]


@pytest.mark.parametrize("sql", ["drop table x", "select 1; select 2", "", "selec 1", "select * from nowhere", "copy (select 1) to 'f.csv'", "set memory_limit = '1GB'", "attach 'x.db'"])
def test_typed_sql_that_is_not_one_good_select_is_one_clear_line(engine, sql):
    with pytest.raises(InputError, match="sql: expected "):
        engine.select(sql)


def test_typed_sql_gives_columns_and_rows(engine):
    assert engine.select("select 1 as a, null as b") == (["a", "b"], [(1, None)])


def test_a_confined_engine_reads_its_folder_and_nothing_else(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "t.csv").write_text("a\n1\n")
    with open_engine(EngineLimits(256, 1)) as engine:
        engine.confine(str(inside))
        assert engine.select(f"select * from read_csv('{inside}/t.csv')")[1] == [(1,)]
        for sql in (f"select * from read_csv('{outside}/t.csv')", f"select * from read_csv('{inside}/../outside/t.csv')", "select * from read_text('/etc/passwd')", "select * from glob('/*')", "select * from 'https://example.com/t.csv'"):
            with pytest.raises(InputError):
                engine.select(sql)
        for sql in ("set enable_external_access = true", "reset allowed_directories", "set lock_configuration = false"):
            with pytest.raises(Exception, match=r"(?i)lock|access|configuration"):
                engine.run_script(sql)


def test_the_public_engine_shows_tables_by_their_public_names_only(tmp_path):
    lake = Lake(LocalStore(tmp_path / "lake"))
    tables = {table.name: table for table in STATIC_TABLES}
    with public_engine(lake, tables) as engine:
        names = {row[0] for row in engine.rows("select view_name from duckdb_views() where not internal")}
    assert names == set(tables) - {"segment_quarantine", "dms_quarantine", "campaign_event_quarantine"} | {"segment_events_all", "identities_history"}


def test_spilling_needs_no_more_than_its_scratch_folder(tmp_path):
    with open_engine(EngineLimits(256, 1, tmp_path / "spill")) as engine:
        assert engine.rows("select count(*) from (select i, hash(i) as h from range(2000000) r(i) order by h)") == [(2_000_000,)]


def test_model_inputs_are_those_its_header_names():
    assert model_inputs("segment_duplicates") == ["segment_events"]
    assert model_inputs("macros") == []


def test_arrow_tables_are_registered_and_replaced_by_name(engine):
    engine.register("odd name", pa.table({"a": [1]}))
    engine.register("odd name", pa.table({"a": [2, 3]}))
    assert engine.rows('select sum(a) from "odd name"') == [(5,)]
    engine.store_query("kept", 'select a from "odd name" where a > $least', {"least": 2})
    engine.register("odd name", pa.table({"a": [9]}))
    assert engine.rows("select a from kept") == [(3,)]
