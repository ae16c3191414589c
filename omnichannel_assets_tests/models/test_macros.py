"""The macros, one by one: text of JSON, instants, money, whole numbers, write keys, items, whole matches."""

import json
from decimal import Decimal

import pytest

from omnichannel_assets.segment.lines import payload_text
from omnichannel_assets_tests.models.rows import engine


def value_of(macro: str, *arguments: object, kind: str = "varchar") -> object:
    listed = ", ".join(f"cast($a{number} as {kind})" for number in range(len(arguments)))
    return engine().rows(f"select {macro}({listed})", {f"a{number}": argument for number, argument in enumerate(arguments)})[0][0]


@pytest.mark.parametrize("macro", ["instant", "money", "whole_number", "without_write_key"])
def test_null_gives_null(macro):
    assert value_of(macro, None) is None


def test_scalars_are_text_and_everything_else_is_none():
    told = {'"a"': "a", "1": "1", "1.50": "1.5", "true": "true", '""': "", "null": None, "{}": None, "[1]": None}
    assert {text: value_of("scalar_text", text, kind="json") for text in told} == told


@pytest.mark.parametrize(("text", "amount"), [("1", "1"), (" -1.005 ", "-1.01"), ("$1,234,567.8", "1234567.8"), ("£0.5", "0.5"), ("1e3", "1000"), ("99999999999.99", "99999999999.99")])
def test_money_is_read_with_two_decimals(text, amount):
    assert value_of("money", text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", " ", "1.2.3", "1,5", "12,50", "1,23,456", "--1", "1-", "NaN", "inf", "0x10", "100000000000", "1e99", "9" * 40, "1 000", "USD 5", "١"])
def test_what_is_no_certain_amount_is_none(text):
    assert value_of("money", text) is None


def test_whole_numbers_may_end_in_zeros_after_the_point():
    told = {"2": 2, " 2.00 ": 2, "-3": -3, "0": 0, "2000000000": 2_000_000_000, "1.5": None, "two": None, "": None, "9" * 15: None, "9" * 30: None, "1e3": None}
    assert {text: value_of("whole_number", text) for text in told} == told


def test_the_amount_of_a_line_is_none_where_it_is_beyond_any_price():
    told = {(Decimal("1.25"), 3): Decimal("3.75"), (Decimal(-1), 1): Decimal(-1), (Decimal("99999999999.99"), 2): None, (None, 1): None, (Decimal(1), None): None}
    found = {pair: engine().rows("select line_amount(cast($p as decimal(18, 2)), cast($q as bigint))", {"p": pair[0], "q": pair[1]})[0][0] for pair in told}
    assert found == told
    assert engine().rows("select line_amount(9999999999999999.99::decimal(18, 2), 9223372036854775807)") == [(None,)]


@pytest.mark.parametrize(
    "text",
    ['{"writeKey":"s3cr3t","a":1}', '{"a":{"write_key" : "s3cr3t"}}', '{"b":"{\\"writeKey\\":\\"s3cr3t\\"}"}', '{"writeKey":"s3cr3t', '{"WriteKey":12345}', '{"writeKey":"s3\\"cr3t","a":1}', '{"a":"writeKey"}', ""],
)
def test_the_engine_drops_the_write_key_exactly_as_the_reader_of_lines_does(text):
    assert value_of("without_write_key", text) == payload_text(text.encode())


def test_an_item_is_product_id_else_sku_else_id():
    products = {'{"product_id":"P","sku":"S","id":"I"}': "P", '{"product_id":" ","sku":7}': "7", '{"id":" I "}': "I", '{"name":"x"}': None, "[]": None, '"P"': None, "null": None}
    assert {text: value_of("item_of", text, kind="json") for text in products} == products


def test_a_product_entry_has_one_unit_unless_it_says_otherwise():
    entry = value_of("product_entry", json.dumps({"sku": " S ", "name": "N", "category": ["c"], "price": "$2.50"}), kind="json")
    assert entry == {"item_id": "S", "product_id": None, "sku": "S", "name": "N", "category": None, "price": Decimal("2.50"), "quantity": 1}
    assert [value_of("product_entry", json.dumps({"quantity": number}), kind="json")["quantity"] for number in (None, "2", "x", {})] == [1, 2, None, None]


def test_a_pattern_must_match_the_whole_value():
    assert [value_of("whole_match", value, "POST|D") for value in ("POST", "POSTER", "D", "AD")] == [True, False, True, False]
    assert value_of("whole_match", None, "D") is None
