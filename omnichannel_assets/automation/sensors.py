"""Sensors: new Segment files start the received days they belong to, new DMS files their tables, a new as-of date its scores, fresh scores
the delivery. They list, and never download or write.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import dagster as dg
from dagster import SensorEvaluationContext

from omnichannel_assets.automation.jobs import DELIVERY, DMS_TABLES, RECEIVED_DAY, RECEIVED_DAY_ASSETS, SCORES_REFRESH
from omnichannel_assets.automation.listing import NewFiles, new_dms_tables, new_segment_days, swept_days
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables import LANDING_FILES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_activation import AUDIENCES
from omnichannel_assets.resources.approvals import audiences_digest, is_approved
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.dms_tables import dms_log_table, object_partition
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.segment.keys import parse_key

RUNS_PER_TICK = 10
"""More waiting days than this become one run over their range: a backlog is one job, not hundreds."""
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dg.sensor(
    job_name=RECEIVED_DAY,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New or rewritten Segment objects start their received days, once per content.",
)
def new_segment_files(context: SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
    opened = workspace.open()
    first, last = opened.settings.first_received_day, opened.last_received_day()
    folders = {day: prefixes for day, prefixes in _day_folders(opened).items() if first <= day <= last}
    days, cursor = swept_days(list(folders), context.cursor)
    listing = [listed for day in days for prefix in folders[day] for listed in opened.landing.list(prefix)]
    found = new_segment_days(listing, _staged_calls(opened, days), first, last)
    looked = f"{len(listing)} objects of {len(days)} of {len(folders)} received days looked at"
    if not found:
        return dg.SensorResult(skip_reason=f"Nothing new: {looked}.", cursor=cursor)
    return dg.SensorResult(run_requests=_day_requests(found), cursor=cursor)


@dg.sensor(
    job_name=DMS_TABLES,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New or rewritten DMS objects start the tables they belong to, once per content.",
)
def new_dms_files(context: SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
    opened = workspace.open()
    listing = [
        listed
        for spec in opened.registry.values()
        for prefix in _table_folders(opened, spec.schema_name, spec.name)
        for listed in opened.landing.list(prefix)
    ]
    found = new_dms_tables(listing, _staged_changes(opened), opened.registry)
    if not found:
        return dg.SensorResult(skip_reason=f"Nothing new: {len(listing)} objects of {len(opened.registry)} tables looked at.")
    tables = {files.target for files in found}
    children = {spec.name for spec in opened.registry.values() if spec.parent in tables}
    keys = [dg.AssetKey("landing_files"), *(dg.AssetKey(f"dms_{name}") for name in sorted(tables | children))]
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key="+".join(files.run_key for files in found), asset_selection=keys)])


def _day_requests(found: list[NewFiles]) -> list[dg.RunRequest]:
    keys = [dg.AssetKey(name) for name in RECEIVED_DAY_ASSETS]
    if len(found) <= RUNS_PER_TICK:
        return [dg.RunRequest(run_key=files.run_key, partition_key=files.target, asset_selection=keys) for files in found]
    key = f"{found[0].target}-{found[-1].target}-{digest_of([files.run_key for files in found])[:16]}"
    return [dg.RunRequest(run_key=key, tags={RANGE_START: found[0].target, RANGE_END: found[-1].target}, asset_selection=keys)]


def _staged_calls(workspace: Workspace, days: Iterable[date]) -> dict[str, str]:
    """Key -> token of Segment object versions that the calls of their day were made from.

    Being in the catalogue is not enough: a run catalogues all that is there and stages only its own days or tables.
    """
    found = {day: workspace.lake.manifest(SEGMENT_EVENTS.name, (SEGMENT_EVENTS.partition or "", day.isoformat())) for day in days}
    inputs = {key: etag for manifest in found.values() if manifest for key, etag in manifest.inputs.items()}
    return {row["key"]: row["token"] for row in _catalogued(workspace, "segment") if inputs.get(row["key"]) == row["etag"]}


def _staged_changes(workspace: Workspace) -> dict[str, str]:
    """Key -> token of DMS object versions that are in the change log of their table."""
    logs = {name: dms_log_table(spec).name for name, spec in workspace.registry.items()}
    staged = {}
    for row in _catalogued(workspace, "dms"):
        log = logs.get(row["dms_table"])
        if log and workspace.lake.manifest(log, ("object", object_partition(row["key"], row["etag"]))):
            staged[row["key"]] = row["token"]
    return staged


def _catalogued(workspace: Workspace, origin: str) -> list[dict[str, str]]:
    """Catalogued objects of one export that were there at the last listing."""
    import pyarrow.compute as pc

    rows = workspace.lake.read(LANDING_FILES).select(["origin", "state", "key", "etag", "token", "dms_table"])
    return rows.filter(pc.and_(pc.equal(rows["state"], "present"), pc.equal(rows["origin"], origin))).to_pylist()


def _day_folders(workspace: Workspace) -> dict[date, list[str]]:
    """Received day -> key prefixes of its folders, over all sources and export prefixes."""
    folders: dict[date, list[str]] = {}
    for logs in _folders_named(workspace, "segment-logs"):
        for source in workspace.landing.folders(logs):
            for day in workspace.landing.folders(f"{logs}{source}/"):
                found = parse_key(f"{logs}{source}/{day}/any.gz")
                if found:
                    folders.setdefault(found.received_day, []).append(f"{logs}{source}/{day}/")
    return folders


def _table_folders(workspace: Workspace, schema: str, table: str) -> Iterator[str]:
    for folder in _folders_named(workspace, schema):
        if table in workspace.landing.folders(folder):
            yield f"{folder}{table}/"


def _folders_named(workspace: Workspace, name: str, below: str = "", depth: int = 3) -> Iterator[str]:
    """Prefixes that end in a folder of this name, at most a few levels down (both exports allow a prefix before their own layout)."""
    for folder in workspace.landing.folders(below):
        if folder == name:
            yield f"{below}{folder}/"
        elif depth:
            yield from _folders_named(workspace, name, f"{below}{folder}/", depth - 1)


@dg.sensor(
    job_name=SCORES_REFRESH,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Once the trusted tables know a new as-of date: its features, scores, lists and audiences.",
)
def new_as_of_date(context: SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
    opened = workspace.open()
    known = opened.newest_known()
    if known is None or known < opened.settings.first_as_of:
        return dg.SensorResult(skip_reason="No as-of date can be described yet.")
    if opened.lake.manifest(AUDIENCES.name, ("as_of", known.isoformat())):
        return dg.SensorResult(skip_reason=f"Nothing new: the audiences of {known} are there.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"scores-{known}", partition_key=known.isoformat())])


@dg.sensor(
    job_name=DELIVERY,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fresh scores: the newest as-of date with audiences goes to every channel, and once more when a person has approved its campaigns.",
)
def fresh_scores(context: SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
    opened = workspace.open()
    newest = max(opened.lake.manifests(AUDIENCES), default=None)
    if newest is None:
        return dg.SensorResult(skip_reason="No audiences yet.")
    if opened.settings.delivery_mode == "off":
        return dg.SensorResult(skip_reason="DELIVERY_MODE is off.")
    as_of = date.fromisoformat(newest)
    released = "released" if is_approved(opened, as_of) else "held"
    if released == "released" and opened.settings.audience_approval == "required":
        released += f"-{(audiences_digest(opened, as_of) or '')[:16]}"  # other audiences that are approved later are another delivery
    key = f"delivery-{newest}-{released}"
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, partition_key=newest)])


def sensors() -> list[dg.SensorDefinition]:
    """Every sensor of the code location."""
    return [new_segment_files, new_dms_files, new_as_of_date, fresh_scores]
