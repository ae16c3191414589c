"""Once a control of an audience, always a control of it, under whatever id."""

from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, engine, identity, person, queried


def control(kind: str, value: str, audience: str = "win_back") -> dict:
    """An identifier that a control held at an earlier date."""
    ((found,),) = engine().rows("select identifier_hash($identifier_salt, $kind, $value)", PARAMETERS | {"kind": kind, "value": value})
    return {"audience": audience, "as_of": AS_OF.date(), "identifier_hash": found}


def held_out(*controls: dict, now: list[dict]) -> list[tuple]:
    rows = queried("held_out_customers", earlier_controls=list(controls), identities=now)
    return sorted((row["audience"], row["customer_id"]) for row in rows)


U1, U2 = identity("user_id", "U1", 1), identity("user_id", "U2", 2)


def test_a_control_is_held_out_of_its_audience_and_of_no_other():
    assert held_out(control("user_id", "U1"), now=[U1, U2]) == [("win_back", person(1))]


def test_who_was_joined_with_a_control_since_is_held_out_too():
    assert held_out(control("user_id", "U1"), now=[identity("user_id", "U1", 2), U2]) == [("win_back", person(2))]


def test_when_a_control_is_split_every_part_of_it_is_held_out():
    before = [control("user_id", "U1"), control("email", "a@x")]
    assert held_out(*before, now=[U1, identity("email", "a@x", 2)]) == [("win_back", person(1)), ("win_back", person(2))]


def test_a_control_under_another_id_is_still_one():
    assert held_out(control("user_id", "U1"), now=[identity("user_id", "U1", 9)]) == [("win_back", person(9))]


def test_an_identifier_that_belongs_to_nobody_any_more_holds_nobody_out():
    assert held_out(control("anonymous_id", "kiosk"), now=[U1]) == []


def test_an_identifier_of_another_type_with_the_same_value_is_another_one():
    assert held_out(control("customer_ref", "U1"), now=[U1]) == []


def test_campaign_members_leave_them_out():
    customer = {"customer_id": person(2), "is_known": True, "user_id": "U2", "email": "a@x", "email_opt_in": True, "orders": 0, "lifetime_value": 0}
    member = {"audience": "win_back", "as_of": AS_OF.date(), "customer_id": person(2), "arm": "treatment"}
    given = {"audiences": [member], "customers": [customer], "earlier_controls": [control("user_id", "U1")]}
    assert [row["customer_id"] for row in queried("campaign_members", **given, identities=[U1, U2])] == [person(2)]
    assert queried("campaign_members", **given, identities=[identity("user_id", "U1", 2), U2]) == []
