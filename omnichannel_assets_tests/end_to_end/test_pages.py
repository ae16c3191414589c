"""What the pages show in a real browser; skipped, and said so, where there is none. Takes the pictures of the docs when PICTURES names a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omnichannel_assets_tests.end_to_end.browsing import Pages
from omnichannel_assets_tests.end_to_end.conftest import Materialised
from omnichannel_assets_tests.end_to_end.dagster_dev import wait_for

GROUPS = ("landing", "staged", "trusted", "features", "models", "scores", "recommend", "activate")
FLOW = ("landing", "staged", "trusted", "features", "scores", "activate")
"""Groups that follow each other; the others lie beside these."""
SHOWN = (
    "landing_files", "segment_events", "dms_orders", "identities", "interactions", "customer_features", "churn_model", "propensity_scores", "score_monitoring",
    "recommendations", "audiences", "segment_delivery", "campaign_results",
)  # fmt: skip
WRONG = ("Error", "An error", "not found", "Failed", "GraphQL")
LARGEST_PICTURE = 300_000


@pytest.fixture(scope="module")
def take(pages: Pages) -> Callable[..., None]:
    """Save the page under docs/images, where a picture is wanted at all."""

    def taken(name: str, part: tuple[int, int, int, int] | None = None) -> None:
        if os.environ.get("PICTURES"):
            path = Path(os.environ["PICTURES"], f"{name}.png")
            pages.picture(path, part)
            assert path.stat().st_size < LARGEST_PICTURE

    return taken


def test_everything_was_materialised_by_pressing_the_button(pages: Pages, materialised: Materialised) -> None:
    assert (materialised.through, materialised.backfill) == ("browser", "COMPLETED_SUCCESS")


def test_the_graph_reads_from_left_to_right_by_group(pages: Pages, take: Callable[..., None]) -> None:
    pages.open("/asset-groups", *GROUPS, "Materialize all", "Hide navigation")
    pages.click("Hide navigation")
    pages.click_icon("panel_show_right")
    pages.wait_for_rest("activate")
    flow = pages.places(*FLOW)
    assert flow == sorted(flow) and len(set(flow)) == len(FLOW)
    assert [word for word in WRONG if word in pages.text()] == []
    take("graph", (90, 400, 1020, 240))


def test_an_asset_of_each_group_and_stage_has_a_page_with_description_columns_and_row_count(pages: Pages, materialised: Materialised) -> None:
    """One of each; what the pages of all the others are made of is held against their tables in test_materialise_all."""
    made = materialised.site.made()
    for name in SHOWN:
        asset = made[name]
        newest = {entry["label"]: entry for entry in asset["assetMaterializations"][0]["metadataEntries"]}
        rows = f"{newest['dagster/row_count']['intValue']:,}"
        (schema,) = [entry["schema"]["columns"] for entry in asset["metadataEntries"] if "schema" in entry]
        described = asset["description"].split(".")[0]
        shown = pages.open(f"/assets/{name}?view=overview", described, "Row count", rows, schema[-1]["name"], schema[-1]["type"])
        assert [word for word in WRONG if word in shown] == [], name


def test_the_page_of_customers_shows_green_checks_and_a_picture(materialised: Materialised, pages: Pages, take: Callable[..., None]) -> None:
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


def test_the_page_of_scores_shows_reasons_and_that_of_the_cards_shows_words_and_plots(pages: Pages, take: Callable[..., None]) -> None:
    pages.open("/assets/propensity_scores?view=overview", "most likely to leave", "churn_reasons")
    pages.show("most likely to leave")
    take("scores")
    pages.open("/assets/model_cards?view=overview", "card: Repurchase")
    pages.show("card: Repurchase")
    pages.click_beside("card: Repurchase", "[Show Markdown]")
    drawn = "return [...document.images].some(i => i.src.startsWith('data:image/png') && i.naturalWidth > 300)"
    wait_for("a plot of the models", lambda: pages.driver.execute_script(drawn))
    take("plots")


def test_the_page_of_a_delivery_tells_what_was_sent(pages: Pages, take: Callable[..., None]) -> None:
    pages.open("/assets/segment_delivery?view=overview", "what the channels hold", "loaded")
    pages.show("what the channels hold")
    take("delivery")
