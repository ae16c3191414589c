"""Who may be sent a campaign: known, with an address, opted in, not deleted by the shop."""

import pytest

from omnichannel_assets_tests.models.rows import identity, person, queried, version


def customer(number: int = 1, **columns) -> dict:
    return {"customer_id": person(number), "is_known": True, "email": "a@example.com", "email_opt_in": True, "orders": 0, "lifetime_value": 0} | columns


def contactable(*customers: dict, **inputs) -> list[str]:
    return [row["customer_id"] for row in queried("contactable_customers", customers=list(customers), **inputs)]


def test_who_opted_in_may_be_contacted():
    assert contactable(customer()) == [person(1)]


@pytest.mark.parametrize("columns", [{"email_opt_in": False}, {"email_opt_in": None}, {"email": None}, {"is_known": False}], ids=str)
def test_who_opted_out_was_never_asked_has_no_address_or_is_a_visitor_may_not(columns):
    assert contactable(customer(**columns)) == []


def test_whom_the_shop_deleted_may_not():
    gone = version("11-01 00:00", customer_id="R1") | {"is_deleted": True}
    assert contactable(customer(), identities=[identity("customer_ref", "R1", 1)], dms_customers=[gone]) == []
