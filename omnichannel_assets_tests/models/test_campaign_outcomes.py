"""What people in campaigns did: everybody by intention to treat, in the days that count, from what was known."""

from datetime import date
from decimal import Decimal

from omnichannel_assets_tests.models.people import order
from omnichannel_assets_tests.models.rows import built, identity, moment, person
from omnichannel_assets_tests.models.test_campaign_heirs import U1, U2, entered

DAYS = [{"audience": "win_back", "days": 5}]


def outcomes(*rows: dict, identities: list[dict] | None = None, **inputs: list[dict]) -> dict[str, dict]:
    known = identities or [U1, U2]
    found = built("campaign_outcomes", audiences_until=list(rows), campaign_days=DAYS, identities_history=known, identities=known, **inputs)
    return {row["customer_id"][-1]: row for row in found}


def event(event_type: str, at: str, campaign: str = "win-back-2026-11-01", customer: int = 1, **columns) -> dict:
    told = {"event_id": f"{event_type} {at} {campaign} {customer}", "channel": "connect", "campaign": campaign, "event_type": event_type, "event_at": moment(at)}
    return told | {"known_at": moment(at), "customer_id": person(customer), "is_machine": False} | columns


def test_purchases_count_from_the_midnight_of_entering_until_the_days_are_over():
    at = ("10-31 23:59", "11-01 00:00", "11-05 23:59", "11-06 00:00")
    row = outcomes(entered(1), orders=[order(f"o{n}", 10, at=when) for n, when in enumerate(at)])["1"]
    assert (row["orders"], row["spend"], row["purchased"]) == (2, Decimal(20), True)
    assert (row["orders_before"], row["spend_before"]) == (1, Decimal(10))


def test_who_was_never_reached_counts_as_everybody_else():
    rows = outcomes(entered(1), entered(2, "control"), campaign_events=[event("delivered", "11-01 09:00")])
    assert {number: (row["arm"], row["delivered"], row["purchased"]) for number, row in rows.items()} == {"1": ("treatment", True, False), "2": ("control", False, False)}


def test_an_order_called_off_is_no_purchase():
    assert outcomes(entered(1), orders=[order("o", 10, status="Cancelled", at="11-02 00:00")])["1"]["orders"] == 0


def test_days_are_closed_when_all_of_them_are_past():
    rows = outcomes(entered(1, as_of=date(2026, 11, 15)), entered(2, as_of=date(2026, 11, 16)))
    assert (rows["1"]["is_closed"], rows["2"]["is_closed"]) == (True, False)


def test_opens_of_machines_and_of_other_campaigns_are_no_interest():
    told = [event("opened", "11-01 09:00", is_machine=True), event("clicked", "11-01 10:00", "win_backwards"), event("opened", "11-07 09:00")]
    row = outcomes(entered(1), campaign_events=told)["1"]
    assert (row["opened"], row["clicked"]) == (False, False)
    row = outcomes(entered(1), campaign_events=[event("opened", "11-01 09:00", "win_back"), event("clicked", "11-02 09:00")])["1"]
    assert (row["opened"], row["clicked"]) == (True, True)


def test_unsubscribing_from_anything_counts():
    assert outcomes(entered(1), campaign_events=[event("unsubscribed", "11-02 00:00", "news")])["1"]["unsubscribed"] is True


def test_the_scores_they_entered_with_are_kept():
    scores = [{"customer_id": person(1), "as_of": date(2026, 11, day), "churn_band": band, "repurchase_decile": day} for day, band in ((1, "high"), (2, "low"))]
    row = outcomes(entered(1), entered(1, as_of=date(2026, 11, 2), since=date(2026, 11, 1)), scores_until=scores)["1"]
    assert (row["churn_band"], row["repurchase_decile"]) == ("high", 1)


def test_who_became_one_and_who_is_nobody_any_more_are_accounted_for():
    now = [identity("user_id", "U1", 1), identity("user_id", "U2", 1)]
    found = built("campaign_outcomes", audiences_until=[entered(1), entered(2), entered(3)], campaign_days=DAYS, identities_history=[U1, U2], identities=now)
    assert [row["customer_id"] for row in found] == [person(1)]  # and the conservation law holds
