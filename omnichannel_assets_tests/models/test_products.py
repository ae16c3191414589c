"""products: the shop database's live products, with stock over all locations."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import built, part, version


def item(product_id: str, known: str = "11-10 00:00", until: str | None = None, /, **columns) -> dict:
    return version(known, until, **{"product_id": product_id, "name": "Shirt", "category": "Tops", "price": Decimal(5), "currency": "GBP", "status": "active"} | columns)


def stock(product_id: str, location: str, quantity: int | None, known: str = "11-10 00:00", until: str | None = None, /, **columns) -> dict:
    return version(known, until, product_id=product_id, location_id=location, quantity=quantity, **columns)


def products(items: list[dict], stocks: list[dict] = []) -> list[dict]:  # noqa: B006
    return built("products", dms_products=items, dms_inventory=stocks)


def test_no_rows_make_no_products():
    assert products([], [stock("P-1", "L", 1)]) == []


def test_stock_is_summed_over_locations_and_unknown_where_none_is_kept():
    stocks = [stock("P-1", "L-1", 3), stock("P-1", "L-2", -1), stock("P-1", "L-3", None), stock("P-3", "L-1", None)]
    assert part(products([item("P-1"), item("P-2"), item("P-3")], stocks), "product_id", "stock") == [("P-1", 2), ("P-2", None), ("P-3", None)]


def test_stock_is_the_level_known_before_t_of_rows_still_there():
    stocks = [
        stock("P-1", "L-1", 3, "11-10 00:00", "11-12 00:00"), stock("P-1", "L-1", 7, "11-12 00:00", "2026-11-20T00:00:00"), stock("P-1", "L-1", 9, "2026-11-20T00:00:00"),
        stock("P-1", "L-2", 5, "11-10 00:00", "11-12 00:00"), stock("P-1", "L-2", 5, "11-12 00:00", is_deleted=True),
    ]  # fmt: skip
    assert part(products([item("P-1")], stocks), "stock") == [(7,)]


def test_a_product_is_the_version_valid_at_t_and_a_deleted_one_is_gone():
    items = [
        item("edited", "11-10 00:00", "11-12 00:00"), item("edited", "11-12 00:00", price=None, status="discontinued", version=2),
        item("deleted", "11-10 00:00", "11-12 00:00"), item("deleted", "11-12 00:00", is_deleted=True, version=2), item("later", "2026-11-20T00:00:00"),
    ]  # fmt: skip
    assert part(products(items), "product_id", "price", "status") == [("edited", None, "discontinued")]


def test_what_is_no_merchandise_is_flagged():
    assert part(products([item("GIFT_0001_20"), item("P-1"), item("m"), item("M")]), "product_id", "is_merchandise") == [("GIFT_0001_20", False), ("M", False), ("P-1", True), ("m", True)]
