"""told_fields: every value that current records and calls tell of a customer's fields, with its newest teller."""

from datetime import date

from omnichannel_assets_tests.models.people import CARDS, DAY, call, card, link
from omnichannel_assets_tests.models.rows import AS_OF, identity, person, queried


def told(kind: str, identities: list[dict] = CARDS, **inputs: list[dict]) -> list[tuple]:
    rows = [row for row in queried("told_fields", identities=identities, **inputs) if row["kind"] == kind]
    return sorted((row["customer_id"], row["rank"], *(row[name] for name in ("part", "part_2", "part_3", "part_4") if row[name]), row["told_by"]) for row in rows)


def test_a_value_told_often_is_one_row_with_its_newest_teller():
    links = [link("email", "a@x", "m-1", known="11-01 00:00"), link("email", "a@x", "m-2", known="11-03 00:00"), link("email", "a@x", "m-3", known="11-02 00:00")]
    assert told("email", identifiers=links) == [(person(1), 1, "a@x", "segment:m-2")]


def test_an_address_is_one_value_and_a_country_alone_comes_after_every_other():
    cards = [card("C-1", street=" 1 High St ", city="Leeds", postcode="", country="GB"), card("C-2", country="FR")]
    links = [link("email", "a@x", "m-1")]
    found = told("address", identifiers=links, dms_customers=cards, segment_events=[call("m-1", city="York", postcode="YO1")])
    assert found == [
        (person(1), 0, "1 High St", "Leeds", "GB", "dms:customers/C-1/1"), (person(1), 1, "York", "YO1", "segment:m-1"), (person(1), 2, "FR", "dms:customers/C-2/1"),
    ]  # fmt: skip


def test_a_birth_date_and_a_name_come_from_calls_too_and_never_from_computed_late_or_losing_ones():
    calls = [
        call("m-1", first_name="Ana", birth_date="1980-02-03"), call("m-1", first_name="Copy", received_day=date(2026, 11, 13)), call("m-2", first_name="Computed", is_computed=True),
        call("m-3", first_name="Later") | {"known_at": AS_OF}, call("m-4", first_name="Suspect", event_time_suspect=True), call("m-5", first_name=" "),
    ]  # fmt: skip
    inputs = {"identifiers": [link("email", "a@x", row["message_id"]) for row in calls], "segment_events": calls}
    inputs["segment_duplicates"] = [{"message_id": "m-1", "received_day": date(2026, 11, 13), "winning_day": DAY}]
    assert told("name", **inputs) == [(person(1), 1, "Ana", "segment:m-1")]
    assert told("birth_date", **inputs) == [(person(1), 1, "1980-02-03", "segment:m-1")]


def test_a_call_belongs_to_its_best_identifier_that_has_a_customer():
    shared, own = link("user_id", "kiosk", "m-1"), link("email", "a@x", "m-1")
    assert told("name", identifiers=[shared, own], segment_events=[call("m-1", first_name="Ana")]) == [(person(1), 1, "Ana", "segment:m-1")]


def test_an_identifier_that_belongs_to_nobody_is_no_value_and_links_of_other_makers_tell_none():
    links = [link("email", "shared@x"), link("email", "a@x", "C-1|C-2", "match"), link("customer_ref", "C-1", "C-1|C-2", "match")]
    assert told("email", identifiers=links) == []
    assert told("customer_ref", identifiers=links) == []


def test_a_number_of_an_earlier_record_is_told_last():
    links = [link("customer_ref", "C-1", "orders/O-1/1", "dms"), link("customer_ref", "C-2", "m-1")]
    assert told("customer_ref", identifiers=links) == [(person(1), 1, "C-2", "segment:m-1"), (person(1), 2, "C-1", "dms:orders/O-1/1")]


def test_nothing_told_is_no_row():
    assert queried("told_fields", identities=[identity("email", "a@x", 1)]) == []
