"""Recommend stages: what goes together, what is popular, and each customer's list; as of T, each one SQL model over the world as of T."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from omnichannel_assets.assets.as_of import as_of_reads, build_as_of
from omnichannel_assets.assets.reporting import Step, step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.engine import model_exists
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_activation import POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS
from omnichannel_assets.resources.workspace import Workspace

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
