"""Metrics of a ranking and their intervals: they agree with scikit-learn, weights count as repeated customers, draws are the same for the same people."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from omnichannel_assets.propensity.intervals import drawn, interval
from omnichannel_assets.propensity.metrics import counts, decile_table, main_metrics, ranked, roc_points

RNG = np.random.default_rng(4)
SCORES = RNG.random(203).round(2)  # with ties
ANSWERS = RNG.random(203) < SCORES
IDS = [f"c{number:03}" for number in range(203)]


def measured(weights: np.ndarray, scores: np.ndarray = SCORES, answers: np.ndarray = ANSWERS, ids: list[str] = IDS) -> dict[str, float]:
    found = main_metrics(ranked(answers, scores, ids, is_forecast=True), weights[None, :].astype(float))
    return {name: float(value[0]) for name, value in found.items()}


def test_metrics_agree_with_scikit_learn():
    found = measured(np.ones(203))
    sure = np.clip(SCORES, 1e-6, 1 - 1e-6)
    assert found["auc"] == pytest.approx(roc_auc_score(ANSWERS, SCORES))
    assert found["average_precision"] == pytest.approx(average_precision_score(ANSWERS, SCORES))
    assert found["log_loss"] == pytest.approx(log_loss(ANSWERS, sure))
    assert found["brier"] == pytest.approx(brier_score_loss(ANSWERS, SCORES))


def test_weights_agree_with_scikit_learn_too():
    weights = RNG.poisson(1.0, 203)
    found = measured(weights)
    assert found["auc"] == pytest.approx(roc_auc_score(ANSWERS, SCORES, sample_weight=weights))
    assert found["average_precision"] == pytest.approx(average_precision_score(ANSWERS, SCORES, sample_weight=weights))


def test_a_customer_of_weight_two_counts_as_two_customers():
    weights = RNG.poisson(1.0, 203)
    twice = np.repeat(np.arange(203), weights)
    repeated = measured(np.ones(len(twice)), SCORES[twice], ANSWERS[twice], [f"{IDS[at]}.{n}" for n, at in enumerate(twice)])
    weighted = measured(weights)
    same = set(weighted) - {"calibration_error"}  # its ten groups stay those of the unweighted customers
    assert {name: weighted[name] for name in same} == pytest.approx({name: repeated[name] for name in same})


def test_lift_is_how_often_it_comes_at_the_top_over_how_often_it_comes_at_all():
    answers = np.array([True] * 2 + [False] * 8 + [True] * 3 + [False] * 7)
    found = measured(np.ones(20), np.linspace(1, 0, 20), answers, IDS[:20])
    assert (found["lift_at_5_percent"], found["lift_at_10_percent"], found["lift_at_20_percent"]) == pytest.approx((4.0, 4.0, 2.0))


def test_a_calibration_error_is_the_mean_distance_of_ten_groups():
    answers = np.array([True, False] * 10)
    assert measured(np.ones(20), np.full(20, 0.5), answers, IDS[:20])["calibration_error"] == 0
    assert measured(np.ones(20), np.full(20, 0.7), answers, IDS[:20])["calibration_error"] == pytest.approx(0.2)


def test_the_decile_table_adds_up():
    found = ranked(ANSWERS, SCORES, IDS, is_forecast=True)
    table = decile_table(found)
    assert sum(table[f"decile_{n:02}_customers"] for n in range(1, 11)) == 203
    assert sum(table[f"decile_{n:02}_customers"] * table[f"decile_{n:02}_observed"] for n in range(1, 11)) == pytest.approx(ANSWERS.sum())
    assert sum(table[f"decile_{n:02}_customers"] * table[f"decile_{n:02}_predicted"] for n in range(1, 11)) == pytest.approx(SCORES.sum())
    assert table["decile_01_lift"] == pytest.approx(table["decile_01_observed"] / ANSWERS.mean())
    assert counts(found) == {"customers": 203, "actual_count": ANSWERS.sum(), "forecast_count": pytest.approx(SCORES.sum())}


def test_what_only_ranks_has_no_calibration():
    found = ranked(ANSWERS, SCORES, IDS, is_forecast=False)
    assert not {"log_loss", "brier", "calibration_error"} & set(main_metrics(found, np.ones((1, 203))))
    assert "forecast_count" not in counts(found)
    assert not any("predicted" in name for name in decile_table(found))


def test_a_draw_without_one_of_the_answers_measures_nothing():
    assert np.isnan(measured((~ANSWERS).astype(int))["auc"])


def test_a_customer_weighs_the_same_wherever_they_are_drawn():
    draws = drawn(IDS, count=7)
    (all_of_them,) = draws.blocks(IDS)
    (some,) = draws.blocks(IDS[::-3])
    assert (some == all_of_them[:, ::-3]).all()
    assert all_of_them.shape == (7, 203)
    assert all_of_them.mean() == pytest.approx(1, abs=0.1)


def test_very_many_customers_are_drawn_from_an_even_pick_of_them():
    draws = drawn(IDS, count=3, most=60)
    assert draws.inside(IDS).sum() == 51
    assert draws.narrowing == pytest.approx((51 / 203) ** 0.5)


def test_an_interval_holds_its_figure_and_gets_narrower_with_more_customers():
    found = ranked(ANSWERS, SCORES, IDS, is_forecast=True)
    widths = []
    for repeat in (1, 9):
        ids = [f"{customer}.{n}" for n in range(repeat) for customer in IDS]
        found = ranked(np.tile(ANSWERS, repeat), np.tile(SCORES, repeat), ids, is_forecast=True)
        values = np.concatenate([main_metrics(found, block)["auc"] for block in drawn(ids).blocks(ids)])
        low, high = interval(roc_auc_score(ANSWERS, SCORES), values)
        assert low < roc_auc_score(ANSWERS, SCORES) < high
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(3, rel=0.3)


def test_an_interval_keeps_to_what_is_possible_and_is_missing_where_draws_say_nothing():
    assert interval(0.99, np.linspace(0.9, 1.0, 100), bounds=(0.0, 1.0))[1] == 1.0
    assert interval(0.5, np.array([0.5, np.nan, np.nan])) is None


def test_the_roc_curve_runs_through_the_known_points_and_holds_the_area():
    rng = np.random.default_rng(3)
    answers = rng.random(4000) < 0.3
    scores = np.round(answers + rng.normal(0, 1.2, 4000), 2)
    found = ranked(answers, scores, [f"c{n:05}" for n in range(4000)], is_forecast=False)
    shares = [0.0, *roc_points(found).values(), 1.0]
    assert len(shares) == 21 and shares == sorted(shares)
    assert np.trapezoid(shares, dx=0.05) == pytest.approx(main_metrics(found, np.ones((1, 4000)))["auc"][0], abs=0.01)
    assert roc_points(ranked(np.ones(3), np.arange(3.0), list("abc"), is_forecast=False)) == {}
