"""The id Segment knows a customer by: the login, else the smallest device id, else none."""

from omnichannel_assets_tests.models.rows import identity, part, person, queried


def customer(number: int, user_id: str | None) -> dict:
    return {"customer_id": person(number), "is_known": True, "user_id": user_id, "orders": 0, "lifetime_value": 0}


def keys(*customers: dict, identities: list[dict]) -> list[tuple]:
    return sorted(part(queried("segment_keys", customers=list(customers), identities=identities), "customer_id", "destination_type", "destination_key"), key=str)


def test_the_login_goes_before_the_smallest_device_and_somebody_without_either_has_no_key():
    devices = [identity("anonymous_id", "a-2", 2), identity("anonymous_id", "a-1", 2), identity("anonymous_id", "a-0", 1)]
    assert keys(customer(1, "U1"), customer(2, None), customer(3, None), identities=devices) == [
        (person(1), "user_id", "U1"),
        (person(2), "anonymous_id", "a-1"),
        (person(3), None, None),
    ]


def test_a_device_that_no_longer_is_theirs_does_not_count():
    import datetime as dt

    gone = identity("anonymous_id", "a-1", 1, valid_to=dt.date(2026, 11, 1))
    assert keys(customer(1, None), identities=[gone]) == [(person(1), None, None)]
