"""Differences, their intervals and p values, held against slower ways to the same numbers."""

import numpy as np
import pytest
from scipy import stats

from omnichannel_assets.trials.balance import srm, srm_words
from omnichannel_assets.trials.cuped import adjusted
from omnichannel_assets.trials.measures import difference, holm
from omnichannel_assets_tests.trials.made_up import generator


def test_the_interval_is_welchs_with_few_people_and_the_normal_one_with_many():
    rng = generator()
    few = rng.normal(5, 3, 20), rng.normal(4, 1, 30)
    told = difference(*few, is_share=False)
    welch = stats.ttest_ind(*few, equal_var=False)
    interval = welch.confidence_interval()
    assert (told.low, told.high, told.p) == pytest.approx((interval.low, interval.high, welch.pvalue))
    many = rng.normal(5, 3, 3000), rng.normal(4, 1, 3000)
    told = difference(*many, is_share=False)
    assert (told.high - told.low) / 2 == pytest.approx(1.96 * (many[0].var(ddof=1) / 3000 + many[1].var(ddof=1) / 3000) ** 0.5)


def test_a_share_of_few_gets_the_score_interval_and_the_exact_test():
    treated, control = np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])
    assert difference(treated, control, is_share=True).low == pytest.approx(0.2 - 1.96 * (0.8 * 0.2 / 69 + 0.6 * 0.4 / 79) ** 0.5, abs=0.002)
    rare = difference(np.repeat([1.0, 0.0], [9, 1]), np.repeat([1.0, 0.0], [3, 7]), is_share=True)
    assert (round(rare.low, 4), round(rare.high, 4)) == (0.1705, 0.8090)  # Newcombe 1998, table II, case (c), method 10
    assert rare.p == pytest.approx(stats.fisher_exact([[9, 1], [3, 7]]).pvalue)


def test_nobody_who_bought_is_no_proof_of_nothing():
    nothing = difference(np.zeros(50), np.zeros(50), is_share=True)
    assert nothing.low < -0.04 and nothing.high > 0.04 and nothing.p == 1
    amounts = difference(np.repeat([30.0, 0.0], [9, 91]), np.zeros(100), is_share=False)
    assert (amounts.low, amounts.high, amounts.p) == (None, None, None)
    assert difference(np.ones(1), np.zeros(50), is_share=True) is None


def test_holm_makes_the_smallest_as_many_times_larger_as_there_are_comparisons():
    assert holm([0.01, 0.04, 0.03, 0.9]) == pytest.approx([0.04, 0.09, 0.09, 0.9])
    assert holm([]) == []


def test_arms_of_another_size_than_planned_raise_the_alarm():
    assert srm({"treatment": 9000, "control": 1000}, {"treatment": 0.9, "control": 0.1}) == 1
    p = srm({"treatment": 9000, "control": 800}, {"treatment": 0.9, "control": 0.1})
    assert p < 0.001 and "NOT those planned" in srm_words(p, {"treatment": 0.9, "control": 0.1})
    assert srm({"treatment": 10, "control": 1}, {"treatment": 1.0, "control": 0.0}) == 0
    assert srm({"treatment": 10}, {"treatment": 1.0}) is None
    assert "--shares" in srm_words(1e-9, None)


def test_history_narrows_the_interval_and_keeps_the_truth():
    rng = generator()
    before = rng.gamma(2, 50, 4000)
    treated = rng.random(4000) < 0.5
    spend = before + rng.normal(0, 20, 4000) + 8 * treated
    told = adjusted(spend[treated], spend[~treated], (before[treated, None], before[~treated, None]))
    plain, without = difference(spend[treated], spend[~treated], is_share=False), difference(told.treated, told.control, is_share=False)
    assert told.helps and 0.9 < told.saved < 0.95
    assert without.high - without.low < 0.35 * (plain.high - plain.low)
    assert without.low < 8 < without.high


def test_history_that_says_nothing_is_not_used():
    rng = generator()
    outcome, before = rng.normal(0, 1, 2000), rng.normal(0, 1, (2000, 1))
    assert not adjusted(outcome[:1000], outcome[1000:], (before[:1000], before[1000:])).helps
    assert adjusted(outcome[:1000], outcome[1000:], (np.ones((1000, 1)), np.ones((1000, 1)))) is None
