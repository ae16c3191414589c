"""Learning: refusals in words, which cut-offs have a say in what, and the same bytes every time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.propensity.scoring import score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE, TASKS
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import rows_of, train
from omnichannel_assets.propensity.trees import Parameters, grow, matrix
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples, without_labels


def test_trees_grow_on_every_closed_cutoff_and_choices_are_made_on_later_ones():
    model = train(CHURN_INACTIVITY, examples(), FEATURES)
    assert (model.refusal, len(model.cutoffs), model.calibrated_on) == (None, 5, LAST)
    assert (model.examples, model.positives) == (2000, int(pc.sum(examples().column("inactivity")).as_py()))
    assert [(LAST - day).days for day in model.learning.validated] == [30, 0], "of the 30 days of steps, 90 must have passed"


@pytest.mark.parametrize("trials", [0, 2])
def test_the_same_examples_give_the_same_bytes_in_any_order(trials):
    table = examples()
    shuffled = table.take(pa.array(np.random.default_rng(5).permutation(table.num_rows)))
    first = train(REPURCHASE, table, FEATURES, terms=Terms(trials=trials))
    assert first == train(REPURCHASE, shuffled, FEATURES, terms=Terms(trials=trials))
    assert len(first.learning.found.trials) == trials + 1


def test_any_number_of_threads_grows_the_same_trees():
    rows = rows_of(examples(2), FEATURES, REPURCHASE)
    assert grow(rows, Parameters(trees=5), Terms()) == grow(rows, Parameters(trees=5), Terms(threads=2))


def test_another_seed_draws_other_trees():
    assert train(REPURCHASE, examples(), FEATURES).booster != train(REPURCHASE, examples(), FEATURES, terms=Terms(seed=1)).booster


def test_too_few_with_the_label_is_said_in_one_sentence():
    table = examples(customers=100)
    ended = pa.array(np.arange(500) % 12 == 0)
    model = train(CHURN_SUBSCRIPTION, table.set_column(table.schema.get_field_index("subscription_churn"), "subscription_churn", ended), FEATURES)
    assert model.refusal == "Churn of subscriptions cannot be learned yet: 42 subscriptions ended within 90 days at the 5 past cut-offs; 100 are needed."
    assert model.booster is None
    assert train(CHURN_SUBSCRIPTION, table, FEATURES, terms=Terms(least_examples=42)).refusal is None


def test_too_few_without_the_label_is_said_too():
    table = examples(customers=100)
    always = table.set_column(table.schema.get_field_index("repurchase"), "repurchase", pa.array([True] * 500))
    refusal = "Repurchase cannot be learned yet: 0 customers bought nothing for 30 days at the 5 past cut-offs; 100 are needed."
    assert train(REPURCHASE, always, FEATURES).refusal == refusal


def test_a_rare_label_keeps_its_own_rate():
    """Nothing is resampled: of a thirtieth who leave, a thirtieth is expected to."""
    table = examples(6, 1000)
    label = table.schema.get_field_index("repurchase")
    leaves = np.array(table.column("inactivity").to_pylist()) & (np.random.default_rng(3).random(table.num_rows) < 0.06)
    rare = table.set_column(label, "repurchase", pa.array(leaves))
    model = train(REPURCHASE, rare, FEATURES)
    last = rare.filter(pc.equal(rare.column("cutoff"), LAST))
    assert leaves.mean() < 0.04
    assert score(model, last).mean() == pytest.approx(leaves.mean(), rel=0.15)


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
    assert (LAST - max(model.cutoffs)).days == 90
    assert model.calibrated_on == max(model.cutoffs)
    earlier = examples(8).filter(pc.less_equal(examples(8).column("cutoff"), pa.scalar(max(model.cutoffs), pa.date32())))
    assert model == train(CHURN_INACTIVITY, earlier, FEATURES)


def test_a_missing_input_is_no_zero():
    table = pa.table({"recency_days": pa.array([None, 2.0]), "has_active_subscription": [True, False]})
    found = matrix(table, ("recency_days", "has_active_subscription"))
    assert np.isnan(found[0, 0]) and found[1, 0] == 2 and found[:, 1].tolist() == [1, 0]
