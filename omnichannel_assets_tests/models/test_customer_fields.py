"""customer_fields: which value of a field wins, who told it and when, and why, in words."""

import pytest

from omnichannel_assets_tests.models.people import CARDS, call, card, link
from omnichannel_assets_tests.models.rows import built, identity, moment, part, person

IDENTITIES = [*CARDS, identity("email", "b@x", 1), identity("email", "c@x", 1)]


def fields(**inputs: list[dict]) -> dict[str, dict]:
    rows = built("customer_fields", identities=IDENTITIES, **inputs)
    assert {row["customer_id"] for row in rows} <= {person(1)}
    return {row["field"]: row for row in rows}


def test_no_rows_make_no_fields():
    assert fields() == {}


SHOP = [card("C-1", 1, "11-10 12:00", "11-11 12:00"), card("C-1", 2, "11-11 12:00"), card("C-2", 1, "11-12 12:00")]
OLD, NOW, OTHER = (link("email", value, f"customers/{record}", "dms", known) for value, record, known in (("a@x", "C-1/1", "11-10 12:00"), ("b@x", "C-1/2", "11-11 12:00"), ("c@x", "C-2/1", "11-12 12:00")))
FIRST, SECOND = link("email", "a@x", "m-1", known="11-14 00:00"), link("email", "c@x", "m-2", known="11-15 00:00")
REASONS = {
    "only the shop database tells it": ([OLD, NOW], ("b@x", "dms:customers/C-1/2", "11-11 12:00", 0)),
    "newest of 2 values in the shop database": ([OLD, NOW, OTHER], ("c@x", "dms:customers/C-2/1", "11-12 12:00", 1)),
    "the shop database goes before Segment": ([NOW, FIRST, SECOND], ("b@x", "dms:customers/C-1/2", "11-11 12:00", 2)),
    "only Segment tells it": ([OLD, FIRST], ("a@x", "segment:m-1", "11-14 00:00", 0)),
    "newest of 2 values that Segment tells": ([FIRST, SECOND], ("c@x", "segment:m-2", "11-15 00:00", 1)),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_value_says_who_told_it_when_and_why_it_won(reason):
    links, (value, source, told_at, alternatives) = REASONS[reason]
    found = fields(identifiers=links, dms_customers=SHOP)["email"]
    assert found == {"customer_id": person(1), "field": "email", "value": value, "source": source, "told_at": moment(told_at), "reason": reason, "alternatives": alternatives}


def test_a_number_that_only_an_order_tells_says_so():
    found = fields(identifiers=[link("customer_ref", "C-1", "orders/O-1/1", "dms")])
    assert found["customer_ref"]["reason"] == "told by an earlier record of the shop database"


def test_parts_of_two_addresses_or_names_are_never_mixed():
    cards = [
        card("C-1", street="1 High St", city="Leeds", postcode="LS1", country="GB", first_name="Ana", last_name="Ruiz"),
        card("C-2", 1, "11-11 12:00", street="2 Low Rd", city="York", first_name="A."),
    ]  # fmt: skip
    found = fields(dms_customers=cards)
    assert {field: row["value"] for field, row in found.items()} == {"street": "2 Low Rd", "city": "York", "first_name": "A."}
    assert (found["street"]["reason"], found["first_name"]["reason"]) == ("newest of 2 addresses in the shop database", "newest of 2 names in the shop database")


def test_a_country_alone_is_used_only_where_nobody_tells_more():
    record, calls = card("C-1", country="FR", known_at=moment("11-11 12:00")), [call("m-1", city="Leeds", country="GB")]
    alone = fields(dms_customers=[record])
    assert part(list(alone.values()), "field", "value", "reason") == [("country", "FR", "nobody tells more than a country")]
    more = fields(dms_customers=[record], segment_events=calls, identifiers=[link("email", "a@x", "m-1")])
    assert (more["city"]["value"], more["country"]["value"], more["country"]["source"], more["country"]["alternatives"]) == ("Leeds", "GB", "segment:m-1", 1)


def test_what_the_shop_emptied_is_not_used_and_segment_is_asked():
    cards = [card("C-1", 1, "11-10 12:00", "11-11 12:00", birth_date="1980-02-03", city="Leeds"), card("C-1", 2, "11-11 12:00", birth_date=" ", city=None)]
    found = fields(dms_customers=cards, segment_events=[call("m-1", birth_date="1981-01-01")], identifiers=[link("email", "a@x", "m-1")])
    assert part([found["birth_date"]], "value", "source") == [("1981-01-01", "segment:m-1")]
    assert "city" not in found


def test_of_two_records_at_the_same_time_the_later_key_wins_whatever_the_order_of_rows():
    cards = [card("C-1", birth_date="1980-02-03"), card("C-2", birth_date="1970-01-01")]
    assert fields(dms_customers=cards)["birth_date"] == fields(dms_customers=cards[::-1])["birth_date"]
    assert fields(dms_customers=cards)["birth_date"]["source"] == "dms:customers/C-2/1"
