"""Addresses that several customers gave: a message there reaches more than one of them."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, moment, person, queried


def carried(link: str, identifier_type: str, value: str, known_at=None) -> dict:
    return {"source": "segment", "link_id": link, "identifier_type": identifier_type, "identifier_value": value, "known_at": known_at or moment("11-01 00:00")}


FIRST = [carried("m-1", "user_id", "U1"), carried("m-1", "email", "a@x")]
SECOND = [carried("m-2", "user_id", "U2"), carried("m-2", "email", "a@x")]
BOTH = [identity("user_id", "U1", 1), identity("user_id", "U2", 2), identity("email", "a@x", 1)]


def shared(*identifiers: dict, identities: list[dict] = BOTH) -> list[str]:
    return [row["email"] for row in queried("shared_addresses", identifiers=list(identifiers), identities=identities)]


def test_an_address_of_two_customers_is_shared():
    assert shared(*FIRST, *SECOND) == ["a@x"]


def test_an_address_of_one_customer_is_not_however_many_records_carry_it():
    one = [identity("user_id", "U1", 1), identity("customer_ref", "R1", 1), identity("email", "a@x", 1)]
    assert shared(*FIRST, carried("m-3", "customer_ref", "R1"), carried("m-3", "email", "a@x"), identities=one) == []


def test_what_becomes_known_later_does_not_count():
    late = [row | {"known_at": AS_OF} for row in SECOND]
    assert shared(*FIRST, *late) == []


def test_nobody_is_contacted_at_a_shared_address():
    customer = {"customer_id": person(1), "is_known": True, "email": "a@x", "email_opt_in": True, "orders": 0, "lifetime_value": 0}
    assert queried("contactable_customers", customers=[customer], identifiers=FIRST, identities=BOTH) == [{"customer_id": person(1)}]
    assert queried("contactable_customers", customers=[customer], identifiers=[*FIRST, *SECOND], identities=BOTH) == []
