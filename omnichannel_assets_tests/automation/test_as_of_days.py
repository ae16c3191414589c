"""As-of partitions through Dagster: one, a range, old ones again, those that cannot be made yet, and those whose inputs are not there."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from omnichannel_assets.automation.sensors import RANGE_END, RANGE_START
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.automation.running import Site, checks, materialized
from omnichannel_assets_tests.integration import running

LAST_DAY, CLOCK = date(2026, 11, 12), date(2026, 11, 13)
"""The sample ends with the first, and the lake knows everything before the second."""
OF_A_DAY = ("customer_features", "propensity_scores", "similar_items", "popular_items", "recommendations", "audiences")
LEARNED = ("training_examples", "churn_model", "repurchase_model", "model_evaluation")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone and a lake up to the trusted tables."""
    folder = tmp_path_factory.mktemp("as-of-days")
    write_sample(folder / "landing", None, customers=40, days=5, last_day=LAST_DAY)
    running.run_steps(site(folder).workspace)
    return folder


@pytest.fixture
def shop(made, tmp_path) -> Site:
    shutil.copytree(made, tmp_path / "site")
    return site(tmp_path / "site")


def site(folder: Path) -> Site:
    return Site(folder, first_day=date(2026, 11, 8), as_of_first=date(2026, 11, 10))


def days(first: date, last: date) -> dict[str, str]:
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def held(shop: Site) -> dict[str, set[str]]:
    return {name: set(shop.workspace.lake.manifests(shop.workspace.tables[name])) for name in OF_A_DAY}


def said(result: dg.ExecuteInProcessResult, name: str) -> dict[str, int]:
    """Partition -> rows, as the catalog shows them."""
    return {
        event.partition: event.metadata["dagster/partition_row_count"].value
        for event in result.asset_materializations_for_node(name)
        if event.partition and "dagster/partition_row_count" in event.metadata
    }


def test_one_day_a_range_and_old_days_again(shop):
    assert shop.materialize(*LEARNED).success
    first = shop.materialize(*OF_A_DAY, partition_key=CLOCK.isoformat())
    assert first.success and all(checks(first).values())
    assert held(shop) == {name: {"2026-11-13"} for name in OF_A_DAY}
    before = running.lake_bytes(Path(shop.workspace.settings.lake_uri))

    every = shop.materialize(*OF_A_DAY, tags=days(date(2026, 11, 10), CLOCK))
    assert every.success and materialized(every) == set(OF_A_DAY)
    assert held(shop) == {name: {f"2026-11-{day}" for day in (10, 11, 12, 13)} for name in OF_A_DAY}
    after = running.lake_bytes(Path(shop.workspace.settings.lake_uri))
    assert {path: after[path] for path in before} == before
    assert sorted(said(every, "customer_features")) == [f"2026-11-{day}" for day in (10, 11, 12, 13)]
    assert min(said(every, "recommendations").values()) > 100

    assert shop.materialize(*OF_A_DAY, tags=days(date(2026, 11, 10), date(2026, 11, 11))).success
    assert running.lake_bytes(Path(shop.workspace.settings.lake_uri)) == after


def test_a_day_later_than_the_data_clock_is_left_out_with_words(shop, caplog):
    result = shop.materialize(*OF_A_DAY, tags=days(CLOCK, date(2026, 11, 15)))
    assert result.success
    assert held(shop) == {name: {"2026-11-13"} for name in OF_A_DAY}
    assert "as of 2026-11-15 is left out" in caplog.text


@pytest.mark.parametrize(("name", "absent"), [("audiences", "propensity_scores"), ("recommendations", "similar_items and no popular_items")])
def test_without_the_tables_it_reads_a_day_is_left_out_and_never_made_empty(shop, caplog, name, absent):
    result = shop.materialize(name, partition_key=CLOCK.isoformat())
    assert result.success
    assert held(shop)[name] == set()
    assert f"{name} as of 2026-11-13 is left out: there is no {absent} of that date" in caplog.text
