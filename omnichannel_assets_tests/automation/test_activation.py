"""From trusted tables to a delivery on a real instance: what starts the scores, what starts the delivery, and who has to say yes first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from omnichannel_assets.automation.approval import APPROVE
from omnichannel_assets.automation.jobs import DELIVERY, MODEL_TRAINING, SCORES_REFRESH, TRUSTED_REFRESH
from omnichannel_assets.automation.schedules import weekly_model_training
from omnichannel_assets.automation.sensors import fresh_scores, new_as_of_date
from omnichannel_assets.lake.tables_activation import AUDIENCES, DELIVERY_LEDGER
from omnichannel_assets.resources.approvals import approve_audiences
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.sample import write_sample
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.automation.running import Site, checks, materialized
from omnichannel_assets_tests.integration import running, scored

AS_OF = date(2025, 7, 1)
DELIVERIES = {"segment_delivery", "pinpoint_delivery", "connect_delivery", "personalize_delivery"}
READ_BACK = {"personalize_recommendations", "personalize_segments"}


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone and a lake up to the trusted tables."""
    folder = tmp_path_factory.mktemp("trusted")
    write_sample(folder / "landing", folder / "truth", customers=120, days=10, last_day=date(2025, 6, 30))
    running.run_steps(running.workspace(folder / "landing", folder / "lake"))
    return folder


@pytest.fixture
def site(trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    shutil.copytree(trusted, tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    yield site_of(tmp_path / "site")


def site_of(folder: Path, **options) -> Site:
    """A code location over a finished lake."""
    made = Site.__new__(Site)
    made.workspace = running.workspace(folder / "landing", folder / "lake", first_day="2025-06-21", last_day="2025-06-30", **options)
    made.instance = dg.DagsterInstance.ephemeral()
    return made


def asked(tick) -> list[tuple[str | None, str | None]]:
    return [(request.partition_key, request.run_key) for request in tick.run_requests]


def test_a_new_as_of_date_starts_its_scores_once_and_the_run_ends_at_the_audiences(site):
    (request,) = site.tick(new_as_of_date).run_requests
    assert request.partition_key == str(AS_OF)
    result = site.run(SCORES_REFRESH, request)
    assert result.success
    made = materialized(result)
    assert {"customer_features", "training_examples", "churn_model", "repurchase_model", "model_evaluation", "propensity_scores"} <= made
    assert {"similar_items", "popular_items", "recommendations", "audiences"} <= made
    assert not made & DELIVERIES
    assert all(checks(result).values())
    assert not sandbox_folder(site.workspace).exists(), "a nightly refresh delivers nothing"
    assert site.tick(new_as_of_date).run_requests == []


def test_fresh_scores_start_the_delivery_of_the_newest_date(site):
    assert site.tick(fresh_scores).run_requests == []
    scored.give_scores(site.workspace, date(2025, 6, 30))
    scored.give_scores(site.workspace, AS_OF)
    (request,) = site.tick(fresh_scores).run_requests
    assert request.partition_key == str(AS_OF)
    assert asked(site.tick(fresh_scores)) == asked(site.tick(fresh_scores)), "the same run key again, which the daemon starts once"
    result = site.run(DELIVERY, request)
    assert materialized(result) == DELIVERIES | READ_BACK
    assert {row["as_of"] for row in site.workspace.lake.read(DELIVERY_LEDGER).to_pylist()} == {AS_OF}


def test_nothing_starts_when_deliveries_are_off(site, tmp_path):
    scored.give_scores(site.workspace, AS_OF)
    assert site_of(tmp_path / "site", delivery_mode="off").tick(fresh_scores).run_requests == []


def test_a_campaign_waits_until_a_person_launches_the_approval_of_its_date(tmp_path, site):
    held = site_of(tmp_path / "site", audience_approval="required")
    scored.give_scores(held.workspace, AS_OF)
    (first,) = held.tick(fresh_scores).run_requests
    held.run(DELIVERY, first)
    streams = {row["stream"] for row in held.workspace.lake.read(DELIVERY_LEDGER).to_pylist()}
    assert "scores" in streams and not streams & {"win_back", "repurchase_lookalike"}

    approval = held.definitions.resolve_job_def(APPROVE)
    assert approval.execute_in_process(instance=held.instance, partition_key=str(AS_OF)).success
    (second,) = held.tick(fresh_scores).run_requests
    assert second.run_key != first.run_key
    held.run(DELIVERY, second)
    streams = {row["stream"] for row in held.workspace.lake.read(DELIVERY_LEDGER).to_pylist()}
    assert {"win_back", "repurchase_lookalike"} <= streams
    assert held.workspace.lake.manifests(AUDIENCES)


def test_audiences_that_changed_after_their_approval_and_are_approved_again_start_another_delivery(tmp_path, site):
    held = site_of(tmp_path / "site", audience_approval="required")
    keys = []
    for seed in (1, 2):
        scored.give_scores(held.workspace, AS_OF, seed=seed)
        with held.workspace.lake.writing():
            approve_audiences(held.workspace, AS_OF)
        keys += [request.run_key for request in held.tick(fresh_scores).run_requests]
    assert len(set(keys)) == 2


def test_a_delivery_with_rows_that_failed_is_a_failed_run_that_keeps_its_report_and_stops_no_other_channel(tmp_path, site):
    scored.give_scores(site.workspace, AS_OF)
    with Sandbox.start(sandbox_folder(site.workspace)) as sandbox:
        sandbox.faults.add("personalize", "error", count=1_000)
        down = site_of(tmp_path / "site", sandbox_url=sandbox.url)
        result = down.materialize(*DELIVERIES, partition_key=str(AS_OF))
        assert not result.success
        assert materialized(result) == DELIVERIES
        sandbox.faults.clear()
        assert down.materialize(*DELIVERIES, partition_key=str(AS_OF)).success
    assert {row["state"] for row in site.workspace.lake.read(DELIVERY_LEDGER).to_pylist()} == {"loaded"}


def test_a_day_before_the_first_as_of_date_starts_nothing(tmp_path, site):
    assert site_of(tmp_path / "site", as_of_first="2025-07-02").tick(new_as_of_date).run_requests == []


def test_jobs_hold_what_they_say():
    from omnichannel_assets.definitions import build_definitions
    from omnichannel_assets.settings import Settings

    definitions = build_definitions(Settings())
    selected = {name: {key.to_user_string() for key in definitions.resolve_job_def(name).asset_layer.selected_asset_keys} for name in (TRUSTED_REFRESH, SCORES_REFRESH, MODEL_TRAINING, DELIVERY)}
    assert selected[DELIVERY] == DELIVERIES | READ_BACK and not READ_BACK & selected[SCORES_REFRESH]
    assert "customers" in selected[TRUSTED_REFRESH] and "customer_features" not in selected[TRUSTED_REFRESH]
    assert selected[MODEL_TRAINING] < selected[SCORES_REFRESH]
    assert not (selected[TRUSTED_REFRESH] | selected[SCORES_REFRESH]) & DELIVERIES
    assert weekly_model_training.cron_schedule == "0 5 * * 1"
