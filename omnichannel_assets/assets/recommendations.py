"""Recommend stages: what goes together, what is popular, and each customer's list; as of T, each one SQL model over the world as of T."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import dagster as dg

from omnichannel_assets.assets.as_of import as_of_reads, build_as_of, parameters_at, register_world
from omnichannel_assets.assets.reporting import Step, step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.engine import model_exists
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import INTERACTIONS
from omnichannel_assets.lake.tables_activation import POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS
from omnichannel_assets.recommend.evaluate import ListQuality, judge_lists
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

OWNERS = ("team:data-science",)


def find_similar_items(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``similar_items`` up to date as of some dates. Raises ChecksFailedError."""
    return build_as_of(workspace, SIMILAR_ITEMS, as_ofs)


def rank_popular(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``popular_items`` up to date as of some dates. Raises ChecksFailedError."""
    return build_as_of(workspace, POPULAR_ITEMS, as_ofs)


def recommend(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``recommendations`` up to date as of some dates, from the two lists above of the same dates. Raises ChecksFailedError."""
    return build_as_of(workspace, RECOMMENDATIONS, as_ofs)


STEPS: dict[TableSchema, Step] = {SIMILAR_ITEMS: find_similar_items, POPULAR_ITEMS: rank_popular, RECOMMENDATIONS: recommend}
"""Table -> its step, in the order they run."""


def judge(workspace: Workspace, as_of: date, until: date, *, places: int = 10) -> dict[str, ListQuality]:
    """How good the stored lists as of a date are against what their customers bought in [as_of, until); ``own`` beside ``popular``.

    Judged are customers who had bought before. What they bought is told by the identities as of ``until``; the lists know nothing of it.
    Raises ValueError when none of them bought anything.
    """
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, ["interactions"], until)
        engine.register(INTERACTIONS.name, engine.model(INTERACTIONS, parameters_at(workspace, until)))
        for table in (RECOMMENDATIONS, POPULAR_ITEMS):
            engine.register_files(table, workspace.lake.paths(table, [as_of.isoformat()]))
        told = engine.rows(
            """select distinct customer_id, item_id from interactions where event_type = 'Purchase' and event_at >= $as_of
            and customer_id in (select customer_id from interactions where event_type = 'Purchase' and event_at < $as_of)""",
            {"as_of": midnight(as_of)},
        )
        own_rows = engine.rows(f"select customer_id, item_id from recommendations where rank <= {places:d} order by customer_id, rank")
        popular = [item for (item,) in engine.rows(f"select item_id from popular_items where rank <= {places:d} order by rank")]
    bought, own = defaultdict(set), defaultdict(list)
    for customer_id, item_id in told:
        bought[customer_id].add(item_id)
    for customer_id, item_id in own_rows:
        own[customer_id].append(item_id)
    return {
        "own": judge_lists(own, bought, places=places),
        "popular": judge_lists(dict.fromkeys(bought, popular), bought, places=places),
    }


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    return [
        step_asset(
            table,
            step,
            group="recommend",
            deps=as_of_reads(table.name),
            checks=("contract", "conservation") if model_exists(f"conservation/{table.name}") else ("contract",),
            as_of=as_of_days,
            owners=OWNERS,
        )
        for table, step in STEPS.items()
    ]
