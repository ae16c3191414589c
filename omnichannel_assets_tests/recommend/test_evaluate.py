"""NDCG and hit rate, against values worked out by hand."""

from math import log2

import pytest

from omnichannel_assets.recommend.evaluate import judge_lists


def test_a_perfect_list_has_one_and_a_useless_one_zero():
    perfect = judge_lists({"c": ["a", "b"]}, {"c": {"a", "b"}})
    assert (perfect.ndcg, perfect.hit_rate) == (1, 1)
    useless = judge_lists({"c": ["x"]}, {"c": {"a"}})
    assert (useless.ndcg, useless.hit_rate, useless.without_list) == (0, 0, 0)


def test_a_later_place_counts_less():
    assert judge_lists({"c": ["x", "a"]}, {"c": {"a"}}).ndcg == pytest.approx(1 / log2(3))
    assert judge_lists({"c": ["a", "x", "b"]}, {"c": {"a", "b", "d"}}).ndcg == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3) + 1 / 2))


def test_only_the_first_places_count_and_more_purchases_than_places_can_still_be_perfect():
    assert judge_lists({"c": ["x", "x2", "a"]}, {"c": {"a"}}, places=2).hit_rate == 0
    assert judge_lists({"c": ["a", "b"]}, {"c": {"a", "b", "d", "e"}}, places=2).ndcg == 1


def test_an_item_listed_twice_counts_once():
    assert judge_lists({"c": ["a", "a"]}, {"c": {"a", "b"}}).ndcg == pytest.approx(1 / (1 + 1 / log2(3)))


def test_means_are_over_everybody_who_bought_also_those_without_a_list():
    found = judge_lists({"c": ["a"], "other": ["a"]}, {"c": {"a"}, "d": {"a"}, "e": set()})
    assert (found.customers, found.ndcg, found.hit_rate, found.without_list) == (2, 0.5, 0.5, 1)


def test_when_nobody_bought_anything_nothing_can_be_told():
    with pytest.raises(ValueError, match="nobody bought"):
        judge_lists({"c": ["a"]}, {"c": set()})
