"""What the pages show in a real browser; skipped, and said so, where there is none. Takes the pictures of the docs when PICTURES names a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omnichannel_assets_tests.end_to_end.browsing import Pages
from omnichannel_assets_tests.end_to_end.conftest import Materialised

GROUPS = ("landing", "staged", "trusted")
EXPANDED = "/asset-groups/?expanded=" + ",".join(f"global%40global%3A{group}" for group in GROUPS)
WRONG = ("Error", "error", "not found", "Failed", "GraphQL")
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


def test_the_graph_reads_from_left_to_right_by_group(pages: Pages, take: Callable[[str], None]) -> None:
    pages.open("/asset-groups", *GROUPS, "Materialize all")
    places = pages.places(*GROUPS)
    assert places == sorted(places) and len(set(places)) == len(GROUPS)
    shown = pages.open(EXPANDED, "segment_events", "customers", "interactions")
    flow = pages.places("segment_export", "landing_files", "segment_events", "identifiers", "identities", "orders", "customers")
    assert flow == sorted(flow)
    assert [word for word in WRONG if word in shown] == []
    take("graph")


def test_every_asset_has_a_page_with_description_columns_and_row_count(pages: Pages, materialised: Materialised, take: Callable[[str], None]) -> None:
    for name, asset in materialised.site.made().items():
        newest = {entry["label"]: entry for entry in asset["assetMaterializations"][0]["metadataEntries"]}
        rows = f"{newest['dagster/row_count']['intValue']:,}"
        (schema,) = [entry["schema"]["columns"] for entry in asset["metadataEntries"] if "schema" in entry]
        shown = pages.open(f"/assets/{name}?view=overview", "Row count", rows, schema[-1]["name"], schema[-1]["type"])
        assert asset["description"].split(".")[0].replace("`", "") in shown, name
        assert [word for word in WRONG if word in shown] == [], name


def test_the_page_of_customers_shows_green_checks_and_a_picture(pages: Pages, take: Callable[[str], None]) -> None:
    pages.open("/assets/customers?view=overview", "which source won each field", "email_opt_in_source")
    loaded = "return [...document.images].filter(i => i.src.startsWith('data:image/png') && i.naturalWidth > 300).length"
    assert pages.driver.execute_script(loaded) >= 1
    take("customers")
    shown = pages.open("/assets/customers?view=checks", "expectations", "Passed")
    assert shown.count("Succeeded") == 3
    take("checks")
