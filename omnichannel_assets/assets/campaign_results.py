"""Was it worth it: what everybody who entered a campaign did, by arm, and what can be said of the difference.

Here: who counts, as of which date, in which parts, and the two tables. Not here: following people (``sql/campaign_heirs.sql``), what they did
(``sql/campaign_outcomes.sql``), the figures and words (``trials``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.activation.arms import CONTROL, TREATMENT
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.assets.as_of import as_of_reads, known_before, parameters_at, register_world, world_digest
from omnichannel_assets.assets.drawing import markdown_png
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, conserved, log, publish
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_activation import AUDIENCES
from omnichannel_assets.lake.tables_results import CAMPAIGN_OUTCOMES, CAMPAIGN_RESULTS
from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.trials.comparison import Comparison, Trial

MODELS = (CAMPAIGN_OUTCOMES.name, f"conservation/{CAMPAIGN_OUTCOMES.name}")
UNTIL: Mapping[str, TableSchema] = {"audiences_until": AUDIENCES, "scores_until": PROPENSITY_SCORES}
"""Named input -> the table of which it is every partition up to T."""
DAYS = Campaign("", "", "", {}).measured_days
"""Days that count of a campaign that is no longer in the file."""
OUTCOMES = ("purchased", "spend", "unsubscribed")
HISTORY = ("orders_before", "spend_before")
PARTS = ("variant", "churn_band", "repurchase_decile")
OWNERS = ["team:marketing", "team:data-science"]


def collect_outcomes(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``campaign_outcomes`` up to date for some as-of dates. Raises ChecksFailedError."""
    report = StepReport(CAMPAIGN_OUTCOMES)
    for day in known_before(workspace, as_ofs):
        value, digest = day.isoformat(), world_digest(workspace, MODELS, day, _depends_on(workspace, day))
        if workspace.lake.is_current(CAMPAIGN_OUTCOMES, digest, value):
            report.manifests[value] = workspace.lake.manifest(CAMPAIGN_OUTCOMES.name, ("as_of", value))
            continue
        with workspace.lake.engine() as engine:
            _register(workspace, engine, day)
            bound = parameters_at(workspace, day)
            data = engine.model(CAMPAIGN_OUTCOMES, bound)
            law = conserved(engine, CAMPAIGN_OUTCOMES, data, bound)[value]
        log.info("%s as of %s: %s rows", CAMPAIGN_OUTCOMES.name, day, f"{data.num_rows:,}")
        publish(workspace, report, Draft(data, digest, value, counts={**law.details, "rows_out": data.num_rows}, checks=(law,)))
    return report.raise_failures()


def _until(workspace: Workspace, table: TableSchema, day: date) -> list[str]:
    return sorted(value for value in workspace.lake.manifests(table) if value <= day.isoformat())


def _depends_on(workspace: Workspace, day: date) -> list[Any]:
    """What decides besides the tables of T's world: every earlier partition that is read, and how many days count."""
    read = {table.name: {value: workspace.lake.manifests(table)[value].sha256 for value in _until(workspace, table, day)} for table in UNTIL.values()}
    days = {campaign.name: campaign.measured_days for campaign in workspace.campaigns.campaigns}
    return [read, days, CAMPAIGN_OUTCOMES.fingerprint(), code_digest("assets/campaign_results.py")]


def _register(workspace: Workspace, engine: Engine, day: date) -> None:
    import pyarrow as pa

    for name, table in UNTIL.items():
        engine.register_files(table, workspace.lake.paths(table, _until(workspace, table, day)), name)
    names = [name for (name,) in engine.rows("select distinct audience from audiences_until order by audience")]
    days = [_days(workspace, name) for name in names]
    engine.register("campaign_days", pa.table({"audience": pa.array(names, pa.string()), "days": pa.array(days, pa.int64())}))
    register_world(workspace, engine, MODELS, day)


def _days(workspace: Workspace, audience: str) -> int:
    campaign = workspace.campaigns.named(audience)
    return campaign.measured_days if campaign else DAYS


def judge_campaigns(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring ``campaign_results`` up to date for some as-of dates that have outcomes. Raises ChecksFailedError."""
    import pyarrow as pa

    report, made = StepReport(CAMPAIGN_RESULTS), workspace.lake.manifests(CAMPAIGN_OUTCOMES)
    for day in sorted(day for day in as_ofs if day.isoformat() in made):
        value = day.isoformat()
        shares = {audience: planned_control(workspace, audience) for audience in _audiences(workspace, day)}
        code = code_digest("trials", "assets/campaign_results.py")
        digest = digest_of([made[value].sha256, shares, code, CAMPAIGN_RESULTS.fingerprint()])
        if workspace.lake.is_current(CAMPAIGN_RESULTS, digest, value):
            report.manifests[value] = workspace.lake.manifest(CAMPAIGN_RESULTS.name, ("as_of", value))
            continue
        outcomes = workspace.lake.read(CAMPAIGN_OUTCOMES, [value])
        rows = [row for audience, share in shares.items() for row in _judged(workspace, outcomes, audience, share)]
        data = pa.Table.from_pylist([{**row, "as_of": day} for row in rows], schema=CAMPAIGN_RESULTS.arrow())
        publish(workspace, report, Draft(data, digest, value, counts={"rows_out": data.num_rows}))
    _draw(workspace, report)
    return report.raise_failures()


def _audiences(workspace: Workspace, day: date) -> list[str]:
    return sorted(set(workspace.lake.read(CAMPAIGN_OUTCOMES, [day.isoformat()]).column("audience").to_pylist()))


def planned_control(workspace: Workspace, audience: str) -> float:
    """The share that is held out of a campaign; HOLDOUT_SHARE for one that names none."""
    campaign = workspace.campaigns.named(audience)
    return workspace.settings.holdout_share if campaign is None or campaign.holdout is None else campaign.holdout


def _judged(workspace: Workspace, outcomes: pa.Table, audience: str, share: float) -> list[dict[str, Any]]:
    """The rows of one campaign: everybody, then parts; of a campaign whose days are not past one row an outcome that says when."""
    import pyarrow.compute as pc

    from omnichannel_assets.trials.balance import srm

    own = outcomes.filter(pc.equal(outcomes["audience"], audience)).sort_by("customer_id")
    closed = own.filter(own["is_closed"])
    waiting = own.num_rows - closed.num_rows
    shared = {"audience": audience, "waiting": waiting}
    if not closed.num_rows:
        first = min(own["entered_on"].to_pylist()) + timedelta(days=_days(workspace, audience))
        return [{**shared, **_unjudged(name), "verdict": f"too early: the first of {waiting:,} people have their days behind them on {first}"} for name in OUTCOMES]
    people = {arm: closed["arm"].to_pylist().count(arm) for arm in (TREATMENT, CONTROL)}
    if not people[CONTROL] or not people[TREATMENT]:
        nobody = "held out" if not people[CONTROL] else "reached"
        sizes = {"people": people[TREATMENT], "control_people": people[CONTROL]}
        return [{**shared, **_unjudged(name), **sizes, "verdict": f"cannot tell: nobody was {nobody}"} for name in OUTCOMES]
    p = srm(people, {TREATMENT: 1 - share, CONTROL: share})
    return [{**shared, "srm_p": p, **_row(row)} for row in _comparisons(closed)]


def _unjudged(outcome: str) -> dict[str, Any]:
    return {"part": "all", "label": "all", "outcome": outcome, "arm": TREATMENT, "people": 0, "control_people": 0, "is_adjusted": False}


def _row(row: Comparison) -> dict[str, Any]:
    from omnichannel_assets.trials.words import verdict

    told = row.plain()
    return {name: told[name] for name in told if name in CAMPAIGN_RESULTS.names} | {"verdict": verdict(row)}


def _comparisons(closed: pa.Table) -> list[Comparison]:
    """Treatment against control: everybody, by the scores they entered with, and each sub-group against all of control."""
    import numpy as np

    from omnichannel_assets.trials.comparison import compare

    arms = np.array(closed["arm"].to_pylist())
    labels = {name: np.array([None if value is None else str(value) for value in closed[name].to_pylist()], dtype=object) for name in PARTS}
    return compare(_trial(closed, arms, {name: found for name, found in labels.items() if len(set(found.tolist()) - {None}) > 1}))


def _trial(closed: pa.Table, arms: Any, parts: Mapping[str, Any]) -> Trial:
    import pyarrow as pa

    from omnichannel_assets.trials.comparison import Trial

    def numbers(names: Sequence[str]) -> dict[str, Any]:
        return {name: _column(closed, name) for name in names}

    def _column(table: pa.Table, name: str) -> Any:
        column = table[name]
        return (column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column).cast(pa.float64()).to_numpy()

    return Trial(arms, CONTROL, numbers(OUTCOMES), numbers(HISTORY), parts)


def _draw(workspace: Workspace, report: StepReport) -> None:
    """The newest date's intervals, one picture a campaign, into the report's metadata."""
    if not report.manifests:
        return
    newest = max(report.manifests)
    for audience, png in pictures(workspace.lake.read(CAMPAIGN_RESULTS, [newest]).to_pylist()).items():
        report.shown[f"{audience} as of {newest}"] = markdown_png(f"{audience}: treatment against control", png)


def pictures(rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Audience -> its differences with their intervals, drawn; campaigns that were not judged have none. Rows as in ``campaign_results``."""
    found = {audience: _drawn([row for row in rows if row["audience"] == audience]) for audience in sorted({row["audience"] for row in rows})}
    from omnichannel_assets.trials.picture import intervals, png

    return {audience: png(intervals(drawn)) for audience, drawn in found.items() if drawn}


def _drawn(rows: Sequence[Mapping[str, Any]]) -> list[Comparison]:
    """The outcomes and parts of a campaign of which anything can be told, in their order: the same parts for every outcome."""
    from dataclasses import fields

    from omnichannel_assets.trials.comparison import Comparison

    names = {field.name for field in fields(Comparison)}
    told = [row for row in rows if row["low"] is not None]
    outcomes, parts = {row["outcome"] for row in told}, {(row["part"], row["label"]) for row in told}
    shown = [row for row in rows if row["outcome"] in outcomes and (row["part"], row["label"]) in parts]
    order = sorted(shown, key=lambda row: (OUTCOMES.index(row["outcome"]), row["part"] != "all", row["part"], f"{row['label']:>4}"))
    return [Comparison(**{name: value for name, value in row.items() if name in names}, is_share=row["outcome"] != "spend") for row in order]


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    reads = [name for name in as_of_reads(*MODELS) if name not in (AUDIENCES.name, PROPENSITY_SCORES.name)]
    shared = {"group": "feedback", "as_of": as_of_days, "owners": OWNERS}
    return [
        step_asset(CAMPAIGN_OUTCOMES, collect_outcomes, deps=[AUDIENCES.name, PROPENSITY_SCORES.name, *reads], checks=("contract", "conservation"), **shared),
        step_asset(CAMPAIGN_RESULTS, judge_campaigns, deps=[CAMPAIGN_OUTCOMES.name], kinds=("python", "parquet"), **shared),
    ]
