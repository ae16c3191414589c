"""raw_links: identifiers that Segment's calls carried together."""

from datetime import date

import pytest

from omnichannel_assets_tests.models.rows import queried
from omnichannel_assets_tests.models.test_customers import DAY, call


def carrying(message_id: str, *identifiers: tuple[str, str], **columns) -> dict:
    return call(message_id, **columns) | {"identifiers": [{"identifier_type": kind, "value": value} for kind, value in identifiers]}


def links(events: list[dict], copies: list[dict] = []) -> list[tuple]:  # noqa: B006
    return sorted((row["link_id"], row["identifier_type"], row["raw_value"], row["country"] or "") for row in queried("raw_links", segment_events=events, segment_duplicates=copies))


def test_no_rows_make_no_links():
    assert links([]) == []


def test_each_identifier_of_a_call_is_a_row_with_the_calls_country():
    assert links([carrying("m-1", ("user_id", "u"), ("phone", "1"), country="DE"), carrying("m-2")]) == [("m-1", "phone", "1", "DE"), ("m-1", "user_id", "u", "DE")]


@pytest.mark.parametrize("kind", ["identify", "track", "page", "screen"])
def test_calls_of_a_person_link(kind):
    assert links([carrying("m-1", ("user_id", "u"), type=kind)]) == [("m-1", "user_id", "u", "")]


@pytest.mark.parametrize("columns", [{"type": "alias"}, {"type": "group"}, {"is_computed": True}], ids=str)
def test_alias_group_and_computed_calls_link_nothing(columns):
    assert links([carrying("m-1", ("user_id", "u"), ("email", "a@x"), **columns)]) == []


def test_a_copy_that_loses_to_another_day_links_nothing():
    later = date(2026, 11, 11)
    events = [carrying("m-1", ("user_id", "u")), carrying("m-1", ("user_id", "copy"), received_day=later)]
    assert links(events, [{"message_id": "m-1", "received_day": later, "winning_day": DAY}]) == [("m-1", "user_id", "u", "")]
