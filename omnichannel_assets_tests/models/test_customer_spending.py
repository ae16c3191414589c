"""customer_spending: orders and money so far, and what is preferred by the orders of the last 365 days."""

from datetime import timedelta
from decimal import Decimal

from omnichannel_assets_tests.models.people import order
from omnichannel_assets_tests.models.rows import AS_OF, TICK, part, person, queried


def line(order_id: str, line_no: int, item_id: str, **columns) -> dict:
    return {"order_id": order_id, "line_no": line_no, "item_id": item_id, "quantity": 1, "is_merchandise": True, "source": "dms"} | columns


def spending(*orders: dict, **inputs: list[dict]) -> list[dict]:
    return sorted(queried("customer_spending", orders=list(orders), **inputs), key=lambda row: row["customer_id"])


def sold(order_id: str, store_id: str | None, at: str, **columns) -> dict:
    return order(order_id, Decimal(1), at=at, store_id=store_id, channel="store" if store_id != "web" else "online", **columns)


def test_nobody_who_bought_nothing_is_a_row():
    assert spending(order("O-1", Decimal(1), customer=None)) == []


def test_first_and_last_order_leave_cancelled_ones_out():
    found = spending(order("O-1", Decimal(1), at="11-02 00:00"), order("O-2", Decimal(2), at="11-03 00:00"), order("O-3", Decimal(3), at="11-01 00:00", status="cancelled"))
    assert [(f"{row['first_order_at']:%d}", f"{row['last_order_at']:%d}", row["orders"], row["lifetime_value"]) for row in found] == [("02", "03", 2, 3)]


def test_the_preferred_store_has_most_orders_of_a_year_and_of_equals_the_latest():
    orders = [sold("O-1", "A", "11-01 00:00"), sold("O-2", "B", "11-02 00:00"), sold("O-3", "A", "11-03 00:00"), sold("O-4", "B", "11-04 00:00"), sold("O-5", "web", "11-05 00:00")]
    assert part(spending(*orders), "preferred_store", "preferred_channel") == [("B", "store")]
    assert part(spending(*orders, sold("O-6", "A", "11-01 12:00")), "preferred_store") == [("A",)]
    assert part(spending(sold("O-5", "web", "11-05 00:00"), order("O-7", Decimal(1), at="11-06 00:00", channel="store")), "preferred_store", "preferred_channel") == [(None, "store")]


def test_what_was_bought_more_than_a_year_ago_prefers_nothing():
    year_ago = AS_OF - timedelta(days=365)
    old = sold("O-1", "A", "11-01 00:00") | {"ordered_at": year_ago - TICK}
    assert part(spending(old), "orders", "preferred_store", "preferred_channel") == [(1, None, None)]
    assert part(spending(old | {"ordered_at": year_ago}), "preferred_store", "preferred_channel") == [("A", "store")]


def test_three_favourite_categories_by_lines_the_first_the_most():
    products = [{"product_id": name, "category": name.upper(), "is_merchandise": True} for name in ("mug", "bag", "hat", "cap")] + [{"product_id": "odd", "category": " ", "is_merchandise": True}]
    lines = [line("O-1", n, item) for n, item in enumerate(["hat", "hat", "mug", "bag", "cap", "odd", "odd", "odd"])] + [line("O-1", 9, "fee", is_merchandise=False)]
    assert part(spending(order("O-1", Decimal(1)), order_lines=lines, products=products), "favourite_categories") == [("HAT, BAG, CAP",)]
    assert part(spending(order("O-1", Decimal(1)), order_lines=lines[:1], products=products), "favourite_categories") == [("HAT",)]
    assert part(spending(order("O-1", Decimal(1))), "customer_id", "favourite_categories") == [(person(1), None)]
