"""order_facts: orders, changes, cancellations and refunds that Segment told."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import built, part, product
from omnichannel_assets_tests.models.test_customers import DAY
from omnichannel_assets_tests.models.test_event_facts import event, known_as


def facts(events: list[dict], copies: list[dict] = [], known: list[dict] = []) -> list[dict]:  # noqa: B006
    return built("order_facts", segment_events=events, segment_duplicates=copies, message_identifiers=known)


def test_no_rows_make_no_facts():
    assert facts([]) == []


def test_each_kind_of_order_event_is_a_fact_with_its_order_money_and_lines():
    names = ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"]
    events = [event(f"m-{n}", name, [product("A")], order_id="O-1", total=Decimal(n), currency="EUR") for n, name in enumerate(names)]
    assert part(facts(events), "fact", "order_id", "total", "currency") == [("completed", "O-1", 0, "EUR"), ("updated", "O-1", 1, "EUR"), ("cancelled", "O-1", 2, "EUR"), ("refunded", "O-1", 3, "EUR")]
    assert facts(events)[0]["products"] == [product("A")]


def test_a_currency_that_is_not_named_is_segments_default_and_a_missing_total_stays_missing():
    assert part(facts([event("m-1", "Order Completed", order_id="O-1")]), "currency", "total", "products") == [(None, None, None)]


def test_calls_about_no_order_computed_ones_and_losing_copies_make_no_facts():
    events = [
        event("view"), event("checkout", "Checkout Started", order_id="O-1"), event("computed", "Order Completed", order_id="O-1", is_computed=True),
        event("copy", "Order Completed", order_id="O-1"), event("kept", "Order Completed", order_id="O-1"),
    ]  # fmt: skip
    assert part(facts(events, [{"message_id": "copy", "received_day": DAY, "winning_day": DAY}]), "message_id") == [("kept",)]


def test_two_messages_of_one_order_stay_two_facts():
    events = [event(name, "Order Completed", order_id="O-1") for name in ("m-2", "m-1")]
    assert part(facts(events), "message_id") == [("m-1",), ("m-2",)]


def test_a_fact_is_keyed_by_the_best_identifier():
    known = [known_as("m-1", ("email", "a@x"), ("anonymous_id", "a"))]
    found = facts([event("m-1", "Order Completed", order_id="O-1"), event("m-2", "Order Completed", order_id="O-2")], known=known)
    assert part(found, "identifier_type", "identifier_value", "other_identifiers") == [("email", "a@x", [{"identifier_type": "anonymous_id", "value": "a"}]), (None, None, [])]
