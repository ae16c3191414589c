"""Expected spend: learned, refused and judged as the probabilities are, in whole pence."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.checks.contracts import contract
from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.baselines import opinions
from omnichannel_assets.propensity.evaluation import MEAN, Figure, evaluate
from omnichannel_assets.propensity.origins import Judging
from omnichannel_assets.propensity.scoring import pence, score
from omnichannel_assets.propensity.tasks import spend_task
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
    told = {"future_spend": pounds, "spend_90_days": pa.array(17.0 * days), "order_days_365_days": pa.array(2 * days), "spend_365_days": pa.array(60.0 * days)}
    told["online_share"] = pa.array(np.random.default_rng(3).choice([0.0, 0.5, 1.0], table.num_rows))
    for name, values in told.items():
        table = table.append_column(name, values)
    return table


@pytest.fixture(scope="module")
def model():
    return train(SPEND, spenders(), FEATURES)


def test_expected_spend_is_whole_pence_and_adds_up_to_what_is_spent(model):
    last = spenders().filter(pc.equal(spenders().column("cutoff"), LAST))
    found = pence(score(model, last))
    assert all(value >= 0 and value == value.quantize(Decimal("0.01")) for value in found)
    assert float(sum(found)) == pytest.approx(float(pc.sum(last.column("future_spend")).as_py()), rel=0.1)
    assert [float(value) for value in found] == score(model, last).tolist()
    assert model == train(SPEND, spenders(), FEATURES)


def test_too_few_who_spend_anything_is_said_in_one_sentence():
    refused = train(SPEND, spenders().slice(0, 800), FEATURES, terms=Terms(least_examples=500))
    assert refused.refusal.startswith("Expected spend cannot be learned yet: ") and refused.refusal.endswith("at the 2 past cut-offs; 500 are needed.")
    assert train(SPEND, spenders().slice(0, 400), FEATURES).refusal == "Expected spend cannot be learned yet: 1 of the 2 needed cut-offs has customers and a closed horizon of 90 days."


@pytest.fixture(scope="module")
def judged() -> list[Figure]:
    return evaluate(SPEND, spenders(7), FEATURES, Judging(most_origins=3))


def value(figures: list[Figure], metric: str, judge: str = "model", *, origin: object = MEAN, segment: str = "all") -> float:
    (found,) = [f.value for f in figures if (f.origin, f.segment, f.judge, f.metric) == (str(origin), segment, judge, metric)]
    return found


def test_it_is_judged_on_rolling_origins_beside_those_who_need_no_model(judged):
    """Of seven cut-offs the last three have two closed horizons of 90 days before them; the model alone is told who comes back."""
    assert list(dict.fromkeys(figure.origin for figure in judged)) == ["2025-12-31", "2026-01-30", LAST.isoformat(), MEAN]
    assert value(judged, "mean_absolute_error") < min(value(judged, "mean_absolute_error", judge) for judge in ("rfm", "last_spend", "mean"))
    ginis = [value(judged, "gini", judge) for judge in ("model", "rfm", "last_spend", "mean")]
    assert ginis == sorted(ginis, reverse=True) and ginis[2] > 0.1 and ginis[3] == pytest.approx(0, abs=1e-6)
    shares = [value(judged, "top_tenth_share", judge) for judge in ("model", "last_spend", "mean")]
    assert shares == sorted(shares, reverse=True) and shares[2] == pytest.approx(0.1)
    assert value(judged, "total_ratio") == pytest.approx(1, abs=0.15)
    assert value(judged, "gini_over_last_spend") == pytest.approx(value(judged, "gini") - value(judged, "gini", "last_spend"), abs=2e-6)


def test_main_figures_have_an_interval_and_so_has_the_lead(judged):
    for figure in judged:
        if figure.metric in ("mean_absolute_error", "total_ratio", "top_tenth_share", "gini", "gini_over_rfm", "mean_absolute_error_over_mean") and figure.judge == "model":
            assert figure.low < figure.value < figure.high


def test_tenths_and_totals_add_up_and_are_told_with_who_was_judged(judged):
    spent = [value(judged, f"decile_{n:02}_observed", origin=LAST) * value(judged, f"decile_{n:02}_customers", origin=LAST) for n in range(1, 11)]
    assert sum(spent) == pytest.approx(value(judged, "actual_total", origin=LAST), abs=0.1)
    assert value(judged, "decile_01_predicted", origin=LAST) > value(judged, "decile_10_predicted", origin=LAST)
    assert value(judged, "forecast_total", origin=LAST) / value(judged, "actual_total", origin=LAST) == pytest.approx(value(judged, "total_ratio", origin=LAST), abs=1e-5)
    words = next(f.population for f in judged if f.origin == LAST.isoformat())
    assert words.startswith(f"known customers with a purchase in the 365 days before {LAST}: 400, of whom ") and "spent something within 90 days; learned from" in words
    assert {"store_only", "online_only"} <= {f.segment for f in judged}


def test_the_figures_are_rows_of_the_table(judged):
    rows = [{"as_of": LAST, "model": SPEND.model, "horizon_days": 90, **vars(figure)} for figure in judged]
    assert contract(MODEL_EVALUATION, pa.Table.from_pylist(rows, schema=MODEL_EVALUATION.arrow())).passed


def test_what_was_spent_lately_is_made_as_long_as_the_horizon():
    table = spenders(2)
    found = opinions(spend_task(180), table, table)
    assert found["last_spend"].scores == pytest.approx(2 * table.column("spend_90_days").to_numpy())
    assert found["rfm"].scores.sum() == pytest.approx(float(pc.sum(table.column("future_spend")).as_py()))
    assert set(opinions(SPEND, table, table.select(["customer_id"]))) == {"mean"}


def test_an_origin_at_which_nobody_spent_anything_is_not_judged():
    table = spenders()
    nothing = [None if day != LAST else Decimal("0.00") for day in table.column("cutoff").to_pylist()]
    spent = [amount if none is None else none for amount, none in zip(table.column("future_spend").to_pylist(), nothing, strict=True)]
    changed = table.set_column(table.schema.get_field_index("future_spend"), "future_spend", pa.array(spent, pa.decimal128(18, 2)))
    (figure,) = evaluate(SPEND, changed, FEATURES, Judging(origins=(LAST,)))
    assert (figure.metric, figure.value) == ("gini", None) and figure.population.endswith("Not judged: all of them ended alike")
