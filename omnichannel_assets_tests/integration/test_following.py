"""People merge, split and change id between deliveries: what each channel holds afterwards is what a first delivery of the final world would give it.

The only memory is that of controls: who was one stays one, under whatever id, in whatever part.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from omnichannel_assets.assets.applied_rules import changed_rules
from omnichannel_assets.assets.removals import held_customers
from omnichannel_assets.assets.rules_plan import apply_rules, plan_rules
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import landing_zone, running, scored
from omnichannel_assets_tests.integration.test_deliveries import (
    LAST_DAY,
    Shop,
    audience,
    customers,
    deliver,
    inbox,
    outbox,
    people,
)

HISTORY = "History01"
"""A source of imports of history: its links are known from when they happened, however late they arrive."""
START = LAST_DAY + timedelta(days=1)
OF_DELIVERIES = ("tables/delivery_ledger", "tables/destination_customers", "tables/deletion_requests", "sandbox", "outbox")


@dataclass
class Story:
    """A landing zone and a lake that go on day by day, and people met at the start."""

    landing: Path
    lake: Path
    options: dict
    blocked: frozenset[str] = frozenset()

    def opened(self, lake: Path | None = None) -> Workspace:
        found = running.workspace(self.landing, lake or self.lake, last_day=START + timedelta(days=9), history_sources=HISTORY, **self.options)
        found.__dict__["rules"] = replace(found.rules, blocked_values=found.rules.blocked_values | self.blocked)
        return found

    def arrives(self, day: date, *calls: dict, source: str = "WebShop01") -> None:
        landing_zone.put_segment(self.landing, f"day-{source}", calls, day=day, source=source)

    def goes_on(self, as_of: date, **high: str) -> Workspace:
        """The lake with everything that has arrived, scores of a date, and its delivery."""
        opened = self.opened()
        if changed_rules(opened):
            with opened.lake.writing():
                apply_rules(opened, plan_rules(opened).id)
        running.run_steps(opened)
        scored.give_scores(opened, as_of, changed={customer: {"churn_band": "high", "churn_score": 0.9} for customer in self.ids(opened, high.values())})
        deliver(opened, as_of)
        return opened

    def ids(self, opened: Workspace, values) -> list[str]:
        return [now(opened, value) for value in values]


def now(opened: Workspace, value: str) -> str | None:
    """The customer who has an identifier now."""
    found = [row["customer_id"] for row in running.rows(opened, "identities") if row["identifier_value"] == value and row["valid_to"] is None]
    return found[0] if found else None


def identify(name: str, day: date, **ids: str) -> dict:
    traits = {name: ids.pop(name) for name in ("email", "phone") if name in ids}
    return {"messageId": name, "type": "identify", "traits": traits, "timestamp": landing_zone.moment(day, 60), "receivedAt": landing_zone.moment(day, 60), **ids}


def state(opened: Workspace, as_of: date) -> dict:
    """What each channel holds: traits that say something, data sets, profiles in the campaign, and the files of a date."""
    profiles = {key: {name: value for name, value in traits.items() if value not in (None, False)} for key, traits in inbox(opened).segment_profiles().items()}
    files = {name: data for name, data in outbox(opened).items() if f"as_of={as_of}" in name}
    people = {key: fields for key, fields in inbox(opened).connect_profiles().items() if fields.get("Attributes.campaign_win_back") == "yes"}
    return {"segment": {key: traits for key, traits in profiles.items() if traits}, "personalize": inbox(opened).personalize_datasets(), "connect": people, "files": files}


def from_scratch(story: Story, as_of: date, folder: Path) -> dict:
    """What a first delivery of the world as it is now gives."""
    shutil.copytree(story.lake, folder)
    for name in OF_DELIVERIES:
        shutil.rmtree(folder / name, ignore_errors=True)
    opened = story.opened(folder)
    deliver(opened, as_of)
    return state(opened, as_of)


def in_win_back(opened: Workspace, as_of: date) -> set[str]:
    return people(outbox(opened)[f"connect/win_back/as_of={as_of}/profiles.csv"], "customer_id")


def removed(opened: Workspace, channel: str) -> Iterator[str]:
    return (row["state"] for row in opened.lake.read(DELETION_REQUESTS).to_pylist() if row["channel"] == channel and row["reason"] == "removed")


def test_merges_splits_and_new_ids_are_followed_at_every_channel_and_controls_stay_controls(shop: Shop, tmp_path: Path):
    story = Story(tmp_path / "landing", tmp_path / "lake", {})
    shutil.copytree(shop.landing, story.landing)
    shutil.copytree(shop.lake, story.lake)
    opened = story.goes_on(START)
    known = customers(opened)
    login = {customer: row["user_id"] for customer, row in known.items()}
    treated = sorted(audience(opened, START, "treatment"))
    control = sorted(c for c in audience(opened, START, "control") if login[c])[0]
    friend, newcomer = [c for c in treated if not login[c]][:2]
    member, renamed = [c for c in treated if login[c]][:2]
    visitors = {row["USER_ID"] for row in inbox(opened).personalize_datasets()["omnichannel/USERS"]}
    device, visitor = next(
        (row["identifier_value"], row["customer_id"])
        for row in running.rows(opened, "identities")
        if row["customer_id"] in visitors and not known[row["customer_id"]]["is_known"]
    )
    assert {friend, member, renamed} <= in_win_back(opened, START)

    # A control and a treated customer turn out to be one person; a visitor logs in; somebody without login is seen on a device.
    story.arrives(
        START,
        identify("join", START, userId=login[control], phone=known[friend]["phone"]),
        identify("login", START, userId=login[member], anonymousId=device),
        identify("device", START, anonymousId="device-of-newcomer", email=known[newcomer]["email"]),
    )
    second = START + timedelta(days=1)
    opened = story.goes_on(second, joined=login[control], newcomer=known[newcomer]["email"])
    joined = now(opened, login[control])
    assert joined == now(opened, known[friend]["email"])
    assert joined in audience(opened, second, "control") and joined not in in_win_back(opened, second)
    assert now(opened, device) != visitor
    assert visitor not in held_customers(opened, "personalize") and set(removed(opened, "personalize")) == {"done"}
    assert "win_back" in inbox(opened).segment_profiles()["device-of-newcomer"]
    assert state(opened, second) == from_scratch(story, second, tmp_path / "second")

    # The phone proves to be shared and is blocked, so the two are two again; an import tells of an older device; the newcomer gets a login.
    story.blocked = frozenset({known[friend]["phone"]})
    story.arrives(second, identify("newcomer", second, userId="login-of-newcomer", email=known[newcomer]["email"]))
    story.arrives(second, {**identify("old", second, userId=login[renamed], anonymousId="old-device"), "timestamp": "2019-01-01T00:00:00.000Z"}, source=HISTORY)
    third = second + timedelta(days=1)
    opened = story.goes_on(third, control=login[control], friend=known[friend]["email"], newcomer="login-of-newcomer", renamed=login[renamed])
    halves = {now(opened, login[control]), now(opened, known[friend]["email"])}
    assert len(halves) == 2 and not halves & in_win_back(opened, third)
    assert halves <= audience(opened, third, "control")
    assert now(opened, login[renamed]) != renamed
    assert renamed not in held_customers(opened, "connect") and set(removed(opened, "connect")) == {"done"}
    assert f"omnichannel/{renamed}" not in inbox(opened).connect_profiles()
    profiles = inbox(opened).segment_profiles()
    assert profiles["device-of-newcomer"]["win_back"] is False and profiles["login-of-newcomer"]["win_back"] is True
    assert state(opened, third) == from_scratch(story, third, tmp_path / "third")

    received = len(inbox(opened).requests())
    deliver(opened, third)
    assert len(inbox(opened).requests()) == received, "each removal happens once"


def test_a_changed_holdout_share_moves_nobody_who_is_in_the_campaign_and_draws_those_who_enter(shop: Shop, tmp_path: Path):
    """Over three dates: who was treated would spoil the control arm, and who was a control must never be reached."""
    shutil.copytree(shop.lake, tmp_path / "lake")
    for table in ("audiences", "control_identifiers", "audience_entries"):  # as if nothing had been chosen before
        shutil.rmtree(tmp_path / "lake" / "tables" / table)
    arms = []
    for day, share, seed in ((LAST_DAY - timedelta(days=1), 0.2, 1), (LAST_DAY, 0.6, 1), (START, 0.6, 2)):
        opened = running.workspace(shop.landing, tmp_path / "lake", holdout_share=share)
        scored.give_scores(opened, day, seed=seed)
        deliver(opened, day, channels=("segment",))
        arms.append({arm: audience(opened, day, arm) for arm in ("treatment", "control")})
    first, second, third = arms
    assert first == second and first["control"]
    stayed, entered = first["treatment"] | first["control"], (third["treatment"] | third["control"]) - first["treatment"] - first["control"]
    assert third["treatment"] & stayed <= first["treatment"] and third["control"] & stayed == first["control"] & (third["treatment"] | third["control"])
    assert len(third["control"] & entered) > 0.3 * len(entered) > 0
    logins = {row["user_id"] for customer, row in customers(opened).items() if customer in third["control"]}
    assert not {key for key, traits in inbox(opened).segment_profiles().items() if traits.get("win_back")} & logins
