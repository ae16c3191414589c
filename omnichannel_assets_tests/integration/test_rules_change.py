"""Changed identity rules: nothing is made with them before somebody looked and applied; the past re-splits, and comes back byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnichannel_assets.assets import identity, links, segment
from omnichannel_assets.assets.applied_rules import RULES_KEY, changed_rules
from omnichannel_assets.assets.rules_plan import RulesPlan, apply_rules, plan_rules
from omnichannel_assets.definitions import build_definitions
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

AS_OF = {"as_of": "2025-03-20", "first_day": "2025-03-01", "last_day": "2025-03-31"}
PLAIN = "shared: {customers: off}\n"
TIGHT = PLAIN + "limits: {user_id: 1 ever, email: 1 ever, phone: 5 a year, customer_ref: 5 ever}\n"
BLOCKING = PLAIN + 'blocked: {values: ["-1", "null", "anonymous", "bridge"]}\n'
COMPOSITE = PLAIN + "composites: {name_plan: [last_name, plan]}\n"
EVENTS = [
    # u-1 and a second e-mail; u-2 alone; two visitors joined by the device id `bridge`, who also tell the same name and plan as u-2
    zone.call("m1", seconds=1, type="identify", userId="u-1", traits={"email": "a@example.com"}),
    zone.call("m2", seconds=2, type="identify", userId="u-1", traits={"email": "b@example.com"}),
    zone.call("m3", seconds=3, type="identify", userId="u-2", traits={"lastName": "Hopper", "plan": "gold"}),
    zone.call("m4", seconds=4, userId=None, anonymousId="a-1"),
    zone.call("m5", seconds=5, userId=None, anonymousId="a-2", context={"traits": {"last_name": "hopper", "plan": "Gold"}}),
    *(zone.call(f"m{n}", seconds=n, userId=None, anonymousId=f"a-{n - 5}", context={"device": {"type": "ios", "id": "bridge"}}) for n in (6, 7)),
]
TOGETHER = {frozenset({"a-1", "a-2", "bridge"}), frozenset({"u-1", "a@example.com", "b@example.com"}), frozenset({"u-2"})}


class Shop:
    """A landing zone, its lake and the rules file in force."""

    def __init__(self, folder: Path):
        self.folder, self.landing, self.lake = folder, folder / "landing", folder / "lake"
        zone.put_segment(self.landing, "a", EVENTS)
        self.rules(PLAIN)

    def rules(self, text: str) -> None:
        (self.folder / "rules.yaml").write_text(text)

    @property
    def opened(self) -> Workspace:
        return running.workspace(self.landing, self.lake, identity_rules=str(self.folder / "rules.yaml"), **AS_OF)

    def resolve(self) -> None:
        """Every step up to the identities."""
        opened = self.opened
        with opened.lake.writing():
            for step in running.steps(opened):
                done = step()
                if not isinstance(done, tuple) and done.table.name == "identities":
                    return

    def apply(self) -> RulesPlan:
        opened = self.opened
        with opened.lake.writing():
            return apply_rules(opened, plan_rules(opened).id)

    def groups(self) -> set[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for row in running.rows(self.opened, "identities"):
            if row["valid_to"] is None:
                found.setdefault(row["customer_id"], set()).add(row["identifier_value"])
        return {frozenset(group) for group in found.values()}

    def corrections(self) -> list[tuple[str, str]]:
        return sorted((row["change"], row["cause"]) for row in running.rows(self.opened, "identity_corrections"))


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.resolve()
    assert made.groups() == TOGETHER
    yield made


GATED = {
    "event_facts": lambda opened: segment.build_facts(opened, EVENT_FACTS),
    "order_facts": lambda opened: segment.build_facts(opened, ORDER_FACTS),
    "identifiers": links.collect_links,
    "identities": identity.resolve_identities,
}


def test_no_step_uses_changed_rules_before_they_are_applied(shop):
    before = running.lake_bytes(shop.lake, without=())
    shop.rules(TIGHT)
    for step in GATED.values():
        with pytest.raises(UserError, match=r"^IDENTITY_RULES: limits\.email changed since [^\n]+; applying them splits 1, merges 0 [^\n]+ Fix: omnichannel identity plan, [^\n]+$"):
            step(shop.opened)
    assert running.lake_bytes(shop.lake, without=()) == before
    shop.apply()
    for step in GATED.values():
        step(shop.opened)


def test_a_plan_tells_what_would_happen_and_writes_nothing(shop):
    before = running.lake_bytes(shop.lake, without=())
    shop.rules(TIGHT)
    plan = plan_rules(shop.opened)
    assert [(change.name, change.before, change.after) for change in plan.changed] == [("limits.email", "5 a year", "1 ever")]
    assert (plan.effects.split, plan.effects.merge, plan.effects.rekey, plan.effects.end, plan.effects.new) == (1, 0, 0, 0, 0)
    ((change, customer, parts),) = plan.effects.examples
    assert (change, len(parts), customer in parts) == ("split", 2, True)
    assert running.lake_bytes(shop.lake, without=()) == before


def test_a_plan_that_rules_or_data_have_left_behind_is_refused_and_changes_nothing(shop):
    shop.rules(TIGHT)
    plan = plan_rules(shop.opened).id
    assert plan_rules(shop.opened).id == plan
    shop.rules(BLOCKING)
    before = running.lake_bytes(shop.lake, without=())
    with pytest.raises(UserError, match=rf"^identity apply: expected [0-9a-f]{{12}}, [^\n]+ got {plan}: "):
        apply_rules(shop.opened, plan)
    shop.rules(TIGHT)
    zone.put_segment(shop.landing, "b", [zone.call("m9", userId="u-9")])
    opened = shop.opened
    with opened.lake.writing():
        for step in itertools.islice(running.steps(opened), 3):  # the new file is catalogued and staged
            step()
    with pytest.raises(UserError, match=r"rules or data have moved"):
        apply_rules(shop.opened, plan)
    after = running.lake_bytes(shop.lake, without=())
    assert [path for path in running.differing(before, after) if "identi" in path] == []


def test_rules_that_are_already_applied_need_no_plan(shop):
    with pytest.raises(UserError, match="already applied"):
        apply_rules(shop.opened, "any")


@pytest.mark.parametrize(
    ("rules", "changes", "groups"),
    [
        (TIGHT, ["split"] * 2, TOGETHER - {frozenset({"u-1", "a@example.com", "b@example.com"})} | {frozenset({"u-1", "a@example.com"}), frozenset({"b@example.com"})}),
        (BLOCKING, ["split"] * 2, TOGETHER - {frozenset({"a-1", "a-2", "bridge"})} | {frozenset({"a-1"}), frozenset({"a-2"})}),
        (COMPOSITE, ["merge"], {frozenset({"u-2", "a-1", "a-2", "bridge", "hopper|gold"}), frozenset({"u-1", "a@example.com", "b@example.com"})}),
    ],
    ids=["a tighter limit", "a blocked value", "a composite"],
)
def test_applied_rules_hold_for_the_past_and_taking_them_back_restores_every_byte(shop, rules, changes, groups):
    running.run_steps(shop.opened)
    before, journal = running.lake_bytes(shop.lake), (shop.lake / RULES_KEY).read_bytes()
    shop.rules(rules)
    shop.apply()
    running.run_steps(shop.opened)
    assert shop.groups() == groups
    assert shop.corrections() == [(change, "rules changed") for change in changes]
    fresh = Shop(shop.folder / "fresh")
    fresh.rules(rules)
    running.run_steps(fresh.opened)
    assert running.differing(running.lake_bytes(fresh.lake), running.lake_bytes(shop.lake)) == []
    shop.rules(PLAIN)
    shop.apply()
    running.run_steps(shop.opened)
    assert running.differing(running.lake_bytes(shop.lake), before) == []
    assert (shop.lake / RULES_KEY).read_bytes() == journal
    assert shop.groups() == TOGETHER


def test_a_crash_while_a_plan_is_applied_leaves_rules_that_the_next_run_goes_on_with(shop):
    shop.rules(TIGHT)

    def crash(key: str) -> None:
        if key.startswith("tables/identities/"):
            raise OSError("the machine stops here")

    stopped = running.workspace(shop.landing, shop.lake, before_write=crash, identity_rules=str(shop.folder / "rules.yaml"), **AS_OF)
    with stopped.lake.writing(), pytest.raises(OSError, match="stops here"):
        apply_rules(stopped, plan_rules(stopped).id)
    assert shop.groups() == TOGETHER
    shop.resolve()
    assert frozenset({"b@example.com"}) in shop.groups()
    assert shop.corrections() == [("split", "rules changed")] * 2


def test_links_that_come_late_are_corrected_under_that_cause(shop):
    zone.put_segment(shop.landing, "late", [zone.call("m0", seconds=0, type="identify", userId="u-2", anonymousId="a-1")])
    shop.resolve()
    assert {cause for _, cause in shop.corrections()} == {"late links"}


def test_a_fresh_lake_and_one_without_a_record_of_its_rules_are_not_held_up(shop):
    (shop.lake / RULES_KEY).unlink()
    shop.rules(TIGHT)
    shop.resolve()
    assert frozenset({"b@example.com"}) in shop.groups()
    assert (shop.lake / RULES_KEY).exists()


EVERY_KIND = """
limits: {user_id: 2 ever, email: 5 a year, phone: 5 a month, customer_ref: 5 ever, name_plan: 1 ever}
default_limit: 9 a week
priority: [email]
blocked: {values: ["-1"], patterns: ['^[0-]*$', 'test.*']}
composites: {name_plan: [last_name, plan|tariff]}
shared: {customers: 5, values: [{type: email, value: "a@example.com", since: 2025-03-01}]}
caps: {merges: 100}
"""


def test_changed_rules_are_told_in_the_words_of_the_file_and_lists_of_values_in_numbers(shop):
    shop.rules(EVERY_KIND)
    told = {change.name: (change.before, change.after) for change in changed_rules(shop.opened)}
    assert told == {
        "limits.user_id": ("1 ever", "2 ever"),
        "limits.phone": ("5 a year", "5 a month"),
        "limits.name_plan": ("default", "1 ever"),
        "default_limit": ("5 a week", "9 a week"),
        "priority": ("user_id, email", "email"),
        "blocked.values": ("3", "1 (0 added, 2 removed)"),
        "blocked.patterns": ("(?i)null|none|nan|undefined|anonymous|n/a|#n/a|\\[object object\\]", "test.*"),
        "composites.name_plan": ("none", "last_name, plan|tariff"),
        "shared.customers": ("off", "5"),
        "shared.values": ("0", "1 (1 added, 0 removed)"),
        "caps": ("merges off, identifiers 1000", "merges 100, identifiers 1000"),
    }
    (shop.folder / "rules.yaml").write_text(PLAIN)
    german = running.workspace(shop.landing, shop.lake, identity_rules=str(shop.folder / "rules.yaml"), default_region="DE", **AS_OF)
    assert [(change.name, change.before, change.after) for change in changed_rules(german)] == [("DEFAULT_REGION", "none", "DE")]


def test_a_blocked_value_is_counted_as_such_in_the_plan_and_never_named(shop):
    shop.rules(BLOCKING)
    plan = plan_rules(shop.opened)
    assert (plan.effects.blocked, plan.effects.shared, plan.effects.carried) == ({"ios.id": 1}, {}, {})
    assert "bridge" not in str(plan)
    assert [(change.name, change.after) for change in plan.changed] == [("blocked.values", "4 (1 added, 0 removed)")]


def test_what_was_made_with_tells_the_cause():
    made = {"rules": "r", "settings": "s", "algorithm": "1"}
    assert identity.correction_cause(made, made) == "late links"
    assert identity.correction_cause(made, made | {"algorithm": "2"}) == "new version"
    assert identity.correction_cause(made, made | {"settings": "t"}) == "settings changed"
    assert identity.correction_cause(made, made | {"settings": "t", "rules": "q"}) == "rules changed"
    assert identity.correction_cause(made, made | {"rules": "q", "erasures": "1"}) == "erasure"


def test_the_code_location_does_not_load_with_a_mistake_in_the_rules(shop):
    shop.rules("limits: {email: many}\n")
    with pytest.raises(UserError, match=r"^IDENTITY_RULES: expected field limits\.email: [^\n]+$"):
        build_definitions(shop.opened.settings)
