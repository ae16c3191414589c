"""From a step to a Dagster asset: named, described and checked after its declared table; its report becomes metadata and check results.

One shape for every asset, so the stage modules hold steps and one line an asset. (No postponed annotations here: Dagster reads them.)
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from omnichannel_assets.assets.lineage import column_lineage
from omnichannel_assets.assets.previews import previews_of
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.checks.outcome import ChecksFailedError
from omnichannel_assets.lake.schema import SQL_TYPES, TableSchema
from omnichannel_assets.lake.tables import STATIC_TABLES
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.workspace import Workspace

OWNERS = ["team:data-engineering"]
BY_RECEIVED_DAY = frozenset(table.name for table in STATIC_TABLES if table.partition == "received_day")
PICTURES_TAG = "omnichannel/pictures"
"""Run tag: ``off`` draws nothing, for runs whose metadata nobody will ever see."""
CHECK_DESCRIPTIONS = {
    "contract": "Columns, kinds, required values and grain are as declared.",
    "conservation": "Rows in = rows out + everything else that happened to them, to the row.",
    "expectations": "Great Expectations suite of this table.",
    "leakage": "Nothing known at or after a cut-off is in its rows: rebuilt without it they are the same to the byte, no feature tells a label alone, "
    "and no random split beats one by time.",
    "monitoring": "Forecasts came true and neither inputs nor scores have moved, within the limits of docs/monitoring.md. Told only: nothing stops.",
    "scores": "Scores are probabilities, and every customer with a score has its band or decile.",
}


Step = Callable[..., StepReport]


def step_asset(
    table: TableSchema,
    step: Step,
    *,
    group: str,
    deps: Iterable[str] = (),
    checks: Iterable[str] = ("contract",),
    warning_checks: Iterable[str] = (),
    received_day: dg.PartitionsDefinition | None = None,
    as_of: dg.PartitionsDefinition | None = None,
    kinds: Iterable[str] = ("duckdb", "parquet"),
    owners: Iterable[str] = tuple(OWNERS),
    name: str = "",
    description: str = "",
) -> dg.AssetsDefinition:
    """The asset of a declared table, made by a step: ``step(workspace)``, or ``step(workspace, days)`` when it has partitions.

    An asset has received days, as-of dates, or neither; an as-of date depends on all received days of what it reads. ``name`` and
    ``description`` are for assets that share a table.

    Partitioned assets take a whole range in one run. Every check runs inside the step; ``checks`` are blocking, ``warning_checks`` stop nothing.
    """

    partitions = received_day or as_of

    def made(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Iterator[Any]:
        arguments = [[date.fromisoformat(key) for key in context.partition_keys]] if partitions else []
        with workspace.writing() as opened:
            yield from asset_result(context, opened, lambda: step(opened, *arguments))

    return _declare(
        made,
        name=name or table.name,
        group_name=group,
        deps=[_over_all_days(name) if as_of and name in BY_RECEIVED_DAY else name for name in deps],
        kinds=set(kinds),
        owners=list(owners),
        description=description or table.description,
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.name, "grain": ", ".join(table.key)},
        check_specs=[
            dg.AssetCheckSpec(check, asset=name or table.name, blocking=is_blocking, description=CHECK_DESCRIPTIONS[check])
            for checked, is_blocking in ((checks, True), (warning_checks, False))
            for check in checked
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
    )


def _over_all_days(name: str) -> dg.AssetDep:
    return dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping())


def _declare(function: Callable[..., Any], **arguments: Any) -> dg.AssetsDefinition:
    """``dg.asset`` without its warning that ``backfill_policy`` is beta: single-run ranges are what the whole graph is built on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.asset(**arguments)(function)


def column_schema(table: TableSchema) -> dg.TableSchema:
    """The declared columns as Dagster shows them."""
    columns = [
        dg.TableColumn(
            c.name,
            SQL_TYPES[c.kind],
            description=c.description,
            constraints=dg.TableColumnConstraints(nullable=not c.required, unique=table.partition is None and table.key == (c.name,)),
        )
        for c in table.columns
    ]
    return dg.TableSchema(columns)


def asset_result(context: dg.AssetExecutionContext, workspace: Workspace, step: Callable[[], StepReport]) -> Iterator[Any]:
    """Run a step and report it. A failed blocking check is shown as such, and stops what follows; what is unfinished fails after its report."""
    try:
        report = step()
    except ChecksFailedError as error:
        yield from _failed_results(context, error)
        raise dg.Failure(str(error), allow_retries=False) from None
    is_watched = context.run.tags.get(PICTURES_TAG) != "off"
    shown = {title: dg.MetadataValue.md(text) for title, text in previews_of(workspace, report.table).items()} if is_watched else {}
    if report.table.partition in ("received_day", "as_of") and context.assets_def.partitions_def:
        _add_partition_metadata(context, report, shown)
        shown = {}
    yield dg.MaterializeResult(metadata=report_metadata(workspace, report) | shown, check_results=list(check_results(context, report)))
    if report.unfinished:
        raise dg.Failure(report.unfinished, metadata=report.figures, allow_retries=False)


def _add_partition_metadata(context: dg.AssetExecutionContext, report: StepReport, shown: Mapping[str, Any]) -> None:
    """Each partition's own rows; the previews only on the newest one, so that a range of days does not store them a hundred times."""
    for key in context.partition_keys:
        manifest = report.manifests.get(key)
        own = {"dagster/partition_row_count": manifest.rows if manifest else 0}
        context.add_asset_metadata(own | (shown if key == context.partition_keys[-1] else {}), partition_key=key)


def report_metadata(workspace: Workspace, report: StepReport) -> dict[str, Any]:
    """Rows of the whole table, where its files are, what was rewritten, the conservation counts, and where columns come from."""
    counts: dict[str, int] = {}
    for manifest in report.manifests.values():
        for name, number in manifest.counts.items():
            counts[name] = counts.get(name, 0) + number
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(manifest.rows for manifest in workspace.lake.manifests(report.table).values()),
        "dagster/uri": str(workspace.lake.store.root / workspace.lake.folder(report.table.name)),
        "partitions_rewritten": len(set(report.rewritten)),
        "partitions_current": len(report.manifests.keys() - set(report.rewritten)),
    }
    if counts:
        lines = "\n".join(f"| {name} | {number:,} |" for name, number in sorted(counts.items()) if not is_date(name))
        metadata["counts"] = dg.MetadataValue.md(f"| rows | number |\n|---|---:|\n{lines}")
    metadata |= report.figures | {title: dg.MetadataValue.md(text) for title, text in report.shown.items()}
    lineage = column_lineage(report.table.name)
    if lineage:
        metadata["dagster/column_lineage"] = lineage
    return metadata


def is_date(count: str) -> bool:
    """Whether one of a manifest's counts is no number of rows but a day: the data clock, the as-of of identities, a delivery's mark."""
    return count.endswith("_day") or ":" in count


def check_results(context: dg.AssetExecutionContext, report: StepReport) -> Iterator[dg.AssetCheckResult]:
    """One result a declared check, over all partitions of the report; failing partitions are named."""
    for name in sorted({key.name for key in context.selected_asset_check_keys}):
        outcomes = {value: check for value, manifest in report.manifests.items() for check in manifest.checks if check["name"] == name}
        bad = [value or "table" for value, check in outcomes.items() if not check["passed"]]
        severity = dg.AssetCheckSeverity.ERROR if all(check["blocking"] for check in outcomes.values()) else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(check_name=name, passed=not bad, severity=severity, metadata=_check_metadata(outcomes, bad))


def _check_metadata(outcomes: Mapping[str, Mapping[str, Any]], bad: list[str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"partitions_checked": len(outcomes)}
    totals: dict[str, int] = {}
    for check in outcomes.values():
        for name, number in check["details"].items():
            if isinstance(number, int):
                totals[name] = totals.get(name, 0) + number
    metadata |= totals
    if bad:
        metadata["failing_partitions"] = ", ".join(bad[:50])
        told = [f"{value}: {check['details']['told']}" for value, check in outcomes.items() if "told" in check["details"]]
        metadata |= {"told": "; ".join(told)} if told else {}
    return metadata


def _failed_results(context: dg.AssetExecutionContext, error: ChecksFailedError) -> Iterator[dg.AssetCheckResult]:
    failed_names = {outcome.name for outcomes in error.failed.values() for outcome in outcomes}
    for name in sorted(failed_names & {key.name for key in context.selected_asset_check_keys}):
        partitions = [value or "table" for value, outcomes in error.failed.items() if any(outcome.name == name for outcome in outcomes)]
        yield dg.AssetCheckResult(
            check_name=name, passed=False, metadata={"failing_partitions": ", ".join(partitions[:50]), "details": str(error)}
        )
