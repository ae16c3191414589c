"""event_facts: behaviour keyed by source identifier, one row per message and item."""

from datetime import date
from decimal import Decimal

from omnichannel_assets_tests.models.rows import built, part, product
from omnichannel_assets_tests.models.test_customers import DAY, call


def event(message_id: str = "m-1", event_name: str | None = "Product Viewed", products: list[dict] | None = None, **columns) -> dict:
    return call(message_id, type="track", event=event_name, event_name=event_name, products=products, **columns)


def known_as(message_id: str, *identifiers: tuple[str, str]) -> dict:
    return {"received_day": DAY, "message_id": message_id, "identifiers": [{"identifier_type": kind, "value": value} for kind, value in identifiers]}


def facts(events: list[dict], copies: list[dict] = [], known: list[dict] = []) -> list[dict]:  # noqa: B006
    return built("event_facts", segment_events=events, segment_duplicates=copies, message_identifiers=known)


def test_no_rows_make_no_facts():
    assert facts([]) == []


def test_a_message_with_the_same_item_twice_is_one_row_with_sums():
    products = [product("A", 2, Decimal("1.50")), product("A", 1, Decimal(4)), product("B", None, Decimal(1)), product("C", 3, None)]
    assert part(facts([event(products=products)]), "item_id", "event_type", "quantity", "value") == [("A", "View", 3, 7), ("B", "View", None, None), ("C", "View", 3, None)]


def test_an_event_without_an_item_is_one_row_with_an_empty_item():
    events = [event("m-1"), event("m-2", products=[]), event("m-3", "Products Searched", query="shirt"), event("m-4", "Promotion Clicked", promotion_id="p"), event("m-5", "Email Opened", campaign_id="c")]
    assert part(facts(events), "event_type", "item_id", "query", "promotion_id", "campaign_id", "quantity") == [
        ("View", "", None, None, None, None), ("View", "", None, None, None, None), ("Search", "", "shirt", None, None, None), ("PromotionClick", "", None, "p", None, None),
        ("EmailOpened", "", None, None, "c", None),
    ]  # fmt: skip


def test_calls_that_are_no_behaviour_make_no_facts():
    events = [
        event("order", "Order Completed", [product("A")]), event("list", "Product List Viewed", [product("A")]), event("own", None), event("computed", is_computed=True),
        call("page", type="page", event="Home"), call("who", type="identify"), event("kept"),
    ]  # fmt: skip
    assert part(facts(events), "message_id") == [("kept",)]


def test_a_copy_that_loses_to_another_day_makes_no_fact():
    copies = [{"message_id": "m-1", "received_day": DAY, "winning_day": date(2026, 11, 9)}, {"message_id": "m-2", "received_day": date(2026, 11, 11), "winning_day": DAY}]
    assert part(facts([event("m-1"), event("m-2")], copies), "message_id") == [("m-2",)]


def test_a_fact_is_keyed_by_the_best_identifier_and_keeps_the_others():
    known = [known_as("m-1", ("user_id", "u"), ("email", "a@x"), ("anonymous_id", "a")), known_as("m-2", ("anonymous_id", "a"))]
    found = facts([event("m-1"), event("m-2"), event("m-3")], known=known)
    assert part(found, "identifier_type", "identifier_value") == [("user_id", "u"), ("anonymous_id", "a"), (None, None)]
    assert [[other["value"] for other in row["other_identifiers"]] for row in found] == [["a@x", "a"], [], []]


def test_a_fact_keeps_its_times_also_untrusted_ones():
    (found,) = facts([event(event_time_suspect=True)])
    source = event()
    assert (found["event_at"], found["known_at"], found["event_time_suspect"]) == (source["event_at"], source["known_at"], True)


def test_the_same_message_on_two_days_stays_two_rows_until_one_is_known_to_lose():
    register = [event("m-1"), event("m-1", received_day=date(2026, 11, 11))]
    copies = [{"message_id": "m-1", "received_day": date(2026, 11, 11), "winning_day": DAY}]
    assert part(facts(register, copies), "received_day") == [(DAY,)]


def test_amounts_beyond_any_price_are_unknown_and_stop_nobody():
    huge = Decimal("99999999999.99")
    products = [product("A", 2_000_000_000, huge), product("B", 1, huge), product("B", 1, huge)]
    assert part(facts([event(products=products)]), "item_id", "value") == [("A", None), ("B", huge * 2)]
