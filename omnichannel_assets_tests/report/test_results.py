"""What the page says of campaigns: who got the offer, who was held out, was it worth it."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from omnichannel_assets.assets.campaign_results import judge_campaigns
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.lake.tables_results import CAMPAIGN_OUTCOMES
from omnichannel_assets.report.results import results
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.report.test_page import table_rows, text

DAY = date(2025, 6, 30)


def page(opened: Workspace, people: int, *, closed: bool = True, held_out: int = 10) -> str:
    """The part of the page about a made-up campaign in which every fourth of treatment buys and every eighth of control."""
    rows = []
    for number in range(people):
        arm = "control" if number % held_out == 0 else "treatment"
        bought = number // held_out % (8 if arm == "control" else 4) == 0
        row = {"audience": "win_back", "as_of": DAY, "customer_id": f"c_{number:016x}", "arm": arm, "variant": None, "entered_on": DAY - timedelta(days=40), "is_closed": closed}
        row |= {"purchased": bought, "orders": int(bought), "spend": Decimal(30 * bought), "unsubscribed": False, "orders_before": number % 3, "spend_before": Decimal(number % 50)}
        rows.append(row | {"churn_band": "high", "repurchase_decile": 1 + number % 2, "delivered": arm == "treatment", "opened": number % 2 == 1, "clicked": False})
    with opened.lake.writing():
        opened.lake.publish(CAMPAIGN_OUTCOMES, pa.Table.from_pylist(rows, schema=CAMPAIGN_OUTCOMES.arrow()), Provenance("by hand"), DAY.isoformat())
        judge_campaigns(opened, [DAY])
    with public_engine(opened.lake, opened.tables) as engine:
        return results(engine)


def test_before_any_campaign_the_page_says_when_there_will_be_results(opened: Callable[..., Workspace]):
    workspace = opened("trusted")
    with public_engine(workspace.lake, workspace.tables) as engine:
        assert "No campaign has results yet" in results(engine)


def test_the_page_tells_who_got_the_offer_who_was_held_out_and_whether_it_was_worth_it(opened: Callable[..., Workspace]):
    found = page(opened("trusted"), 4000)
    (row,) = table_rows(found, "results")
    assert {name: row[name] for name in ("campaign", "got the offer", "held out", "delivered", "clicked", "still too early")} == {
        "campaign": "win back", "got the offer": "3,600", "held out": "400", "delivered": "3,600", "clicked": "0", "still too early": "0"
    }
    told = text(found)
    assert "bought anything 25.0 % 12.5 % more: +12." in told and "spent, each 7.50 3.75 more: +3." in told
    assert "Do not trust these figures" not in told and "tenth by repurchase score" in told
    assert found.count("data:image/png") == 1


def test_a_campaign_that_is_too_young_or_has_lost_people_says_so(opened: Callable[..., Workspace]):
    assert "too early: the first of 300 people have their days behind them on" in text(page(opened("trusted"), 300, closed=False))
    assert "Do not trust these figures" in text(page(opened("trusted"), 4000, held_out=5))
