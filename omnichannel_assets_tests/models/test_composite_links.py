"""composite_links: identifiers made of several traits of one Segment call."""

import json
from datetime import date

import pytest

from omnichannel_assets.assets.links import composite_parameters
from omnichannel_assets.identity.rules import Composite
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets_tests.models.rows import engine, register
from omnichannel_assets_tests.models.test_customers import DAY, call

NAME_CITY = Composite("name_city", ("last_name", "city|address.post_town"))
PLAN_BIRTH = Composite("plan_birth", ("plan", "birth_date"))


def told(traits: object = None, carried: object = None, **columns) -> dict:
    texts = {"traits": json.dumps(traits) if traits is not None else None, "context": json.dumps({"traits": carried}) if carried is not None else None}
    return call(**columns) | texts


def links(*events: dict, copies: list[dict] = [], composites: tuple[Composite, ...] = (NAME_CITY, PLAN_BIRTH)) -> list[tuple]:  # noqa: B006
    register("composite_links", segment_events=list(events), segment_duplicates=copies)
    rows = engine().query(model_text("composite_links"), composite_parameters(composites)).to_pylist()
    return sorted((row["link_id"], row["identifier_type"], row["raw_value"]) for row in rows)


def test_no_rows_make_no_links():
    assert links() == []


def test_a_call_that_fills_every_part_makes_one_identifier_a_composite():
    full = {"last_name": "Lovelace", "city": "London", "plan": 7, "birth_date": "1815-12-10"}
    assert links(told(full), told({"city": "London"}, message_id="m-2")) == [("m-1", "name_city", "Lovelace|London"), ("m-1", "plan_birth", "7|1815-12-10")]


@pytest.mark.parametrize(
    "traits",
    [
        {"lastName": "Lovelace", "city": "London"},
        {"last_name": " Lovelace ", "address": {"postTown": "London"}},
        {"last_name": "Lovelace", "lastName": "Byron", "city": "", "address": {"post_town": "London"}},
    ],
    ids=["camel case", "inside a trait", "the first that is filled"],
)
def test_a_part_is_read_under_all_its_names(traits):
    assert links(told(traits)) == [("m-1", "name_city", "Lovelace|London")]


def test_traits_of_the_call_win_over_those_of_its_context():
    assert links(told({"lastName": "Lovelace"}, {"lastName": "Byron", "city": "London"})) == [("m-1", "name_city", "Lovelace|London")]
    assert links(told(None, {"lastName": "Byron", "city": "London"}, type="track")) == [("m-1", "name_city", "Byron|London")]


@pytest.mark.parametrize("city", [None, "", "  ", "|", ["London"], {"name": "London"}], ids=str)
def test_a_part_that_holds_no_text_makes_no_identifier(city):
    assert links(told({"last_name": "Lovelace", "city": city})) == []


def test_the_sign_between_parts_is_in_none_of_them():
    assert links(told({"last_name": "Love|lace", "city": "London"})) == [("m-1", "name_city", "Love lace|London")]


@pytest.mark.parametrize("columns", [{"type": "alias"}, {"type": "group"}, {"is_computed": True}], ids=str)
def test_alias_group_and_computed_calls_link_nothing(columns):
    assert links(told({"last_name": "Lovelace", "city": "London"}, **columns)) == []


@pytest.mark.parametrize("text", ["[]", '"x"', "null", "{"])
def test_traits_that_are_no_object_say_nothing(text):
    assert links(call() | {"traits": text, "context": '{"traits": 1}'}) == []


def test_a_copy_that_loses_to_another_day_links_nothing():
    later = date(2026, 11, 11)
    events = [told({"last_name": "Lovelace", "city": "London"}), told({"last_name": "Copy", "city": "London"}, received_day=later)]
    assert links(*events, copies=[{"message_id": "m-1", "received_day": later, "winning_day": DAY}]) == [("m-1", "name_city", "Lovelace|London")]
