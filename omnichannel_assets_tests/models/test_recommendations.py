"""recommendations: what people buy again, what goes with what they touched, what they wish for, then what is popular."""

from datetime import timedelta

from omnichannel_assets.assets.steps import conserved
from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, TABLES, TICK, built, engine, moment, part, person, register
from omnichannel_assets_tests.models.test_popular_items import bought, product

DAY = AS_OF.date()


def popular(*items: str, customers: int = 10) -> list[dict]:
    return [{"as_of": DAY, "rank": n, "item_id": item, "customers": customers, "score": 1.0, "reason": "Popular this month"} for n, item in enumerate(items, 1)]


def similar(item_id: str, *others: str, score: float = 0.5) -> list[dict]:
    return [{"item_id": item_id, "as_of": DAY, "rank": n, "similar_item_id": other, "score": score - n / 1000} for n, other in enumerate(others, 1)]


def did(event_type: str, item_id: str | None, customer: int = 1, at=None) -> dict:
    return bought(item_id, customer, at, event_type=event_type, order_id=None, message_id=f"m-{event_type}-{item_id}")


def lists(interactions: list[dict], popular_items: list[dict], similar_items: list[dict] = [], products: list[dict] = []) -> list[dict]:  # noqa: B006
    return built("recommendations", interactions=interactions, popular_items=popular_items, similar_items=similar_items, products=products)


def test_nobody_gets_nothing_and_an_empty_shop_recommends_nothing():
    assert lists([], popular("P-1")) == []
    assert lists([bought("P-1")], []) == []


def test_somebody_who_only_searched_gets_what_is_popular():
    found = lists([did("Search", None)], popular(*(f"P-{n:02}" for n in range(30))))
    assert part(found, "rank", "item_id", "reason") == [(n + 1, f"P-{n:02}", "Popular this month") for n in range(20)]


def test_a_list_is_short_only_when_the_shop_has_less_to_sell():
    assert len(lists([bought("P-1"), did("View", "P-2")], popular("P-1", "P-2", "P-3"))) == 3


def test_what_is_bought_again_leads_then_what_was_bought_then_wishes_then_what_goes_with_it():
    interactions = [bought("often", at=moment(f"11-0{day} 00:00"), order_id=f"O-{day}") for day in (1, 2, 3)] + [bought("once"), did("AddToWishlist", "wish")]
    found = lists(interactions, popular("liked", "often", "once", "other", "wish"), similar("often", "other"), [product("often")])
    assert part(found, "item_id", "reason") == [
        ("often", "Bought 3 times in a year"), ("once", "Bought before"), ("wish", "On your wish list"), ("other", "Goes with Name of often"), ("liked", "Popular this month"),
    ]  # fmt: skip
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)
    assert all(0 < row["score"] < 1 for row in found)


def test_among_equals_the_one_that_others_buy_leads():
    wanted = [*popular("a", "b"), popular("c", customers=500)[0] | {"rank": 3}]
    assert part(lists([bought("a"), bought("b"), bought("c")], wanted), "item_id") == [("c",), ("a",), ("b",)]


def test_a_very_large_shop_does_not_overflow():
    found = lists([bought("a", order_id=f"O-{n}") for n in range(200)], popular("a", "b", customers=10**12))
    assert part(found, "item_id") == [("a",), ("b",)]
    assert found[0]["score"] <= 1


def test_only_what_the_shop_can_sell_now_is_recommended():
    found = lists([bought("gone"), did("AddToWishlist", "sold out")], popular("P-1"), similar("gone", "left", "P-1"), [product("gone")])
    assert part(found, "item_id", "reason") == [("P-1", "Goes with Name of gone")]


def test_an_item_that_was_given_back_is_not_bought_again():
    back = did("Return", "P-1") | {"order_id": "O-1", "quantity": 1}
    found = lists([bought("P-1", order_id="O-1"), back, bought("P-2", order_id="O-1", quantity=2), back | {"item_id": "P-2", "message_id": "m-2"}], popular("P-1", "P-2"))
    assert part(found, "item_id", "reason") == [("P-2", "Bought before"), ("P-1", "Popular this month")]


def test_a_wish_ends_when_it_is_taken_back_or_bought_and_may_begin_again():
    def wish(item: str, *told: tuple[str, str]) -> list[dict]:
        return [did(kind, item, at=moment(at)) for kind, at in told]

    rows = wish("back", ("AddToWishlist", "11-01 00:00"), ("RemoveFromWishlist", "11-02 00:00"))
    rows += wish("again", ("RemoveFromWishlist", "11-02 00:00"), ("AddToWishlist", "11-03 00:00"))
    rows += [*wish("bought", ("AddToWishlist", "11-01 00:00")), bought("bought", at=moment("11-02 00:00"))]
    found = {row["item_id"]: row["reason"] for row in lists(rows, popular("again", "back", "bought"))}
    assert found == {"again": "On your wish list", "back": "Popular this month", "bought": "Bought before"}


def test_the_reason_names_the_closest_item_and_not_one_without_a_name():
    goes = similar("near", "P-1", score=0.9) + similar("far", "P-1", score=0.1)
    seen = [did("View", "far"), did("View", "near")]
    assert part(lists(seen, popular("P-1"), goes, [product("near"), product("far")]), "reason") == [("Goes with Name of near",)]
    assert part(lists(seen, popular("P-1"), goes), "reason") == [("Goes with what you looked at",)]


def test_only_the_thirty_items_touched_last_count():
    seen = [did("View", f"P-{n:02}", at=moment("11-10 00:00") + timedelta(minutes=n)) for n in range(31)]
    goes = similar("P-00", "too old") + similar("P-01", "recent enough")
    found = {row["item_id"]: row["reason"] for row in lists(seen, popular("recent enough", "too old"), goes)}
    assert found == {"recent enough": "Goes with what you looked at", "too old": "Popular this month"}


def test_what_lies_outside_the_year_before_t_makes_no_customer_and_no_reason():
    rows = [bought("P-1", 1, AS_OF), bought("P-1", 2, AS_OF - timedelta(days=365) - TICK), bought("P-1", 3, AS_OF - timedelta(days=365))]
    assert part(lists(rows, popular("P-1")), "customer_id", "reason") == [(person(3), "Bought before")]


def test_no_item_is_twice_in_a_list_however_many_reasons_it_has():
    rows = [bought("P-1"), did("View", "P-2"), did("AddToWishlist", "P-1", at=moment("11-12 00:00")), did("AddToCart", "P-1")]
    found = lists(rows, popular("P-1", "P-2", "P-3"), similar("P-1", "P-2", "P-3") + similar("P-2", "P-1", "P-3"))
    assert sorted(row["item_id"] for row in found) == ["P-1", "P-2", "P-3"]


def test_everybody_has_a_list_of_their_own():
    found = lists([bought("P-1", 1), bought("P-2", 2), did("Return", "P-3", 3)], popular("P-1", "P-2"))
    firsts = {row["customer_id"]: row["item_id"] for row in found if row["rank"] == 1}
    assert firsts == {person(1): "P-1", person(2): "P-2", person(3): "P-1"}


def test_a_customer_without_a_list_and_a_list_with_a_gap_break_the_law():
    register("recommendations", "conservation/recommendations", interactions=[bought("P-1", 1), bought("P-1", 2)], popular_items=popular("P-1", "P-2"))
    whole = engine().model(TABLES["recommendations"], PARAMETERS)
    for data, holds in ((whole, True), (whole.slice(1), False), (whole.slice(2), False)):
        (law,) = conserved(engine(), TABLES["recommendations"], data, PARAMETERS).values()
        assert law.passed == holds
