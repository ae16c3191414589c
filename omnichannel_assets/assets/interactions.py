"""Interactions: customer x item x event type x time, the table Personalize trains on."""

from __future__ import annotations

import dagster as dg

from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import STEPS, StepReport, build_model, read_by
from omnichannel_assets.lake.tables import INTERACTIONS
from omnichannel_assets.resources.workspace import Workspace


def build_interactions(workspace: Workspace) -> StepReport:
    """Bring ``interactions`` up to date. Raises ChecksFailedError."""
    return build_model(workspace, INTERACTIONS, ("as_of", "not_merchandise"), suite=True)


def assets() -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    return [
        step_asset(
            INTERACTIONS,
            build_interactions,
            group="trusted",
            deps=[name for name in read_by(INTERACTIONS.name) if name not in STEPS],
            checks=("contract", "conservation", "expectations"),
        )
    ]
