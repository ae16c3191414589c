"""fact_owners: a fact belongs to the customer of its best identifier; where that one is shared by several people, to the next best one's."""

from datetime import date

from omnichannel_assets_tests.models.rows import AS_OF, TICK, identity, moment, person, queried

DAY = date(2026, 11, 10)
IDENTITIES = [identity("user_id", "u-1", 1), identity("email", "a@x", 2), identity("anonymous_id", "a-3", 3), identity("anonymous_id", "kiosk", 4, valid_to=DAY)]


def fact(message_id: str, first: tuple[str | None, str | None], *others: tuple[str, str], **columns) -> dict:
    row = {"message_id": message_id, "item_id": "", "event_type": "View", "event_at": moment("11-10 11:00"), "known_at": moment("11-10 11:01"), "event_time_suspect": False}
    listed = [{"identifier_type": kind, "value": value} for kind, value in others]
    return row | {"identifier_type": first[0], "identifier_value": first[1], "other_identifiers": listed, "received_day": DAY} | columns


def owners(*facts: dict, orders: tuple[dict, ...] = ()) -> dict[str, str]:
    found = queried("fact_owners", event_facts=list(facts), order_facts=list(orders), identities=IDENTITIES)
    assert len({row["message_id"] for row in found}) == len(found)
    return {row["message_id"]: row["customer_id"] for row in found}


def test_a_fact_belongs_to_the_customer_of_its_best_identifier():
    assert owners(fact("m-1", ("user_id", "u-1"), ("email", "a@x")), fact("m-2", ("anonymous_id", "a-3"))) == {"m-1": person(1), "m-2": person(3)}


def test_where_the_best_identifier_is_shared_the_next_best_with_a_customer_counts():
    shared = ("anonymous_id", "kiosk")
    assert owners(fact("m-1", shared, ("email", "unknown@x"), ("email", "a@x"), ("anonymous_id", "a-3"))) == {"m-1": person(2)}


def test_a_fact_none_of_whose_identifiers_has_a_customer_is_nobodys():
    assert owners(fact("m-1", ("anonymous_id", "kiosk")), fact("m-2", (None, None)), fact("m-3", ("email", "kiosk"), ("phone", "a-3"))) == {}


def test_several_items_of_a_message_and_the_order_it_tells_of_are_one_row():
    items = [fact("m-1", ("user_id", "u-1"), item_id=item) for item in ("P-1", "P-2")] + [fact("m-2", ("user_id", "gone"), ("email", "a@x"), item_id=item) for item in ("P-1", "P-2")]
    told = {name: value for name, value in items[2].items() if name not in ("item_id", "event_type")} | {"fact": "completed", "order_id": "O-1"}
    assert owners(*items, orders=(told, told | {"message_id": "m-3"})) == {"m-1": person(1), "m-2": person(2), "m-3": person(2)}


def test_a_fact_known_at_t_is_not_looked_at():
    assert owners(fact("m-1", ("user_id", "u-1"), known_at=AS_OF), fact("m-2", ("user_id", "u-1"), known_at=AS_OF - TICK)) == {"m-2": person(1)}


def test_no_facts_have_no_owners():
    assert owners() == {}
