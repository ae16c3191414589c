"""What a page shows: only what can be bought, each item once, topped up to the limit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from omnichannel_assets.recommend.choose import Product, Question, Suggestion, choose


@dataclass
class Shop:
    """Lists and products in memory; every item named in a list is sold unless said otherwise."""

    own: dict[str, list[Suggestion]] = field(default_factory=dict)
    goes_with: dict[str, list[Suggestion]] = field(default_factory=dict)
    wanted: list[Suggestion] = field(default_factory=list)
    otherwise: dict[str, Product | None] = field(default_factory=dict)

    def personal(self, customer_id: str) -> Sequence[Suggestion]:
        return self.own.get(customer_id, ())

    def similar(self, item_id: str) -> Sequence[Suggestion]:
        return self.goes_with.get(item_id, ())

    def popular(self) -> Sequence[Suggestion]:
        return self.wanted

    def product(self, item_id: str) -> Product | None:
        return self.otherwise.get(item_id, offered(item_id))


def offered(item_id: str, stock: int | None = 3, is_offered: bool = True) -> Product:
    return Product(f"Name of {item_id}", "Bath", "1.00", "GBP", stock, is_offered)


def liked(*items: str, reason: str = "Popular this month", first: float = 0.9) -> list[Suggestion]:
    return [Suggestion(item, first - n / 1000, reason) for n, item in enumerate(items)]


def shown(answer) -> list[str]:
    return [suggestion.item_id for suggestion, _ in answer.items]


SHOP = Shop({"c_1": liked("a", "b", reason="Bought before")}, {"s": liked("x", "y", first=0.4), "t": liked("y", "z", first=0.3)}, liked("a", "p", "q", "r", "x"))


def test_home_is_the_persons_list_topped_up_with_what_is_popular():
    answer = choose(Question("home", 4, ["c_1"]), SHOP)
    assert (shown(answer), answer.source) == (["a", "b", "p", "q"], "lake")


def test_a_stranger_gets_what_is_popular():
    answer = choose(Question("home", 2, ["c_unknown"]), SHOP)
    assert (shown(answer), answer.source) == (["a", "p"], "popular")


def test_the_first_customer_with_a_list_counts():
    assert shown(choose(Question("home", 2, ["c_new", "c_1"]), SHOP)) == ["a", "b"]


def test_a_product_page_shows_what_goes_with_it_and_never_the_item():
    shop = Shop(goes_with={"s": liked("s", "x")}, wanted=liked("s", "p"))
    answer = choose(Question("product", 5, item_id="s"), shop)
    assert shown(answer) == ["x", "p"]
    assert answer.items[0][0].reason == "Goes with Name of s"


def test_a_cart_is_answered_by_what_goes_with_all_of_it_and_nothing_in_it():
    answer = choose(Question("cart", 3, cart=["s", "t", "x"]), SHOP)
    assert shown(answer) == ["y", "z", "a"]
    assert [item.reason for item, _ in answer.items[:2]] == ["Goes with Name of s", "Goes with Name of t"]


def test_an_empty_cart_is_answered_like_home():
    assert shown(choose(Question("cart", 2, ["c_1"]), SHOP)) == ["a", "b"]


def test_items_of_the_cart_are_shown_on_no_page():
    assert "a" not in shown(choose(Question("home", 9, ["c_1"], cart=["a"]), SHOP))


def test_the_persons_own_list_moves_close_items_up_a_little_and_far_ones_not():
    goes = {"s": [Suggestion("far", 0.1, ""), Suggestion("x", 0.4, ""), Suggestion("y", 0.35, "")]}
    shop = Shop({"c_1": liked("far", "y")}, goes)
    assert shown(choose(Question("product", 3, item_id="s"), shop)) == ["x", "y", "far"]
    assert shown(choose(Question("product", 3, ["c_1"], item_id="s"), shop)) == ["y", "x", "far"]


def test_what_cannot_be_bought_is_left_out_counted_and_replaced():
    shop = Shop(wanted=liked("unknown", "old", "empty", "below zero", "no stock kept", "p", "q", "r"))
    shop.otherwise = {"unknown": None, "old": offered("old", is_offered=False), "empty": offered("empty", 0), "below zero": offered("b", -2), "no stock kept": offered("n", None)}
    answer = choose(Question("home", 3), shop)
    assert (shown(answer), answer.unresolved, answer.out_of_stock) == (["no stock kept", "p", "q"], 2, 2)


def test_the_two_items_that_must_not_be_served_are_not():
    shop = Shop(wanted=liked("P-1", "", "P-9"), otherwise={"P-1": offered("P-1", 0), "": None, "P-9": offered("P-9", 4)})
    answer = choose(Question("home", 10), shop)
    assert (shown(answer), answer.unresolved, answer.out_of_stock) == (["P-9"], 1, 1)


def test_recommended_items_come_first_keep_known_reasons_and_are_topped_up():
    answer = choose(Question("home", 4, ["c_1"]), SHOP, ["b", "new", "b"])
    assert (shown(answer), answer.source) == (["b", "new", "a", "p"], "personalize")
    assert [item.reason for item, _ in answer.items[:2]] == ["Bought before", "Recommended for you"]


@pytest.mark.parametrize("nothing", [None, [], ["gone"]])
def test_without_anything_usable_from_elsewhere_the_lake_answers(nothing):
    shop = Shop({"c_1": liked("a")}, otherwise={"gone": None})
    assert choose(Question("home", 1, ["c_1"]), shop, nothing).source == "lake"


def test_an_empty_shop_shows_nothing():
    answer = choose(Question("home", 10), Shop())
    assert (answer.items, answer.source) == ([], "popular")
