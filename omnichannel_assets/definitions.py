"""The code location: one explicit Definitions object, built from settings. Nothing heavy is imported and nothing is opened here."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from omnichannel_assets.assets import (
    audiences,
    campaign_events,
    campaign_results,
    customers,
    deliveries,
    dms,
    features,
    identity,
    identity_health,
    interactions,
    landing,
    personalize_results,
    propensity,
    recommendations,
    score_monitoring,
    segment,
)
from omnichannel_assets.automation.jobs import jobs
from omnichannel_assets.automation.partitions import as_of_days, received_days
from omnichannel_assets.automation.schedules import schedules
from omnichannel_assets.automation.sensors import sensors
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings, load_settings


def build_assets(settings: Settings, registry: dict[str, TableSpec]) -> list[dg.AssetSpec | dg.AssetsDefinition]:
    """Every asset of the graph, in the order of the flow."""
    days, as_ofs = received_days(settings), as_of_days(settings)
    return [
        *landing.assets(),
        *segment.assets(days),
        *dms.assets(registry),
        *identity.assets(registry),
        *identity_health.assets(),
        *customers.assets(registry),
        *interactions.assets(),
        *features.assets(as_ofs),
        *propensity.assets(as_ofs),
        *score_monitoring.assets(),
        *recommendations.assets(as_ofs),
        *audiences.assets(as_ofs),
        *campaign_events.assets(),
        *campaign_results.assets(as_ofs),
        *deliveries.assets(as_ofs),
        *personalize_results.assets(as_ofs),
    ]


def build_definitions(settings: Settings | None = None, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The Definitions for some settings (default: those in force); ``overrides`` replace resources by name, for tests.

    Raises UserError, one line a setting, when a setting is wrong.
    """
    settings = settings or load_settings()
    workspace = Workspace(settings)
    registry, *_ = workspace.registry, workspace.rules, workspace.campaigns  # a mistake in any file is told before anything runs
    return dg.Definitions(
        assets=build_assets(settings, registry),
        resources={"workspace": WorkspaceResource.of(settings), **(overrides or {})},
        jobs=jobs(registry, as_of_days(settings)),
        schedules=schedules(),
        sensors=sensors(),
        executor=dg.in_process_executor,
    )


defs = build_definitions()
