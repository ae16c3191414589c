"""The rows of every campaign stream: the treatment arm of people who may be contacted now, with their first three buyable items."""

from omnichannel_assets_tests.models.rows import AS_OF, part, person, queried, version


def member(number: int, arm: str = "treatment") -> dict:
    return {"audience": "win_back", "as_of": AS_OF.date(), "customer_id": person(number), "arm": arm}


def customer(number: int, opted_in: bool | None = True) -> dict:
    return {"customer_id": person(number), "is_known": True, "user_id": f"U{number}", "email": "a@example.com", "email_opt_in": opted_in, "orders": 0, "lifetime_value": 0}


def pick(rank: int, item: str) -> dict:
    return {"customer_id": person(1), "as_of": AS_OF.date(), "rank": rank, "item_id": item, "score": 0.5, "reason": "r"}


def goods(item: str, stock: int | None = 5, status: str = "active") -> dict:
    return {"product_id": item, "stock": stock, "status": status, "is_merchandise": True}


def members(*rows: dict, customers: list[dict] | None = None, **inputs) -> list[dict]:
    numbers = sorted({int(row["customer_id"][2:], 16) for row in rows})
    return queried("campaign_members", audiences=list(rows), customers=customers or [customer(n) for n in numbers], **inputs)


def test_only_the_treatment_arm_is_in_it():
    assert part(members(member(1), member(2, "control")), "customer_id", "destination_key") == [(person(1), "U1")]


def test_who_opted_out_since_the_audience_was_chosen_is_not():
    assert members(member(1), customers=[customer(1, False)]) == []


def test_the_first_three_buyable_items_come_along():
    recommendations = [pick(1, "A"), pick(2, "B"), pick(3, "C"), pick(4, "D"), pick(5, "E"), pick(6, "F")]
    products = [goods("A"), goods("B", 0), goods("C", status="discontinued"), goods("D", None), goods("F")]
    (row,) = members(member(1), recommendations=recommendations, products=products)
    assert (row["pick_1"], row["pick_2"], row["pick_3"]) == ("A", "D", "F")


def test_without_a_list_the_picks_are_empty():
    (row,) = members(member(1))
    assert (row["pick_1"], row["pick_2"], row["pick_3"]) == (None, None, None)


def test_the_country_is_that_of_the_living_shop_record_when_it_is_a_code():
    cards = [version("11-01 00:00", customer_id="R1", country="gb"), version("11-01 00:00", customer_id="R2", country="Ireland")]
    customers = [customer(1) | {"customer_ref": "R1"}, customer(2) | {"customer_ref": "R2"}]
    rows = members(member(1), member(2), customers=customers, dms_customers=cards)
    assert sorted(part(rows, "customer_id", "country")) == [(person(1), "GB"), (person(2), None)]
