"""customer_features: who is eligible, and every window edge: what happened exactly w days before T is in, a tick earlier is out."""

from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from omnichannel_assets.assets.steps import conserved
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES
from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, TICK, built, engine, identity, moment, part, person, register, version

LONG_AGO = moment("2025-01-01 00:00")
KNOWN = [identity("user_id", "u-1", 1, first_known_at=LONG_AGO), identity("customer_ref", "C-1", 1, first_known_at=LONG_AGO), identity("anonymous_id", "a-9", 9)]


def before(days: float):
    return AS_OF - timedelta(days=days)


def order(order_id: str, at, customer: int = 1, **columns) -> dict:
    row = {"order_id": order_id, "customer_id": person(customer), "channel": "store", "ordered_at": at, "known_at": at, "total": Decimal(10), "currency": "GBP", "status": "completed", "source": "dms"}
    return row | columns


def line(order_id: str, item_id: str, line_no: int = 1, quantity: int = 1, **columns) -> dict:
    return {"order_id": order_id, "line_no": line_no, "item_id": item_id, "quantity": quantity, "line_total": Decimal(5), "is_merchandise": True, "source": "dms"} | columns


def event(message_id: str, event_type: str, at, **columns) -> dict:
    row = {"message_id": message_id, "item_id": "", "event_type": event_type, "event_at": at, "known_at": at, "event_time_suspect": False}
    return row | {"identifier_type": "user_id", "identifier_value": "u-1", "other_identifiers": [], "received_day": AS_OF.date()} | columns


def returned(return_id: str, at, **columns) -> dict:
    row = {"return_id": return_id, "position": 1, "order_id": "O-1", "customer_id": person(1), "item_id": "A", "quantity": 1, "amount": Decimal(3)}
    return row | {"currency": "GBP", "channel": "store", "returned_at": at, "known_at": at} | columns


def product(product_id: str, category: str | None) -> dict:
    return {"product_id": product_id, "category": category, "is_merchandise": True}


def subscription(subscription_id: str, started, until: str | None = None, /, **columns) -> dict:
    row = {"subscription_id": subscription_id, "customer_id": "C-1", "started_at": started, "renews_at": None, "ended_at": None}
    return version("2026-01-01 00:00", until, **row | columns)


def features(*, eligible_days: int = 365, **inputs: list[dict]) -> list[dict]:
    inputs = {"identities": KNOWN, "orders": [order("O-1", before(10))]} | inputs
    return built("customer_features", parameters={"eligible_days": eligible_days}, **inputs)


def one(**inputs: list[dict]) -> dict:
    (found,) = features(**inputs)
    return found


def seen(days: float = 200) -> dict:
    """An event of somebody else: so long are events collected."""
    return event("m-first", "View", before(days), identifier_type="anonymous_id", identifier_value="a-9")


def test_no_orders_make_no_features():
    assert features(orders=[]) == []


@pytest.mark.parametrize(("at", "eligible"), [(before(365), 1), (before(365) - TICK, 0), (before(0) - TICK, 1)])
def test_a_customer_is_eligible_with_a_purchase_in_the_year_before(at, eligible):
    assert len(features(orders=[order("O-1", at)])) == eligible


@pytest.mark.parametrize(("eligible_days", "eligible"), [(10, 1), (9, 0), (0, 1)])
def test_how_long_ago_the_purchase_may_be_is_a_setting_and_zero_means_any(eligible_days, eligible):
    assert len(features(eligible_days=eligible_days)) == eligible


def test_of_every_customer_with_a_purchase_those_of_long_ago_have_no_orders_of_a_year():
    found = features(eligible_days=0, orders=[order("O-1", before(400)), order("O-2", before(800))])
    assert part(found, "recency_days", "orders_365_days", "spend_365_days", "average_order_value", "online_share", "mean_gap_days") == [(400, 0, 0, None, None, 400)]


def test_visitors_and_called_off_orders_make_nobody_eligible():
    orders = [order("O-1", before(5), status=" Cancelled "), order("O-2", before(5), 9), order("O-3", before(5), customer_id=None)]
    assert features(orders=orders) == []


@pytest.mark.parametrize("days", [7, 30, 90, 180, 365])
def test_spend_and_order_days_count_what_lies_in_the_window(days):
    orders = [order("O-in", before(days), total=Decimal(7)), order("O-out", before(days) - TICK, total=Decimal(100)), order("O-now", before(0) - TICK), order("O-off", before(1), status="voided")]
    found = one(orders=orders)
    assert found[f"spend_{days}_days"] == 17
    assert found[f"order_days_{days}_days"] == 2
    assert found["recency_days"] < 0.001


def test_several_orders_of_one_day_are_one_day_and_an_order_without_a_total_is_no_money():
    orders = [order("O-1", before(10), total=Decimal(8)), order("O-2", before(10) + timedelta(hours=2), total=None), order("O-3", before(40), total=Decimal(4))]
    found = one(orders=orders)
    assert (found["orders_365_days"], found["order_days_365_days"], found["spend_365_days"], found["average_order_value"]) == (3, 2, 12, 6)


def test_half_a_cent_of_a_mean_is_rounded_up():
    assert one(orders=[order("O-1", before(10), total=Decimal("143.32")), order("O-2", before(9), total=Decimal("143.33"))])["average_order_value"] == Decimal("143.33")


def test_rhythm_is_told_in_days():
    found = one(orders=[order("O-1", before(100)), order("O-2", before(90)), order("O-3", before(40))])
    assert (found["recency_days"], found["mean_gap_days"], found["longest_gap_days"], found["first_order_days"]) == (40, 30, 50, 100)
    assert found["recency_over_gap"] == pytest.approx(40 / 30)
    assert found["order_days_per_month"] == pytest.approx(0.9)
    assert one()["mean_gap_days"] is None


def test_pauses_between_days_with_a_purchase_are_told_by_their_longest_and_their_spread():
    found = one(orders=[order("O-1", before(100)), order("O-2", before(90)), order("O-3", before(40)), order("O-4", before(40) + timedelta(hours=3))])
    assert (found["longest_gap_days"], found["gap_spread_days"]) == (50, pytest.approx(800**0.5))
    assert one(orders=[order("O-1", before(100)), order("O-2", before(90))])["gap_spread_days"] is None


def test_what_was_ever_bought_counts_beyond_every_window():
    orders = [order("O-1", before(10)), order("O-2", before(500), total=Decimal(30))]
    lines = [line("O-1", "A"), line("O-2", "A"), line("O-2", "B", 2)]
    found = one(orders=orders, order_lines=lines, returns=[returned("R-1", before(400)), returned("R-2", before(200))])
    assert part([found], "order_days_ever", "spend_ever", "lines_ever", "distinct_items_ever", "distinct_items_365_days") == [(2, 40, 3, 2, 1)]
    assert part([found], "returned_items_90_days", "returned_items_365_days", "returned_items_ever") == [(0, 1, 2)]


def test_orders_of_each_channel():
    found = one(orders=[order("O-1", before(90), channel="online"), order("O-2", before(1)), order("O-3", before(2)), order("O-4", before(90) - TICK, channel="online")])
    assert part([found], "online_orders_90_days", "store_orders_90_days", "online_share") == [(1, 2, 0.5)]


def listed(product_id: str, price: str | None, known: str, until: str | None = None) -> dict:
    return version(known, until, product_id=product_id, price=Decimal(price) if price else None)


def test_a_discount_is_below_the_list_price_of_the_moment():
    orders = [order("O-1", before(20)), order("O-2", before(10)), order("O-3", before(365) - TICK)]
    changed = before(15).strftime("%Y-%m-%d %H:%M")
    prices = [listed("A", "5.00", "2025-01-01 00:00", changed), listed("A", "3.00", changed), listed("B", None, "2025-01-01 00:00")]
    sold = [("O-1", 1, "A", "4.00", 2), ("O-2", 1, "A", "4.00", 1), ("O-1", 2, "B", "1.00", 1), ("O-1", 3, "C", "1.00", 1), ("O-3", 1, "A", "1.00", 1)]
    lines = [line(number, item, place, quantity, unit_price=Decimal(price)) for number, place, item, price, quantity in sold]
    found = one(orders=orders, order_lines=lines, dms_products=prices)
    assert part([found], "discounted_lines_90_days", "discounted_share", "saved_365_days") == [(1, 0.5, 2)]
    assert part([one()], "discounted_lines_90_days", "discounted_share", "saved_365_days") == [(0, None, 0)]


def test_a_list_price_that_becomes_known_at_t_is_not_seen():
    known_at_t = listed("A", "9.00", AS_OF.strftime("%Y-%m-%d %H:%M"))
    found = one(order_lines=[line("O-1", "A", unit_price=Decimal(4))], dms_products=[listed("A", "4.00", "2025-01-01 00:00", AS_OF.strftime("%Y-%m-%d %H:%M")), known_at_t])
    assert found["discounted_lines_90_days"] == 0


def test_a_mean_over_a_few_days_is_no_rate_of_a_month():
    assert one(orders=[order("O-1", before(1))])["order_days_per_month"] == 1


def test_lines_items_and_categories_of_a_year():
    orders = [order("O-1", before(90), channel="online"), order("O-2", before(90) - TICK), order("O-3", before(365) - TICK)]
    lines = [line("O-1", "A", 1, 2), line("O-1", "B", 2), line("O-1", "POST", 3, is_merchandise=False), line("O-2", "A", 1), line("O-3", "Z", 1)]
    found = one(orders=orders, order_lines=lines, products=[product("A", "cups"), product("B", "bags")])
    assert (found["lines_365_days"], found["lines_90_days"], found["items_365_days"], found["distinct_items_365_days"]) == (3, 2, 4, 2)
    assert (found["top_category"], found["top_category_share"], found["categories_365_days"]) == ("cups", pytest.approx(2 / 3), 2)
    assert found["online_share"] == 0.5


def test_of_two_categories_alike_the_first_by_name_is_the_top_one():
    found = one(order_lines=[line("O-1", "A", 1), line("O-1", "B", 2)], products=[product("A", "cups"), product("B", "bags")])
    assert found["top_category"] == "bags"


def test_returns_of_ninety_days():
    given = [returned("R-1", before(90)), returned("R-2", before(90) - TICK), returned("R-3", before(0) - TICK), returned("R-4", before(1), position=0, item_id=None, amount=Decimal(-1))]
    found = one(returns=given)
    assert (found["returned_items_90_days"], found["returned_amount_90_days"]) == (2, 5)


@pytest.mark.parametrize(("event_type", "name"), [("View", "views"), ("AddToCart", "carts"), ("AddToWishlist", "wishes"), ("Search", "searches")])
@pytest.mark.parametrize("days", [30, 90])
def test_behaviour_counts_what_lies_in_the_window(event_type, name, days):
    events = [seen(), event("m-1", event_type, before(days)), event("m-2", event_type, before(days) - TICK), event("m-3", event_type, before(0) - TICK)]
    assert one(event_facts=events)[f"{name}_{days}_days"] == 2


def test_what_was_known_at_t_or_cannot_be_trusted_is_not_seen():
    hidden = [event("m-1", "View", before(1), known_at=AS_OF), event("m-2", "View", AS_OF, known_at=before(1)), event("m-3", "View", before(1), event_time_suspect=True)]
    found = one(event_facts=[seen(), *hidden, event("m-4", "View", before(1), known_at=AS_OF - TICK)])
    assert (found["views_30_days"], found["last_visit_days"]) == (1, 1)


def test_counts_of_behaviour_are_unknown_where_events_were_not_collected_that_long():
    found = one(event_facts=[seen(30), event("m-1", "View", before(3))])
    assert (found["views_30_days"], found["views_90_days"], found["mails_opened_90_days"]) == (1, None, None)
    found = one(event_facts=[seen(90)])
    assert (found["views_30_days"], found["views_90_days"], found["last_visit_days"]) == (0, 0, None)
    assert one()["views_30_days"] is None


def test_a_device_that_was_offline_for_long_does_not_tell_since_when_events_are_collected():
    late = event("m-1", "View", before(200), known_at=before(3))
    assert one(event_facts=[seen(10), late])["views_30_days"] is None
    assert one(event_facts=[seen(40), late])["views_30_days"] == 0


def test_mails_of_ninety_days_and_whether_they_ever_unsubscribed():
    mails = [event("m-1", "EmailDelivered", before(90)), event("m-2", "EmailDelivered", before(90) - TICK), event("m-3", "EmailOpened", before(80)), event("m-4", "EmailClicked", before(80))]
    found = one(event_facts=[seen(), *mails])
    assert part([found], "mails_delivered_90_days", "mails_opened_90_days", "mails_clicked_90_days", "has_unsubscribed") == [(1, 1, 1, False)]
    assert one(event_facts=[event("m-1", "Unsubscribed", before(150))])["has_unsubscribed"]
    found = one(event_facts=[event("m-1", "EmailOpened", before(5)), event("m-2", "EmailDelivered", before(1))])
    assert (found["last_visit_days"], found["last_mail_read_days"]) == (None, 5)


def test_a_mail_with_several_items_is_one_mail():
    opened = [event("m-1", "EmailOpened", before(5), item_id=item) for item in ("A", "B")]
    assert one(event_facts=[seen(), *opened])["mails_opened_90_days"] == 1


def test_a_subscription_is_active_by_its_start_and_end_never_by_its_status():
    def state(*rows: dict) -> tuple:
        return part([one(dms_subscriptions=list(rows))], "has_active_subscription", "subscription_age_days", "ended_subscriptions")[0]

    assert state() == (False, None, 0)
    assert state(subscription("S-1", before(40), status="cancelled")) == (True, 40, 0)
    assert state(subscription("S-1", before(40), ended_at=AS_OF)) == (True, 40, 0)
    assert state(subscription("S-1", before(40), ended_at=AS_OF - TICK, status="active")) == (False, None, 1)
    assert state(subscription("S-1", AS_OF)) == (False, None, 0)
    assert state(subscription("S-1", before(40), is_deleted=True)) == (False, None, 0)
    assert state(subscription("S-1", before(40)), subscription("S-2", before(70)), subscription("S-3", before(90), ended_at=before(5))) == (True, 70, 1)


def test_only_the_version_known_before_t_counts():
    ended = subscription("S-1", before(40), ended_at=before(1)) | {"valid_from": AS_OF, "known_at": AS_OF, "version": 2}
    found = one(dms_subscriptions=[subscription("S-1", before(40), "2026-11-20 00:00"), ended])
    assert (found["has_active_subscription"], found["ended_subscriptions"]) == (True, 0)


def test_a_renewal_is_read_from_recorded_changes_only_because_a_full_load_empties_what_changed_later():
    renews = {"renews_at": AS_OF + timedelta(days=12)}
    assert one(dms_subscriptions=[subscription("S-1", before(40), **renews)])["renewal_in_days"] == 12
    assert one(dms_subscriptions=[subscription("S-1", before(40), known_at_assumed=True, **renews)])["renewal_in_days"] is None
    assert one(dms_subscriptions=[subscription("S-1", before(40), renews_at=before(1))])["renewal_in_days"] is None


def test_renewals_are_the_recorded_dates_of_renewal_that_have_passed():
    def state(number: int, known: str, until: str | None, renews, **columns) -> dict:
        return subscription("S-1", before(100)) | version(known, until, **{"version": number, "renews_at": renews} | columns)

    recorded = [state(1, "2026-08-12 00:00", "2026-09-11 00:00", before(70)), state(2, "2026-09-11 00:00", "2026-10-11 00:00", before(40)), state(3, "2026-10-11 00:00", None, AS_OF)]
    assert one(dms_subscriptions=recorded)["subscription_renewals"] == 2
    assert one(dms_subscriptions=[row | {"known_at_assumed": True} for row in recorded])["subscription_renewals"] == 0
    moved = [recorded[0], state(2, "2026-09-11 00:00", "2026-09-20 00:00", before(40)), state(3, "2026-09-20 00:00", None, before(30))]
    assert one(dms_subscriptions=moved)["subscription_renewals"] == 2
    ended = state(3, "2026-10-11 00:00", None, None, ended_at=before(41))
    assert one(dms_subscriptions=[*recorded[:2], ended])["subscription_renewals"] is None
    assert one()["subscription_renewals"] is None


def test_identifiers_of_one_customer_count_together():
    ids = [*KNOWN, identity("anonymous_id", "a-1", 1, first_known_at=moment("2024-12-01 00:00"))]
    events = [seen(), event("m-1", "View", before(3)), event("m-2", "View", before(4), identifier_type="anonymous_id", identifier_value="a-1"), event("m-3", "View", before(4), identifier_value="u-2")]
    found = one(identities=ids, event_facts=events)
    assert found["views_30_days"] == 2
    assert found["known_days"] == (AS_OF - moment("2024-12-01 00:00")).days


def test_the_law_sees_a_lost_customer_a_doubled_one_and_one_with_other_orders():
    bound = PARAMETERS | {"eligible_days": 365}
    law = "conservation/customer_features"
    register("customer_features", law, identities=[*KNOWN, identity("user_id", "u-2", 2)], orders=[order("O-1", before(10)), order("O-2", before(20), 2), order("O-3", before(1), 9)])
    data = engine().model(CUSTOMER_FEATURES, bound)

    def holds(rows: pa.Table) -> bool:
        (outcome,) = conserved(engine(), CUSTOMER_FEATURES, rows, bound).values()
        return outcome.passed

    assert holds(data)
    assert not holds(data.slice(0, 1))
    assert not holds(pa.concat_tables([data, data.slice(0, 1)]))
    assert not holds(data.set_column(data.schema.get_field_index("orders_365_days"), "orders_365_days", pa.array([2, 1])))


def test_behaviour_under_a_shared_identifier_counts_for_the_next_one():
    shared = event("m-1", "View", before(3), identifier_value="kiosk", other_identifiers=[{"identifier_type": "customer_ref", "value": "C-1"}])
    assert one(event_facts=[shared, event("m-2", "View", before(3), identifier_value="kiosk"), seen()])["views_30_days"] == 1
