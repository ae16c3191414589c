"""Rolling origins: what was known by then, every judge beside the model, intervals, means, segments, and why something cannot be judged."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.checks.contracts import contract
from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.baselines import opinions, purchases
from omnichannel_assets.propensity.evaluation import MEAN, Figure, evaluate
from omnichannel_assets.propensity.origins import Judging
from omnichannel_assets.propensity.reasons import FAMILIES
from omnichannel_assets.propensity.segments import members
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, REPURCHASE
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples


def with_history(table: pa.Table) -> pa.Table:
    """The columns that the other judges and the segments read: a year of purchases, many of them by those who stay."""
    stays = ~table.column(CHURN_INACTIVITY.label).to_numpy(zero_copy_only=False).astype(bool)
    rng = np.random.default_rng(9)
    recency = table.column("recency_days").to_numpy()
    repeats = rng.poisson(1 + 2 * stays)
    first = recency + repeats * 20.0
    added = {
        "order_days_365_days": repeats + 1,
        "spend_365_days": (repeats + 1) * 20.0,
        "first_order_days": first,
        "order_days_ever": repeats + 1,
        "online_share": rng.choice([0.0, 0.5, 1.0], len(stays)),
    }
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    return table


@pytest.fixture(scope="module")
def judged() -> list[Figure]:
    return evaluate(CHURN_INACTIVITY, with_history(examples(8)), FEATURES, Judging(most_origins=12))


def value(figures: list[Figure], metric: str, *, origin: object = MEAN, segment: str = "all", judge: str = "model") -> float:
    (found,) = [f.value for f in figures if (f.origin, f.segment, f.judge, f.metric) == (str(origin), segment, judge, metric)]
    return found


def test_each_origin_is_a_closed_cutoff_whose_model_knew_what_was_known_by_then(judged):
    """Of eight cut-offs the first three have no closed horizon before them, and the fourth but one, which is too little to learn from."""
    days = [LAST - timedelta(days=30 * back) for back in (3, 2, 1, 0)]
    assert list(dict.fromkeys(figure.origin for figure in judged)) == [*(day.isoformat() for day in days), MEAN]
    (words,) = {f.population for f in judged if f.origin == LAST.isoformat() and f.segment == "all"}
    assert words.startswith(f"known customers with a purchase in the 365 days before {LAST}: 400, of whom ")
    assert words.endswith("learned from 5 cut-offs up to 2025-12-01, chosen by 2025-12-01 and before")


def test_labels_that_closed_after_an_origin_change_nothing_of_it():
    table = examples(8)
    days = np.array(table.column("cutoff").to_pylist())
    unseen = np.array([0 < (LAST - day).days < 90 for day in days])
    labels = np.array(table.column(CHURN_INACTIVITY.label).to_pylist())
    turned = table.set_column(table.schema.get_field_index(CHURN_INACTIVITY.label), CHURN_INACTIVITY.label, pa.array(np.where(unseen, ~labels, labels)))
    last = Judging(origins=(LAST,))
    assert evaluate(CHURN_INACTIVITY, table, FEATURES, last) == evaluate(CHURN_INACTIVITY, turned, FEATURES, last)


def test_every_judge_is_measured_on_the_same_customers_and_churn_turns_the_judges_of_buying_around(judged):
    for judge in ("model", "recency", "frequency", "rfm", "bgnbd"):
        assert value(judged, "customers", judge=judge) == 400
        assert value(judged, "auc", judge=judge) > 0.6, judge
        assert value(judged, "auc_over_" + judge) == pytest.approx(value(judged, "auc") - value(judged, "auc", judge=judge), abs=2e-6) if judge != "model" else True
    assert value(judged, "log_loss", judge="rfm") < 0.7
    assert not [f for f in judged if f.judge in ("recency", "frequency", "bgnbd") and f.metric in ("log_loss", "brier", "calibration_error", "forecast_count")]


def test_main_metrics_have_an_interval_around_them_and_so_has_the_models_lead(judged):
    main = ("auc", "average_precision", "log_loss", "brier", "lift_at_5_percent", "lift_at_10_percent", "lift_at_20_percent", "calibration_error", "auc_over_recency")
    for figure in judged:
        if figure.metric in main and figure.segment == "all":
            assert figure.low <= figure.value <= figure.high and figure.low < figure.high
    lead = next(f for f in judged if f.metric == "auc_over_recency" and f.origin == MEAN and f.segment == "all")
    own = next(f for f in judged if f.metric == "auc" and f.origin == MEAN and f.segment == "all" and f.judge == "model")
    assert lead.high - lead.low < own.high - own.low  # the same drawn customers on both sides


def test_the_mean_over_origins_is_the_mean(judged):
    days = [f.origin for f in judged if (f.segment, f.judge, f.metric) == ("all", "model", "auc") and f.origin != MEAN]
    assert value(judged, "auc") == pytest.approx(np.mean([value(judged, "auc", origin=day) for day in days]), abs=1e-6)


def test_deciles_and_weights_add_up_at_the_newest_origin(judged):
    assert sum(value(judged, f"decile_{n:02}_customers", origin=LAST) for n in range(1, 11)) == 400
    assert sum(value(judged, f"decile_{n:02}_lift", origin=LAST) for n in range(1, 11)) == pytest.approx(10, abs=1e-4)
    assert sum(value(judged, f"weight_of_{family.name}", origin=LAST) for family in FAMILIES) == pytest.approx(1, abs=1e-4)


def test_segments_go_by_what_was_known_at_the_origin():
    table = pa.table(
        {
            "first_order_days": [10.0, 90.0, 200.0, 200.0, None],
            "order_days_365_days": [1, 5, 4, 3, 9],
            "online_share": [0.0, 1.0, 0.5, None, 1.0],
        }
    )
    found = {name: np.flatnonzero(inside).tolist() for name, inside in members(table).items()}
    assert found == {"all": [0, 1, 2, 3, 4], "new": [0, 1], "loyal": [2], "store_only": [0], "online_only": [1, 4]}


def test_a_segment_that_is_everybody_or_that_nobody_tells_of_is_left_out():
    assert list(members(pa.table({"online_share": [1.0, 1.0], "first_order_days": [5.0, 300.0]}))) == ["all", "new"]


def test_segments_are_told_in_words_with_their_numbers(judged):
    told = next(f for f in judged if f.segment == "online_only" and f.origin == LAST.isoformat())
    assert told.population.startswith("online_only (purchases in the last 365 days, all of them online): ")
    assert value(judged, "customers", segment="online_only", origin=LAST) < 400


def test_too_small_a_segment_is_not_judged():
    table = with_history(examples(8))
    few = np.where(np.arange(table.num_rows) % 400 < 20, 1.0, 0.0)
    figures = evaluate(CHURN_INACTIVITY, table.set_column(table.schema.get_field_index("online_share"), "online_share", pa.array(few)), FEATURES, Judging(origins=(LAST,)))
    assert {f.segment for f in figures} >= {"all", "store_only"} and "online_only" not in {f.segment for f in figures}


def test_bgnbd_reads_days_with_a_purchase_after_the_first():
    told = purchases(pa.table({"recency_days": [10.0, 30.0], "first_order_days": [70.0, 30.0], "order_days_ever": [4, 1]}))
    assert (told.repeats.tolist(), told.last_weeks.tolist()) == ([3.0, 0.0], [pytest.approx(60 / 7), 0.0])
    assert told.weeks.tolist() == pytest.approx([10.0, 30 / 7])


def test_a_judge_without_its_columns_says_nothing():
    table = examples(2)
    assert set(opinions(CHURN_INACTIVITY, table, table)) == {"recency"}


def test_the_figures_are_rows_of_the_table(judged):
    rows = [{"as_of": LAST, "model": "churn_inactivity", "horizon_days": 90, **vars(figure)} for figure in judged]
    assert contract(MODEL_EVALUATION, pa.Table.from_pylist(rows, schema=MODEL_EVALUATION.arrow())).passed


def test_the_newest_origins_are_judged_and_as_many_as_asked_for():
    figures = evaluate(CHURN_INACTIVITY, examples(8), FEATURES, Judging(most_origins=2))
    assert {f.origin for f in figures} == {"2026-01-30", LAST.isoformat(), MEAN}


def test_a_population_of_everybody_is_told_as_such():
    figures = evaluate(CHURN_INACTIVITY, examples(8), FEATURES, Judging(origins=(LAST,), eligible_days=0))
    assert figures[0].population.startswith(f"known customers with any purchase before {LAST}: 400")


def test_what_cannot_be_judged_says_why():
    (figure,) = evaluate(REPURCHASE, examples(2), FEATURES)
    assert (figure.origin, figure.metric, figure.value) == (MEAN, "auc", None)
    assert figure.population.endswith("Not judged: Repurchase cannot be learned yet: 1 of the 2 needed cut-offs has customers and a closed horizon of 30 days.")
    (figure,) = evaluate(REPURCHASE, examples(2).slice(0, 0), FEATURES)
    assert figure.population == "Repurchase cannot be judged yet: no cut-off has a closed horizon of 30 days."
    alike = examples(8).filter(pc.less(examples(8).column("cutoff"), pa.scalar(LAST)))
    last = examples(1)
    everybody = pa.array([True] * last.num_rows)
    table = pa.concat_tables([alike, last.set_column(last.schema.get_field_index(CHURN_INACTIVITY.label), CHURN_INACTIVITY.label, everybody)])
    (figure,) = evaluate(CHURN_INACTIVITY, table, FEATURES, Judging(origins=(date(2026, 3, 1),)))
    assert figure.population.endswith("Not judged: all of them ended alike")
