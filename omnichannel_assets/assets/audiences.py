"""Audiences: who is chosen for which campaign, and in which arm."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from omnichannel_assets.activation.arms import CONTROL, arm_of, arms
from omnichannel_assets.assets.as_of import as_of_reads, build_as_of, known_before, parameters_at, register_world, world_digest
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import AUDIENCES, CONTROL_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace


def choose_audiences(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``audiences`` up to date, and remember by which identifiers the controls are known. Raises ChecksFailedError.

    Dates are taken in order, each remembered before the next is chosen: a control of one is a control of all that follow.
    """
    key = workspace.settings.identity_key.get_secret_value().encode()
    share = workspace.settings.holdout_share

    def prepare(engine: Engine) -> None:
        customers = [customer for (customer,) in engine.rows("select customer_id from propensity_scores order by customer_id")]
        engine.register("arms", arms(customers, key, share))

    depends_on = [share, digest_of(key.hex())[:8], code_digest("activation/arms.py")]
    report = StepReport(AUDIENCES)
    _remember_controls(workspace, [date.fromisoformat(value) for value in _not_remembered(workspace)])
    for day in known_before(workspace, as_ofs):
        kept = _kept_as_controls(workspace, day, key, share)
        made = build_as_of(workspace, AUDIENCES, [day], prepare=prepare, depends_on=[*depends_on, *([kept] if kept else [])])
        report.manifests |= made.manifests
        report.rewritten += made.rewritten
        _remember_controls(workspace, [day] if made.manifests else [])
    report.figures |= _kept(workspace, report, key, share)
    return report


def _kept_as_controls(workspace: Workspace, day: date, key: bytes, share: float) -> list[tuple[str, str]]:
    """(audience, customer) of those whom earlier dates make controls and the hash would not: all that audiences take from other dates."""
    step = "held_out_customers"
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [step], day)
        held = engine.query(model_text(step), parameters_at(workspace, day)).to_pylist()
    return sorted((row["audience"], row["customer_id"]) for row in held if arm_of(row["customer_id"], row["audience"], key, share) != CONTROL)


def _not_remembered(workspace: Workspace) -> list[str]:
    """Dates whose audiences were chosen before controls were remembered."""
    remembered = workspace.lake.manifests(CONTROL_IDENTIFIERS)
    return [value for value in workspace.lake.manifests(AUDIENCES) if value not in remembered]


def _remember_controls(workspace: Workspace, days: Iterable[date]) -> None:
    """Bring ``control_identifiers`` up to date for some dates. What was remembered once stays, also when late data give a date other controls."""
    import pyarrow as pa

    report = StepReport(CONTROL_IDENTIFIERS)
    for day in days:
        digest = world_digest(workspace, [CONTROL_IDENTIFIERS.name], day)
        if workspace.lake.is_current(CONTROL_IDENTIFIERS, digest, day.isoformat()):
            continue
        with workspace.lake.engine() as engine:
            register_world(workspace, engine, [CONTROL_IDENTIFIERS.name], day)
            found = engine.model(CONTROL_IDENTIFIERS, parameters_at(workspace, day))
        before = workspace.lake.read(CONTROL_IDENTIFIERS, [day.isoformat()]).cast(found.schema)
        rows = pa.concat_tables([before, found]).group_by(found.column_names).aggregate([]).select(found.column_names)
        publish(workspace, report, Draft(rows, digest, day.isoformat(), counts={"rows_out": rows.num_rows}))
    report.raise_failures()


def _kept(workspace: Workspace, report: StepReport, key: bytes, share: float) -> dict[str, int]:
    """How many controls of the newest date the hash alone would have treated: what remembering changed."""
    if not report.manifests:
        return {}
    rows = workspace.lake.read(AUDIENCES, [max(report.manifests)]).to_pylist()
    controls = [row for row in rows if row["arm"] == CONTROL]
    kept = sum(arm_of(row["customer_id"], row["audience"], key, share) != CONTROL for row in controls)
    log.info("audiences as of %s: %s of %s controls are kept from earlier dates", max(report.manifests), f"{kept:,}", f"{len(controls):,}")
    return {"controls": len(controls), "controls_kept_from_earlier_dates": kept}


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
