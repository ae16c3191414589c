"""orders: an order in both sources counts once, facts from the shop database, the customer from whichever side knows one."""

from decimal import Decimal

import pytest

from omnichannel_assets_tests.models.rows import AS_OF, TICK, built, identity, moment, part, person, version

IDENTITIES = [identity("user_id", "u-1", 1), identity("customer_ref", "C-2", 2)]


def shop(order_id: str = "O-1", known: str = "11-10 12:00", until: str | None = None, /, **columns) -> dict:
    told = {"order_id": order_id, "customer_id": "C-2", "store_id": "web", "status": "completed", "currency": "GBP", "total": Decimal(20), "ordered_at": moment("11-10 11:00")}
    return version(known, until, **told | columns)


def told(order_id: str = "O-1", fact: str = "completed", message_id: str = "m-1", **columns) -> dict:
    row = {"message_id": message_id, "fact": fact, "order_id": order_id, "event_at": moment("11-10 11:00"), "known_at": moment("11-10 11:01"), "event_time_suspect": False}
    person = {"identifier_type": "user_id", "identifier_value": "u-1", "other_identifiers": [], "total": Decimal(10), "currency": "EUR", "received_day": moment("11-10 00:00").date()}
    return row | person | columns


def orders(dms: list[dict] = [], segment: list[dict] = [], identities: list[dict] = IDENTITIES, **parameters) -> list[dict]:  # noqa: B006
    return built("orders", dms_orders=dms, order_facts=segment, identities=identities, parameters=parameters)


def test_no_rows_make_no_orders():
    assert orders() == []


def test_an_order_in_both_counts_once_with_the_shops_facts():
    (found,) = orders([shop()], [told(event_at=moment("11-10 10:00"))])
    assert found == {
        "order_id": "O-1", "customer_id": person(2), "channel": "online", "store_id": "web", "ordered_at": moment("11-10 11:00"), "known_at": moment("11-10 11:01"),
        "total": 20, "currency": "GBP", "status": "completed", "source": "both", "message_id": "m-1",
    }  # fmt: skip


def test_an_order_of_one_side_only_is_that_sides():
    found = orders([shop("A")], [told("B")])
    assert part(found, "order_id", "source", "total", "currency", "message_id") == [("A", "dms", 20, "GBP", None), ("B", "segment", 10, "EUR", "m-1")]


def test_the_customer_comes_from_whichever_side_knows_one():
    dms = [shop("both"), shop("only segment", customer_id=None), shop("unknown number", customer_id="C-9"), shop("nobody", customer_id=None)]
    segment = [told("both"), told("only segment", message_id="m-2"), told("unknown number", message_id="m-3"), told("nobody", message_id="m-4", identifier_type=None, identifier_value=None)]
    found = {row["order_id"]: row["customer_id"] for row in orders(dms, segment)}
    assert found == {"both": person(2), "only segment": person(1), "unknown number": person(1), "nobody": None}


def test_a_customer_number_with_blanks_is_the_same_number():
    assert part(orders([shop(customer_id=" C-2 ")]), "customer_id") == [(person(2),)]


def test_a_till_sale_to_nobody_known_is_a_store_order_without_a_customer():
    assert part(orders([shop(customer_id=None, store_id="17")]), "channel", "customer_id") == [("store", None)]


def test_the_channel_is_online_for_the_web_shops_ids_in_any_case_and_store_otherwise():
    dms = [shop(f"O-{n}", store_id=store) for n, store in enumerate(["web", " WEB ", "17", None, "", "webshop", "APP"])]
    assert [row["channel"] for row in orders(dms)] == ["online", "online", "store", "store", "store", "store", "store"]
    assert [row["channel"] for row in orders(dms, online_store_ids=["app", "17"])] == ["store", "store", "online", "store", "store", "store", "online"]


def test_what_is_known_at_t_is_not_known_before_t():
    dms = [shop("before", "11-19 23:59"), version("2026-11-20T00:00:00", **{k: v for k, v in shop("at").items() if k in ("order_id", "total", "ordered_at", "store_id")})]
    segment = [told("told before", known_at=AS_OF - TICK), told("told at", message_id="m-2", known_at=AS_OF)]
    assert part(orders(dms, segment), "order_id") == [("before",), ("told before",)]


def test_what_happens_at_t_has_not_happened_before_t():
    dms = [shop("before", ordered_at=AS_OF - TICK), shop("at", ordered_at=AS_OF)]
    segment = [told("told at", event_at=AS_OF), told("told before", message_id="m-2", event_at=AS_OF - TICK)]
    assert part(orders(dms, segment), "order_id") == [("before",), ("told before",)]


def test_of_several_versions_the_one_valid_at_t_counts_and_the_first_says_when_it_was_known():
    dms = [
        shop("O-1", "11-10 12:00", "11-15 00:00", status="placed", total=Decimal(5), version=1),
        shop("O-1", "11-15 00:00", "2026-11-20T00:00:00", status="shipped", version=2),
        shop("O-1", "2026-11-20T00:00:00", status="returned", version=3),
    ]
    assert part(orders(dms), "status", "total", "known_at") == [("shipped", 20, moment("11-10 12:00"))]


def test_an_order_the_shop_deleted_is_gone_also_when_segment_told_of_it():
    dms = [row for name in ("gone", "told") for row in (shop(name, "11-10 12:00", "11-12 00:00"), shop(name, "11-12 00:00", is_deleted=True, version=2))]
    assert part(orders(dms, [told("told")]), "order_id", "source", "total") == []


def test_an_order_deleted_only_at_t_is_still_there():
    dms = [shop("O-1", "11-10 12:00", "2026-11-20T00:00:00"), shop("O-1", "2026-11-20T00:00:00", is_deleted=True, version=2)]
    assert part(orders(dms), "order_id") == [("O-1",)]


def test_two_messages_of_one_order_are_one_order_told_first_with_the_last_total():
    segment = [
        told(message_id="m-2", known_at=moment("11-11 00:00"), event_at=moment("11-11 00:00"), total=Decimal(11), identifier_value="u-9"),
        told(message_id="m-1"),
        told(message_id="m-3", fact="updated", known_at=moment("11-12 00:00"), total=Decimal(12), currency="USD"),
        told(message_id="m-4", fact="updated", known_at=moment("11-13 00:00"), total=None),
        told(message_id="m-5", fact="refunded", known_at=moment("11-14 00:00"), total=Decimal(3)),
    ]
    (found,) = orders(segment=segment)
    assert (found["message_id"], found["ordered_at"], found["customer_id"], found["total"], found["currency"]) == ("m-1", moment("11-10 11:00"), person(1), 12, "EUR")


def test_messages_known_at_the_same_instant_are_ordered_by_their_id():
    segment = [told(message_id="m-2", total=Decimal(2)), told(message_id="m-1", total=Decimal(1))]
    assert part(orders(segment=segment), "message_id", "total") == [("m-1", 2)]
    assert orders(segment=segment[::-1]) == orders(segment=segment)


def test_an_order_without_any_total_keeps_none():
    assert part(orders(segment=[told(total=None)]), "order_id", "total") == [("O-1", None)]


@pytest.mark.parametrize("fact", ["updated", "cancelled", "refunded"])
def test_news_of_an_order_nobody_placed_is_no_order(fact):
    assert orders(segment=[told(fact=fact)]) == []


def test_a_cancellation_shows_unless_the_shop_has_the_order():
    cancelled = [told("A", "cancelled", "m-2"), told("B", "cancelled", "m-3")]
    found = orders([shop("B", status="shipped")], [told("A"), told("B", message_id="m-4"), *cancelled])
    assert part(found, "order_id", "status") == [("A", "cancelled"), ("B", "shipped")]


def test_a_cancellation_known_only_at_t_does_not_count():
    assert part(orders(segment=[told(), told(fact="cancelled", message_id="m-2", known_at=AS_OF)]), "status") == [("completed",)]


def test_an_order_at_an_untrusted_time_is_none_of_segments_and_changes_none_of_the_shops():
    segment = [told("A", event_time_suspect=True), told("B", message_id="m-2", event_time_suspect=True)]
    assert part(orders([shop("B")], segment), "order_id", "source", "message_id") == [("B", "dms", None)]


def test_an_ended_identity_is_nobody():
    ended = [identity("user_id", "u-1", 1, valid_to=moment("11-15 00:00").date()), identity("user_id", "u-1", 3, first_known_at=moment("11-15 00:00"))]
    assert part(orders(segment=[told()], identities=ended), "customer_id") == [(person(3),)]


def test_an_order_told_under_a_shared_identifier_is_the_next_ones():
    others = [{"identifier_type": "email", "value": "nobody@x"}, {"identifier_type": "user_id", "value": "u-1"}]
    shared = told(identifier_value="kiosk", other_identifiers=others)
    assert part(orders(segment=[shared, told("O-2", message_id="m-2", identifier_value="kiosk")]), "order_id", "customer_id") == [("O-1", person(1)), ("O-2", None)]
