"""Bands, deciles, and metrics of a judged model."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.propensity.evaluation import evaluate
from omnichannel_assets.propensity.reasons import FAMILIES
from omnichannel_assets.propensity.scoring import bands, contributions, deciles, places, score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, REPURCHASE
from omnichannel_assets.propensity.training import margins, matrix, train
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


def test_a_judged_model_beats_recency_where_returns_matter_too_and_says_who_was_judged():
    population, rows = evaluate(CHURN_INACTIVITY, examples(8), FEATURES)
    found = {name: (value, baseline) for name, value, baseline in rows}
    assert found["auc"][0] > found["auc"][1] > 0.6
    assert found["log_loss"][0] < found["log_loss"][1]
    assert 0 <= found["calibration_error"][0] < 0.15
    assert sum(found[f"bin_{n:02}_customers"][0] for n in range(1, 11)) == 400
    assert sum(found[f"tenth_{n:02}_lift"][0] for n in range(1, 11)) == pytest.approx(10, abs=1e-4)
    assert sum(found[f"weight_of_{family.name}"][0] for family in FAMILIES) == pytest.approx(1, abs=1e-4)
    assert found["actual_count"][0] == pytest.approx(found["forecast_count"][0], rel=0.3)
    assert population.startswith(f"known customers with a purchase in the 365 days before {LAST}: 400, of whom ")
    assert "learned from 5 cut-offs up to 2025-12-01, chosen by 2025-12-01 and before" in population


def test_the_judged_model_has_not_seen_the_test_cutoff_nor_anything_that_closed_after_it():
    """Labels of cut-offs whose 90 days had not passed by the test cut-off are turned around: nothing may change."""
    table = examples(8)
    days = np.array(table.column("cutoff").to_pylist())
    unseen = np.array([0 < (LAST - day).days < 90 for day in days])
    labels = np.array(table.column("inactivity_90").to_pylist())
    turned = table.set_column(table.schema.get_field_index("inactivity_90"), "inactivity_90", pa.array(np.where(unseen, ~labels, labels)))
    assert evaluate(CHURN_INACTIVITY, table, FEATURES) == evaluate(CHURN_INACTIVITY, turned, FEATURES)


def test_what_cannot_be_judged_says_why():
    population, rows = evaluate(REPURCHASE, examples(2), FEATURES)
    assert rows == [("auc", None, None)]
    assert population.endswith("Not judged: Repurchase cannot be learned yet: 1 of the 2 needed cut-offs has customers and a closed horizon of 30 days.")
    empty, rows = evaluate(REPURCHASE, examples(2).slice(0, 0), FEATURES)
    assert (empty, rows) == ("Repurchase cannot be judged yet: no cut-off has a closed horizon of 30 days.", [("auc", None, None)])
