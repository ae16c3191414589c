"""training_examples: what happened after a cut-off, to whom, and when it is too early to say."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from omnichannel_assets_tests.models.rows import AS_OF, TICK, built, identity, person, version
from omnichannel_assets_tests.models.test_customer_features import order

CUT = AS_OF - timedelta(days=120)
CUT_DAY = CUT.date()


def customer(number: int, cutoff: date = CUT_DAY) -> dict:
    return {"customer_id": person(number), "cutoff": cutoff, "recency_days": 3.0, "order_days_30_days": 1}


def held(value: str, customer: int, identifier_type: str = "user_id", cutoff: date = CUT_DAY) -> dict:
    return {"cutoff": cutoff, "identifier_type": identifier_type, "identifier_value": value, "customer_id": person(customer)}


def after(days: float):
    return CUT + timedelta(days=days)


def subscription(ended=None, known=None, number: int = 1) -> list[dict]:
    """Active at the cut-off as known then; its end as known later."""
    row = {"subscription_id": f"S-{number}", "customer_id": "C-1", "started_at": after(-50)}
    first = version("2026-01-01 00:00", **row)
    if ended is None:
        return [first]
    known = known or ended
    return [first | {"valid_to": known}, version("2026-01-01 00:00", **row) | {"ended_at": ended, "valid_from": known, "known_at": known, "version": 2}]


def examples(orders: list[dict] = [], *, until=AS_OF, again: int = 30, leaving: int = 90, **inputs: list[dict]) -> list[dict]:  # noqa: B006
    inputs = {"cutoff_features": [customer(1)], "cutoff_identities": [held("u-1", 1)], "identities": [identity("user_id", "u-1", 1)]} | inputs
    bound = {"orders_until": until, "repurchase_days": again, "churn_days": leaving}
    return built("training_examples", parameters=bound, orders=orders, **inputs)


def labels(*arguments, **inputs) -> tuple:
    (found,) = examples(*arguments, **inputs)
    return found["repurchase"], found["inactivity"], found["subscription_churn"]


def test_no_customers_make_no_examples():
    assert examples(cutoff_features=[]) == []


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, (True, False)), (30 - 1e-6, (True, False)), (30, (False, False)), (90 - 1e-6, (False, False)), (90, (False, True)), (-1e-6, (False, True))],
)
def test_a_horizon_holds_its_first_instant_and_not_its_last(days, expected):
    assert labels([order("O-1", after(days))])[:2] == expected


def test_horizons_follow_the_settings():
    bought = [order("O-1", after(20)), order("O-2", after(59))]
    assert labels(bought, again=20, leaving=60)[:2] == (False, False)
    assert labels(bought, again=21, leaving=20)[:2] == (True, True)
    assert labels(until=after(59), leaving=60)[:2] == (False, None)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], 0),
        ([order("O-1", after(0), total=Decimal("7.50")), order("O-2", after(90) - TICK, total=Decimal(2))], Decimal("9.50")),
        ([order("O-1", after(0) - TICK), order("O-2", after(90)), order("O-3", after(3), status="cancelled"), order("O-4", after(4), total=None)], 0),
    ],
)
def test_future_spend_adds_up_the_orders_of_the_churn_horizon(orders, expected):
    assert examples(orders)[0]["future_spend"] == expected


def test_future_spend_waits_for_its_horizon_and_is_unknown_of_whom_nobody_knows_any_more():
    assert examples([order("O-1", after(3))], until=after(89))[0]["future_spend"] is None
    assert examples([order("O-1", after(3))], cutoff_identities=[held("u-7", 1)])[0]["future_spend"] is None


def test_nobody_buys_with_an_order_that_was_called_off():
    assert labels([order("O-1", after(3), status="cancelled")])[:2] == (False, True)


@pytest.mark.parametrize(("passed", "expected"), [(29, (None, None)), (30, (False, None)), (89, (False, None)), (90, (False, True))])
def test_a_label_waits_until_orders_tell_of_its_whole_horizon(passed, expected):
    assert labels(until=after(passed))[:2] == expected


def test_a_horizon_that_a_silent_order_feed_does_not_reach_is_not_closed_however_late_it_is_now():
    assert (AS_OF - CUT).days > 90
    assert labels([order("O-1", after(40))], until=after(41))[:2] == (False, None)


def test_a_customer_is_followed_through_any_identifier_to_who_holds_most_of_them():
    today = [identity("user_id", "u-1", 2), identity("anonymous_id", "a-1", 3), identity("anonymous_id", "a-2", 3)]
    then = [held("u-1", 1), held("a-1", 1, "anonymous_id"), held("a-2", 1, "anonymous_id")]
    (found,) = examples([order("O-1", after(3), 3)], identities=today, cutoff_identities=then)
    assert (found["heir_id"], found["repurchase"]) == (person(3), True)
    (found,) = examples([order("O-1", after(3), 3)], identities=today[:2], cutoff_identities=then[:2])
    assert (found["heir_id"], found["repurchase"]) == (person(2), False)


def test_two_customers_who_turned_out_to_be_one_share_what_the_one_did():
    then = [held("u-1", 1), held("u-2", 2)]
    today = [identity("user_id", "u-1", 1), identity("user_id", "u-2", 1)]
    found = examples([order("O-1", after(3), 1)], cutoff_features=[customer(1), customer(2)], cutoff_identities=then, identities=today)
    assert [(row["customer_id"], row["heir_id"], row["repurchase"]) for row in found] == [(person(1), person(1), True), (person(2), person(1), True)]


def test_whom_nobody_knows_any_more_has_no_label():
    assert labels(cutoff_identities=[held("u-7", 1)])[:2] == (None, None)


CARD = {"cutoff_identities": [held("C-1", 1, "customer_ref")], "identities": [identity("customer_ref", "C-1", 1)]}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        (subscription(), False),
        (subscription(after(0)), True),
        (subscription(after(90) - TICK), True),
        (subscription(after(90)), False),
        (subscription(after(5), AS_OF), False),
        (subscription(after(5), AS_OF - TICK), True),
        (subscription(after(-1)), None),
        ([*subscription(), *subscription(after(5), number=2)], True),
    ],
)
def test_a_subscription_churns_when_one_that_ran_at_the_cutoff_ends_inside_the_horizon(rows, expected):
    assert labels(dms_subscriptions=rows, **CARD)[2] is expected


def test_the_end_of_a_subscription_waits_for_the_horizon_too():
    assert labels(until=after(89), dms_subscriptions=subscription(after(5)), **CARD)[2] is None


def test_cutoffs_are_told_apart():
    other = (CUT - timedelta(days=30)).date()
    found = examples([order("O-1", after(3))], cutoff_features=[customer(1), customer(1, other)], cutoff_identities=[held("u-1", 1), held("u-1", 1, cutoff=other)])
    assert [(row["cutoff"], row["repurchase"], row["recency_days"]) for row in found] == [(other, False, 3.0), (CUT.date(), True, 3.0)]
