"""Learning: refusals in words, calibration, and the same bytes every time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.propensity.scoring import score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE, TASKS
from omnichannel_assets.propensity.training import Calibration, calibrate, matrix, probabilities, train
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples, without_labels


def test_a_model_learns_on_earlier_cutoffs_and_calibrates_on_the_last():
    model = train(CHURN_INACTIVITY, examples(), FEATURES)
    assert (model.refusal, len(model.cutoffs), model.calibrated_on) == (None, 4, LAST)
    assert (model.examples, model.positives) == (2000, int(pc.sum(examples().column("inactivity")).as_py()))
    assert max(model.cutoffs) < LAST


def test_the_same_examples_give_the_same_bytes_in_any_order():
    table = examples()
    shuffled = table.take(pa.array(np.random.default_rng(5).permutation(table.num_rows)))
    assert train(REPURCHASE, table, FEATURES) == train(REPURCHASE, shuffled, FEATURES)


@pytest.mark.parametrize(
    ("count", "refusal"),
    [
        (20, "Churn of subscriptions cannot be learned yet: 12 of the 50 needed subscriptions ended within 90 days at the 4 earlier cut-offs."),
        (400, None),
    ],
)
def test_too_few_with_the_label_is_said_in_one_sentence(count, refusal):
    table = examples(customers=count)
    if refusal:
        earlier = np.array([day != LAST for day in table.column("cutoff").to_pylist()])
        ended = np.cumsum(earlier) <= 12
        table = table.set_column(table.schema.get_field_index("subscription_churn"), "subscription_churn", pa.array(ended & earlier))
    model = train(CHURN_SUBSCRIPTION, table, FEATURES)
    assert model.refusal == refusal
    assert (model.booster is None) == (refusal is not None)


def test_too_few_without_the_label_is_said_too():
    table = examples(customers=100)
    always = table.set_column(table.schema.get_field_index("repurchase"), "repurchase", pa.array([True] * 500))
    assert train(REPURCHASE, always, FEATURES).refusal == "Repurchase cannot be learned yet: 0 of the 50 needed customers bought nothing for 30 days at the 4 earlier cut-offs."


@pytest.mark.parametrize(("cutoffs", "words"), [(0, "0 of the 2 needed cut-offs have customers and"), (1, "1 of the 2 needed cut-offs has customers and")])
def test_too_few_cutoffs_is_said_too(cutoffs, words):
    table = examples(2)
    keep = np.array([cutoffs > 0 and day == LAST for day in table.column("cutoff").to_pylist()])
    model = train(CHURN_INACTIVITY, without_labels(table, "inactivity", keep), FEATURES)
    assert model.refusal == f"Churn by inactivity cannot be learned yet: {words} a closed horizon of 90 days."


def test_every_refusal_reads_as_a_sentence():
    for task in TASKS:
        refusal = train(task, examples(3, 20), FEATURES).refusal
        assert refusal.startswith(task.title) and refusal.endswith(".") and "  " not in refusal


def test_an_open_horizon_teaches_nothing():
    table = examples()
    days = np.array(table.column("cutoff").to_pylist())
    open_last = train(CHURN_INACTIVITY, without_labels(table, "inactivity", days < LAST), FEATURES)
    assert open_last == train(CHURN_INACTIVITY, table.filter(pa.array(days < LAST)), FEATURES)


def test_known_until_leaves_out_what_had_not_closed_by_then():
    model = train(CHURN_INACTIVITY, examples(8), FEATURES, known_until=LAST)
    assert (LAST - model.calibrated_on).days == 90
    assert max(model.cutoffs) < model.calibrated_on


def test_calibration_moves_probabilities_toward_what_happened():
    """At the last cut-off a tenth as many leave: the model must come down with them."""
    usual, calm = train(CHURN_INACTIVITY, examples(), FEATURES), train(CHURN_INACTIVITY, examples(rate_of_last=0.1), FEATURES)
    last = examples().filter(pc.equal(examples().column("cutoff"), LAST))
    assert usual.booster == calm.booster
    assert score(calm, last).mean() == pytest.approx(0.1, abs=0.01)
    assert score(usual, last).mean() == pytest.approx(pc.mean(last.column("inactivity").cast(pa.float64())).as_py(), abs=0.01)


def test_calibration_never_turns_the_ranking_around():
    margin = np.linspace(-2, 2, 200)
    calibration = calibrate(margin, margin < 0.5)
    assert calibration.slope == 1
    assert probabilities(margin, calibration).mean() == pytest.approx((margin < 0.5).mean(), abs=1e-6)


def test_few_of_one_class_leave_the_trees_their_own_probabilities():
    assert calibrate(np.linspace(-2, 2, 200), np.arange(200) < 29) == Calibration()


def test_a_missing_input_is_no_zero():
    table = pa.table({"recency_days": pa.array([None, 2.0]), "has_active_subscription": [True, False]})
    found = matrix(table, ("recency_days", "has_active_subscription"))
    assert np.isnan(found[0, 0]) and found[1, 0] == 2 and found[:, 1].tolist() == [1, 0]
