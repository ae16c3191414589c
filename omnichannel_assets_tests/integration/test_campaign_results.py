"""From audiences, orders and event files to what a campaign was worth."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from omnichannel_assets.assets import campaign_events, campaign_results, dms, landing
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_results import CAMPAIGN_OUTCOMES
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.test_deliveries import FIRST, NEXT, Shop, customers

CAMPAIGNS = """campaigns:
  win_back: {title: Win back, rule: churn_band = 'high', channels: {segment: []}, measured_days: 1}
"""


@pytest.fixture
def opened(shop: Shop, tmp_path: Path) -> Workspace:
    """A copy of the shop whose win-back counts one day, and whose landing zone may be added to."""
    shutil.copytree(shop.lake, tmp_path / "lake")
    shutil.copytree(shop.landing, tmp_path / "landing")
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGNS, encoding="utf-8")
    return running.workspace(tmp_path / "landing", tmp_path / "lake", campaigns=str(tmp_path / "campaigns.yaml"))


def results(opened: Workspace, *days: date) -> list[dict]:
    with opened.lake.writing():
        campaign_results.collect_outcomes(opened, days)
        campaign_results.judge_campaigns(opened, days)
    return running.rows(opened, "campaign_results")


def test_everybody_who_entered_is_followed_and_results_wait_for_their_days(opened):
    results(opened, FIRST, NEXT)
    rows = running.rows(opened, "campaign_outcomes")
    members = {row["customer_id"]: row["arm"] for row in running.rows(opened, "audiences") if row["audience"] == "win_back" and row["as_of"] == FIRST}
    told = {row["customer_id"]: row for row in rows if row["audience"] == "win_back" and row["as_of"] == NEXT}
    assert {customer: told[customer]["arm"] for customer in members} == members
    assert all(row["is_closed"] for row in told.values() if row["entered_on"] == FIRST)
    bought = {row["customer_id"] for row in running.rows(opened, "orders") if row["customer_id"] and row["ordered_at"].date() == FIRST and row["status"] == "completed"}
    assert {customer for customer, row in told.items() if row["purchased"]} == bought & set(told)
    verdicts = {(row["as_of"], row["audience"]): row["verdict"] for row in running.rows(opened, "campaign_results") if row["outcome"] == "spend" and row["part"] == "all"}
    assert verdicts[FIRST, "win_back"] == f"too early: the first of {len(members)} people have their days behind them on {NEXT}"
    assert verdicts[NEXT, "win_back"].startswith("cannot tell") and verdicts[NEXT, "repurchase_lookalike"].startswith("too early")


def test_another_run_rewrites_nothing(opened):
    results(opened, NEXT)
    before = running.lake_bytes(opened.lake.store.root)
    results(opened, NEXT)
    assert running.lake_bytes(opened.lake.store.root) == before


def drop_events(opened: Workspace, *events: str) -> None:
    """An event file of Connect, read and made part of the tables of today."""
    folder = Path(opened.settings.landing_uri) / "campaign-events" / "connect"
    folder.mkdir(parents=True)
    (folder / "part-1").write_text("".join(events), encoding="utf-8")
    with opened.lake.writing():
        landing.catalogue(opened)
        campaign_events.read_campaign_files(opened)


def connect_open(email: str) -> str:
    told = {"campaign_event_id": "e-1", "endpoint_address": f" {email.upper()} ", "campaign_name": "win-back", "campaign_event_timestamp": f"{FIRST}T09:00:00Z"}
    return json.dumps(told | {"campaign_event_type": "OPEN"})


def test_what_was_known_after_a_date_changes_no_results_of_it_and_those_of_the_next(opened):
    results(opened, FIRST, NEXT)
    before = running.lake_bytes(opened.lake.store.root)
    known = customers(opened)
    member = next(row["customer_id"] for row in running.rows(opened, "audiences") if row["audience"] == "win_back" and row["arm"] == "treatment" and row["as_of"] == FIRST)
    drop_events(opened, connect_open(known[member]["email"]))
    results(opened, FIRST, NEXT)
    after = running.lake_bytes(opened.lake.store.root)
    changed = [path for path in running.differing(before, after) if path.startswith("campaign_outcomes/") and path.endswith(".parquet")]
    assert [path for path in changed if f"as_of={FIRST}" in path] == [] and len(changed) == 1
    opened_by = {row["customer_id"] for row in running.rows(opened, "campaign_outcomes") if row["opened"]}
    assert member in opened_by


def given(opened: Workspace, people: int, lift: float) -> None:
    """Outcomes of a made-up campaign of one date: two sub-groups of which only one works."""
    rng, rows = np.random.default_rng(4), []
    for number in range(people):
        arm = "control" if number % 5 == 0 else "treatment"
        variant = None if arm == "control" else ("letter", "voucher")[number % 2]
        bought = bool(rng.random() < 0.1 + (lift if variant == "voucher" else 0.0))
        row = {"audience": "win_back", "as_of": NEXT, "customer_id": f"c_{number:016x}", "arm": arm, "variant": variant, "entered_on": FIRST, "is_closed": True}
        row |= {"purchased": bought, "orders": int(bought), "spend": Decimal(20 * bought), "unsubscribed": False, "orders_before": 1, "spend_before": Decimal(10)}
        rows.append(row | {"churn_band": "high", "repurchase_decile": 1 + number % 3, "delivered": arm == "treatment", "opened": False, "clicked": False})
    with opened.lake.writing():
        opened.lake.publish(CAMPAIGN_OUTCOMES, pa.Table.from_pylist(rows, schema=CAMPAIGN_OUTCOMES.arrow()), Provenance("by hand"), NEXT.isoformat())
        report = campaign_results.judge_campaigns(opened, [NEXT])
    assert [title for title, text in report.shown.items() if text.startswith("![win_back")] == [f"win_back as of {NEXT}"]


def test_arms_sub_groups_and_deciles_are_told_with_a_verdict(opened):
    given(opened, 4000, 0.15)
    rows = {(row["part"], row["label"], row["outcome"]): row for row in running.rows(opened, "campaign_results")}
    everybody = rows["all", "all", "purchased"]
    assert everybody["verdict"].startswith("more: +") and everybody["low"] < 0.075 < everybody["high"]
    assert rows["variant", "voucher", "purchased"]["verdict"].startswith("more: +")
    assert rows["variant", "letter", "purchased"]["verdict"].startswith("cannot tell: between -")
    assert {label for part, label, _ in rows if part == "repurchase_decile"} == {"1", "2", "3"}
    assert everybody["control_people"] == 800 and everybody["srm_p"] < 0.001  # a tenth was planned, a fifth was held out
    assert rows["all", "all", "unsubscribed"]["verdict"].startswith("cannot tell")


def test_events_of_files_are_read_once_bad_ones_set_aside_and_no_address_kept(opened):
    email, customer = next((row["email"], number) for number, row in customers(opened).items() if row["email"])
    drop_events(opened, connect_open(email), connect_open(email), "\nbroken\n")
    with opened.lake.writing():
        again = campaign_events.read_campaign_files(opened)
        dms.gather_quarantine(opened)
        campaign_events.build_campaign_events(opened)
    assert (again.count("rows_in"), again.count("rows_out"), again.count("quarantined"), again.rewritten) == (3, 2, 1, [])
    assert [(row["event_type"], row["customer_id"]) for row in running.rows(opened, "campaign_events") if row["channel"] == "connect"] == [("opened", customer)]
    assert [(row["rule"], row["position"], row["payload"]) for row in running.rows(opened, "quarantine") if row["origin"] == "campaign"] == [("invalid_json", 3, None)]
    assert email.lower() not in repr(running.rows(opened, "campaign_event_log")).lower()
