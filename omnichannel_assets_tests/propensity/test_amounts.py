"""Figures of forecast amounts: they agree with slow counting, weights count as repeated customers, intervals cover the truth."""

import numpy as np
import pytest

from omnichannel_assets.propensity.amounts import BOUNDS, counts, main_metrics
from omnichannel_assets.propensity.intervals import drawn, interval
from omnichannel_assets.propensity.metrics import ranked

RNG = np.random.default_rng(6)
FORECAST = RNG.gamma(1.0, 50, 101).round(-1)  # with ties
SPENT = np.where(RNG.random(101) < 0.5, 0.0, FORECAST * RNG.lognormal(0, 1, 101)).round(2)
IDS = [f"c{number:03}" for number in range(101)]


def measured(weights: np.ndarray, forecast: np.ndarray = FORECAST, spent: np.ndarray = SPENT) -> dict[str, float]:
    ids = [f"c{number:05}" for number in range(len(spent))]
    found = main_metrics(ranked(spent, forecast, ids, is_forecast=True), weights[None, :].astype(float))
    return {name: float(value[0]) for name, value in found.items()}


def slow_gini(forecast: np.ndarray, spent: np.ndarray) -> float:
    """Mean over pairs of customers of how much more was spent by the one with the larger forecast."""
    more = np.sign(forecast[:, None] - forecast[None, :]) * (spent[:, None] - spent[None, :])
    return float(more.mean() / (2 * spent.mean()))


def test_figures_agree_with_slow_counting():
    found = measured(np.ones(101))
    assert found["mean_absolute_error"] == pytest.approx(np.mean([abs(f - s) for f, s in zip(FORECAST, SPENT, strict=True)]))
    assert found["total_ratio"] == pytest.approx(sum(FORECAST) / sum(SPENT))
    assert found["gini"] == pytest.approx(slow_gini(FORECAST, SPENT) / slow_gini(SPENT, SPENT))
    assert counts(ranked(SPENT, FORECAST, IDS, is_forecast=True)) == {
        "customers": 101,
        "actual_count": (SPENT > 0).sum(),
        "actual_total": pytest.approx(SPENT.sum()),
        "forecast_total": pytest.approx(FORECAST.sum()),
    }


def test_the_top_tenth_is_that_of_the_largest_forecasts():
    forecast, spent = np.arange(20.0), np.array([*[5.0] * 18, 10.0, 30.0])
    assert measured(np.ones(20), forecast, spent)["top_tenth_share"] == pytest.approx(40 / 130)
    assert measured(np.ones(20), spent, spent)["gini"] == pytest.approx(1)
    assert measured(np.ones(20), -spent, spent)["gini"] == pytest.approx(-1)


def test_a_forecast_that_is_the_same_for_everybody_orders_nobody_whatever_the_draw():
    for weights in (np.ones(101), RNG.poisson(1.0, 101)):
        found = measured(weights, np.full(101, SPENT.mean()))
        assert (found["gini"], found["top_tenth_share"]) == (pytest.approx(0, abs=1e-12), pytest.approx(0.1))


def test_a_customer_of_weight_two_counts_as_two_customers():
    weights = RNG.poisson(1.0, 101)
    twice = np.repeat(np.arange(101), weights)
    assert measured(weights) == pytest.approx(measured(np.ones(len(twice)), FORECAST[twice], SPENT[twice]))


def test_where_nobody_spent_anything_there_is_nothing_to_measure():
    assert all(np.isnan(value) for value in measured(np.ones(101), FORECAST, np.zeros(101)).values())


def shop(customers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts that are right on average, and what is spent: half nothing, the others with a long tail."""
    expected = rng.gamma(2.0, 30, customers)
    return expected, np.where(rng.random(customers) < 0.5, 0.0, 2 * expected * rng.lognormal(-0.32, 0.8, customers))


def test_intervals_cover_what_a_very_large_shop_shows():
    truth = measured(np.ones(200_000), *shop(200_000, np.random.default_rng(0)))
    assert truth["total_ratio"] == pytest.approx(1, abs=0.02)
    inside = dict.fromkeys(truth, 0)
    ids = [f"c{number:03}" for number in range(400)]
    draws = drawn(ids)
    (weights,) = draws.blocks(ids)
    for seed in range(1, 61):
        expected, spent = shop(400, np.random.default_rng(seed))
        own, spread = measured(np.ones(400), expected, spent), main_metrics(ranked(spent, expected, ids, is_forecast=True), weights)
        for name, value in own.items():
            low, high = interval(value, spread[name], bounds=BOUNDS[name])
            inside[name] += low <= truth[name] <= high
    assert {name: count for name, count in inside.items() if count < 0.85 * 60} == {}
