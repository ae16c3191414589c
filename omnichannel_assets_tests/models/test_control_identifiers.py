"""By which identifiers controls are known."""

from omnichannel_assets_tests.models.rows import AS_OF, built, identity, person
from omnichannel_assets_tests.models.test_held_out_customers import control


def member(number: int, arm: str) -> dict:
    return {"audience": "win_back", "as_of": AS_OF.date(), "customer_id": person(number), "arm": arm}


def test_every_identifier_of_a_control_and_of_nobody_else_is_kept_as_a_hash():
    ids = [identity("user_id", "U1", 1), identity("email", "a@x", 1), identity("user_id", "U2", 2), identity("user_id", "U3", 3)]
    rows = built("control_identifiers", audiences=[member(1, "control"), member(2, "treatment")], identities=ids)
    assert rows == sorted([control("user_id", "U1"), control("email", "a@x")], key=lambda row: row["identifier_hash"])
    assert not any(value in str(rows) for value in ("U1", "a@x"))


def test_an_identifier_that_left_the_control_before_is_not_kept():
    ids = [identity("user_id", "U1", 1), identity("email", "a@x", 1, valid_to=AS_OF.date())]
    assert built("control_identifiers", audiences=[member(1, "control")], identities=ids) == [control("user_id", "U1")]
