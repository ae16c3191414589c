"""The alarm: it rings for what knows the future, names it, stays silent on honest examples, and says what it could not judge."""

import numpy as np
import pyarrow as pa
import pytest

from omnichannel_assets.propensity.leakage import Alarms, alarms, areas_with_noise, rebuilt, single_areas, single_features, splits
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, TASKS
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples, without_labels

DAYS = 7
"""Cut-offs: the horizons of three have passed by the last one."""


def with_column(table: pa.Table, name: str, values: np.ndarray) -> pa.Table:
    return table.append_column(name, pa.array(values))


def answers(table: pa.Table, label: str = "inactivity") -> np.ndarray:
    return table.column(label).to_numpy(zero_copy_only=False).astype(bool)


@pytest.fixture(scope="module")
def honest() -> pa.Table:
    return examples(DAYS, 500)


def test_honest_examples_ring_nothing_and_everything_is_judged(honest):
    found = alarms(TASKS, honest, FEATURES)
    assert (found.found, found.not_judged) == ((), ())
    assert found.judged == len(TASKS) * (DAYS + 1 + 1)


def test_a_feature_that_tells_the_label_alone_is_named_in_either_direction(honest):
    noise = np.random.default_rng(1).normal(0, 0.2, honest.num_rows)
    for sign in (1, -1):
        found = alarms(TASKS[:1], with_column(honest, "tells_all", sign * answers(honest) + noise), (*FEATURES, "tells_all"))
        assert [text.split(", AUC")[0] for text in found.found] == ["single feature: tells_all alone tells inactivity"]


def test_a_feature_that_is_missing_where_the_label_is_tells_it_too(honest):
    value = np.where(answers(honest), np.nan, np.random.default_rng(1).uniform(0, 1, honest.num_rows))
    (text,) = single_features(CHURN_INACTIVITY, with_column(honest, "gone", value), ("gone",)).found
    assert text == "single feature: gone alone tells inactivity, AUC 1.000 at all cut-offs (at most 0.95)"


def test_todays_state_tells_most_at_the_latest_cutoff_and_is_found_there(honest):
    """Days since the last order counted from today: whoever left at the last cut-off is 90 days away, at earlier ones anybody may be."""
    is_last = np.array([day == LAST for day in honest.column("cutoff").to_pylist()])
    rng = np.random.default_rng(2)
    today = np.where(is_last, answers(honest) * 100 + rng.uniform(0, 50, honest.num_rows), rng.uniform(0, 150, honest.num_rows))
    table = with_column(honest, "days_from_today", today)
    (text,) = single_features(CHURN_INACTIVITY, table, ("days_from_today",)).found
    assert text == f"single feature: days_from_today alone tells inactivity, AUC 1.000 at {LAST} (at most 0.95)"
    (text,) = splits(CHURN_INACTIVITY, table, (*FEATURES, "days_from_today")).found
    assert text.startswith("split: a random split tells inactivity better than one by time, AUC ")
    assert f"at {LAST}" in text


def test_a_label_that_customers_keep_from_one_cutoff_to_the_next_is_no_leak():
    """Half of the customers always leave: a shuffled split would recognise them by their own rows. The alarm compares other customers."""
    table = examples(DAYS, 500)
    kept = np.tile(np.random.default_rng(3).random(500) < 0.5, DAYS)
    fingerprint = np.tile(np.random.default_rng(4).uniform(0, 1, 500), DAYS)
    table = with_column(table.set_column(table.schema.get_field_index("inactivity"), "inactivity", pa.array(kept)), "fingerprint", fingerprint)
    assert splits(CHURN_INACTIVITY, table, (*FEATURES, "fingerprint")) == Alarms(judged=1)


def test_a_season_that_changes_how_many_leave_is_no_leak():
    assert splits(CHURN_INACTIVITY, examples(DAYS, 500, rate_of_last=None), FEATURES).found == ()
    few = examples(DAYS, 500)
    rare = answers(few) & (np.random.default_rng(5).random(few.num_rows) < np.where(np.arange(few.num_rows) < 3000, 0.3, 1.0))
    assert splits(CHURN_INACTIVITY, few.set_column(few.schema.get_field_index("inactivity"), "inactivity", pa.array(rare)), FEATURES).found == ()


def test_with_few_rows_it_says_that_it_did_not_judge():
    found = alarms(TASKS[:1], examples(DAYS, 10), FEATURES)
    assert (found.found, found.judged) == ((), 0)
    assert found.not_judged[0] == "single feature of inactivity: fewer than 50 rows of a kind"
    assert found.not_judged[1].startswith("split of inactivity: ") and found.not_judged[1].endswith(" rows of a kind, 100 are needed")
    assert splits(CHURN_INACTIVITY, examples(2), FEATURES).not_judged == ("split of inactivity: no cut-off had closed by the last one",)
    nothing = without_labels(examples(2), "inactivity", np.zeros(800, dtype=bool))
    assert alarms(TASKS[:1], nothing, FEATURES).judged == 0


def test_the_same_examples_give_the_same_words_in_any_order(honest):
    shuffled = honest.take(pa.array(np.random.default_rng(5).permutation(honest.num_rows)))
    table, again = (with_column(t, "tells_all", answers(t) * 1.0) for t in (honest, shuffled))
    assert alarms(TASKS, table, (*FEATURES, "tells_all")) == alarms(TASKS, again, (*FEATURES, "tells_all"))


def test_areas_and_their_noise_are_those_of_slow_counting():
    rng = np.random.default_rng(7)
    label = rng.random(60) < 0.4
    one, other = label + rng.normal(0, 1, 60).round(1), label + rng.normal(0, 2, 60).round(1)

    def area(scores: np.ndarray, rows: np.ndarray) -> float:
        return float(np.mean([(a > b) + (a == b) / 2 for a in scores[rows & label] for b in scores[rows & ~label]]))

    everybody = np.ones(60, dtype=bool)
    found = areas_with_noise(label, one, other)
    assert found[:2] == pytest.approx((area(one, everybody), area(other, everybody)))
    draws = [rng.integers(0, 60, 60) for _ in range(400)]
    again = [areas_with_noise(label[rows], one[rows], other[rows]) for rows in draws]
    assert found[2] == pytest.approx(np.std([first - second for first, second, _ in again]), rel=0.2)
    assert single_areas(np.column_stack([one, -other]), label) == pytest.approx([area(one, everybody), max(area(other, everybody), 1 - area(other, everybody))])


def rows(**changed: list) -> pa.Table:
    columns = {"cutoff": pa.array([LAST] * 3, pa.date32()), "customer_id": ["a", "b", "c"], "spend": [1.5, None, float("nan")], "words": ["x", None, "y"], "orders": [1, 2, 3]}
    return pa.table(columns | changed)


@pytest.mark.parametrize(
    ("again", "words"),
    [
        (rows(), []),
        (rows().take([2, 0, 1]), []),
        (rows(spend=[1.5000000000000002, None, float("nan")]), ["spend differs in 1 of 3 rows"]),
        (rows(spend=[1.5, 0.0, float("nan")]), ["spend differs in 1 of 3 rows"]),
        (rows(words=["x", "", "z"], orders=[1, 2, 4]), ["words differs in 2 of 3 rows", "orders differs in 1 of 3 rows"]),
        (rows(customer_id=["a", "b", "d"]), ["1 of 3 customers are not there"]),
        (rows().slice(0, 0), ["3 of 3 customers are not there"]),
    ],
)
def test_rebuilt_rows_are_compared_to_the_byte(again, words):
    found = rebuilt(rows(), again, [LAST], ("spend", "words", "orders"))
    assert [text.removeprefix("rebuilt: ").split(f" at {LAST}")[0].split(f" {LAST}")[0] for text in found.found] == words
    assert found.judged == 1
