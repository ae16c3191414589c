"""The interactions data set: positive events with an item, of everybody but people the shop deleted."""

from omnichannel_assets_tests.models.rows import identity, moment, part, person, queried, version


def interaction(event_type: str, item: str | None = "A", number: int = 1) -> dict:
    return {"customer_id": person(number), "item_id": item, "event_type": event_type, "event_at": moment("11-01 10:00"), "known_at": moment("11-01 10:00"), "channel": "online"}


def test_returns_removals_and_searches_are_no_training_data():
    kinds = ("View", "Click", "AddToCart", "AddToWishlist", "Purchase", "Return", "RemoveFromCart")
    rows = queried("personalize_interactions", interactions=[*map(interaction, kinds), interaction("View", None)])
    assert sorted(row["event_type"] for row in rows) == ["AddToCart", "AddToWishlist", "Click", "Purchase", "View"]


def test_whom_the_shop_deleted_is_left_out():
    gone = version("11-01 00:00", customer_id="R1") | {"is_deleted": True}
    rows = queried("personalize_interactions", interactions=[interaction("View"), interaction("View", number=2)], identities=[identity("customer_ref", "R1", 1)], dms_customers=[gone])
    assert part(rows, "user_id") == [(person(2),)]
