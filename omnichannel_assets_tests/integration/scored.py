"""Scores, lists and audiences given by hand on top of a lake's trusted tables, so that a test decides who is scored how. No assertions here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from omnichannel_assets.assets.audiences import choose_audiences
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_activation import RECOMMENDATIONS
from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace


def buyers(opened: Workspace) -> list[str]:
    """Known customers with an order, in order."""
    with opened.lake.engine(reading=True) as engine:
        engine.register_files(opened.tables["customers"], opened.lake.paths(opened.tables["customers"]))
        return [customer for (customer,) in engine.rows("select customer_id from customers where is_known and orders > 0 order by 1")]


def give_scores(opened: Workspace, as_of: date, seed: int = 1, changed: Mapping[str, Mapping[str, object]] | None = None) -> None:
    """Publish scores of every buyer for one as-of date, the same for the same seed, and choose the audiences."""
    draw, rows, lists = random.Random(seed), [], []
    people, goods = buyers(opened), opened.lake.read(opened.tables["products"])["product_id"].to_pylist()
    for place, customer in enumerate(people):
        churn = round(draw.random(), 6)
        band = "high" if churn > 0.5 else "low"
        row = {"customer_id": customer, "as_of": as_of, "churn_score": churn, "churn_band": band, "churn_reasons": "no order", "repurchase_score": round(1 - churn, 6)}
        rows.append(row | {"repurchase_decile": 1 if place % 4 == 0 else 5, "repurchase_reasons": "orders often"} | dict((changed or {}).get(customer, {})))
        for rank, item in enumerate(draw.sample(goods, min(5, len(goods))), 1):
            lists.append({"customer_id": customer, "as_of": as_of, "rank": rank, "item_id": item, "score": 1 / rank, "reason": "Popular this month"})
    with opened.lake.writing():
        for table, data in ((PROPENSITY_SCORES, rows), (RECOMMENDATIONS, lists)):
            opened.lake.publish(table, pa.Table.from_pylist(data, schema=table.arrow()), Provenance("by hand"), as_of.isoformat())
        choose_audiences(opened, [as_of])
