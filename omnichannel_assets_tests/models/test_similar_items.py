"""similar_items: what meets in one order or on one day of looking; rare and huge baskets count little or nothing."""

from datetime import timedelta
from math import sqrt

import pytest

from omnichannel_assets_tests.models.rows import AS_OF, TICK, built, moment, part
from omnichannel_assets_tests.models.test_popular_items import bought, product

PRODUCTS = [product(f"P-{n}") for n in range(1, 5)]


def order(number: int, *items: str, at=None) -> list[dict]:
    return [bought(item, number, at, order_id=f"O-{number}") for item in items]


def visit(customer: int, *items: str, at=None, event_type: str = "View") -> list[dict]:
    return [bought(item, customer, at, event_type=event_type, order_id=None, message_id=f"m-{customer}-{item}") for item in items]


def similar(*parts: list[dict], products: list[dict] = PRODUCTS) -> list[dict]:
    return built("similar_items", interactions=[row for rows in parts for row in rows], products=products)


def test_no_rows_make_no_lists():
    assert similar() == []


def test_a_pair_in_two_orders_is_listed_both_ways_and_a_pair_seen_once_is_not():
    found = similar(order(1, "P-1", "P-2"), order(2, "P-1", "P-2", "P-3"))
    assert part(found, "item_id", "rank", "similar_item_id") == [("P-1", 1, "P-2"), ("P-2", 1, "P-1")]


def test_the_score_is_the_cosine_less_for_rare_pairs_and_orders_outweigh_visits():
    orders = [row for n in range(1, 5) for row in order(n, "P-1", "P-2")] + order(5, "P-1")
    cosine = 4 / sqrt(5 * 4) * 4 / 14
    assert similar(orders)[0]["score"] == pytest.approx(0.7 * cosine, abs=1e-6)
    visits = [row for n in range(1, 5) for row in visit(n, "P-1", "P-2")] + visit(5, "P-1")
    assert similar(visits)[0]["score"] == pytest.approx(0.3 * cosine, abs=1e-6)
    assert similar(orders, visits)[0]["score"] == pytest.approx(cosine, abs=1e-6)


def test_a_visit_is_one_customers_day_and_clicks_are_looks():
    same_day = visit(1, "P-1", at=moment("11-10 00:00")) + visit(1, "P-2", at=moment("11-10 23:59"), event_type="Click")
    next_day = visit(2, "P-1", at=moment("11-10 23:59")) + visit(2, "P-2", at=moment("11-11 00:00"))
    again = visit(3, "P-1", "P-2")
    assert similar(same_day, next_day) == []
    assert part(similar(same_day, again), "item_id", "similar_item_id") == [("P-1", "P-2"), ("P-2", "P-1")]


def test_looking_twice_on_a_day_is_one_look():
    twice = visit(1, "P-1", "P-2") + [row | {"message_id": "again"} for row in visit(1, "P-1", "P-2", at=moment("11-10 05:00"))]
    assert similar(twice) == []


def test_a_basket_of_more_than_fifty_items_says_nothing():
    many = [product(f"Q-{n:02}") for n in range(51)]
    items = [row["product_id"] for row in many]
    assert similar(order(1, *items), order(2, *items), products=many) == []
    fits = similar(order(1, *items[:50]), order(2, *items[:50]), products=many)
    assert len(fits) == 50 * 20


def test_only_merchandise_on_sale_is_listed_but_anything_may_have_a_list():
    products = [product("P-1", status="discontinued"), product("P-2", 0), product("P-3", is_merchandise=False)]
    found = similar(order(1, "P-1", "P-2", "P-3", "unknown"), order(2, "P-1", "P-2", "P-3", "unknown"), products=products)
    assert part(found, "item_id", "similar_item_id") == [("P-1", "P-2"), ("P-3", "P-2"), ("unknown", "P-2")]


def test_equals_come_in_order_of_id():
    found = similar(order(1, "P-3", "P-2", "P-1"), order(2, "P-1", "P-2", "P-3"))
    assert part(found, "item_id", "rank", "similar_item_id")[:2] == [("P-1", 1, "P-2"), ("P-1", 2, "P-3")]


def test_what_lies_outside_the_year_before_t_is_not_seen():
    at_t = order(1, "P-1", "P-2", at=AS_OF) + order(2, "P-1", "P-2", at=AS_OF)
    old = order(3, "P-1", "P-2", at=AS_OF - timedelta(days=365) - TICK) + order(4, "P-1", "P-2")
    assert similar(at_t, old) == []
    assert similar(order(3, "P-1", "P-2", at=AS_OF - timedelta(days=365)), order(4, "P-1", "P-2", at=AS_OF - TICK)) != []


def test_carts_returns_and_searches_make_no_baskets():
    rows = [row for n in (1, 2) for kind in ("AddToCart", "Return", "Search") for row in visit(n, "P-1", "P-2", event_type=kind)]
    assert similar(rows) == []
