"""Looking people and lists up: sorted columns, and identities that changed since the lists were made."""

from datetime import date

import pyarrow as pa
import pytest

from omnichannel_assets.identity.rules import DEFAULT_RULES
from omnichannel_assets.lake.tables_identity import IDENTITIES
from omnichannel_assets.serving.lake_lists import LakeLists, SortedRows

T = date(2026, 7, 1)


def identity(value: str, customer: str, start: date, end: date | None = None) -> dict:
    return {"identifier_type": "user_id", "identifier_value": value, "customer_id": customer, "valid_from": start, "valid_to": end}


def lists(*identities: dict) -> LakeLists:
    names = [field for field in IDENTITIES.arrow() if field.name != "first_known_at"]
    rows = sorted(identities, key=lambda row: (row["identifier_value"], row["valid_from"]))
    people = {kind: SortedRows(pa.Table.from_pylist([row for row in rows if row["identifier_type"] == kind], schema=pa.schema(names)), "identifier_value") for kind in ("user_id", "anonymous_id")}
    nothing = SortedRows(pa.table({"customer_id": pa.array([], pa.string())}), "customer_id")
    return LakeLists(T, DEFAULT_RULES, nothing, nothing, people, pa.table({}), {})


@pytest.mark.parametrize("texts", [[], ["b"], ["a", "b", "b", "b", "c"], ["", "B", "b", "é", "\U0001f600"]])
def test_rows_are_found_by_their_key_in_their_order(texts):
    for column in (pa.array(texts, pa.string()), pa.array(texts, pa.string()).dictionary_encode()):
        rows = SortedRows(pa.table({"key": column, "n": list(range(len(texts)))}), "key")
        for wanted in {*texts, "a", "bb", "z", "\uffff"}:
            assert [row["n"] for row in rows.of(wanted)] == [n for n, text in enumerate(texts) if text == wanted]


def test_the_customer_of_today_comes_before_the_one_the_lists_knew():
    merged = lists(identity("u-1", "c_young", date(2026, 6, 1), date(2026, 7, 3)), identity("u-1", "c_old", date(2026, 7, 3)))
    assert merged.customers("u-1", None) == ["c_old", "c_young"]


def test_what_ended_before_the_lists_or_began_after_them_and_ended_is_nobody():
    past = lists(identity("u-1", "c_1", date(2026, 5, 1), T), identity("u-2", "c_2", date(2026, 7, 2), date(2026, 7, 3)))
    assert past.customers("u-1", None) == past.customers("u-2", None) == past.customers(None, None) == []


def test_the_user_id_comes_before_the_anonymous_id():
    both = lists(identity("u-1", "c_user", date(2026, 6, 1)), identity("a-1", "c_device", date(2026, 6, 1)) | {"identifier_type": "anonymous_id"})
    assert both.customers("u-1", "a-1") == ["c_user", "c_device"]
    assert both.customers("a-1", "u-1") == []
