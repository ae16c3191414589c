"""Who is in which campaign: the members among everybody chosen, in their arms."""

from omnichannel_assets_tests.models.rows import AS_OF, built, part, person


def choice(number: int, outcome: str = "member", arm: str = "treatment", variant: str | None = None) -> dict:
    return {"audience": "win_back", "customer_id": person(number), "outcome": outcome, "entered_on": AS_OF.date(), "arm": arm, "variant": variant}


def audience(*choices: dict) -> list[dict]:
    return built("audiences", campaign_choices=list(choices), chosen=[{"audience": row["audience"], "customer_id": row["customer_id"]} for row in choices])


def test_members_are_in_it_with_their_arm_and_nobody_else_is():
    rows = audience(choice(1), choice(2, arm="control"), choice(3, "not_contactable"), choice(4, "cooling_off"), choice(5, "over_cap"))
    assert part(rows, "customer_id", "arm") == [(person(1), "treatment"), (person(2), "control")]


def test_a_control_is_in_no_sub_group():
    rows = audience(choice(1, variant="a"), choice(2, arm="control", variant="a"))
    assert part(rows, "customer_id", "variant") == [(person(1), "a"), (person(2), None)]


def test_without_anybody_chosen_nobody_is_in_it():
    assert audience() == []
