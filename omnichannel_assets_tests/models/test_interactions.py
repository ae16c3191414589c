"""interactions: customer x item x event type x time; merchandise only, never without a customer."""

from decimal import Decimal

from omnichannel_assets_tests.models.rows import AS_OF, TICK, built, identity, moment, part, person

IDENTITIES = [identity("user_id", "u-1", 1), identity("anonymous_id", "a-2", 2), identity("user_id", "gone", 3, valid_to=moment("11-15 00:00").date())]


def fact(message_id: str = "m-1", event_type: str = "View", item_id: str = "P-1", **columns) -> dict:
    row = {"message_id": message_id, "item_id": item_id, "event_type": event_type, "event_at": moment("11-10 11:00"), "known_at": moment("11-10 11:01"), "event_time_suspect": False}
    return row | {"identifier_type": "user_id", "identifier_value": "u-1", "other_identifiers": [], "quantity": 1, "received_day": moment("11-10 00:00").date()} | columns


def order(order_id: str = "O-1", customer: int | None = 1, **columns) -> dict:
    row = {"order_id": order_id, "customer_id": person(customer) if customer else None, "channel": "online", "ordered_at": moment("11-11 00:00"), "known_at": moment("11-11 00:01")}
    return row | {"status": "completed", "source": "both", "message_id": "m-9"} | columns


def line(order_id: str, line_no: int, item_id: str = "P-1", quantity: int = 1, line_total: object = None, is_merchandise: bool = True) -> dict:
    return {"order_id": order_id, "line_no": line_no, "item_id": item_id, "quantity": quantity, "line_total": line_total, "is_merchandise": is_merchandise, "source": "dms"}


def given_back(return_id: str = "R-1", position: int = 1, **columns) -> dict:
    row = {"return_id": return_id, "position": position, "order_id": "O-1", "customer_id": person(1), "item_id": "P-1", "quantity": 1, "amount": Decimal(2), "channel": "store"}
    return row | {"returned_at": moment("11-12 00:00"), "known_at": moment("11-12 00:01")} | columns


def interactions(facts: list[dict] = [], orders: list[dict] = [], lines: list[dict] = [], returns: list[dict] = [], suite: bool = False) -> list[dict]:  # noqa: B006
    return built("interactions", suite=suite, event_facts=facts, orders=orders, order_lines=lines, returns=returns, identities=IDENTITIES)


def test_no_rows_make_no_interactions_and_keep_every_expectation():
    assert interactions(suite=True) == []


def test_every_kind_of_behaviour_purchase_and_return_is_a_row_that_keeps_every_expectation():
    kinds = ["View", "Click", "AddToCart", "RemoveFromCart", "AddToWishlist", "RemoveFromWishlist"]
    without_item = ["Search", "PromotionView", "PromotionClick"]
    facts = [*(fact(kind, kind) for kind in kinds), *(fact(kind, kind, "") for kind in without_item)]
    found = interactions(facts, [order()], [line("O-1", 1)], [given_back()], suite=True)
    assert sorted(row["event_type"] for row in found) == sorted([*kinds, *without_item, "Purchase", "Return"])
    assert {row["event_type"] for row in found if row["item_id"] is None} == set(without_item)


def test_email_events_are_no_interactions():
    assert interactions([fact(kind, kind, "") for kind in ("EmailDelivered", "EmailOpened", "EmailClicked", "EmailBounced", "EmailMarkedAsSpam", "Unsubscribed")]) == []


def test_behaviour_keeps_its_message_quantity_and_value():
    (found,) = interactions([fact(quantity=3, value=Decimal("9.99"), identifier_type="anonymous_id", identifier_value="a-2")])
    assert found == {
        "customer_id": person(2), "item_id": "P-1", "event_type": "View", "event_at": moment("11-10 11:00"), "known_at": moment("11-10 11:01"), "channel": "online",
        "quantity": 3, "value": Decimal("9.99"), "order_id": None, "message_id": "m-1",
    }  # fmt: skip


def test_an_event_with_no_id_at_all_is_in_no_interaction():
    nobody = [fact(identifier_type=None, identifier_value=None), fact("m-2", identifier_value="unknown"), fact("m-3", identifier_value="gone"), fact("m-4", identifier_type="email")]
    assert interactions(nobody, [order(customer=None)], [line("O-1", 1)], [given_back(customer_id=None)]) == []


def test_an_event_about_an_item_that_names_none_is_left_out():
    assert interactions([fact(item_id="")]) == []


def test_what_is_no_merchandise_is_left_out_everywhere():
    returns = [given_back(item_id="POST"), given_back("R-2", 0, item_id=None)]
    found = interactions([fact(item_id="POST"), fact("m-2", item_id="POSTER")], [order()], [line("O-1", 1, "POST", is_merchandise=False), line("O-1", 2)], returns)
    assert part(found, "event_type", "item_id") == [("View", "POSTER"), ("Purchase", "P-1")]


def test_the_same_item_twice_in_an_order_is_one_row_with_quantities_and_money_summed():
    lines = [line("O-1", 1, quantity=2, line_total=Decimal(3)), line("O-1", 2, quantity=1, line_total=Decimal("1.50")), line("O-1", 3, "P-2")]
    assert part(interactions(orders=[order()], lines=lines), "item_id", "quantity", "value", "order_id", "message_id") == [
        ("P-1", 3, Decimal("4.50"), "O-1", "m-9"), ("P-2", 1, None, "O-1", "m-9"),
    ]  # fmt: skip


def test_purchases_are_online_and_in_store_and_cancelled_ones_are_none():
    orders = [order("O-1"), order("O-2", channel="store", message_id=None), order("O-3", status="cancelled"), order("O-4", status="voided"), order("O-5", status=None)]
    found = interactions(orders=orders, lines=[line(f"O-{n}", 1) for n in range(1, 7)])
    assert part(found, "order_id", "channel") == [("O-1", "online"), ("O-2", "store"), ("O-5", "online")]


def test_returns_of_one_item_at_one_moment_are_one_row_and_of_two_messages_two():
    returns = [
        given_back("R-1"), given_back("R-2", quantity=2, amount=Decimal(5)), given_back("R-3", returned_at=moment("11-13 00:00")),
        given_back("m-1", channel="online"), given_back("m-1", 2, channel="online"), given_back("m-2", channel="online"), given_back("R-4", order_id=None),
    ]  # fmt: skip
    found = interactions(returns=returns)
    assert part(found, "event_at", "order_id", "channel", "message_id", "quantity", "value") == [
        (moment("11-12 00:00"), "O-1", "online", "m-1", 2, 4),
        (moment("11-12 00:00"), "O-1", "online", "m-2", 1, 2),
        (moment("11-12 00:00"), "O-1", "store", None, 3, 7),
        (moment("11-12 00:00"), None, "store", None, 1, 2),
        (moment("11-13 00:00"), "O-1", "store", None, 1, 2),
    ]


def test_a_time_at_or_after_t_or_untrusted_is_outside():
    facts = [fact("known at t", known_at=AS_OF), fact("at t", event_at=AS_OF), fact("suspect", event_time_suspect=True), fact("before", event_at=AS_OF - TICK, known_at=AS_OF - TICK)]
    assert part(interactions(facts), "message_id") == [("before",)]


def test_one_message_about_two_items_is_two_rows_at_one_time():
    assert part(interactions([fact(item_id="P-2"), fact(item_id="P-1")]), "item_id") == [("P-1",), ("P-2",)]


def test_behaviour_at_a_shared_device_is_the_next_identifiers_or_nobodys():
    device = {"identifier_type": "anonymous_id", "identifier_value": "kiosk"}
    facts = [fact("m-1", **device), fact("m-2", **device, other_identifiers=[{"identifier_type": "anonymous_id", "value": "a-2"}])]
    assert part(interactions(facts), "message_id", "customer_id") == [("m-2", person(2))]
