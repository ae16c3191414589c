"""The recommend group over a real lake: as assets, as of T whatever came later, and judged against later purchases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from omnichannel_assets.assets import recommendations
from omnichannel_assets.assets.previews import previews_of
from omnichannel_assets.automation.partitions import as_of_days
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import running

LAST_DAY, EARLIER, AS_OF = date(2025, 6, 30), date(2025, 6, 21), date(2025, 7, 1)
TABLES = [table.name for table in recommendations.STEPS]


@dataclass(frozen=True)
class Shop:
    """A landing zone and the lake of all of it."""

    landing: Path
    lake: Path

    def workspace(self, **options: object) -> Workspace:
        return running.workspace(self.landing, self.lake, first_day=str(LAST_DAY.replace(day=11)), last_day=str(LAST_DAY), **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("lists")
    write_sample(folder / "landing", None, customers=150, days=20, last_day=LAST_DAY)
    made = Shop(folder / "landing", folder / "lake")
    running.run_steps(made.workspace())
    build(made.workspace(), EARLIER, AS_OF)
    return made


def build(opened: Workspace, *as_ofs: date) -> dict[str, list[str]]:
    with opened.lake.writing():
        return {table.name: step(opened, as_ofs).rewritten for table, step in recommendations.STEPS.items()}


def stored(opened: Workspace, as_of: date) -> dict[str, str]:
    return {name: opened.lake.manifest(name, ("as_of", as_of.isoformat())).sha256 for name in TABLES}


def test_a_second_build_rewrites_nothing(shop):
    assert build(shop.workspace(), AS_OF, EARLIER) == {name: [] for name in TABLES}


def test_a_date_the_lake_does_not_reach_is_left_out(shop):
    assert build(shop.workspace(), date(2025, 7, 2)) == {name: [] for name in TABLES}


def test_lists_as_of_t_are_the_same_whatever_came_later(shop, tmp_path):
    """A lake of what was received before T, under T's identities, gives the same bytes as a later lake asked about T."""
    then = running.workspace(shop.landing, tmp_path / "then", first_day="2025-06-11", last_day="2025-06-20", as_of=str(EARLIER))
    running.run_steps(then)
    build(then, EARLIER)
    assert stored(then, EARLIER) == stored(shop.workspace(), EARLIER)
    assert stored(shop.workspace(), EARLIER) != stored(shop.workspace(), AS_OF)


def test_everybody_lately_seen_has_twenty_different_items_the_shop_can_sell(shop):
    opened = shop.workspace()
    products = {row["product_id"] for row in running.rows(opened, "products") if row["is_merchandise"] and row["status"] == "active" and (row["stock"] is None or row["stock"] > 0)}
    lists: dict[str, list[str]] = {}
    for row in running.rows(opened, "recommendations"):
        if row["as_of"] == AS_OF:
            lists.setdefault(row["customer_id"], []).append(row["item_id"])
    assert set(lists) == {row["customer_id"] for row in running.rows(opened, "interactions")}
    assert {len(items) for items in lists.values()} == {20} == {len(set(items)) for items in lists.values()}
    assert {item for items in lists.values() for item in items} <= products


def test_lists_are_judged_beside_what_is_popular(shop):
    found = recommendations.judge(shop.workspace(), EARLIER, AS_OF)
    assert found["own"].customers == found["popular"].customers > 10
    assert found["own"].ndcg > found["popular"].ndcg > 0
    with pytest.raises(ValueError, match="nobody bought"):
        recommendations.judge(shop.workspace(), AS_OF, AS_OF)


def test_previews_show_reasons_and_coverage_and_name_nobody(shop):
    opened = shop.workspace()
    titles = {table.name: previews_of(opened, table) for table in recommendations.STEPS}
    assert all(titles.values())
    assert "reasons by place in the list" in titles["recommendations"]
    assert "c_" not in "".join(text for text in titles["recommendations"].values() if "base64" not in text)


def test_the_assets_run_in_dagster_and_carry_their_checks(shop, tmp_path):
    opened = shop.workspace()
    days = as_of_days(opened.settings)
    made = recommendations.assets(days)
    result = dg.materialize(made, partition_key=AS_OF.isoformat(), resources={"workspace": WorkspaceResource.of(opened.settings)})
    assert result.success
    checks = {(check.asset_key.to_user_string(), check.check_name): check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {(name, "contract"): True for name in TABLES} | {(name, "conservation"): True for name in ("popular_items", "recommendations")}
    specs = {spec.key.to_user_string(): spec for asset in made for spec in asset.specs}
    assert {(spec.group_name, *spec.owners) for spec in specs.values()} == {("recommend", "team:data-science")}
    assert {"similar_items", "popular_items", "identities", "event_facts"} <= {dep.asset_key.to_user_string() for dep in specs["recommendations"].deps}
