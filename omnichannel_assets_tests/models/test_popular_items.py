"""popular_items: everything the shop can sell, most wanted first."""

from datetime import timedelta

from omnichannel_assets.assets.steps import conserved
from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, TABLES, TICK, built, engine, moment, part, person, register


def bought(item_id: str, customer: int = 1, at=None, **columns) -> dict:
    at = at or moment("11-10 00:00")
    row = {"customer_id": person(customer), "item_id": item_id, "event_type": "Purchase", "event_at": at, "known_at": at, "channel": "online", "quantity": 1}
    return row | {"order_id": f"O-{customer}-{at:%m%d}", "message_id": None} | columns


def product(product_id: str, stock: int | None = 5, status: str | None = "active", is_merchandise: bool = True) -> dict:
    return {"product_id": product_id, "name": f"Name of {product_id}", "status": status, "stock": stock, "is_merchandise": is_merchandise}


def popular(interactions: list[dict], products: list[dict]) -> list[dict]:
    return built("popular_items", interactions=interactions, products=products)


def test_no_products_make_no_list_and_no_sales_one_in_order_of_id():
    assert popular([bought("P-1")], []) == []
    found = popular([], [product("P-2"), product("P-1")])
    assert part(found, "rank", "item_id", "customers", "score", "reason") == [(1, "P-1", 0, 0.0, "In our shop"), (2, "P-2", 0, 0.0, "In our shop")]


def test_only_what_can_be_bought_is_listed():
    products = [product("gone", 0), product("negative", -1), product("unknown stock", None), product("old", status="discontinued"), product("plain", status=None), product("POST", is_merchandise=False), product("odd", status=" Active ")]
    assert {row["item_id"] for row in popular([], products)} == {"unknown stock", "plain", "odd"}


def test_customers_count_once_however_much_they_buy():
    sales = [bought("P-1", 1, moment(f"11-{day:02} 00:00"), quantity=500) for day in range(1, 9)] + [bought("P-2", 2), bought("P-2", 3)]
    assert part(popular(sales, [product("P-1"), product("P-2")]), "item_id", "customers", "score") == [("P-2", 2, 1.0), ("P-1", 1, 0.5)]


def test_the_month_ends_at_the_last_sale_and_the_year_decides_between_equals():
    last = moment("11-10 00:00")
    sales = [bought("new", 1, last), bought("month", 2, last - timedelta(days=30) + TICK), bought("before", 3, last - timedelta(days=30)), bought("month", 4, last - timedelta(days=60))]
    found = popular(sales, [product("before"), product("month"), product("new"), product("never")])
    assert part(found, "item_id", "customers", "reason") == [
        ("month", 1, "Popular this month"), ("new", 1, "Popular this month"), ("before", 0, "Popular this year"), ("never", 0, "In our shop"),
    ]  # fmt: skip


def test_what_lies_outside_the_year_before_t_counts_nowhere():
    sales = [bought("at T", 1, AS_OF), bought("over a year", 2, AS_OF - timedelta(days=365) - TICK), bought("a year", 3, AS_OF - timedelta(days=365))]
    found = popular(sales, [product(row["item_id"]) for row in sales])
    assert part(found, "item_id", "customers") == [("a year", 1), ("at T", 0), ("over a year", 0)]


def test_looking_is_not_buying():
    assert part(popular([bought("P-1", event_type="View"), bought("P-2")], [product("P-1"), product("P-2")]), "item_id", "customers") == [("P-2", 1), ("P-1", 0)]


def test_a_product_that_is_lost_breaks_the_law():
    register("popular_items", "conservation/popular_items", products=[product("P-1"), product("P-2"), product("gone", 0), product("POST", is_merchandise=False)])
    whole = engine().model(TABLES["popular_items"], PARAMETERS)
    for data, holds in ((whole, True), (whole.slice(1), False)):
        (law,) = conserved(engine(), TABLES["popular_items"], data, PARAMETERS).values()
        assert law.passed == holds
