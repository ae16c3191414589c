"""BG/NBD: parameters come back from simulated customers, known values of the paper's own example, numbers for every history."""


import numpy as np
import pytest
from scipy.special import hyp2f1

from omnichannel_assets.propensity.bgnbd import Parameters, Purchases, expected_purchases, fit, log_likelihood

PAPER = Parameters(0.243, 4.414, 0.793, 2.426, 0.0)


def simulated(customers: int, parameters: Parameters, weeks: float, later: float = 0.0, seed: int = 3) -> tuple[Purchases, np.ndarray]:
    """Histories drawn from the model itself, and how many purchases followed in the ``later`` weeks."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(parameters.r, 1 / parameters.alpha, customers), rng.beta(parameters.a, parameters.b, customers)
    lengths, repeats, last, after = weeks * rng.uniform(0.6, 1, customers), np.zeros(customers), np.zeros(customers), np.zeros(customers)
    for at in range(customers):
        now = rng.exponential(1 / rate[at])
        while now < lengths[at] + later:
            if now < lengths[at]:
                repeats[at], last[at] = repeats[at] + 1, now
            else:
                after[at] += 1
            if rng.random() < leaves[at]:
                break
            now += rng.exponential(1 / rate[at])
    return Purchases(repeats, last, lengths), after


def test_parameters_come_back_from_simulated_customers():
    truth = Parameters(0.6, 8.0, 0.9, 3.0, 0.0)
    found = fit(simulated(6000, truth, 60)[0])
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.15)


def test_expected_purchases_are_those_that_simulated_customers_make():
    truth = Parameters(0.6, 8.0, 0.9, 3.0, 0.0)
    told, after = simulated(6000, truth, 60, later=26)
    expected = expected_purchases(truth, told, 26)
    assert expected.sum() == pytest.approx(after.sum(), rel=0.05)
    order = np.argsort(expected)
    for part in np.array_split(order, 4)[2:]:
        assert expected[part].mean() == pytest.approx(after[part].mean(), rel=0.15)


def test_the_papers_customer_is_expected_to_buy_1_226_times_in_39_weeks():
    customer = Purchases(np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert expected_purchases(PAPER, customer, 39)[0] == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize("a", [0.4, 1.7])
def test_expected_purchases_are_those_of_the_papers_closed_form(a):
    told = Purchases(np.array([0.0, 1, 3, 20]), np.array([0.0, 5, 30, 90]), np.array([50.0, 100, 60, 95]))
    r, alpha, b, weeks = 0.5, 6.0, 2.0, 13.0
    x, until = told.repeats, alpha + told.weeks
    curve = (until / (until + weeks)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, weeks / (until + weeks))
    left = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * (until / (alpha + told.last_weeks)) ** (r + x), 0)
    closed = (a + b + x - 1) / (a - 1) * (1 - curve) / (1 + left)
    assert expected_purchases(Parameters(r, alpha, a, b, 0.0), told, weeks) == pytest.approx(closed, rel=1e-4)


@pytest.mark.parametrize("a", [1e-4, 0.4, 1.0, 1.7, 8000])
@pytest.mark.parametrize("b", [1e-3, 0.6, 5.0, 8000])
def test_every_history_has_a_number_and_more_time_never_means_fewer_purchases(a, b):
    told = Purchases(np.array([0.0, 0, 1, 3, 500, 3000]), np.array([0.0, 0, 0.1, 50, 100, 100.5]), np.array([0.0, 100, 100, 100, 101, 101]))
    found = [expected_purchases(Parameters(0.5, 6.0, a, b, 0.0), told, weeks) for weeks in (1.0, 13.0, 52.0)]
    assert np.isfinite(found).all() and (np.diff(found, axis=0) >= 0).all() and (np.array(found) >= 0).all()
    assert np.isfinite(log_likelihood(np.log([0.5, 6.0, a, b]), told)).all()


def test_who_never_came_back_gives_parameters_too():
    found = fit(Purchases(np.zeros(50), np.zeros(50), np.linspace(1, 50, 50)))
    assert np.isfinite([found.r, found.alpha, found.a, found.b, found.log_likelihood]).all()


def test_nobody_is_no_population():
    with pytest.raises(ValueError, match="no customers"):
        fit(Purchases(np.zeros(0), np.zeros(0), np.zeros(0)))
