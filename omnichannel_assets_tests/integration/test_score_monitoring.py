"""Readings of scores in the real graph: told once, kept for ever, and an alert that names what missed and stops nothing."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from omnichannel_assets.assets.model_versions import MODEL_FEATURES
from omnichannel_assets.assets.models import Story, stored_model
from omnichannel_assets.definitions import build_definitions
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES, REPURCHASE_MODEL, SCORE_MONITORING, SPEND_MODEL, TRAINING_EXAMPLES
from omnichannel_assets.propensity.champion import Verdict
from omnichannel_assets.propensity.tasks import REPURCHASE, spend_task
from omnichannel_assets.propensity.training import train
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import LAST_DAY, Sample

SCORED = LAST_DAY - timedelta(days=41)
CLOSED = SCORED + timedelta(days=30)


@pytest.fixture
def opened(tiny: Sample, tmp_path: Path) -> Workspace:
    """A lake in which everybody known 41 days before its end was certain to buy again."""
    shutil.copytree(tiny.lake, tmp_path / "lake")
    opened = running.workspace(tiny.landing, tmp_path / "lake")
    version = stored_model(train(REPURCHASE, TRAINING_EXAMPLES.arrow().empty_table(), MODEL_FEATURES), Story("by hand", Verdict(SCORED, "champion: there was none before")))
    with opened.lake.writing():
        publish(opened, SCORED, 0.99)
        data = [{"as_of": SCORED - timedelta(days=1), **version}]
        opened.lake.publish(REPURCHASE_MODEL, pa.Table.from_pylist(data, schema=REPURCHASE_MODEL.arrow()), Provenance("by hand"), str(SCORED - timedelta(days=1)))
    return opened


def publish(opened: Workspace, day: date, score: float | None = None, spend: Decimal | None = None) -> None:
    held = [row for row in running.rows(opened, "identities") if row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] > day)]
    rows = [{"customer_id": customer, "as_of": day, "repurchase_score": score, "expected_spend": spend} for customer in sorted({row["customer_id"] for row in held if row["identifier_type"] == "customer_ref"})]
    opened.lake.publish(PROPENSITY_SCORES, pa.Table.from_pylist(rows, schema=PROPENSITY_SCORES.arrow()), Provenance("by hand"), day.isoformat())


def materialize(opened: Workspace) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(opened.settings)
    assets = [asset for asset in definitions.assets if isinstance(asset, dg.AssetsDefinition)]
    return dg.materialize(assets, selection=["score_monitoring"], resources=definitions.resources)


def test_a_missed_forecast_is_a_warning_that_names_it_and_stops_nothing(opened):
    result = materialize(opened)
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert result.success
    assert (found["monitoring"].passed, found["monitoring"].severity, found["monitoring"].blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert found["contract"].passed
    assert f"repurchase {SCORED}: 99.0% forecast, " in found["monitoring"].metadata["told"].value
    (whole,) = [row for row in running.rows(opened, "score_monitoring") if row["name"] == "all"]
    assert (whole["as_of"], whole["scored_on"], whole["is_alert"]) == (CLOSED, SCORED, True)
    assert whole["actual"] == pytest.approx(bought_within(opened), abs=0.1)  # people joined since are one


def bought_within(opened: Workspace) -> float:
    """The share of those scored who bought in the 30 days, by today's ids."""
    scored = {row["customer_id"] for row in running.rows(opened, "propensity_scores")}
    bought = {row["customer_id"] for row in running.rows(opened, "orders") if SCORED <= row["ordered_at"].date() < CLOSED and row["status"] not in ("cancelled", "voided")}
    return len(scored & bought) / len(scored)


def test_a_missed_amount_is_a_warning_too_once_the_days_of_churn_have_passed(tiny, tmp_path):
    shutil.copytree(tiny.lake, tmp_path / "lake")
    spent = running.workspace(tiny.landing, tmp_path / "lake", churn_days=30)
    version = stored_model(train(spend_task(30), TRAINING_EXAMPLES.arrow().empty_table(), MODEL_FEATURES), Story("by hand", Verdict(SCORED, "champion: there was none before")))
    with spent.lake.writing():
        publish(spent, SCORED, spend=Decimal("5000.00"))
        data = [{"as_of": SCORED - timedelta(days=1), **version}]
        spent.lake.publish(SPEND_MODEL, pa.Table.from_pylist(data, schema=SPEND_MODEL.arrow()), Provenance("by hand"), str(SCORED - timedelta(days=1)))
    found = {check.check_name: check for check in materialize(spent).get_asset_check_evaluations()}
    assert not found["monitoring"].passed and f"expected_spend {SCORED}: 5,000.00 forecast, " in found["monitoring"].metadata["told"].value
    (whole,) = [row for row in running.rows(spent, "score_monitoring") if row["name"] == "all"]
    assert (whole["model"], whole["as_of"], whole["is_alert"]) == ("expected_spend", CLOSED, True)
    assert whole["actual"] == pytest.approx(spent_within(spent), rel=0.1)  # people joined since are one


def spent_within(opened: Workspace) -> float:
    """What those scored spent in the 30 days on average, by today's ids."""
    scored = {row["customer_id"] for row in running.rows(opened, "propensity_scores")}
    spent = [row for row in running.rows(opened, "orders") if SCORED <= row["ordered_at"].date() < CLOSED and row["status"] not in ("cancelled", "voided")]
    return float(sum(row["total"] for row in spent if row["customer_id"] in scored)) / len(scored)


def test_what_was_read_once_is_not_read_again_nor_changed(opened):
    assert materialize(opened).success
    before = running.lake_bytes(Path(opened.settings.lake_uri))
    with opened.lake.writing():
        publish(opened, SCORED, 0.5)  # scores made again with hindsight
    result = materialize(opened)
    assert {name: digest for name, digest in running.lake_bytes(Path(opened.settings.lake_uri)).items() if name.startswith("score_monitoring/as_of=" + str(CLOSED))} == {
        name: digest for name, digest in before.items() if name.startswith("score_monitoring/as_of=" + str(CLOSED))
    }
    assert [event.materialization.metadata["partitions_rewritten"].value for event in result.get_asset_materialization_events()] == [0]


def test_a_horizon_that_is_still_open_is_not_read(opened):
    with opened.lake.writing():
        publish(opened, LAST_DAY - timedelta(days=20), 0.99)
    materialize(opened)
    assert {row["scored_on"] for row in running.rows(opened, "score_monitoring")} == {SCORED}
    assert SCORE_MONITORING.name in {folder.name for folder in (Path(opened.settings.lake_uri) / "tables").iterdir()}
