"""customers: survivorship, consent, money, when seen. Every result here also keeps the Great Expectations suite where it is the point."""

from datetime import date
from decimal import Decimal

import pytest

from omnichannel_assets_tests.models.people import CARDS, DAY, call, card, customers, link, order, unsubscribed
from omnichannel_assets_tests.models.rows import AS_OF, TICK, identity, moment, part, person


def given_back(return_id: str, amount: int, at: str = "11-12 00:00", order_id: str | None = "O-1", currency: str = "GBP") -> dict:
    row = {"return_id": return_id, "position": 1, "order_id": order_id, "customer_id": person(1), "amount": Decimal(amount), "currency": currency, "channel": "store"}
    return row | {"returned_at": moment(at), "known_at": moment(at)}


def test_no_rows_make_no_customers_and_keep_every_expectation():
    assert customers([], suite=True) == []


def test_every_identity_is_one_row_even_if_nothing_else_is_known_of_it():
    first = moment("10-05 07:00")
    found = customers([identity("email", "a@x", 1, first_known_at=first), identity("email", "b@x", 2), identity("user_id", "u", 2), identity("email", "old@x", 3, valid_to=DAY)])
    assert part(found, "customer_id", "orders", "lifetime_value", "first_seen_at", "last_seen_at", "email_opt_in") == [
        (person(1), 0, 0, first, None, None),
        (person(2), 0, 0, moment("10-01 00:00"), None, None),
    ]


def test_only_browsers_and_devices_are_visitors():
    kinds = ["anonymous_id", "ga_client_id", "ios.idfa", "android.push_token", "user_id", "email", "phone", "customer_ref", "cookie_id"]
    found = customers([identity(kind, "v", number) for number, kind in enumerate(kinds)])
    assert [row["is_known"] for row in found] == [False] * 4 + [True] * 4 + [False]


def test_the_shops_value_wins_over_segments_and_the_newest_of_a_source_over_older_ones():
    identities = [identity("email", value, 1) for value in ("old@x", "new@x", "segment@x")] + [identity("phone", value, 1) for value in ("+1", "+2")]
    links = [
        link("email", "old@x", "customers/C-1/1", "dms", "11-01 00:00"), link("email", "new@x", "customers/C-1/2", "dms", "11-02 00:00"), link("email", "segment@x", "m-1", "segment", "11-03 00:00"),
        link("phone", "+1", "m-1", "segment", "11-03 00:00"), link("phone", "+2", "m-0", "segment", "11-02 00:00"),
    ]  # fmt: skip
    cards = [card("C-1", 1, "11-01 00:00", "11-02 00:00"), card("C-1", 2, "11-02 00:00")]
    found = customers([*identities, identity("customer_ref", "C-1", 1)], identifiers=links, dms_customers=cards)
    assert part(found, "email", "email_source", "phone", "phone_source") == [("new@x", "dms:customers/C-1/2", "+1", "segment:m-1")]


def test_what_the_shop_deleted_or_emptied_is_not_shown():
    identities = [identity("customer_ref", "C-1", 1), identity("email", "old@x", 1), identity("phone", "+1", 1)]
    links = [link(kind, value, "customers/C-1/1", "dms", "11-01 00:00") for kind, value in (("email", "old@x"), ("phone", "+1"))]
    first = card("C-1", 1, "11-01 00:00", "11-02 00:00", marketing_opt_in=True)
    for second in (card("C-1", 2, "11-02 00:00", is_deleted=True, marketing_opt_in=True), card("C-1", 2, "11-02 00:00", marketing_opt_in=None)):
        (found,) = customers(identities, identifiers=links, dms_customers=[first, second])
        assert (found["email"], found["phone"]) == (None, None)
        assert found["email_opt_in"] is (None if second["is_deleted"] else True)


def test_a_tie_goes_to_the_later_link_then_to_the_lesser_value():
    identities = [identity("email", value, 1) for value in ("a@x", "b@x", "c@x")]
    links = [link("email", "c@x", "m-1"), link("email", "b@x", "m-2"), link("email", "a@x", "m-2")]
    assert part(customers(identities, identifiers=links), "email", "email_source") == [("a@x", "segment:m-2")]
    assert customers(identities, identifiers=links[::-1]) == customers(identities, identifiers=links)


def test_a_value_known_only_at_t_is_not_shown():
    identities = [identity("email", "a@x", 1), identity("email", "b@x", 1)]
    links = [link("email", "a@x"), {**link("email", "b@x", "m-2"), "known_at": AS_OF}]
    assert part(customers(identities, identifiers=links), "email") == [("a@x",)]


def test_of_two_cards_the_newest_number_and_name_are_shown():
    links = [link("customer_ref", "C-1", "customers/C-1/1", "dms", "11-10 12:00"), link("customer_ref", "C-2", "customers/C-2/1", "dms", "11-11 12:00")]
    cards = [card("C-1", first_name="Ana", last_name="Ruiz"), card("C-2", 1, "11-11 12:00", first_name="A.", last_name=" "), card("C-2", 1, "2026-11-20T00:00:00", first_name="Later")]
    found = customers(identifiers=links, dms_customers=cards)
    assert part(found, "customer_ref", "first_name", "last_name", "name_source") == [("C-2", "A.", None, "dms:customers/C-2/1")]


def test_names_come_from_the_shop_then_from_the_newest_call_and_never_from_a_losing_copy():
    identities = [*CARDS, identity("user_id", "u-2", 2), identity("customer_ref", "C-3", 2)]
    links = [link("email", "a@x", "m-1"), link("user_id", "u-2", "m-2"), link("user_id", "u-2", "m-3"), link("user_id", "u-2", "m-4")]
    calls = [
        call("m-1", first_name="Segment"),
        call("m-2", first_name="Old"), call("m-3", known="11-11 00:00", first_name=" New "), call("m-4", known="11-12 00:00", first_name=" "),
        call("m-3", known="11-13 00:00", first_name="Copy", received_day=date(2026, 11, 13)),
    ]  # fmt: skip
    copies = [{"message_id": "m-3", "received_day": date(2026, 11, 13), "winning_day": DAY}]
    found = customers(identities, identifiers=links, segment_events=calls, segment_duplicates=copies, dms_customers=[card(first_name="Shop"), card("C-3", is_deleted=True, first_name="Gone")])
    assert part(found, "first_name", "name_source") == [("Shop", "dms:customers/C-1/1"), ("New", "segment:m-3")]


def test_calls_outside_time_or_computed_by_segment_tell_nothing():
    calls = [
        call("known at t", first_name="A") | {"known_at": AS_OF}, call("at t", first_name="B") | {"event_at": AS_OF}, call("suspect", first_name="C", event_time_suspect=True),
        call("computed", first_name="D", is_computed=True),
    ]  # fmt: skip
    links = [link("email", "a@x", row["message_id"]) for row in calls]
    assert part(customers(identifiers=links, segment_events=calls), "first_name", "last_seen_at") == [(None, None)]


OPTED = {
    "never asked": ([card(marketing_opt_in=None)], [], None),
    "yes": ([card(marketing_opt_in=True)], [], (True, "11-10 12:00", "dms:customers/C-1/1")),
    "no": ([card(marketing_opt_in=False)], [], (False, "11-10 12:00", "dms:customers/C-1/1")),
    "the latest choice": (
        [card("C-1", 1, "11-10 12:00", "11-11 00:00", marketing_opt_in=False), card("C-1", 2, "11-11 00:00", marketing_opt_in=True)], [], (True, "11-11 00:00", "dms:customers/C-1/2"),
    ),
    "an edit that leaves the flag alone is no new choice": (
        [card("C-1", 1, "11-10 12:00", "11-12 00:00", marketing_opt_in=True), card("C-1", 2, "11-12 00:00", marketing_opt_in=True)],
        [unsubscribed("m-1", "11-11 00:00")], (False, "11-11 00:00", "segment:m-1"),
    ),
    "neither is one that hides the flag for a while": (
        [card("C-1", 1, "11-10 12:00", "11-11 00:00", marketing_opt_in=True), card("C-1", 2, "11-11 00:00", "11-12 00:00"), card("C-1", 3, "11-12 00:00", marketing_opt_in=True)],
        [], (True, "11-10 12:00", "dms:customers/C-1/1"),
    ),
    "unsubscribed after opting in": ([card(marketing_opt_in=True)], [unsubscribed("m-1", "11-11 00:00")], (False, "11-11 00:00", "segment:m-1")),
    "opted in again after unsubscribing": (
        [card("C-1", 1, "11-10 12:00", "11-12 00:00", marketing_opt_in=False), card("C-1", 2, "11-12 00:00", marketing_opt_in=True)],
        [unsubscribed("m-1", "11-11 00:00")], (True, "11-12 00:00", "dms:customers/C-1/2"),
    ),
    "at the same time opted out wins": ([card(marketing_opt_in=True)], [unsubscribed("m-1", "11-10 12:00")], (False, "11-10 12:00", "segment:m-1")),
    "of two cards the later choice": ([card("C-1", marketing_opt_in=False), card("C-2", 1, "11-11 00:00", marketing_opt_in=True)], [], (True, "11-11 00:00", "dms:customers/C-2/1")),
    "of two cards at the same time the no": ([card("C-1", marketing_opt_in=True), card("C-2", marketing_opt_in=False)], [], (False, "11-10 12:00", "dms:customers/C-2/1")),
    "a choice known or made at t is none yet": (
        [card("C-1", 1, "2026-11-20T00:00:00", marketing_opt_in=True), card("C-2", 1, "11-10 12:00", marketing_opt_in=True, updated_at=AS_OF)],
        [unsubscribed("m-1", "11-11 00:00", "2026-11-20T00:00:00"), unsubscribed("m-2", "2026-11-20T00:00:00", "11-11 00:00")], None,
    ),
    "an opt-out at an untrusted time counts from when it was known": (
        [card(marketing_opt_in=True)], [unsubscribed("m-1", "2031-01-01T00:00:00", "11-11 00:00", event_time_suspect=True)], (False, "11-11 00:00", "segment:m-1"),
    ),
    "a choice without its own time counts from when it was known": (
        [card("C-1", 1, "11-10 12:00", "11-12 00:00", marketing_opt_in=True), card("C-1", 2, "11-12 00:00", marketing_opt_in=False, updated_at=None)], [], (False, "11-12 00:00", "dms:customers/C-1/2"),
    ),
    "a choice just before t counts": ([], [unsubscribed("m-1", "11-11 00:00") | {"event_at": AS_OF - TICK, "known_at": AS_OF - TICK}], (False, "2026-11-19T23:59:59.999999", "segment:m-1")),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTED)
def test_consent_is_the_latest_explicit_choice(name):
    cards, events, expected = OPTED[name]
    (found,) = customers(dms_customers=cards, event_facts=events)
    told = (found["email_opt_in"], found["email_opt_in_at"], found["email_opt_in_source"])
    assert told == ((None, None, None) if expected is None else (expected[0], moment(expected[1]), expected[2]))


def test_lifetime_value_is_order_totals_minus_refunds_and_cancelled_orders_are_neither():
    orders = [order("O-1", Decimal(20)), order("O-2", Decimal("5.50")), order("O-3", Decimal(99), status="CANCELED "), order("O-4", Decimal(99), status="voided"), order("O-5", None, status=None)]
    orders.append(order("O-6", Decimal(7), customer=None))
    returns = [given_back("R-1", 3), given_back("R-2", 1, order_id=None), given_back("R-3", 99, order_id="O-3")]
    assert part(customers(orders=orders, returns=returns), "orders", "lifetime_value", "currency") == [(3, Decimal("21.50"), "GBP")]


def test_several_currencies_are_mixed_and_none_is_none():
    assert part(customers(orders=[order("O-1", Decimal(1)), order("O-2", Decimal(1), "EUR"), order("O-3", Decimal(1), None)]), "currency") == [("mixed",)]
    assert part(customers(orders=[order("O-1", Decimal(1), None)]), "currency") == [(None,)]
    assert part(customers(returns=[given_back("R-1", 2, currency="SEK")]), "lifetime_value", "currency") == [(-2, "SEK")]


def test_first_and_last_seen_span_calls_orders_returns_and_the_shops_record():
    links = [link("email", "a@x", name) for name in ("m-1", "m-2", "m-3")]
    calls = [call("m-1", "11-05 00:00"), call("m-2", "11-13 00:00"), call("m-3", "11-14 00:00", event_name="Email Delivered")]
    found = customers(identifiers=links, segment_events=calls, orders=[order("O-1", Decimal(1), at="11-06 00:00")], returns=[given_back("R-1", 1, "11-12 00:00")], suite=True)
    assert part(found, "first_seen_at", "last_seen_at") == [(moment("11-05 00:00"), moment("11-13 00:00"))]
    assert part(customers(dms_customers=[card()]), "first_seen_at", "last_seen_at") == [(moment("11-10 11:00"), None)]


def test_who_only_ever_returned_something_was_first_seen_then():
    identities = [identity("customer_ref", "C-1", 1, first_known_at=moment("11-13 00:00"))]
    found = customers(identities, returns=[given_back("R-1", 1, "11-12 00:00")], suite=True)
    assert part(found, "first_seen_at", "last_seen_at") == [(moment("11-12 00:00"), moment("11-12 00:00"))]


def test_devices_are_anonymous_ids_and_phones_and_say_what_kind_they_are():
    identities = [identity(kind, f"{kind}-{n}", 1) for n, kind in enumerate(["email", "anonymous_id", "anonymous_id", "ios.id", "ios.idfa", "android.push_token", "ga_client_id"])]
    assert part(customers([*identities, identity("email", "b@x", 2)]), "devices", "device_kinds") == [(3, "ios, android, web"), (0, None)]


def test_the_address_and_the_birth_date_come_with_their_source():
    record = card(street="1 High St", city="Leeds", postcode="LS1 1AB", country="GB", birth_date="1980-02-30")
    found = customers(dms_customers=[record], suite=True)
    assert part(found, "street", "city", "postcode", "country", "birth_date", "address_source") == [("1 High St", "Leeds", "LS1 1AB", "GB", "1980-02-30", "dms:customers/C-1/1")]


def test_what_is_preferred_stands_beside_the_money():
    found = customers(orders=[order("O-1", Decimal(20), channel="store", store_id="S-1"), order("O-2", Decimal(5), at="11-12 00:00", channel="store", store_id="S-1")], suite=True)
    assert part(found, "orders", "lifetime_value", "first_order_at", "last_order_at", "preferred_channel", "preferred_store") == [
        (2, 25, moment("11-11 00:00"), moment("11-12 00:00"), "store", "S-1")
    ]
