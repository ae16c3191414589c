"""By which ids Segment knows the people whom no campaign may hold."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, person, queried, version


def customer(number: int, opted_in: bool | None) -> dict:
    return {"customer_id": person(number), "is_known": True, "email_opt_in": opted_in, "orders": 0, "lifetime_value": 0}


def barred(**inputs) -> list[tuple]:
    rows = queried("barred_ids", **inputs)
    return sorted((row["audience"] or "every", row["identifier_type"], row["identifier_value"]) for row in rows)


IDS = [identity("user_id", "U1", 1), identity("anonymous_id", "a-1", 1), identity("customer_ref", "R1", 1), identity("user_id", "U2", 2)]


def test_who_opted_out_is_barred_by_every_id_and_who_was_never_asked_or_opted_in_is_not():
    assert barred(customers=[customer(1, False), customer(2, True)], identities=IDS) == [("every", "anonymous_id", "a-1"), ("every", "user_id", "U1")]
    assert barred(customers=[customer(1, None)], identities=IDS) == []


def test_whom_the_shop_deleted_is_barred():
    gone = version("11-01 00:00", customer_id="R1") | {"is_deleted": True}
    assert barred(dms_customers=[gone], identities=IDS) == [("every", "anonymous_id", "a-1"), ("every", "user_id", "U1")]


def test_a_control_is_barred_from_that_audience():
    row = {"audience": "win_back", "as_of": AS_OF.date(), "customer_id": person(2), "arm": "control"}
    assert barred(audiences=[row], identities=IDS, identities_then=IDS) == [("win_back", "user_id", "U2")]
