"""The users data set: customers with an interaction, what they are like, and no campaign or arm."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, moment, part, person, queried, version


def interaction(number: int, channel: str, event_type: str = "Purchase") -> dict:
    return {"customer_id": person(number), "item_id": "A", "event_type": event_type, "event_at": moment("11-01 10:00"), "known_at": moment("11-01 10:00"), "channel": channel}


def test_each_customer_with_an_interaction_has_a_row_with_scores_where_there_are_any():
    scores = [{"customer_id": person(1), "as_of": AS_OF.date(), "churn_band": "high", "repurchase_decile": 9}]
    rows = queried("personalize_users", interactions=[interaction(1, "store"), interaction(1, "store"), interaction(1, "online"), interaction(2, "online")], propensity_scores=scores)
    assert sorted(part(rows, "user_id", "churn_band", "repurchase_decile", "favourite_channel")) == [
        (person(1), "high", "9", "store"),
        (person(2), None, None, "online"),
    ]


def test_whom_the_shop_deleted_is_left_out():
    gone = version("11-01 00:00", customer_id="R1") | {"is_deleted": True}
    assert queried("personalize_users", interactions=[interaction(1, "store")], identities=[identity("customer_ref", "R1", 1)], dms_customers=[gone]) == []


def test_somebody_with_returns_only_has_no_row():
    assert queried("personalize_users", interactions=[interaction(1, "store", "Return")]) == []
