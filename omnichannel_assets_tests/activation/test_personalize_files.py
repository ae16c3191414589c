"""Import files of Personalize: any text comes back unchanged, bad rows are named, the same rows give the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.activation.personalize_files import write_csv
from omnichannel_assets.activation.personalize_schemas import INTERACTIONS, ITEMS, USERS, Schema
from omnichannel_assets.sandbox.avro import check_for_dataset, fields_of
from omnichannel_assets.sandbox.import_files import read_csv
from omnichannel_assets_tests.sandbox.running import interactions

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.text('a,"\\\n\r|\t \0é', min_size=1, max_size=10)


def read(schema: Schema, data: bytes) -> list[dict[str, Any]]:
    return list(read_csv("file.csv", data, fields_of(schema.document)))


def one(**changed: object) -> pa.Table:
    row = {"USER_ID": "c_1", "ITEM_ID": "P-1", "TIMESTAMP": 1_700_000_000, "EVENT_TYPE": "View", "EVENT_VALUE": 1.5, "CHANNEL": "online"} | changed
    return pa.table({name: [value] for name, value in row.items()})


@pytest.mark.parametrize("schema", [INTERACTIONS, ITEMS, USERS], ids=lambda schema: schema.dataset_type)
def test_our_schemas_suit_their_datasets(schema: Schema) -> None:
    check_for_dataset(fields_of(schema.document), schema.dataset_type.upper())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT), min_size=1, max_size=8, unique_by=lambda row: row[0]))
def test_any_text_comes_back_unchanged(rows: list[tuple[str, str, str | None]]) -> None:
    table = pa.table(
        {
            "USER_ID": [row[0] for row in rows],
            "CHURN_BAND": [row[1] for row in rows],
            "REPURCHASE_DECILE": pa.array([row[2] for row in rows], pa.string()),
            "FAVOURITE_CHANNEL": pa.array([None] * len(rows), pa.string()),
        }
    )
    written = write_csv(USERS, table)
    assert written.rejected == [] and written.rows == len(rows)
    assert read(USERS, written.data) == sorted(table.to_pylist(), key=lambda row: row["USER_ID"].encode())


def test_the_dialect_is_personalizes() -> None:
    written = write_csv(INTERACTIONS, one(CHANNEL='a"b\\c,d', EVENT_VALUE=None))
    assert written.data == b'USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,CHANNEL\nc_1,P-1,1700000000,View,,"a\\"b\\\\c,d"\n'


def test_times_are_written_in_whole_seconds_of_utc_and_numbers_as_short_as_they_are() -> None:
    at = datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC)
    values = read(INTERACTIONS, write_csv(INTERACTIONS, one(TIMESTAMP=at, EVENT_VALUE=Decimal("19.90"))).data)[0]
    assert (values["TIMESTAMP"], values["EVENT_VALUE"]) == (1_767_225_600, 19.9)
    assert b",0.1,online" in write_csv(INTERACTIONS, one(EVENT_VALUE=0.1)).data


def test_several_categories_are_joined_and_yes_and_no_are_text() -> None:
    items = pa.table({"ITEM_ID": ["P-1", "P-2"], "PRICE": [1.0, 2.0], "CATEGORY_L1": [["a", "b"], None], "IN_STOCK": [True, False]})
    assert write_csv(ITEMS, items).data == b"ITEM_ID,PRICE,CATEGORY_L1,IN_STOCK\nP-1,1,a|b,True\nP-2,2,,False\n"


def test_any_order_and_chunking_of_rows_gives_the_same_bytes() -> None:
    table = interactions()
    reordered = pa.concat_tables([table.slice(500), table.slice(0, 500)]).select(list(reversed(table.column_names)))
    assert write_csv(INTERACTIONS, table) == write_csv(INTERACTIONS, reordered)
    assert len(read(INTERACTIONS, write_csv(INTERACTIONS, table).data)) == 1_000


def test_no_rows_are_a_header() -> None:
    assert write_csv(USERS, pa.table({column.name: pa.array([], pa.string()) for column in USERS.columns})).data.count(b"\n") == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"USER_ID": "u" * 257}, "USER_ID: more than 256 characters"),
        ({"USER_ID": ""}, "USER_ID: empty"),
        ({"ITEM_ID": None}, "ITEM_ID: empty"),
        ({"TIMESTAMP": None}, "TIMESTAMP: empty"),
        ({"TIMESTAMP": 1_700_000_000_000}, "TIMESTAMP: not in epoch seconds, milliseconds perhaps"),
        ({"TIMESTAMP": -1}, "TIMESTAMP: before 1970"),
        ({"EVENT_TYPE": ""}, "EVENT_TYPE: empty"),
        ({"EVENT_VALUE": float("inf")}, "EVENT_VALUE: no finite number"),
        ({"CHANNEL": "c" * 1_001}, "CHANNEL: more than 1000 characters"),
        ({"CHANNEL": ["a|b"]}, "CHANNEL: a category holds a vertical bar"),
    ],
)
def test_a_row_that_would_fail_the_import_is_left_out_and_named(changed: dict[str, object], words: str) -> None:
    written = write_csv(INTERACTIONS, one(**changed))
    assert written.rows == 0 and [(outcome.state, outcome.words) for outcome in written.rejected] == [("rejected", words)]


def test_the_longest_values_pass() -> None:
    written = write_csv(INTERACTIONS, one(USER_ID="é" * 256, CHANNEL="c" * 1_000))
    assert written.rows == 1 and len(read(INTERACTIONS, written.data)) == 1


def test_a_missing_column_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no column USER_ID"):
        write_csv(USERS, pa.table({"CHURN_BAND": ["a"]}))
