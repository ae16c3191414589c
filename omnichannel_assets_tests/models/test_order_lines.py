"""order_lines: the shop database's lines where it has any, else those Segment told last."""

from decimal import Decimal

import pytest

from omnichannel_assets_tests.models.rows import AS_OF, built, moment, part, product, version
from omnichannel_assets_tests.models.test_orders import told

NAMES = ("order_id", "line_no", "item_id", "quantity", "unit_price", "line_total", "source")


def order(order_id: str = "O-1", source: str = "dms") -> dict:
    return {"order_id": order_id, "channel": "online", "ordered_at": moment("11-10 11:00"), "known_at": moment("11-10 11:00"), "source": source}


def line(order_id: str = "O-1", line_no: int = 1, known: str = "11-10 12:00", until: str | None = None, /, **columns) -> dict:
    return version(known, until, **{"order_id": order_id, "line_no": line_no, "product_id": "P-1", "quantity": 2, "unit_price": Decimal("1.50")} | columns)


def lines(orders: list[dict], dms: list[dict] = [], segment: list[dict] = []) -> list[tuple]:  # noqa: B006
    return part(built("order_lines", orders=orders, dms_order_lines=dms, order_facts=segment), *NAMES)


def test_no_rows_make_no_lines():
    assert lines([]) == []


def test_the_shops_lines_win_over_segments():
    segment = [told("both", products=[product("X")]), told("told", message_id="m-2", products=[product("X", 3, Decimal(2)), product("Y", None)])]
    assert lines([order("both", "both"), order("told", "segment")], [line("both", 1), line("both", 2, product_id=" P-2 ", quantity=None, unit_price=None)], segment) == [
        ("both", 1, "P-1", 2, Decimal("1.50"), Decimal("3.00"), "dms"),
        ("both", 2, "P-2", 0, None, None, "dms"),
        ("told", 1, "X", 3, Decimal("2.00"), Decimal("6.00"), "segment"),
        ("told", 2, "Y", 1, None, None, "segment"),
    ]


@pytest.mark.parametrize("source", ["both", "dms", "segment"])
def test_an_order_whose_lines_the_shop_has_not_told_keeps_segments(source):
    assert lines([order("O-1", source)], [], [told(products=[product("X")])]) == [("O-1", 1, "X", 1, None, None, "segment")]


def test_of_what_segment_told_the_last_list_counts_and_an_empty_one_does_not():
    segment = [
        told(message_id="m-1", products=[product("A"), product("B")]),
        told(message_id="m-2", fact="updated", known_at=moment("11-12 00:00"), products=[product("C")]),
        told(message_id="m-3", fact="updated", known_at=moment("11-13 00:00"), products=[]),
        told(message_id="m-4", fact="updated", known_at=moment("11-14 00:00"), products=None),
        told(message_id="m-5", fact="refunded", known_at=moment("11-15 00:00"), products=[product("D")]),
        told(message_id="m-6", fact="updated", known_at=AS_OF, products=[product("E")]),
        told(message_id="m-7", fact="updated", known_at=moment("11-16 00:00"), products=[product("F")], event_time_suspect=True),
    ]
    assert [row[2] for row in lines([order("O-1", "segment")], [], segment)] == ["C"]


def test_lists_known_at_the_same_instant_are_ordered_by_their_message():
    segment = [told(message_id=name, products=[product(name)]) for name in ("m-2", "m-1")]
    assert [row[2] for row in lines([order("O-1", "segment")], [], segment)] == ["m-2"]


def test_the_same_item_twice_in_an_order_stays_two_lines():
    assert [row[1:4] for row in lines([order()], [line("O-1", 1), line("O-1", 2)])] == [(1, "P-1", 2), (2, "P-1", 2)]


def test_lines_of_orders_that_are_none_or_of_items_that_are_none_are_left_out():
    assert lines([order("told", "segment")], [line("gone"), line("told", 1), line("told", 2, product_id=None)]) == []


def test_lines_are_those_valid_at_t():
    dms = [
        line("O-1", 1, "11-10 12:00", "11-12 00:00", quantity=1), line("O-1", 1, "11-12 00:00", quantity=5, version=2),
        line("O-1", 2, "11-10 12:00", "11-12 00:00"), line("O-1", 2, "11-12 00:00", is_deleted=True, version=2),
        line("O-1", 3, "2026-11-20T00:00:00"),
    ]  # fmt: skip
    assert [row[1:4] for row in lines([order()], dms)] == [(1, "P-1", 5)]


def test_what_is_no_merchandise_is_flagged_by_its_whole_name():
    dms = [line("O-1", n, product_id=item) for n, item in enumerate(["POST", "POSTER", "GIFT CARD", "D", "D1", "BANK CHARGES"], 1)]
    rows = built("order_lines", orders=[order()], dms_order_lines=dms)
    assert part(rows, "item_id", "is_merchandise") == [("POST", False), ("POSTER", True), ("GIFT CARD", False), ("D", False), ("D1", True), ("BANK CHARGES", False)]


def test_an_amount_no_shop_ever_charged_is_unknown_instead_of_stopping_everybody():
    huge = Decimal("99999999999.99")
    assert [row[4:6] for row in lines([order("O-1", "segment")], [], [told(products=[product("X", 2_000_000_000, huge), product("Y", 1, huge)])])] == [(huge, None), (huge, huge)]
