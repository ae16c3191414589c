"""What Segment is told of scores, and by which id it knows the person."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, part, person, queried, version


def score(number: int) -> dict:
    return {"customer_id": person(number), "as_of": AS_OF.date(), "churn_score": 0.5}


def customer(number: int, user_id: str | None) -> dict:
    return {"customer_id": person(number), "is_known": True, "user_id": user_id, "orders": 0, "lifetime_value": 0}


def keys(*customers: dict, identities: list[dict] = (), **inputs) -> list[tuple]:
    scores = [score(int(row["customer_id"][2:], 16)) for row in customers]
    rows = queried("score_traits", propensity_scores=scores, customers=list(customers), identities=list(identities), **inputs)
    return sorted(part(rows, "customer_id", "destination_type", "destination_key"), key=str)


def test_a_person_is_known_by_the_login():
    assert keys(customer(1, "U1"), identities=[identity("anonymous_id", "a-1", 1)]) == [(person(1), "user_id", "U1")]


def test_else_by_the_smallest_anonymous_id():
    assert keys(customer(1, None), identities=[identity("anonymous_id", "a-2", 1), identity("anonymous_id", "a-1", 1)]) == [(person(1), "anonymous_id", "a-1")]


def test_a_person_with_neither_is_listed_without_a_key_so_that_it_is_counted():
    assert keys(customer(1, None)) == [(person(1), None, None)]


def test_whom_the_shop_deleted_is_not_sent():
    gone = version("11-01 00:00", customer_id="R1") | {"is_deleted": True}
    assert keys(customer(1, "U1"), identities=[identity("customer_ref", "R1", 1)], dms_customers=[gone]) == []
