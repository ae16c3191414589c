"""What the pages show in a real browser; skipped, and said so, where there is none. Takes the pictures of the docs when PICTURES names a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omnichannel_assets_tests.end_to_end.browsing import Pages
from omnichannel_assets_tests.end_to_end.conftest import Materialised
from omnichannel_assets_tests.end_to_end.dagster_dev import wait_for

GROUPS = ("landing", "staged", "trusted")
EXPANDED = "/asset-groups/?expanded=" + ",".join(f"global%40global%3A{group}" for group in GROUPS)
WRONG = ("Error", "error", "not found", "Failed", "GraphQL")
ZOOM_STEPS, BELOW_BAR = 6, 95
LONG_NAME = 17
"""The graph shortens longer ones."""
LARGEST_PICTURE = 300_000


@pytest.fixture(scope="module")
def take(pages: Pages) -> Callable[[str], None]:
    """Save the page under docs/images, where a picture is wanted at all."""

    def taken(name: str) -> None:
        if os.environ.get("PICTURES"):
            path = Path(os.environ["PICTURES"], f"{name}.png")
            pages.picture(path)
            assert path.stat().st_size < LARGEST_PICTURE

    return taken


def test_everything_was_materialised_by_pressing_the_button(pages: Pages, materialised: Materialised) -> None:
    assert (materialised.through, materialised.backfill) == ("browser", "COMPLETED_SUCCESS")


def test_the_graph_reads_from_left_to_right_by_group(pages: Pages, materialised: Materialised, take: Callable[[str], None]) -> None:
    pages.open("/asset-groups", *GROUPS, "Materialize all")
    places = pages.places(*GROUPS)
    assert places == sorted(places) and len(set(places)) == len(GROUPS)
    _show_whole_graph(pages, materialised)
    flow = pages.places("segment_export", "landing_files", "segment_events", "identifiers", "identities", "orders", "customers")
    assert flow == sorted(flow)
    assert [word for word in WRONG if word in pages.text()] == []
    take("graph")
    pages.resize(1)


def _show_whole_graph(pages: Pages, materialised: Materialised) -> None:
    """Every asset of every group in the window, as large as that allows."""
    names = [name for name in materialised.site.made() if len(name) < LONG_NAME]
    pages.resize(1.22)
    pages.open(EXPANDED, "Hide navigation", "landing_files")
    pages.click("Hide navigation")
    pages.click_icon("panel_show_right")
    pages.wait_for_rest("landing_files")
    for _ in range(ZOOM_STEPS):
        if all(pages.in_view(name, BELOW_BAR) for name in names):
            pages.drag_down(12)  # the head of the uppermost group, from under the bar
            pages.click_icon("refresh")
            return
        pages.click_icon("zoom_out")
        pages.wait_for_rest("landing_files")
    raise AssertionError(f"not in view: {[name for name in names if not pages.in_view(name, BELOW_BAR)]}")


def test_every_asset_has_a_page_with_description_columns_and_row_count(pages: Pages, materialised: Materialised) -> None:
    for name, asset in materialised.site.made().items():
        newest = {entry["label"]: entry for entry in asset["assetMaterializations"][0]["metadataEntries"]}
        rows = f"{newest['dagster/row_count']['intValue']:,}"
        (schema,) = [entry["schema"]["columns"] for entry in asset["metadataEntries"] if "schema" in entry]
        described = asset["description"].split(".")[0]
        shown = pages.open(f"/assets/{name}?view=overview", described, "Row count", rows, schema[-1]["name"], schema[-1]["type"])
        assert [word for word in WRONG if word in shown] == [], name


def test_the_page_of_customers_shows_green_checks_and_a_picture(materialised: Materialised, pages: Pages, take: Callable[[str], None]) -> None:
    pages.open("/assets/customers?view=overview", "which source won each field", "email_opt_in_source")
    take("customers")
    pages.show("which source won each field")
    take("metadata")
    pages.click("[Show Markdown]")
    drawn = "return [...document.images].some(i => i.src.startsWith('data:image/png') && i.naturalWidth > 300)"
    wait_for("the picture of orders per customer", lambda: pages.driver.execute_script(drawn))
    take("picture")
    shown = pages.open("/assets/customers?view=checks", "expectations", "Passed")
    assert shown.count("Succeeded") == 3
    take("checks")
