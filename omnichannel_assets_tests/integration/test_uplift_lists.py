"""Whom to reach next time: lists learned from two past flights of a campaign."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from omnichannel_assets.assets.uplift_lists import uplift_lists
from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_results import CAMPAIGN_OUTCOMES
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.trials.made_up import moved_by_offer

FLIGHTS, NOW = (date(2025, 5, 1), date(2025, 6, 1)), date(2025, 7, 1)
PEOPLE = 3000


def publish(opened: Workspace, table: TableSchema, rows: list[dict], day: date) -> None:
    opened.lake.publish(table, pa.Table.from_pylist(rows, schema=table.arrow()), Provenance("by hand"), day.isoformat())


def lake_of(folder: Path, flights: tuple[date, ...]) -> Workspace:
    """A lake in which customers with long pauses buy when they get an offer, and frequent ones buy anyway."""
    (folder / "landing").mkdir()
    opened = running.workspace(folder / "landing", folder / "lake")
    inputs, treated, bought = moved_by_offer(PEOPLE)
    flight = np.arange(PEOPLE) % len(flights)

    def features(number: int, day: date) -> dict:
        loyalty, doubt = inputs[number]
        kinds = {column.name: column.kind for column in CUSTOMER_FEATURES.columns if column.required}
        filled = {name: {"text": "?", "boolean": False, "date": day}.get(kind, 0) for name, kind in kinds.items()}
        return filled | {"customer_id": f"c_{number:016x}", "as_of": day, "order_days_365_days": round(100 * loyalty), "recency_days": round(100 * doubt)}

    def outcome(number: int) -> dict:
        row = {"audience": "win_back", "as_of": NOW, "customer_id": f"c_{number:016x}", "arm": "treatment" if treated[number] else "control", "variant": None}
        row |= {"entered_on": flights[flight[number]], "is_closed": True, "purchased": bool(bought[number]), "orders": int(bought[number]), "spend": Decimal(0)}
        return row | dict.fromkeys(("unsubscribed", "delivered", "opened", "clicked"), False) | {"orders_before": 0, "spend_before": Decimal(0)}

    with opened.lake.writing():
        for place, day in enumerate(flights):
            publish(opened, CUSTOMER_FEATURES, [features(number, day) for number in range(PEOPLE) if flight[number] == place], day)
        publish(opened, CUSTOMER_FEATURES, [features(number, NOW) for number in range(PEOPLE)], NOW)
        scores = [{"customer_id": f"c_{number:016x}", "as_of": NOW, "repurchase_score": float(inputs[number][0])} for number in range(PEOPLE)]
        publish(opened, PROPENSITY_SCORES, scores, NOW)
        publish(opened, CAMPAIGN_OUTCOMES, [outcome(number) for number in range(PEOPLE)], NOW)
    return opened


def test_two_lists_of_one_size_stand_beside_each_other_and_differ_in_whom_the_offer_moves(tmp_path):
    found = uplift_lists(lake_of(tmp_path, FLIGHTS), "win_back")
    inputs, _, _ = moved_by_offer(PEOPLE)
    assert (found.as_of, found.size, found.learned_from, list(found.flights)) == (NOW, PEOPLE // 10, PEOPLE, list(FLIGHTS))
    by_uplift = [one for one in found.customers if one.uplift_place <= found.size]
    by_propensity = [one for one in found.customers if one.propensity_place <= found.size]
    assert len(by_uplift) == len(by_propensity) == found.size
    doubts = {name: np.mean([inputs[int(one.customer_id[2:], 16)][1] > 0.7 for one in chosen]) for name, chosen in (("uplift", by_uplift), ("propensity", by_propensity))}
    assert doubts["uplift"] > 0.9 and doubts["propensity"] < 0.5
    both = {one.customer_id for one in by_uplift} & {one.customer_id for one in by_propensity}
    assert f"two lists of {found.size:,}, {len(both):,} people on both" in found.words() and "beats the propensity list" in found.words()


def test_one_flight_is_not_enough(tmp_path):
    with pytest.raises(InputError, match=r"^--campaign: expected 2 past flights of win_back, got 1 with people .*\. Fix: wait for another one\.$"):
        uplift_lists(lake_of(tmp_path, FLIGHTS[:1]), "win_back")
