"""Contents held as columns are the same contents: same hashes, same texts, same message ids, whatever the values."""

from __future__ import annotations

import json
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.activation.contents import ContentTable, Joined
from omnichannel_assets.activation.ledger import Content, Ledger, columns_of, texts_of

DAY = date(2026, 7, 1)
NUMBERS = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1e-7, 1e22, 0.1])
ROWS = st.lists(st.tuples(NUMBERS, st.none() | st.text(max_size=5), st.none() | st.booleans(), st.none() | st.integers(-(2**62), 2**62), st.none() | st.dates()), max_size=8)
NAMES = ("score", 'odd "%s" name', "flag", "decile", "day")


def table(rows: list[tuple]) -> pa.Table:
    kinds = (pa.float64(), pa.string(), pa.bool_(), pa.int64(), pa.date32())
    columns = {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(zip(NAMES, kinds, strict=True))}
    who = {"kind": pa.array(["user_id"] * len(rows)), "id": pa.array([f"U{place}" for place in range(len(rows))]), "customer": pa.array([f"c_{place}" for place in range(len(rows))])}
    return pa.table({**{name: column.cast(pa.string()) for name, column in who.items()}, **columns})


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_columns_and_objects_are_the_same_contents(rows):
    held = ContentTable(table(rows), ("kind", "id"), "customer", NAMES)
    objects = [Content(f"user_id:U{place}", f"c_{place}", dict(zip(NAMES, row, strict=True))) for place, row in enumerate(rows)]
    assert columns_of(held) == columns_of(objects)
    places = pa.array(range(0, len(rows), 2), pa.int64())
    assert texts_of(held, places) == texts_of(objects, places)
    assert [content.hash for content in held] == [content.hash for content in objects]


def test_what_is_sent_follows_the_keys_and_who_leaves_comes_after(tmp_path):
    held = ContentTable(table([(1.0, "a", True, 1, None), (2.0, "b", True, 1, None)]), ("kind", "id"), "customer", ("score",))
    sending = Ledger().begin("scores", Joined(held, [Content("user_id:gone", "c_9", {"score": None}, insists=True)]), DAY)
    parts = list(sending.parts(2))
    assert [(key, json.loads(text)) for key, text, _ in parts] == [("user_id:U0", {"score": 1.0}), ("user_id:U1", {"score": 2.0}), ("user_id:gone", {"score": None})]
    assert [message_id for _, _, message_id in parts] == [entry.message_id for entry, _ in sending]


def test_a_key_that_is_wanted_twice_is_refused():
    with pytest.raises(ValueError, match="wanted twice"):
        Ledger().begin("scores", [Content("user_id:U1", "c_1", {"a": 1}), Content("user_id:U1", "c_1", {"a": 2})], DAY)


def test_rows_that_were_sent_cannot_be_settled_once_something_else_has_begun():
    ledger = Ledger()
    sending = ledger.begin("scores", [Content("user_id:U1", "c_1", {"a": 1})], DAY)
    ledger.begin("other", [Content("user_id:U1", "c_1", {"a": 1})], DAY)
    with pytest.raises(RuntimeError, match="begun something else"):
        sending.settle(0, [])
