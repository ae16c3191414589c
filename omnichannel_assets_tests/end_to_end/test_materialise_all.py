"""Everything materialised once from a fresh lake, as GraphQL tells it and as the files hold it: this part needs no browser."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

from omnichannel_assets.checks.truth import verify
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox.inbox import Inbox
from omnichannel_assets.settings import load_settings
from omnichannel_assets_tests.end_to_end.conftest import DAYS, Materialised
from omnichannel_assets_tests.end_to_end.dagster_dev import PROJECT_FILES, SENSORS, own_environment

PARTITIONED = {"segment_events", "event_facts", "order_facts"}
DELIVERIES = {"segment_delivery", "pinpoint_delivery", "connect_delivery", "personalize_delivery"}
AS_OF_DATES = 9
"""From seven days before the last received day to the day after it."""


def test_materialising_everything_from_a_fresh_lake_succeeds(materialised: Materialised) -> None:
    assert materialised.backfill == "COMPLETED_SUCCESS"
    assert {run["status"] for run in materialised.site.runs()} == {"SUCCESS"}
    assets = materialised.site.made()
    assert [name for name, asset in assets.items() if not asset["assetMaterializations"]] == []
    days = {name: asset["partitionStats"] for name, asset in assets.items() if asset["isPartitioned"]}
    numbers = {name: DAYS if name in PARTITIONED else AS_OF_DATES for name in days}
    assert days == {name: {"numMaterialized": number, "numPartitions": number, "numFailed": 0} for name, number in numbers.items()}


def test_only_the_newest_date_is_delivered_not_the_history(materialised: Materialised) -> None:
    workspace = _workspace(materialised)
    rows = workspace.lake.read(DELIVERY_LEDGER).to_pylist()
    assert {row["channel"] for row in rows} == {"segment", "pinpoint", "connect", "personalize"}
    assert {row["as_of"] for row in rows} == {workspace.as_of()}
    assert {row["attempts"] for row in rows} == {1}
    assert {folder.name for folder in (workspace.lake.store.root / "outbox" / "connect" / "win_back").iterdir()} == {f"as_of={workspace.as_of()}"}
    sent = Inbox(sandbox_folder(workspace)).messages()
    assert sent and not any(message["is_duplicate"] for message in sent)


def test_models_show_plots_and_scores_show_reasons(materialised: Materialised) -> None:
    assets = materialised.site.made()
    for name in ("churn_model", "repurchase_model", "model_evaluation"):
        assert any("![" in entry.get("mdStr", "") for entry in _entries(assets[name]).values()), name
    shown = " ".join(entry.get("mdStr", "") for entry in _entries(assets["propensity_scores"]).values())
    assert "usually" in shown


WARNINGS = {("score_monitoring", "monitoring")}
"""Checks that may warn: the sample's shop begins to collect events while it is watched."""


def test_every_check_ran_and_is_green_or_a_warning(materialised: Materialised) -> None:
    outcomes = {(name, check["name"]): check["executionForLatestMaterialization"] for name, asset in materialised.site.made().items() for check in asset["assetChecksOrError"]["checks"]}
    assert {name for name, _ in outcomes} == set(materialised.site.made())
    assert [key for key, execution in outcomes.items() if not execution] == []
    assert [key for key, execution in outcomes.items() if key not in WARNINGS and (execution["status"] != "SUCCEEDED" or not execution["evaluation"]["success"])] == []


def test_the_lake_agrees_with_the_truth_about_its_landing_zone(materialised: Materialised) -> None:
    figures = verify(_workspace(materialised), materialised.truth)
    assert [figure for figure in figures if figure.holds is False] == []


def test_every_asset_tells_what_it_is_its_columns_and_how_many_rows_it_has(materialised: Materialised) -> None:
    workspace = _workspace(materialised)
    for name, asset in materialised.site.made().items():
        if name in DELIVERIES:
            continue
        rows = sum(manifest.rows for manifest in workspace.lake.manifests(workspace.tables[name]).values())
        newest = _entries(asset)
        assert asset["description"] and asset["kinds"] and asset["owners"], name
        (schema,) = [entry["schema"] for entry in asset["metadataEntries"] if entry["__typename"] == "TableSchemaMetadataEntry"]
        assert [column["name"] for column in schema["columns"]] == workspace.tables[name].names
        assert all(column["description"] for column in schema["columns"]), name
        assert newest["dagster/row_count"]["intValue"] == rows, name
        assert not rows or any(entry["__typename"] == "MarkdownMetadataEntry" and label != "counts" for label, entry in newest.items()), f"{name} shows nothing to look at"


def test_each_day_of_a_partitioned_asset_tells_its_own_rows(materialised: Materialised) -> None:
    workspace = _workspace(materialised)
    for name in PARTITIONED:
        manifests = workspace.lake.manifests(workspace.tables[name])
        told = {}
        for event in reversed(materialised.site.made()[name]["assetMaterializations"]):
            told[event["partition"]] = {entry["label"]: entry for entry in event["metadataEntries"]}["dagster/partition_row_count"]["intValue"]
        assert told == {day: manifest.rows for day, manifest in manifests.items()}


def test_columns_of_customers_and_interactions_name_the_columns_they_come_from(materialised: Materialised) -> None:
    assets, tables = materialised.site.made(), _workspace(materialised).tables
    for name in ("customers", "interactions"):
        lineage = _entries(assets[name])["dagster/column_lineage"]["lineage"]
        assert {column["columnName"] for column in lineage} == set(tables[name].names)
        for source in (dep for column in lineage for dep in column["columnDeps"]):
            assert source["columnName"] in tables[source["assetKey"]["path"][0]].names, source


def test_what_the_catalog_shows_holds_no_personal_data(materialised: Materialised) -> None:
    shown = json.dumps(materialised.site.made())
    with (materialised.truth / "identity.csv").open(encoding="utf-8", newline="") as truth:
        values = {row["value"] for row in csv.DictReader(truth) if len(row["value"]) > 4}
    assert len(values) > 300
    assert sorted(value for value in values if value in shown) == []


def test_both_sensors_run_from_the_start(materialised: Materialised) -> None:
    assert materialised.sensors_at_start == dict.fromkeys(SENSORS, "RUNNING")


def test_a_run_of_the_command_shows_among_the_runs(materialised: Materialised) -> None:
    site = materialised.site
    before = {run["runId"] for run in site.runs()}
    command = [sys.executable, "-c", "from omnichannel_assets.cli import main; main()", "run", "--quiet"]
    done = subprocess.run(command, cwd=site.folder, env=own_environment(site.folder), capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert {run["status"] for run in site.runs() if run["runId"] not in before} == {"SUCCESS"}


def test_nothing_is_written_outside_the_data_folder(materialised: Materialised) -> None:
    folder = materialised.site.folder
    assert {path.name for path in folder.iterdir()} == {*PROJECT_FILES, "data"}
    assert {path.name for path in (folder / "data").iterdir()} == {"landing", "lake", "dagster"}


def _workspace(materialised: Materialised) -> Workspace:
    options = {"landing_uri": str(materialised.site.landing), "lake_uri": str(materialised.site.lake)}
    return Workspace(load_settings(options, environment={}, folder=materialised.site.folder))


def _entries(asset: dict) -> dict[str, dict]:
    return {entry["label"]: entry for entry in asset["assetMaterializations"][0]["metadataEntries"]}
