"""Controls under the ids they have now."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, person, queried


def member(number: int, arm: str, audience: str = "win_back") -> dict:
    return {"audience": audience, "as_of": AS_OF.date(), "customer_id": person(number), "arm": arm}


def held_out(*audiences: dict, then: list[dict], now: list[dict]) -> list[tuple]:
    rows = queried("held_out_customers", audiences=list(audiences), identities_then=then, identities=now)
    return sorted((row["audience"], row["customer_id"]) for row in rows)


U1, U2 = identity("user_id", "U1", 1), identity("user_id", "U2", 2)


def test_a_control_is_held_out_of_the_audience():
    assert held_out(member(1, "control"), member(2, "treatment"), then=[U1, U2], now=[U1, U2]) == [("win_back", person(1))]


def test_who_was_joined_with_a_control_since_is_held_out_too():
    now = [identity("user_id", "U1", 2), U2]
    assert held_out(member(1, "control"), member(2, "treatment"), then=[U1, U2], now=now) == [("win_back", person(2))]


def test_campaign_members_leave_them_out():
    customer = {"customer_id": person(2), "is_known": True, "user_id": "U2", "email": "a@x", "email_opt_in": True, "orders": 0, "lifetime_value": 0}
    given = {"audiences": [member(1, "control"), member(2, "treatment")], "customers": [customer], "identities_then": [U1, U2]}
    assert [row["customer_id"] for row in queried("campaign_members", **given, identities=[U1, U2])] == [person(2)]
    assert queried("campaign_members", **given, identities=[identity("user_id", "U1", 2), U2]) == []
