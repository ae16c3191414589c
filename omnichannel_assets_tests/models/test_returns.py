"""returns: refunded items of both sources; the amounts of one refund add up to what was paid back."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import AS_OF, TICK, built, identity, moment, part, person, product, version
from omnichannel_assets_tests.models.test_orders import told

IDENTITIES = [identity("user_id", "u-1", 1), identity("customer_ref", "C-2", 2)]
NAMES = ("return_id", "channel", "position", "item_id", "quantity", "amount")


def given_back(return_id: str = "R-1", known: str = "11-12 12:00", until: str | None = None, /, **columns) -> dict:
    row = {"return_id": return_id, "order_id": "O-1", "customer_id": "C-2", "product_id": "A", "quantity": 1, "refund_amount": Decimal(4), "returned_at": moment("11-12 11:00")}
    return version(known, until, **row | columns)


def refund(message_id: str = "m-1", **columns) -> dict:
    row = {"event_at": moment("11-12 11:00"), "known_at": moment("11-12 11:01"), "total": Decimal(10)} | columns
    return told(fact="refunded", message_id=message_id, **row)


def order(order_id: str = "O-1", customer: int | None = 3, currency: str = "GBP", status: str = "completed") -> dict:
    row = {"order_id": order_id, "channel": "store", "ordered_at": moment("11-10 00:00"), "known_at": moment("11-10 00:00"), "source": "dms", "currency": currency, "status": status}
    return row | {"customer_id": person(customer) if customer else None, "total": Decimal(20)}


def line(line_no: int, item_id: str, line_total: object, quantity: int = 1) -> dict:
    return {"order_id": "O-1", "line_no": line_no, "item_id": item_id, "quantity": quantity, "line_total": line_total, "is_merchandise": True, "source": "dms"}


def returns(dms: list[dict] = [], segment: list[dict] = [], orders: list[dict] = [], lines: list[dict] = []) -> list[dict]:  # noqa: B006
    return built("returns", dms_returns=dms, order_facts=segment, orders=orders, order_lines=lines, identities=IDENTITIES)


def test_no_rows_make_no_returns():
    assert returns() == []


def test_a_return_of_the_shop_is_one_row():
    (found,) = returns([given_back()], orders=[order()])
    assert found == {
        "return_id": "R-1", "position": 1, "order_id": "O-1", "customer_id": person(2), "item_id": "A", "quantity": 1, "amount": 4, "currency": "GBP",
        "channel": "store", "returned_at": moment("11-12 11:00"), "known_at": moment("11-12 12:00"),
    }  # fmt: skip


def test_a_return_belongs_to_its_card_or_order_before_the_person_of_the_message():
    dms = [given_back("R-1"), given_back("R-2", customer_id=None), given_back("R-3", customer_id="C-9"), given_back("R-4", customer_id=None, order_id="O-9"), given_back("R-5", customer_id=" C-2 ")]
    segment = [refund("m-1", order_id="O-2"), refund("m-2", order_id="O-2", identifier_value="u-9"), refund("m-3", identifier_type=None, identifier_value=None, order_id="O-8")]
    found = {row["return_id"]: row["customer_id"] for row in returns(dms, segment, [order(), order("O-2")])}
    assert found == {"R-1": person(2), "R-2": person(3), "R-3": person(3), "R-4": None, "R-5": person(2), "m-1": person(3), "m-2": person(3), "m-3": None}


def test_a_refund_of_some_items_adds_up_with_the_unexplained_rest_at_position_0():
    found = returns(segment=[refund(products=[product("A", 2, Decimal(3)), product("B", 1, None)])])
    assert part(found, *NAMES) == [("m-1", "online", 0, None, None, 4), ("m-1", "online", 1, "A", 2, 6), ("m-1", "online", 2, "B", 1, 0)]
    assert sum(row["amount"] for row in found) == 10


def test_a_refund_whose_items_explain_it_has_no_rest_and_one_of_less_has_a_negative_one():
    found = returns(segment=[refund("m-1", products=[product("A", 1, Decimal(10))]), refund("m-2", total=Decimal(7), products=[product("A", 1, Decimal(10))])])
    assert part(found, "return_id", "position", "amount") == [("m-1", 1, 10), ("m-2", 0, -3), ("m-2", 1, 10)]


def test_a_refund_without_a_total_is_worth_its_items():
    assert part(returns(segment=[refund(total=None, products=[product("A", 1, Decimal(3))])]), "position", "amount") == [(1, 3)]


def test_a_refund_without_products_is_the_whole_order():
    lines = [line(0, "A", Decimal(12), 2), line(1, "B", None)]
    for products in (None, []):
        found = returns(segment=[refund(total=Decimal(20), products=products)], orders=[order()], lines=lines)
        assert part(found, *NAMES) == [("m-1", "online", 0, None, None, 8), ("m-1", "online", 1, "A", 2, 12), ("m-1", "online", 2, "B", 1, 0)]


def test_a_refund_of_an_order_nobody_knows_is_its_total_and_without_one_it_is_nothing():
    assert part(returns(segment=[refund("m-1"), refund("m-2", total=None), refund("m-3", total=Decimal(0))]), *NAMES) == [("m-1", "online", 0, None, None, 10)]


def test_an_item_returned_in_the_shop_too_counts_there_only():
    segment = [refund(total=Decimal(10), products=[product("A", 1, Decimal(4)), product("B", 1, Decimal(5))])]
    found = returns([given_back()], segment, [order()])
    assert part(found, *NAMES) == [("R-1", "store", 1, "A", 1, 4), ("m-1", "online", 0, None, None, 1), ("m-1", "online", 2, "B", 1, 5)]


def test_a_refund_that_the_shop_tells_whole_is_the_shops():
    segment = [refund(total=Decimal(4), products=[product("A", 1, Decimal(4))])]
    assert part(returns([given_back()], segment, [order()]), "return_id") == [("R-1",)]
    segment = [refund(total=Decimal(4))]
    assert part(returns([given_back()], segment, [order()], [line(1, "A", Decimal(4))]), "return_id") == [("R-1",)]


def test_a_shop_return_that_names_no_item_tells_the_refunds_of_its_order():
    segment = [refund(total=Decimal(12)), refund("m-2", products=[product("A", 1, Decimal(4))])]
    found = returns([given_back(product_id=None, refund_amount=Decimal(12))], segment, [order()], [line(1, "A", Decimal(12))])
    assert part(found, *NAMES) == [("R-1", "store", 1, None, 1, 12)]


def test_an_amount_below_the_order_without_products_is_money_and_no_return_of_its_items():
    found = returns([given_back(refund_amount=Decimal(12))], [refund(total=Decimal(4), products=[])], [order()], [line(1, "A", Decimal(12)), line(2, "B", Decimal(8))])
    assert part(found, *NAMES) == [("R-1", "store", 1, "A", 1, 12), ("m-1", "online", 0, None, None, 4)]


def test_a_whole_order_is_refunded_once_however_many_messages_say_so():
    segment = [refund("m-1", total=None), refund("m-2", total=Decimal(20), known_at=moment("11-12 11:02")), refund("m-0", total=None, known_at=moment("11-12 11:03"))]
    assert part(returns(segment=segment, orders=[order()], lines=[line(1, "A", Decimal(20))]), *NAMES) == [("m-1", "online", 1, "A", 1, 20)]


def test_a_refund_is_paid_in_its_own_currency_else_in_that_of_its_order():
    segment = [refund("m-1", currency="EUR"), refund("m-2", currency=None), refund("m-3", currency=None, order_id="O-9")]
    assert part(returns(segment=segment, orders=[order()]), "return_id", "currency") == [("m-1", "EUR"), ("m-2", "GBP"), ("m-3", "USD")]


def test_a_return_without_its_own_time_counts_from_when_it_was_known():
    assert part(returns([given_back(returned_at=None)]), "returned_at") == [(moment("11-12 12:00"),)]


def test_a_return_of_the_shop_is_the_version_valid_at_t_and_known_from_its_first():
    dms = [
        given_back("edited", "11-12 12:00", "11-13 00:00", refund_amount=Decimal(1)), given_back("edited", "11-13 00:00", refund_amount=None, quantity=None, version=2),
        given_back("deleted", "11-12 12:00", "11-13 00:00"), given_back("deleted", "11-13 00:00", is_deleted=True, version=2),
        given_back("known at t", "2026-11-20T00:00:00"), given_back("given at t", returned_at=AS_OF), given_back("before", returned_at=AS_OF - TICK),
    ]  # fmt: skip
    assert part(returns(dms), "return_id", "amount", "known_at") == [("before", 4, moment("11-12 12:00")), ("edited", 0, moment("11-12 12:00"))]


def test_a_refund_counts_when_it_was_told_and_known_before_t_at_a_trusted_time():
    segment = [refund("known at t", known_at=AS_OF), refund("told at t", event_at=AS_OF), refund("suspect", event_time_suspect=True), refund("before", known_at=AS_OF - TICK, event_at=AS_OF - TICK)]
    assert part(returns(segment=segment), "return_id") == [("before",)]


def test_a_message_named_like_a_return_of_the_shop_is_another_return():
    found = returns([given_back("R-1", order_id="O-2")], [refund("R-1", products=[product("A", 1, Decimal(10))])])
    assert part(found, "return_id", "channel", "position") == [("R-1", "online", 1), ("R-1", "store", 1)]


def test_amounts_no_shop_ever_paid_back_stop_nobody():
    huge = Decimal("99999999999.99")
    found = returns(segment=[refund(total=huge, products=[product("A", 2_000_000_000, huge), product("B", None, huge), product("C", 1, huge)])])
    assert part(found, "position", "amount") == [(1, 0), (2, 0), (3, huge)]


def test_a_refund_told_under_a_shared_identifier_is_the_next_ones():
    shared = refund(identifier_value="kiosk", other_identifiers=[{"identifier_type": "user_id", "value": "u-1"}])
    assert part(returns(segment=[shared]), "customer_id", "amount") == [(person(1), 10)]
