"""The table registry: the default one, and one clear line for every mistake in it."""

import pytest

from omnichannel_assets.dms.registry import DEFAULT_REGISTRY, load_registry
from omnichannel_assets.errors import SettingError

GOOD = """
tables:
  orders:
    schema: shop
    columns: {id: text, total: decimal, made: timestamp}
    key: [id]
    event_at: made
"""


def test_the_default_registry_has_the_seven_tables_in_order():
    assert list(load_registry()) == ["customers", "orders", "order_lines", "returns", "products", "inventory", "subscriptions"]


def test_the_default_registry_never_lets_a_subscription_tell_its_future():
    spec = load_registry()["subscriptions"]
    assert spec.fixed_columns == {"subscription_id", "customer_id", "started_at"}


def test_a_naive_load_time_is_utc(tmp_path):
    path = tmp_path / "registry.yaml"
    path.write_text(GOOD + "    load_time: 2026-11-19 00:00:00\n")
    assert load_registry(path)["orders"].load_time.isoformat() == "2026-11-19T00:00:00+00:00"


@pytest.mark.parametrize(
    ("old", "new", "table", "field"),
    [
        ("key: [id]", "key: [nr]", "orders", "key"),
        ("key: [id]", "key: []", "orders", "key"),
        ("key: [id]", "key: [id, id]", "orders", "key"),
        ("    key: [id]\n", "", "orders", "key"),
        ("event_at: made", "event_at: total", "orders", "event_at"),
        ("event_at: made", "event_at: done", "orders", "event_at"),
        ("event_at: made", "time_from: carts.id", "orders", "time_from"),
        ("event_at: made", "time_from: orders.id", "orders", "time_from"),
        ("event_at: made", "event_at: made\n    fixed: some", "orders", "fixed"),
        ("event_at: made", "event_at: made\n    fixed: [colour]", "orders", "fixed"),
        ("event_at: made", "event_at: made\n    colour: red", "orders", "colour"),
        ("event_at: made", "event_at: made\n    load_time: yesterday", "orders", "load_time"),
        ("event_at: made", "event_at: made\n    commit_column: total", "orders", "commit_column"),
        ("event_at: made", "event_at: made\n    change_seq: id", "orders", "change_seq"),
        ("event_at: made", "event_at: made\n    identifiers: {mail: email}", "orders", "identifiers"),
        ("event_at: made", "event_at: made\n    consent: {total: email}", "orders", "consent"),
        ("event_at: made", "event_at: made\n    consent: {total: pigeon}", "orders", "consent.total"),
        ("total: decimal", "total: decimal, ok: boolean}\n    consent: {ok: sms", "orders", "consent"),
        ("total: decimal", "total: decimal, a: boolean, b: boolean}\n    consent: {a: sms, b: sms", "orders", "consent"),
        ("decimal", "money", "orders", "columns.total"),
        ("total: decimal", "version: decimal", "orders", "columns"),
        ("total: decimal", "ID: decimal", "orders", "columns"),
        ("total: decimal", "'a\"; drop table x': decimal", "orders", "columns"),
        ("{id: text, total: decimal, made: timestamp}", "text", "orders", "columns"),
    ],
)
def test_a_mistake_gives_one_line_that_names_the_setting_the_table_and_the_field(tmp_path, old, new, table, field):
    path = tmp_path / "registry.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingError) as caught:
        load_registry(path)
    line = str(caught.value)
    assert line.startswith("DMS_REGISTRY: ") and "\n" not in line
    assert f"table {table}, field {field}" in line
    assert str(path) in line and "Fix: " in line


@pytest.mark.parametrize("text", ["", "[]", "tables: {}", "tables: [1]", "tables: {orders: 3}", "a: {", GOOD + "other: 1\n", GOOD + "    key: [id]\n", "{[1]: 2}"])
def test_a_file_that_is_no_registry_gives_one_line(tmp_path, text):
    path = tmp_path / "registry.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=r"^DMS_REGISTRY: [^\n]+$"):
        load_registry(path)


def test_a_missing_registry_file_names_its_path(tmp_path):
    with pytest.raises(SettingError, match="no-such"):
        load_registry(tmp_path / "no-such.yaml")


def test_the_fingerprint_follows_the_meaning_and_not_the_layout_of_the_file(tmp_path):
    path = tmp_path / "registry.yaml"
    path.write_text(GOOD)
    first = load_registry(path)["orders"].fingerprint()
    path.write_text(GOOD.replace("    key: [id]\n", "") + "    key:\n      - id    # a comment\n")
    assert load_registry(path)["orders"].fingerprint() == first
    path.write_text(GOOD.replace("id: text, total: decimal", "total: decimal, id: text"))
    assert load_registry(path)["orders"].fingerprint() != first


def test_the_default_registry_explains_each_of_its_keys():
    text = DEFAULT_REGISTRY.read_text()
    from omnichannel_assets.dms.registry import TableSpec

    for field in set(TableSpec.model_fields) - {"name", "schema_name"}:
        assert f"#   {field} " in text, field


CONSENT = """
tables:
  customers:
    schema: shop
    columns: {id: text, marketing_opt_in: boolean, texts: boolean}
    key: [id]
    identifiers: {id: customer_ref}
"""


@pytest.mark.parametrize(
    ("said", "choices"),
    [
        ("", {"marketing_opt_in": "email"}),
        ("    consent: {}\n", {}),
        ("    consent: {marketing_opt_in: post, texts: sms}\n", {"marketing_opt_in": "post", "texts": "sms"}),
    ],
)
def test_choices_are_those_the_registry_says_and_the_opt_in_column_where_it_says_nothing(tmp_path, said, choices):
    path = tmp_path / "registry.yaml"
    path.write_text(CONSENT + said)
    assert load_registry(path)["customers"].choices == choices


def test_a_table_without_customer_numbers_or_opt_in_column_tells_no_choice(tmp_path):
    for old, new in (("{id: customer_ref}", "{id: loyalty_id}"), ("marketing_opt_in: boolean", "marketing_opt_in: text"), ("  customers:", "  people:")):
        path = tmp_path / "registry.yaml"
        path.write_text(CONSENT.replace(old, new))
        assert [spec.choices for spec in load_registry(path).values()] == [{}]
