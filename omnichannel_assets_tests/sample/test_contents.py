"""The sample holds every kind of call, event and fault that a pipeline has to meet."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

EVENTS = """Products Searched,Product List Viewed,Promotion Viewed,Promotion Clicked,Product Viewed,Product Clicked,Product Added,Product Removed,
Product Added to Wishlist,Product Removed from Wishlist,Cart Viewed,Checkout Started,Order Completed,Order Refunded,Viewed Product,
Email Delivered,Email Opened,Email Link Clicked,Unsubscribed"""
COLUMNS = {
    "customers": "customer_id first_name last_name email phone street city postcode country birth_date marketing_opt_in created_at updated_at",
    "orders": "order_id customer_id store_id status currency total ordered_at updated_at",
    "order_lines": "order_id line_no product_id quantity unit_price",
    "returns": "return_id order_id customer_id product_id quantity refund_amount reason returned_at",
    "products": "product_id name category price currency status created_at updated_at",
    "inventory": "product_id location_id quantity updated_at",
    "subscriptions": "subscription_id customer_id plan status started_at renews_at ended_at updated_at",
}


def _when(message: dict, field: str = "timestamp") -> datetime:
    return datetime.fromisoformat(message[field])


def test_all_six_call_types_occur(sample):
    assert {m["type"] for m in sample.landing.messages} == {"identify", "track", "page", "screen", "group", "alias"}


@pytest.mark.parametrize("event", [e.strip() for e in EVENTS.replace("\n", "").split(",")])
def test_each_event_of_the_shop_occurs(sample, event):
    assert sample.landing.tracked(event)


@pytest.mark.parametrize("table", COLUMNS)
def test_each_table_has_its_columns_in_order(sample, table):
    for name, _, row in sample.landing.rows[table]:
        found = [c for c in row if c != "dms_ts" and not (table == "returns" and c == "refund_method" and not name.startswith("LOAD"))]
        assert found == COLUMNS[table].split()
        assert ("dms_ts" in row) == (table != "inventory")


def test_messages_come_again_after_seconds_the_next_day_and_two_months(sample):
    received = defaultdict(list)
    for message in sample.landing.messages:
        received[message["messageId"]].append(_when(message, "receivedAt"))
    gaps = {(max(times) - min(times)) for times in received.values() if len(times) > 1}
    assert any(gap <= timedelta(seconds=2) for gap in gaps)
    assert any(timedelta(seconds=20) < gap < timedelta(minutes=1) for gap in gaps)
    assert any(timedelta(days=1) <= gap < timedelta(days=2) for gap in gaps)
    assert any(gap >= timedelta(days=60) for gap in gaps)


def test_some_app_events_arrive_days_late(sample):
    late = [m for m in sample.landing.first_copies() if timedelta(hours=4) < _when(m, "receivedAt") - _when(m) < timedelta(days=3)]
    assert any(m.get("channel") == "mobile" for m in late)


def test_device_clocks_are_wrong_but_the_computed_time_is_not(sample):
    skewed = [m for m in sample.landing.messages if abs(_when(m, "originalTimestamp") - _when(m)) > timedelta(hours=2)]
    ordinary = [m for m in skewed if _when(m).year not in (1970, 2031)]
    assert ordinary and all(_when(m) <= _when(m, "receivedAt") for m in ordinary)


def test_some_messages_claim_1970_or_2031(sample):
    assert {1970, 2031} <= {_when(m).year for m in sample.landing.messages}


def test_user_ids_may_be_numbers_empty_blocked_or_absent_with_all_other_ids(sample):
    messages = sample.landing.messages
    assert any(isinstance(m.get("userId"), int) for m in messages)
    assert any(m.get("userId") == "" for m in messages)
    blocked = {m["traits"]["email"] for m in messages if m.get("userId") == "00000000-0000-0000-0000-000000000000"}
    assert len(blocked) > 1
    assert any("userId" not in m and "anonymousId" not in m for m in messages)


def test_one_kiosk_is_used_by_many_people(sample):
    users = {m["userId"] for m in sample.landing.messages if m.get("anonymousId", "") == "kiosk-shop-3" and m.get("userId")}
    assert len(users) > 20


def test_computed_traits_come_back_as_calls(sample):
    assert any("personas" in m["context"] and "churn_score" in m["traits"] for m in sample.landing.messages)


def test_one_scraper_views_a_few_hundred_products(sample):
    views = Counter(m.get("anonymousId") for m in sample.landing.tracked("Product Viewed"))
    assert 200 <= views["a-scraper"] <= 500


def test_products_come_as_list_object_or_unreadable_text_and_prices_as_text(sample):
    products = [m["properties"]["products"] for m in sample.landing.tracked("Order Completed")]
    assert {list, dict, str} == {type(p) for p in products}
    assert any(isinstance(m["properties"].get("price"), str) for m in sample.landing.tracked("Product Viewed"))
    assert any(isinstance(m["properties"].get("revenue"), str) for m in sample.landing.tracked("Order Completed"))


def test_guests_order_with_a_device_and_an_email_only(sample):
    guests = [m for m in sample.landing.tracked("Order Completed") if "userId" not in m]
    assert guests and all(m["anonymousId"] and m["context"]["traits"]["email"] for m in guests)


def test_some_identify_calls_carry_the_card_number(sample):
    cards = {key[0] for key in sample.landing.current("customers")}
    carried = {m["traits"]["loyalty_id"] for m in sample.landing.messages if (m.get("traits") or {}).get("loyalty_id")}
    assert carried and carried <= cards


def test_emails_vary_in_case_and_blanks_and_phones_are_written_nationally_or_shared(sample):
    rows = [row for _, _, row in sample.landing.rows["customers"]]
    assert any(r["email"] != r["email"].strip() for r in rows) and any(
        r["email"] != r["email"].lower() for r in rows if r["email"] != r"\N"
    )
    phones = {r["phone"] for r in rows}
    assert "000-0000" in phones and r"\N" in phones
    assert any(re.fullmatch(r"072\d\d \d{6}", p) for p in phones) and any(re.fullmatch(r"\+4472\d{8}", p) for p in phones)


def test_addresses_hold_newlines_and_quotes(sample):
    assert any("\n" in row["street"] and '"' in row["street"] for _, _, row in sample.landing.rows["customers"])


def test_three_objects_are_broken_each_in_its_way(sample):
    assert sorted(sample.landing.broken) == ["cut-off.gz", "empty.gz", "not-gzip.gz"]


def test_sales_are_voided_put_back_and_repeated(sample):
    changes = [(name, op, row) for name, op, row in sample.landing.rows["orders"]]
    ops = defaultdict(list)
    for _, op, row in changes:
        ops[row["order_id"]].append(op)
    assert all(op[-1] == "D" for order, op in ops.items() if order.startswith("VOID-")) and any(o.startswith("VOID-") for o in ops)
    assert any("".join(op).endswith("IDI") for op in ops.values())
    twice = [a for a, b in itertools.pairwise(changes) if a == b]
    assert twice


def test_a_void_straddles_the_full_load(sample):
    in_load = {row["order_id"] for name, _, row in sample.landing.rows["orders"] if name.startswith("LOAD")}
    assert any(o.startswith("VOID-") for o in in_load)
    assert not any(key[0].startswith("VOID-") for key in sample.landing.current("orders"))


def test_the_returns_table_gets_a_column_half_way(sample):
    files = {name: "refund_method" in row for name, _, row in sample.landing.rows["returns"]}
    changes = [grown for name, grown in sorted(files.items()) if not name.startswith("LOAD")]
    assert changes == sorted(changes) and {True, False} == set(changes)


def test_the_full_load_holds_the_past_and_change_files_the_rest(sample):
    split = {row["dms_ts"] for name, _, row in sample.landing.rows["orders"] if name.startswith("LOAD")}
    assert len(split) == 1
    loaded = split.pop()
    for name, _, row in sample.landing.rows["orders"]:
        assert (row["updated_at"] < loaded) or not name.startswith("LOAD")
        assert row["dms_ts"] >= loaded and row["dms_ts"].endswith("000000")
    oldest = min(row["ordered_at"] for _, _, row in sample.landing.rows["orders"])
    assert datetime.fromisoformat(oldest).date() < sample.counts.first_day - timedelta(days=250)


def test_stock_runs_out_and_products_are_discontinued_and_repriced(sample):
    assert any(row["quantity"] == "0" for row in sample.landing.current("inventory").values())
    assert any(row["status"] == "discontinued" for row in sample.landing.current("products").values())
    assert len(sample.landing.current("products")) == 203


def test_memberships_start_renew_and_end(sample):
    rows = [(op, row["status"]) for _, op, row in sample.landing.rows["subscriptions"]]
    assert {("I", "active"), ("U", "active"), ("U", "cancelled")} <= set(rows)


def test_order_lines_hold_codes_that_are_no_goods(sample):
    assert {"POST", "M", "BANK CHARGES"} <= {row["product_id"] for row in sample.landing.current("order_lines").values()}
