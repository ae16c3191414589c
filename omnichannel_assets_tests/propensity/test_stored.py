"""Versions and scores as they are stored, and the pictures drawn from them."""

import json
import struct
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.assets.drawing import Picture, bars
from omnichannel_assets.assets.models import Story, champions, opened_model, stored_model
from omnichannel_assets.assets.previews import COMPOSED
from omnichannel_assets.assets.previews_scores import SCORE_PREVIEWS
from omnichannel_assets.assets.propensity import scores, sound, warn_of_silence
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.assets.training_examples import version_digest
from omnichannel_assets.checks.contracts import contract
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_scores import CHURN_MODEL, CUSTOMER_FEATURES, PROPENSITY_SCORES, REPURCHASE_MODEL, SCORE_TABLES
from omnichannel_assets.propensity.calibration import Calibration
from omnichannel_assets.propensity.champion import Verdict
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import Model, train
from omnichannel_assets_tests.integration.running import workspace
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples


def customers() -> pa.Table:
    last = examples().filter(pc.equal(examples().column("cutoff"), LAST)).rename_columns({"cutoff": "as_of"})
    columns = [last.column(field.name).cast(field.type) if field.name in last.column_names else pa.nulls(last.num_rows, field.type) for field in CUSTOMER_FEATURES.arrow()]
    return pa.table(columns, schema=CUSTOMER_FEATURES.arrow())


@cache
def trained() -> dict[str, Model]:
    return {task.model: train(task, examples(), FEATURES, terms=Terms(trials=2)) for task in (CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE)}


def test_a_version_comes_back_from_its_row_as_it_was():
    stepped = replace(trained()["churn_inactivity"], calibration=Calibration(knots=((-1.0, -0.5), (1.0, 2.0))))
    for model in (*trained().values(), stepped, train(CHURN_SUBSCRIPTION, examples(2, 20), FEATURES)):
        row = {"as_of": LAST, **stored_model(model, Story("d", Verdict(LAST, "champion: there was none before"), weights={"recency": 1.0}))}
        table = pa.Table.from_pylist([row], schema=CHURN_MODEL.arrow())
        assert contract(CHURN_MODEL, table).passed
        assert opened_model(table.to_pylist()[0]) == model


def test_a_version_tells_how_it_came_to_be():
    row = stored_model(trained()["repurchase"], Story("d", Verdict(LAST, "champion: there was none before"), Terms(trials=2), data='{"digest":"x"}'))
    settings, learning = json.loads(row["settings"]), json.loads(row["learning"])
    assert (settings["trials"], settings["seed"], set(settings["made_with"])) == (2, 20, {"xgboost", "optuna", "scikit-learn"})
    assert len(learning["found"]["trials"]) == 3
    assert {worth["feature"] for worth in learning["selection"]["worths"]} == set(FEATURES)
    assert json.loads(row["inputs"])["recency_days"] == "number"


def test_a_version_that_looks_another_number_of_days_ahead_scores_nobody(tmp_path):
    row = {"as_of": LAST, **stored_model(trained()["repurchase"], Story("d", Verdict(LAST, "champion: there was none before")))}
    for days, found in ((30, {"repurchase"}), (45, set())):
        opened = workspace(tmp_path, tmp_path / f"lake-{days}", repurchase_days=days)
        with opened.lake.writing():
            opened.lake.publish(REPURCHASE_MODEL, pa.Table.from_pylist([row], schema=REPURCHASE_MODEL.arrow()), Provenance("by hand"), LAST.isoformat())
        assert set(champions(opened, LAST + timedelta(days=1))[0]) == found


def test_population_horizons_and_cutoffs_are_behind_the_examples(tmp_path):
    changed = ({}, {"eligible_days": 0}, {"repurchase_days": 31}, {"churn_days": 91}, {"training_cutoffs": 13})
    assert len({version_digest(workspace(tmp_path, tmp_path / "lake", as_of=LAST, **options), LAST) for options in changed}) == len(changed)


def test_without_models_every_customer_is_there_and_has_no_score():
    refused = {"repurchase": train(REPURCHASE, examples(2, 20), FEATURES)}
    for models in ({}, refused):
        data = scores(customers(), models)
        assert data.num_rows == 400 and contract(PROPENSITY_SCORES, data).passed and sound(data).passed
        assert all(data.column(name).null_count == 400 for name in PROPENSITY_SCORES.names[2:])


def test_a_day_with_nobody_to_score_has_no_rows():
    """Such as one long after the last order, when no customer is eligible any more."""
    models = trained()
    data = scores(customers().slice(0, 0), models)
    assert data.num_rows == 0 and contract(PROPENSITY_SCORES, data).passed and sound(data).passed


def test_a_day_with_nobody_to_score_asks_whether_the_order_feed_has_stopped(caplog):
    report = StepReport(PROPENSITY_SCORES)
    warn_of_silence(report, customers().slice(0, 0), LAST, 365)
    assert "no purchase at all in the 365 days before; has the order feed stopped?" in caplog.text
    assert report.figures == {"days_without_any_purchase": 365}


def test_scores_of_all_three_models():
    models = trained()
    data = scores(customers(), models)
    assert contract(PROPENSITY_SCORES, data).passed and sound(data).passed
    subscribed = customers().column("has_active_subscription").to_pylist()
    assert [value is not None for value in data.column("subscription_churn_score").to_pylist()] == subscribed
    rows = sorted(data.to_pylist(), key=lambda row: -row["churn_score"])
    assert [row["churn_band"] for row in rows] == ["high"] * 80 + ["medium"] * 120 + ["low"] * 200
    assert any("returns in 90 days" in (row["churn_reasons"] or "") for row in rows[:80])
    assert not any("returns in 90 days (usually 0)" in (row["churn_reasons"] or "") for row in rows[200:])


@pytest.mark.parametrize(("name", "value"), [("churn_score", 1.2), ("repurchase_score", -0.1), ("subscription_churn_score", float("nan"))])
def test_what_is_no_probability_is_not_published(name, value):
    data = scores(customers(), {})
    wrong = data.set_column(data.schema.get_field_index(name), data.schema.field(name), pa.array([value] + [None] * 399, pa.float64()))
    assert not sound(wrong).passed


@pytest.mark.parametrize(
    ("positions", "rows"),
    [
        ("calibration", [("a_model", 0.1, 0.2, 5.0), ("a_model", 0.5, 0.4, 5.0), ("other", 0.3, 0.3, 5.0)]),
        ("lift", [("a_model", tenth, 2.0, None) for tenth in range(1, 11)]),
        ("shares", [("a_model", "re$ency", 0.5), ("a_model", "spend", -0.2)]),
    ],
)
def test_pictures_of_models_are_opaque_png(positions, rows):
    drawn = bars(Picture("title", "", positions), rows)
    assert drawn == bars(Picture("title", "", positions), rows)
    width, height = struct.unpack(">II", drawn[16:24])
    assert width >= 360 and height >= 140


def test_every_table_of_scores_has_something_to_look_at_and_no_single_customer_in_it():
    assert {*SCORE_PREVIEWS, *COMPOSED} == {table.name for table in SCORE_TABLES}
    named = [preview.title for previews in SCORE_PREVIEWS.values() for preview in previews if "customer_id" in preview.sql]
    assert named == ["most likely to leave", "most likely to buy again"]
