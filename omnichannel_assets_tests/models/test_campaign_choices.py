"""What becomes of everybody a campaign chooses: in an arm, or why not."""

from datetime import date, timedelta

from omnichannel_assets_tests.models.rows import AS_OF, identity, person, queried
from omnichannel_assets_tests.models.test_campaign_history import entry, member
from omnichannel_assets_tests.models.test_held_out_customers import control

TODAY = AS_OF.date()


def customer(number: int, opted_in: bool | None = True) -> dict:
    return {"customer_id": person(number), "is_known": True, "email": f"{number}@example.com", "email_opt_in": opted_in, "orders": 0, "lifetime_value": 0, "devices": 0}


def rule(audience: str = "win_back", priority: int = 1, is_contact: bool = True, cooling_off_days: int = 30) -> dict:
    return {"audience": audience, "priority": priority, "is_contact": is_contact, "cools_since": TODAY - timedelta(days=cooling_off_days)}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def choices(chosen: list[tuple[str, int]], rules=None, arm: str = "treatment", variants=(), customers=None, **given) -> dict[tuple, dict]:
    """(audience, number of the customer) -> row. Everybody is drawn into ``arm`` and sub-group a."""
    numbers = {number for _, number in chosen}
    inputs = {
        "chosen": [{"audience": audience, "customer_id": person(number)} for audience, number in chosen],
        "arms": [{"audience": audience, "customer_id": person(number), "arm": arm, "variant": "a" if variants else None} for audience, number in chosen],
        "campaign_rules": rules or [rule(audience) for audience in {audience for audience, _ in chosen}],
        "campaign_variants": [{"audience": "win_back", "variant": variant} for variant in variants],
        "customers": customers or [customer(number) for number in numbers],
    }
    rows = queried("campaign_choices", **inputs, identities=given.pop("identities", [identity("user_id", f"U{n}", n) for n in numbers]), **given)
    return {(row["audience"], int(row["customer_id"][2:], 16)): row for row in rows}


def outcomes(found: dict[tuple, dict]) -> dict[tuple, str]:
    return {key: row["outcome"] for key, row in found.items()}


def test_who_is_chosen_enters_today_with_the_drawn_arm():
    (row,) = choices([("win_back", 1)], arm="control").values()
    assert (row["outcome"], row["arm"], row["entered_on"]) == ("member", "control", TODAY)


def test_who_may_not_be_contacted_is_in_no_arm():
    people = [customer(1, False), customer(2, None), customer(3)]
    assert outcomes(choices([("win_back", n) for n in (1, 2, 3)], customers=people)) == {("win_back", 1): "not_contactable", ("win_back", 2): "not_contactable", ("win_back", 3): "member"}


def test_who_stays_keeps_the_day_of_entering_the_arm_and_the_sub_group():
    before = {"previous_audiences": [member(1, variant="b", entered_on=ago(40))], "previous_identities": [identity("user_id", "U1", 1)]}
    (row,) = choices([("win_back", 1)], arm="control", variants=("a", "b"), **before).values()
    assert (row["entered_on"], row["arm"], row["variant"]) == (ago(40), "treatment", "b")


def test_a_sub_group_that_the_file_dropped_is_drawn_again():
    before = {"previous_audiences": [member(1, variant="old")], "previous_identities": [identity("user_id", "U1", 1)]}
    assert choices([("win_back", 1)], variants=("a", "b"), **before)["win_back", 1]["variant"] == "a"


def test_who_was_a_control_before_is_one_again_whatever_the_hash_of_the_id_they_have_now_says():
    assert choices([("win_back", 1)], earlier_controls=[control("user_id", "U1")])["win_back", 1]["arm"] == "control"
    before = {"previous_audiences": [member(1, arm="control")], "previous_identities": [identity("user_id", "U1", 1)]}
    assert choices([("win_back", 1)], **before)["win_back", 1]["arm"] == "control"


def test_who_left_may_not_enter_again_before_the_campaign_has_cooled_off():
    seen = {days: outcomes(choices([("win_back", 1)], earlier_entries=[entry("user_id", "U1", ago(days))]))["win_back", 1] for days in (29, 30)}
    assert seen == {29: "cooling_off", 30: "member"}


def test_an_entry_of_another_campaign_cools_nothing():
    assert outcomes(choices([("win_back", 1)], earlier_entries=[entry("user_id", "U1", ago(8), "reactivation")])) == {("win_back", 1): "member"}


def test_nobody_gets_more_contacts_in_a_week_than_the_cap_and_priority_decides_which():
    chosen = [("win_back", 1), ("reactivation", 1), ("news", 1)]
    rules = [rule("win_back", 2), rule("reactivation", 1), rule("news", 3)]
    assert outcomes(choices(chosen, rules)) == {("reactivation", 1): "member", ("win_back", 1): "member", ("news", 1): "over_cap"}


def test_contacts_of_the_days_before_count_and_older_ones_do_not():
    entries = [entry("user_id", "U1", ago(6), "news"), entry("user_id", "U1", ago(7), "sale"), entry("user_id", "U1", ago(1), "reactivation")]
    assert outcomes(choices([("win_back", 1)], earlier_entries=entries)) == {("win_back", 1): "over_cap"}
    assert outcomes(choices([("win_back", 1)], earlier_entries=entries[:2])) == {("win_back", 1): "member"}


def test_who_stays_is_contacted_no_more_and_so_never_over_the_cap():
    entries = [entry("user_id", "U1", ago(1), name) for name in ("news", "sale")]
    before = {"previous_audiences": [member(1, entered_on=ago(7))], "previous_identities": [identity("user_id", "U1", 1)]}
    assert outcomes(choices([("win_back", 1)], earlier_entries=entries, **before)) == {("win_back", 1): "member"}


def test_a_seed_is_no_contact_neither_today_nor_before():
    rules = [rule("seed", 1, is_contact=False), rule("win_back", 2), rule("news", 3)]
    entries = [entry("user_id", "U1", ago(1), "seed")]
    found = outcomes(choices([("seed", 1), ("win_back", 1), ("news", 1)], rules, earlier_entries=entries))
    assert found[("win_back", 1)] == found[("news", 1)] == "member"


def test_controls_count_as_contacted_so_that_the_arms_stay_alike():
    entries = [entry("user_id", "U1", ago(1), name) for name in ("news", "sale")]
    held = [control("user_id", "U1", "news"), control("user_id", "U1", "sale")]
    assert outcomes(choices([("win_back", 1)], earlier_entries=entries, earlier_controls=held)) == {("win_back", 1): "over_cap"}


def test_contacts_follow_a_person_to_another_id():
    entries = [entry("user_id", "U7", ago(1), name) for name in ("news", "sale")]
    moved = [identity("user_id", "U7", 1)]
    assert outcomes(choices([("win_back", 1)], identities=moved, earlier_entries=entries)) == {("win_back", 1): "over_cap"}
