"""Audiences: who is chosen for which campaign, and in which arm."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from omnichannel_assets.activation.arms import arms
from omnichannel_assets.assets.as_of import as_of_reads, build_as_of
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import AUDIENCES
from omnichannel_assets.resources.workspace import Workspace


def choose_audiences(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``audiences`` up to date. Raises ChecksFailedError."""
    key = workspace.settings.identity_key.get_secret_value().encode()
    share = workspace.settings.holdout_share

    def prepare(engine: Engine) -> None:
        customers = [customer for (customer,) in engine.rows("select customer_id from propensity_scores order by customer_id")]
        engine.register("arms", arms(customers, key, share))

    depends_on = [share, digest_of(key.hex())[:8], code_digest("activation/arms.py")]
    return build_as_of(workspace, AUDIENCES, as_ofs, prepare=prepare, depends_on=depends_on)


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    return [
        step_asset(
            AUDIENCES,
            choose_audiences,
            group="activate",
            deps=as_of_reads("audiences", "conservation/audiences"),
            checks=("contract", "conservation"),
            as_of=as_of_days,
            owners=["team:marketing"],
        )
    ]
