"""Expected spend: learned, refused and judged as the probabilities are, in whole pence."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.propensity.spending import Judged, amounts, expected_spend, judge, spend_task, told
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import train
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples

SPEND = spend_task(90)


def spenders(cutoffs: int = 6) -> pa.Table:
    """Who comes back spends 20 and 15 more for each day with an order in the 90 days before, give or take half; the others nothing."""
    table = examples(cutoffs)
    days, comes = table.column("order_days_90_days").to_numpy(), ~np.array(table.column("inactivity").to_pylist())
    spent = comes * (20 + 15 * days) * np.random.default_rng(2).uniform(0.5, 1.5, table.num_rows)
    pounds = pa.array([Decimal(f"{value:.2f}") for value in spent], pa.decimal128(18, 2))
    return table.append_column("future_spend", pounds).append_column("spend_90_days", pa.array(17.0 * days))


@pytest.fixture(scope="module")
def model():
    return train(SPEND, spenders(), FEATURES)


def test_expected_spend_is_whole_pence_and_adds_up_to_what_is_spent(model):
    last = spenders().filter(pc.equal(spenders().column("cutoff"), LAST))
    found = expected_spend(model, last)
    assert all(value >= 0 and value == value.quantize(Decimal("0.01")) for value in found)
    assert float(sum(found)) == pytest.approx(float(pc.sum(last.column("future_spend")).as_py()), rel=0.1)
    assert [float(value) for value in found] == pytest.approx(amounts(model, last), abs=0.006)
    assert model == train(SPEND, spenders(), FEATURES)


def test_too_few_who_spend_anything_is_said_in_one_sentence():
    refused = train(SPEND, spenders().slice(0, 800), FEATURES, terms=Terms(least_examples=500))
    assert refused.refusal.startswith("Expected spend cannot be learned yet: ") and refused.refusal.endswith("at the 2 past cut-offs; 500 are needed.")
    assert train(SPEND, spenders().slice(0, 400), FEATURES).refusal == "Expected spend cannot be learned yet: 1 of the 2 needed cut-offs has customers and a closed horizon of 90 days."


def test_it_is_judged_on_later_cutoffs_beside_the_last_spend_and_the_mean():
    found = judge(SPEND, spenders(), FEATURES, Terms())
    assert {each.guess for each in found} == {"model", "mean", "last spend"}
    by_guess = {(each.cutoff, each.guess): each for each in found}
    for day in {each.cutoff for each in found}:
        assert by_guess[day, "model"].error < min(by_guess[day, "mean"].error, by_guess[day, "last spend"].error)
        assert by_guess[day, "model"].top_tenth > by_guess[day, "last spend"].top_tenth > by_guess[day, "mean"].top_tenth == 0.1
        assert by_guess[day, "model"].total == pytest.approx(1, abs=0.15)
    assert "better than both guesses. Forecast over actual total: 1.0" in told(found) or "better than both guesses. Forecast over actual total: 0.9" in told(found)


def test_what_is_no_better_says_so():
    found = [Judged(LAST, "model", 30.0, 1.4, 0.3), Judged(LAST, "mean", 40.0, 1.0, 0.1), Judged(LAST, "last spend", 25.0, 1.1, 0.4)]
    assert told(found).endswith("no better than the best guess: use its order, not its amounts. Forecast over actual total: 1.40.")
    assert told([]) == "Cannot tell yet how good the expected spend is: no later cut-off could be held out."
