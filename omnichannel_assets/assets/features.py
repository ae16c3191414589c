"""What is known of each eligible customer before T: one row a customer, the input of scores and of whoever wants to look at customers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from omnichannel_assets.assets.as_of import as_of_reads, build_as_of
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES
from omnichannel_assets.resources.workspace import Workspace


def build_customer_features(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``customer_features`` of some as-of dates up to date. Raises ChecksFailedError."""
    return build_as_of(workspace, CUSTOMER_FEATURES, as_ofs, parameters=workspace.feature_parameters())


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    return [
        step_asset(
            CUSTOMER_FEATURES,
            build_customer_features,
            group="features",
            deps=as_of_reads(CUSTOMER_FEATURES.name),
            checks=("contract", "conservation"),
            as_of=as_of_days,
            owners=["team:data-science"],
        )
    ]
