"""The items data set: the shop's merchandise and whether it can be bought."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import part, queried


def goods(item: str, **columns) -> dict:
    return {"product_id": item, "price": Decimal("9.50"), "category": "Toys", "status": "active", "stock": 3, "is_merchandise": True} | columns


def test_only_merchandise_and_whether_it_can_be_bought():
    products = [goods("A"), goods("B", stock=0), goods("C", stock=None), goods("D", status="Discontinued"), goods("POST", is_merchandise=False)]
    rows = queried("personalize_items", products=products)
    assert sorted(part(rows, "item_id", "in_stock")) == [("A", "True"), ("B", "False"), ("C", "True"), ("D", "False")]


def test_an_unknown_price_is_nothing_and_an_empty_category_is_none():
    (row,) = queried("personalize_items", products=[goods("A", price=None, category=" ")])
    assert (row["price"], row["category_l1"]) == (0, None)
