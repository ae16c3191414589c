"""Thirty days of campaigns over a small shop in which people merge, split, opt out and are erased: who was reached, held against who might be.

Files arrive day by day; each as-of date is scored by hand, chosen and delivered once. What channels hold is read from the sandbox and the
outbox, who may be reached from the plan of this page.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import erasing, running, scored
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration.test_deliveries import customers, deliver, inbox, outbox, people

FIRST = zone.DAY
DAYS = 30
PEOPLE = 40
CAMPAIGNS = """
contacts_a_week: 1
guards: {removals: 1, growth: 1000, stale_days: 60}
campaigns:
  win_back: {title: Win back, rule: churn_band = 'high', channels: {segment: [], connect: [churn_band]}, holdout: 0.3, priority: 1}
  loyal: {title: Loyal, rule: repurchase_decile = 1, channels: {segment: [], connect: []}, holdout: 0.3, priority: 2}
"""
NAMES = ("win_back", "loyal")
MERGED, SPLIT = {"C-20", "C-21", "C-22", "C-23"}, {"C-10", "C-11"}
OPTED_OUT = {5: "C-1", 12: "C-2"}
ERASED = {13: "C-3"}
ARRIVALS = (5, 13, 29)
"""After which days the shop's files are read; the as-of dates since then are delivered one after the other."""
CONNECT_EVERY = 5
"""Days between two deliveries to Connect. Scores change every five days, so that the cap of a week meets changes inside of it."""


def email(ref: str) -> str:
    return f"{ref.lower()}@example.com"


def identify(message: str, day: int, user: str | None, device: str | None = None, address: str | None = None, seconds: float = 3600) -> dict:
    traits = {"email": address} if address else {}
    return zone.call(message, FIRST + timedelta(days=day), seconds, type="identify", event=None, properties=None, userId=user, anonymousId=device, traits=traits)


def calls_of(day: int) -> list[dict]:
    """What Segment's source says on a day."""
    calls = [zone.call(f"view-{day}", FIRST + timedelta(days=day))]
    if day == 0:
        calls += [identify(f"login-{n}", 0, f"u-{n}", address=email(f"C-{n}"), seconds=7200 + n) for n in range(PEOPLE) if n not in (10, 21, 23)]
        calls += [identify("device-10", 0, "u-10", "dev-10", seconds=9000), identify("mail-10", 0, None, "dev-10", email("C-10"), seconds=9100)]
    if day == 5:
        calls.append(zone.call("opt-out-1", FIRST + timedelta(days=5), event="Unsubscribed", userId="u-1", properties={}))
    if day == 9:
        calls += [identify("merge-1", 9, "u-20", address=email("C-21")), identify("merge-2", 9, "u-22", address=email("C-23"))]
    return calls


def shop_rows() -> tuple[list[str], list[str]]:
    refs = [f"C-{n}" for n in range(PEOPLE)]
    return [zone.customer(ref, email=email(ref)) for ref in refs], [zone.shop_order(f"O-{ref}", ref) for ref in refs]


def write_day(landing: Path, day: int) -> None:
    zone.put_segment(landing, "calls", calls_of(day), day=FIRST + timedelta(days=day))
    if day == 0:
        rows, orders = shop_rows()
        zone.put_table(landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, *rows)
        zone.put_table(landing, "orders", "LOAD00000001.csv", zone.ORDERS, *orders)
        zone.put_table(landing, "products", "LOAD00000001.csv", zone.PRODUCTS, "I,P-1,Soap,bath,10.00,GBP,active,2025-01-01 00:00:00,2025-01-01 00:00:00,2025-03-01 00:00:00")
    if day == 13:  # a file that is late: the device was another's before, so C-10 goes to that person
        zone.put_segment(landing, "late", [identify("late-11", 0, "u-11", "dev-10", seconds=8000)], day=FIRST)
    if day == 12:
        at = f"{FIRST + timedelta(days=12)} 12:00:00"
        row = zone.csv_line(["U", "C-2", "Ada", "Lovelace", email("C-2"), r"\N", r"\N", r"\N", r"\N", "GB", r"\N", "f", "2025-01-01 00:00:00", at, f"{at}.000000"])
        zone.put_table(landing, "customers", f"{FIRST + timedelta(days=12):%Y%m%d}-130000000.csv", zone.CUSTOMERS, row)


@dataclass
class Seen:
    """What was seen day after day, by customer number of the shop."""

    arms: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    entries: dict[str, list[tuple[date, str]]] = field(default_factory=lambda: defaultdict(list))
    reached: int = 0
    kinds: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def owners(opened: Workspace) -> dict[str, dict[str, str]]:
    """Identifier type -> value -> customer, as things stand."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in running.rows(opened, "identities"):
        if row["valid_to"] is None:
            found[row["identifier_type"]][row["identifier_value"]] = row["customer_id"]
    return found


def look(opened: Workspace, as_of: date, day: int, seen: Seen, held_before: dict) -> dict:
    """Hold what the channels hold after a delivery against who may be reached."""
    owner = owners(opened)
    arms = {(row["audience"], row["customer_id"]): row["arm"] for row in running.rows(opened, "audiences") if row["as_of"] == as_of}
    refs = defaultdict(set)
    for ref, customer in owner["customer_ref"].items():
        refs[customer].add(ref)
        for name in NAMES:
            if (name, customer) in arms:
                seen.arms[name, ref].append(arms[name, customer])
    gone = {ref for since, ref in {**OPTED_OUT, **ERASED}.items() if since <= day}
    profiles, files, held = inbox(opened).segment_profiles(), outbox(opened), {}
    for name in NAMES:
        keys = {key for key, traits in profiles.items() if traits.get(name)}
        at_segment = {(owner["user_id"] | owner["anonymous_id"]).get(key, f"nobody's {key}") for key in keys}
        at_connect = people(files.get(f"connect/{name}/as_of={as_of}/profiles.csv", b"customer_id\n"), "customer_id")
        profiles_there = inbox(opened).connect_profiles() if day % CONNECT_EVERY == 0 else {}  # between two deliveries Connect is not told
        in_segment = {key.partition("/")[2] for key, fields in profiles_there.items() if fields.get(f"Attributes.campaign_{name}") == "yes"}
        for where, found in (("segment", at_segment), ("connect's file", at_connect), ("connect", in_segment)):
            held[where, name] = found
            seen.reached += len(found)
            seen.wrong += [f"{as_of} {where} {name}: {customer} is {arms.get((name, customer))}" for customer in found if arms.get((name, customer)) != "treatment"]
            seen.wrong += [f"{as_of} {where} {name}: {refs[customer] & gone} may not be reached" for customer in found if refs[customer] & gone]
        entered = at_segment - held_before.get(("segment", name), set())
        for customer in entered:
            for ref in refs[customer]:
                seen.entries[ref].append((as_of, name))
    return held


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("days")
    (folder / "campaigns.yaml").write_text(CAMPAIGNS)
    landing, found, held, next_day = folder / "landing", Seen(), {}, 0
    for last in ARRIVALS:
        for day in range(next_day, last + 1):
            write_day(landing, day)
        opened = running.workspace(landing, folder / "lake", campaigns=str(folder / "campaigns.yaml"))
        running.run_steps(opened)
        for day in range(next_day, last + 1):
            if day in ERASED:  # the last day of its arrival
                erasing.erase(opened, email(ERASED[day]))
            as_of = FIRST + timedelta(days=day + 1)
            week = day // 5
            deciles = {customer: {"repurchase_decile": random.Random(f"{week} {customer}").choice([1, 1, 5])} for customer in customers(opened)}
            scored.give_scores(opened, as_of, seed=week, changed=deciles)
            deliver(opened, as_of, channels=("segment", "connect")[: 1 if day % CONNECT_EVERY else 2])
            held = look(opened, as_of, day, found, held)
        next_day = last + 1
    found.kinds = {row["change"] for table in ("identity_changes", "identity_corrections") for row in running.rows(opened, table)}
    return found


def test_nobody_is_reached_who_is_a_control_opted_out_or_was_erased(seen):
    assert seen.wrong == []
    assert seen.reached > 300 and {"merge", "split"} <= seen.kinds, "a month without members, merges and splits proves nothing"
    assert {arm for arms in seen.arms.values() for arm in arms} == {"treatment", "control"}


def test_arms_are_stable_and_whoever_was_a_control_stays_one(seen):
    for (_, ref), arms in seen.arms.items():
        assert arms == sorted(arms, reverse=True), f"{ref}: a control came to be treated"  # treatment, then control
        assert len(set(arms)) == 1 or ref in MERGED | SPLIT, f"{ref}: another arm without another identity"


def test_nobody_is_contacted_more_often_than_the_cap_allows(seen):
    counted = {ref: sorted(entries) for ref, entries in seen.entries.items() if ref not in MERGED | SPLIT}
    assert sum(map(len, counted.values())) > 30
    for ref, entries in counted.items():
        days = [day for day, _ in entries]
        assert all((later - earlier).days >= 7 for earlier, later in pairwise(days)), (ref, entries)
