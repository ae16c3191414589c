"""``omnichannel sql``: the public tables by name, one SELECT, this lake and nothing else."""

from __future__ import annotations

import pytest

from omnichannel_assets_tests.command.asking import ask, csv_rows, rows
from omnichannel_assets_tests.command.conftest import Shop

PUBLIC = {
    "landing_files": "key etag state first_seen_at",
    "segment_events": "message_id type event event_at known_at user_id anonymous_id source_id received_day properties products",
    "quarantine": "origin rule file position payload known_at",
    "identities": "identifier_type identifier_value customer_id first_known_at valid_from valid_to",
    "identity_changes": "as_of change from_customer_id to_customer_id cause",
    "customers": "customer_id is_known user_id email phone first_name last_name email_opt_in first_seen_at last_seen_at orders lifetime_value",
    "products": "product_id name category price status stock",
    "orders": "order_id customer_id channel ordered_at known_at total currency status",
    "order_lines": "order_id line_no item_id quantity unit_price line_total",
    "interactions": "customer_id item_id event_type event_at known_at channel quantity value order_id message_id",
}


@pytest.mark.parametrize("table", PUBLIC)
def test_each_public_table_is_there_by_name_with_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    (row, *_) = rows(shop, monkeypatch, f"select * from {table} limit 3")
    assert set(PUBLIC[table].split()) <= set(row)


def test_csv_and_json_say_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "select customer_id, orders, email from customers order by customer_id"
    as_csv = csv_rows(ask(shop, monkeypatch, "sql", query, "--format", "csv"))
    as_json = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows(shop, monkeypatch, query)]
    assert as_csv == as_json
    assert len(as_csv) > 40


def test_csv_writes_true_false_and_nothing_for_null(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask(shop, monkeypatch, "sql", "select true as a, cast(null as varchar) as b, 'x,\"y\"' as c, timestamptz '2026-01-31 10:00:00.5+02' as d", "--format", "csv")
    assert said.out == 'a,b,c,d\ntrue,,"x,""y""",2026-01-31T08:00:00.500000+00:00\n'


def test_lists_and_structs_are_json_in_every_form(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask(shop, monkeypatch, "sql", "select [{'a': 1}] as nested", "--format", "csv")
    assert csv_rows(said) == [{"nested": '[{"a": 1}]'}]
    assert rows(shop, monkeypatch, "select [{'a': 1}] as nested") == [{"nested": [{"a": 1}]}]


def test_no_rows_are_a_header_or_an_empty_list(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "select order_id, total from orders where false"
    assert ask(shop, monkeypatch, "sql", query, "--format", "csv").out == "order_id,total\n"
    assert rows(shop, monkeypatch, query) == []


def test_segment_events_shows_each_message_once_though_it_came_on_two_days(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (count,) = rows(shop, monkeypatch, "select count(*) as n, count(distinct message_id) as messages, (select count(*) from segment_events_all) as all_rows, (select count(*) from segment_duplicates) as losing from segment_events")
    assert count["n"] == count["messages"] == count["all_rows"] - count["losing"]
    assert count["losing"] > 0


def test_identities_shows_today_and_the_history_every_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (count,) = rows(shop, monkeypatch, "select count(*) as today, count(valid_to) as ended, (select count(*) from identities_history) as ever from identities")
    assert count["ended"] == 0
    assert count["ever"] > count["today"]


NOT_ONE_SELECT = [
    "copy customers to 'stolen.csv'",
    "copy (select * from customers) to 'stolen.csv'",
    "attach 'other.db'",
    "install httpfs",
    "load httpfs",
    "set memory_limit = '100GB'",
    "create table mine as select 1",
    "insert into customers select * from customers",
    "drop view customers",
    "select 1; select 2",
    "export database 'stolen'",
    "",
]


@pytest.mark.parametrize("query", NOT_ONE_SELECT)
def test_anything_but_one_select_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    line = ask(shop, monkeypatch, "sql", query).line
    assert line == "error: sql: expected one SELECT, got something else. Fix: query tables by name, for example: select * from customers limit 5."
    assert not list(shop.folder.glob("stolen*"))


OUTSIDE = [
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select content from read_text('/etc/passwd')",
    "select content from read_blob('../../../../etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from read_csv('truth/orders.csv')",
    "select * from read_text('lake/../truth/orders.csv')",
    "select * from read_json('https://example.com/x.json')",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_a_query_reads_nothing_outside_the_lake(shop: Shop, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    assert ask(shop, monkeypatch, "sql", query).line.startswith("error: sql: expected a query the engine understands, got ")


def test_the_lakes_own_files_may_be_read_by_path(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = rows(shop, monkeypatch, f"select count(*) as n from read_parquet('{shop.lake}/tables/customers/data.parquet')")
    assert row["n"] > 40


def test_a_mistake_in_a_query_is_one_line_that_names_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nope" in ask(shop, monkeypatch, "sql", "select nope from customers").line
    assert "custmers" in ask(shop, monkeypatch, "sql", "select * from custmers").line


def test_an_engine_error_shows_no_value_of_the_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "@" not in ask(shop, monkeypatch, "sql", "select cast(email as int) from customers").line


@pytest.mark.parametrize("arguments", [["sql"], ["sql", "select 1", "--format", "xml"], ["sql", "select 1", "--colour"], ["explain"], ["nothing"]])
def test_wrong_use_exits_with_2_and_says_how_on_stderr(shop: Shop, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    said = ask(shop, monkeypatch, *arguments)
    assert (said.code, said.out) == (2, "")
    assert "Error: " in said.err
