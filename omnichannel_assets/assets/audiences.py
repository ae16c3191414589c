"""Audiences: who is chosen for which campaign, since when, and in which arm.

Dates are taken in order, each remembered before the next is chosen: a control of one is a control of all that follow, and whoever entered a
campaign stays in their arm and is not contacted again too soon. What is remembered goes by keyed hashes of identifiers, never by customer ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.activation.arms import CONTROL, arm_of, variant_of
from omnichannel_assets.activation.campaigns import WEEK_DAYS, Campaign
from omnichannel_assets.assets.as_of import BACK_FILLED, as_of_reads, build_as_of, known_before, parameters_at, register_world, world_digest
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_activation import AUDIENCE_ENTRIES, AUDIENCE_SIZES, AUDIENCES, CONTROL_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

CHOICES = "campaign_choices"
PREPARED = ("campaign_people", CHOICES)
"""Models whose rows are made by `_prepare`; what they read is registered first."""
REMEMBERED = (CONTROL_IDENTIFIERS, AUDIENCE_ENTRIES)


def choose_audiences(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``audiences`` and ``audience_sizes`` up to date, and remember by which identifiers their people are known. Raises ChecksFailedError."""
    report = StepReport(AUDIENCES)
    for table in REMEMBERED:
        _remember(workspace, table, [date.fromisoformat(value) for value in _not_remembered(workspace, table)])
    for day in known_before(workspace, as_ofs):
        made = build_as_of(
            workspace,
            AUDIENCES,
            [day],
            prepare=lambda engine, day=day: _prepare(workspace, engine, day),
            prepared=PREPARED,
            beside=[AUDIENCE_SIZES],
            counts={BACK_FILLED: int(_is_back_filled(workspace, day))},
            depends_on=_depends_on(workspace, day),
        )
        report.manifests |= made.manifests
        report.rewritten += made.rewritten
        for table in REMEMBERED if made.manifests else ():
            _remember(workspace, table, [day])
    report.figures |= _kept(workspace, report)
    return report


def _is_back_filled(workspace: Workspace, day: date) -> bool:
    """Whether a date was first chosen when a later one was there already."""
    held = workspace.lake.manifests(AUDIENCES)
    made = held.get(day.isoformat())
    return bool(made.counts.get(BACK_FILLED)) if made else any(value > day.isoformat() for value in held)


def _key(workspace: Workspace) -> bytes:
    return workspace.settings.identity_key.get_secret_value().encode()


def _share(workspace: Workspace, campaign: Campaign | None) -> float:
    """The share held out; that of the setting for campaigns that name none."""
    return workspace.settings.holdout_share if campaign is None or campaign.holdout is None else campaign.holdout


def _depends_on(workspace: Workspace, day: date) -> list[Any]:
    """What decides about a date besides the tables: campaigns, key, code, and whatever earlier dates say of its people."""
    held, history = "held_out_customers", "campaign_history"
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [held, history], day)
        controls = engine.query(model_text(held), parameters_at(workspace, day)).to_pylist()
        earlier = engine.query(model_text(history), parameters_at(workspace, day)).to_pylist()
    kept = sorted((row["audience"], row["customer_id"]) for row in controls if not _is_drawn_control(workspace, row))
    code = code_digest("activation/arms.py", "activation/campaigns.py", "assets/audiences.py")
    known = sorted(tuple(str(value) for value in row.values()) for row in earlier)
    told = [workspace.campaigns.choosing(day), workspace.settings.holdout_share, digest_of(_key(workspace).hex())[:8], code]
    return [*told, *([kept] if kept else []), *([digest_of(known)] if known else [])]


def _is_drawn_control(workspace: Workspace, row: dict[str, Any]) -> bool:
    """Whether the hash alone makes somebody a control."""
    campaign = workspace.campaigns.named(row["audience"])
    return arm_of(row["customer_id"], row["audience"], _key(workspace), _share(workspace, campaign)) == CONTROL


def _prepare(workspace: Workspace, engine: Engine, day: date) -> None:
    """Make whom the rules choose, their drawn arms, and what becomes of them readable."""
    import pyarrow as pa

    running = [campaign for campaign in workspace.campaigns.campaigns if campaign.runs_on(day)]
    parameters = parameters_at(workspace, day)
    engine.store_query("campaign_people", model_text("campaign_people"), parameters)
    chosen = {campaign.name: [customer for (customer,) in engine.rows(_people_of(campaign))] for campaign in running}
    pairs = [(campaign, customer) for campaign in running for customer in chosen[campaign.name]]
    key = _key(workspace)
    engine.register("chosen", _texts(("audience", "customer_id"), [(campaign.name, customer) for campaign, customer in pairs]))
    drawn = [
        (campaign.name, customer, arm_of(customer, campaign.name, key, _share(workspace, campaign)), variant_of(customer, campaign.name, key, campaign.variants))
        for campaign, customer in pairs
    ]
    engine.register("arms", _texts(("audience", "customer_id", "arm", "variant"), drawn))
    engine.register("campaign_variants", _texts(("audience", "variant"), [(campaign.name, name) for campaign in running for name in campaign.variants]))
    rules = [(campaign.name, campaign.priority, campaign.is_contact, campaign.cools_since(day)) for campaign in running]
    kinds = {"audience": pa.string(), "priority": pa.int64(), "is_contact": pa.bool_(), "cools_since": pa.date32()}
    columns = list(zip(*rules, strict=True)) or [()] * len(kinds)
    engine.register("campaign_rules", pa.table({name: pa.array(values, kind) for (name, kind), values in zip(kinds.items(), columns, strict=True)}))
    bound = parameters | {"contacts_a_week": workspace.campaigns.contacts_a_week, "week_before": day - timedelta(days=WEEK_DAYS)}
    engine.store_query(CHOICES, model_text(CHOICES), bound)


def _people_of(campaign: Campaign) -> str:
    """The SELECT of a campaign's rule, which was checked and written anew when the file was read (``activation.campaign_rule``)."""
    return f"select customer_id from campaign_people where ({campaign.rule}) is true order by customer_id"


def _texts(names: tuple[str, ...], rows: list[tuple[str | None, ...]]) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(values, pa.string()) for name, values in zip(names, columns, strict=True)})


def _not_remembered(workspace: Workspace, table: TableSchema) -> list[str]:
    """Dates whose audiences were chosen before a table remembered them."""
    remembered = workspace.lake.manifests(table)
    return [value for value in workspace.lake.manifests(AUDIENCES) if value not in remembered]


def _remember(workspace: Workspace, table: TableSchema, days: Iterable[date]) -> None:
    """Bring what is remembered up to date for some dates. What was remembered once stays, also when late data give a date other people."""
    import pyarrow as pa

    report = StepReport(table)
    for day in days:
        digest = world_digest(workspace, [table.name], day)
        if workspace.lake.is_current(table, digest, day.isoformat()):
            continue
        with workspace.lake.engine() as engine:
            register_world(workspace, engine, [table.name], day)
            found = engine.model(table, parameters_at(workspace, day))
        before = workspace.lake.read(table, [day.isoformat()]).cast(found.schema)
        rows = pa.concat_tables([before, found]).group_by(found.column_names).aggregate([]).select(found.column_names)
        publish(workspace, report, Draft(rows, digest, day.isoformat(), counts={"rows_out": rows.num_rows}))
    report.raise_failures()


def _kept(workspace: Workspace, report: StepReport) -> dict[str, int]:
    """How many controls of the newest date the hash alone would have treated: what remembering changed."""
    if not report.manifests:
        return {}
    rows = workspace.lake.read(AUDIENCES, [max(report.manifests)]).to_pylist()
    controls = [row for row in rows if row["arm"] == CONTROL]
    kept = sum(not _is_drawn_control(workspace, row) for row in controls)
    log.info("audiences as of %s: %s of %s controls are kept from earlier dates", max(report.manifests), f"{kept:,}", f"{len(controls):,}")
    return {"controls": len(controls), "controls_kept_from_earlier_dates": kept}


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    reads = [name for name in as_of_reads("audiences", "conservation/audiences", *PREPARED) if name not in {table.name for table in REMEMBERED}]
    return [
        step_asset(
            AUDIENCES,
            choose_audiences,
            group="activate",
            deps=reads,
            checks=("contract", "conservation"),
            as_of=as_of_days,
            owners=["team:marketing"],
        )
    ]
