"""Bands, deciles, scores and what each input contributed."""

import numpy as np
import pyarrow.compute as pc
import pytest

from omnichannel_assets.propensity.scoring import bands, contributions, deciles, places, score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY
from omnichannel_assets.propensity.training import train
from omnichannel_assets.propensity.trees import margins, matrix
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples


def test_equal_scores_go_by_customer_id():
    assert places(np.array([0.5, 0.9, 0.5, 0.1]), ["c", "z", "a", "b"]).tolist() == [2, 0, 1, 3]


def test_bands_hold_a_fifth_three_tenths_and_the_rest_also_when_all_scores_are_equal():
    place = places(np.zeros(50), [f"c{number:02}" for number in range(50)])
    assert [bands(place).count(band) for band in ("high", "medium", "low")] == [10, 15, 25]
    assert bands(place)[:10] == ["high"] * 10
    assert np.bincount(deciles(place))[1:].tolist() == [5] * 10


@pytest.mark.parametrize("count", [0, 1, 3, 9, 11])
def test_few_customers_are_ranked_too(count):
    place = places(np.arange(count, dtype=float), [str(number) for number in range(count)])
    assert len(bands(place)) == len(deciles(place)) == count
    assert all(1 <= decile <= 10 for decile in deciles(place))
    assert not count or (bands(place)[-1], deciles(place)[-1]) == ("high", 1)


def test_scores_are_probabilities_with_six_decimals_and_contributions_add_up_to_them():
    model = train(CHURN_INACTIVITY, examples(), FEATURES)
    last = examples().filter(pc.equal(examples().column("cutoff"), LAST))
    found = score(model, last)
    assert ((found >= 0) & (found <= 1)).all() and (found == found.round(6)).all()
    margin = margins(model.booster, matrix(last, model.features), model.features) * model.calibration.slope
    rest = margin - contributions(model, last).sum(axis=1)
    assert rest.std() < 1e-4
