"""Readings of scores: outcomes by tenth, drift with honest limits, and the season of a year earlier."""

from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest

from omnichannel_assets.propensity.monitoring import Reference, closed_on, drift, outcome, psi, same_season

S = date(2026, 3, 1)


def at(day: int, hour: int = 12, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([(at(30), at(30))], date(2026, 3, 31)),
        ([(at(29), at(29))], None),  # the feed fell silent before the last day of the horizon
        ([(at(29), at(29)), (at(5, month=4), at(5, month=4))], date(2026, 4, 6)),
        ([(at(30), at(9, month=4)), (at(2, month=4), at(3, month=4))], date(2026, 4, 4)),  # known late counts from when it was known
        ([(at(30, 0), at(30, 0))], date(2026, 3, 31)),
    ],
)
def test_a_horizon_has_closed_when_an_order_of_its_last_day_was_known(orders, expected):
    assert closed_on(S, 30, orders) == expected


def test_an_outcome_is_read_by_tenth_the_highest_scores_first():
    forecast = np.linspace(0.05, 0.95, 100)
    actual = (np.arange(100) % 2 == 0).astype(float)
    whole, *tenths = outcome(forecast, actual, [f"c{n:03}" for n in range(100)])
    assert (whole.name, whole.customers, whole.forecast, whole.actual, whole.is_alert) == ("all", 100, pytest.approx(0.5), 0.5, False)
    assert [reading.name for reading in tenths] == [f"{n:02}" for n in range(1, 11)]
    assert [round(reading.forecast, 2) for reading in tenths[:2]] == [0.91, 0.82]
    assert sum(reading.customers for reading in tenths) == 100
    assert whole.words == "50.0% forecast, 50.0% happened, of 100 customers, no data of the same season a year earlier"


@pytest.mark.parametrize(("customers", "rate", "rings"), [(2000, 0.30, False), (2000, 0.35, False), (2000, 0.40, True), (40, 0.40, False), (2000, 0.22, True)])
def test_a_miss_is_told_when_it_is_larger_than_a_fifth_and_than_chance(customers, rate, rings):
    actual = (np.arange(customers) < rate * customers).astype(float)
    whole = outcome(np.full(customers, 0.3), actual, [str(n) for n in range(customers)], ("cut-off 2025-03-02", 0.41))[0]
    assert whole.is_alert is rings
    assert whole.words.endswith("customers, 41.0% at cut-off 2025-03-02")


def purchases(customers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts that are right on average, and what was spent: half nothing, the others with a long tail."""
    expected = rng.gamma(2.0, 30, customers)
    return expected, np.where(rng.random(customers) < 0.5, 0.0, 2 * expected * rng.lognormal(-0.5, 1.0, customers))


def test_amounts_are_read_as_means_with_the_spread_of_their_own_tail():
    forecast, actual = purchases(1000, np.random.default_rng(1))
    whole, *tenths = outcome(forecast, actual, [f"c{n:04}" for n in range(1000)], ("cut-off 2025-03-02", 71.5), "amount")
    error = np.sqrt(((actual - forecast) ** 2).sum()) / 1000
    assert (whole.forecast, whole.actual, whole.chance) == (pytest.approx(forecast.mean()), pytest.approx(actual.mean()), pytest.approx(3 * error))
    assert (whole.low, whole.high) == (pytest.approx(forecast.mean() - 1.96 * error), pytest.approx(forecast.mean() + 1.96 * error))
    assert whole.words == f"{forecast.mean():,.2f} forecast, {actual.mean():,.2f} spent, by each of 1,000 customers, 71.50 at cut-off 2025-03-02"
    assert [reading.forecast for reading in tenths] == sorted((reading.forecast for reading in tenths), reverse=True)


@pytest.mark.parametrize(("factor", "rings"), [(1.0, range(3)), (0.6, range(190, 201)), (1.6, range(190, 201))])
def test_a_right_forecast_of_amounts_hardly_ever_rings_and_a_wrong_one_does(factor, rings):
    rng, ids = np.random.default_rng(5), [f"c{n:04}" for n in range(1500)]
    found = [outcome(factor * forecast, actual, ids, target="amount")[0] for forecast, actual in (purchases(1500, rng) for _ in range(200))]
    assert sum(reading.is_alert for reading in found) in rings


def test_one_large_buyer_whom_nobody_expected_is_no_alert():
    forecast, actual = np.full(500, 20.0), np.where(np.arange(500) % 2, 40.0, 0.0)
    actual[7] = 20_000.0
    assert not outcome(forecast, actual, [f"c{n:03}" for n in range(500)], target="amount")[0].is_alert


def test_psi_is_that_of_slow_counting():
    rng = np.random.default_rng(1)
    reference, values = rng.normal(0, 1, 1000), rng.normal(0.5, 1, 800)
    edges = [-np.inf, *np.quantile(reference, np.arange(1, 10) / 10), np.inf]
    shares = [np.array([((column > low) & (column <= high)).sum() + 0.5 for low, high in pairwise(edges)]) for column in (reference, values)]
    one, other = (share / share.sum() for share in shares)
    assert psi(reference, values)[0] == pytest.approx(sum((b - a) * np.log(b / a) for a, b in zip(one, other, strict=True)))


@pytest.mark.parametrize("size", [30, 300, 3000])
def test_chance_alone_rarely_exceeds_what_is_said_of_it(size):
    rng = np.random.default_rng(2)
    found = [psi(rng.normal(0, 1, 500), rng.normal(0, 1, size)) for _ in range(200)]
    assert np.mean([value > chance for value, chance in found]) <= 0.03
    assert np.mean([value for value, _ in found]) < found[0][1]


def test_missing_values_and_yes_or_no_have_bins_of_their_own():
    yes, gone = np.array([0.0, 1.0] * 200), np.where(np.arange(400) < 200, np.nan, 1.0)
    assert psi(yes, yes)[0] == 0
    assert psi(yes, np.ones(400))[0] > 1
    assert psi(gone, np.ones(400))[0] > 1
    assert psi(np.empty(0), yes) == (0.0, float("inf"))


def columns(shift: float, size: int = 1000) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.column_stack([rng.normal(shift, 1, size), rng.normal(0, 1, size)])


def test_what_moved_is_named_with_how_much_unless_it_moves_every_year():
    now, reference = columns(1.5), Reference("cut-off 2026-02-01", columns(0.0))
    moved, still = drift("feature_drift", ["spend", "orders"], now, reference, None)
    assert (moved.is_alert, still.is_alert) == (True, False)
    assert moved.words.startswith("spend PSI 1.") and moved.words.endswith("against cut-off 2026-02-01 (alert above 0.25), no data of the same season a year earlier")
    seasonal = drift("feature_drift", ["spend", "orders"], now, reference, Reference("cut-off 2025-03-02", columns(1.5)))
    assert [(reading.name, reading.compared_with, reading.is_alert) for reading in seasonal] == [
        ("spend", "cut-off 2026-02-01", False),
        ("spend", "cut-off 2025-03-02", False),
        ("orders", "cut-off 2026-02-01", False),
        ("orders", "cut-off 2025-03-02", False),
    ]
    assert "0.00 against cut-off 2025-03-02" in seasonal[0].words
    assert drift("feature_drift", ["spend"], now, reference, Reference("cut-off 2025-03-02", columns(0.0)))[0].is_alert


def test_few_customers_raise_no_alert_that_many_would():
    assert not drift("feature_drift", ["spend"], columns(0.7, 12), Reference("then", columns(0.0)), None)[0].is_alert
    assert drift("feature_drift", ["spend"], columns(0.7), Reference("then", columns(0.0)), None)[0].is_alert


def test_what_nobody_collected_back_then_is_not_read():
    then = np.column_stack([np.full(1000, np.nan), columns(0.0)[:, 1]])
    assert [reading.name for reading in drift("feature_drift", ["views", "orders"], columns(0.0), Reference("then", then), None)] == ["orders"]


def test_the_same_season_is_the_cutoff_nearest_to_a_year_earlier():
    days = [date(2025, 2, 10), date(2025, 3, 12), date(2025, 4, 11)]
    assert same_season(days, S) == date(2025, 3, 12)
    assert same_season(days, date(2026, 6, 1)) is None
