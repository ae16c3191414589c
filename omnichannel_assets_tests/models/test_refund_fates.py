"""refund_fates: what becomes of each refund that Segment told. What the rows then are stands in ``test_returns.py``."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import product, queried
from omnichannel_assets_tests.models.test_returns import given_back, line, order, refund


def fates(segment: list[dict], dms: list[dict] = [], lines: list[dict] = []) -> dict[str, str]:  # noqa: B006
    rows = queried("refund_fates", order_facts=segment, dms_returns=dms, orders=[order()], order_lines=lines)
    return {row["message_id"]: row["fate"] for row in rows}


def test_no_refunds_have_no_fate():
    assert fates([]) == {}


def test_a_refund_is_of_items_of_the_whole_order_of_money_or_empty():
    segment = [
        refund("items", products=[product("A")]), refund("whole", total=None), refund("money", total=Decimal(1)), refund("other", order_id="O-9"), refund("empty", order_id="O-9", total=Decimal(0)),
    ]  # fmt: skip
    assert fates(segment, lines=[line(1, "A", Decimal(20))]) == {"items": "items", "whole": "whole_order", "money": "money", "other": "money", "empty": "empty"}


def test_the_second_refund_of_a_whole_order_is_repeated():
    assert fates([refund("b"), refund("a")], lines=[line(1, "A", Decimal(10))]) == {"a": "whole_order", "b": "repeated"}


def test_a_discounted_order_paid_back_in_full_is_the_whole_order():
    assert fates([refund(total=Decimal(20))], lines=[line(1, "A", Decimal(25))]) == {"m-1": "whole_order"}


def test_what_the_shop_returned_item_by_item_or_as_a_whole_is_told_by_the_shop():
    lines = [line(1, "A", Decimal(10))]
    assert fates([refund("items", products=[product("A")]), refund("whole")], [given_back()], lines) == {"items": "told_by_shop", "whole": "told_by_shop"}
    assert fates([refund("whole")], [given_back(product_id="other code of A", refund_amount=Decimal(10))], lines) == {"whole": "told_by_shop"}
    assert fates([refund("items", products=[product("B")])], [given_back(product_id=" ")], lines) == {"items": "told_by_shop"}
