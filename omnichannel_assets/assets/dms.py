"""DMS stages, one per registered table: objects -> change log -> version history. One factory; the registry says what differs.

Only objects with quarantined rows have a quarantine partition; it is published before the log, which makes the object count as read.
The log is append-only: what an object version told stays, also when DMS overwrites or removes the object (a reload, a truncate).
"""

from __future__ import annotations

import json
from typing import Any

import dagster as dg

from omnichannel_assets.assets.landing import Row, present_objects
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, build_model, log, publish
from omnichannel_assets.assets.suppression import without_erased_rows
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.dms.files import ParsedObject, read_changes
from omnichannel_assets.dms.history import counts_sql, history_sql, load_time_missing, undated_sql
from omnichannel_assets.dms.keys import parse_key
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.lake import Manifest, digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import DMS_QUARANTINE, QUARANTINE
from omnichannel_assets.resources.dms_tables import dms_history_table, dms_log_table, object_partition
from omnichannel_assets.resources.workspace import Workspace

SMALLEST_JUDGED = 20
"""Objects with fewer rows are never called mostly bad: one broken row says nothing about the rest."""


def stage_table(workspace: Workspace, name: str) -> StepReport:
    """Bring one DMS table up to date: new object versions into its log and quarantine, then its history. Raises ChecksFailedError."""
    spec = workspace.registry[name]
    append_changes(workspace, spec)
    return rebuild_history(workspace, spec)


def append_changes(workspace: Workspace, spec: TableSpec) -> StepReport:
    """Read each object version that the log does not hold yet. Returns the log's report."""
    logged, quarantine = StepReport(dms_log_table(spec)), StepReport(DMS_QUARANTINE)
    base = digest_of([code_digest("dms"), spec.fingerprint(), workspace.settings.mostly_bad_share])
    objects = [row for row in present_objects(workspace, "dms") if row["dms_table"] == spec.name]
    for row in objects:
        value = object_partition(row["key"], row["etag"])
        digest = digest_of([base, row["key"], row["etag"]])
        if manifest := _current(workspace, logged.table, digest, value):
            logged.manifests[value] = manifest
        else:
            _append_object(workspace, spec, (logged, quarantine), (row, value, digest))
    if logged.rewritten:
        log.info("%s: %s new objects", logged.table.name, f"{len(logged.rewritten):,}")
    quarantine.raise_failures()
    return logged.raise_failures()


def _current(workspace: Workspace, log_table: TableSchema, digest: str, value: str) -> Manifest | None:
    """The log's manifest of an object whose log and quarantine are what reading it now would give, or None.

    An object without quarantined rows has no quarantine partition. One that is there all the same must be of this reading: a run that
    ended between the two tables may have left rows that the log holds too.
    """
    lake = workspace.lake
    manifest = lake.manifest(log_table.name, ("object", value))
    if manifest is None or manifest.digest != digest or not lake.has_data(log_table, value):
        return None
    is_whole = manifest.counts.get("quarantined") == 0 and not _has_quarantine(workspace, value)
    return manifest if is_whole or lake.is_current(DMS_QUARANTINE, digest, value) else None


def _has_quarantine(workspace: Workspace, value: str) -> bool:
    """Whether anything is stored, also a data file whose manifest was never written."""
    return workspace.lake.has_data(DMS_QUARANTINE, value) or workspace.lake.manifest(DMS_QUARANTINE.name, ("object", value)) is not None


def _append_object(workspace: Workspace, spec: TableSpec, reports: tuple[StepReport, StepReport], version: tuple[Row, str, str]) -> None:
    row, value, digest = version
    found = parse_key(row["key"], workspace.registry)
    if found is None:
        return
    parsed = read_changes(workspace.landing.read(row["key"]), found, row["etag"], spec)
    if parsed.rows_read >= SMALLEST_JUDGED and parsed.quarantined.num_rows > workspace.settings.mostly_bad_share * parsed.rows_read:
        log.warning(
            "%s: %s of %s rows are unreadable; the whole file is in quarantine",
            row["key"],
            f"{parsed.quarantined.num_rows:,}",
            f"{parsed.rows_read:,}",
        )
        parsed = _stopped(parsed, spec)
    told = parsed.changes.num_rows + parsed.quarantined.num_rows
    parsed = without_erased_rows(workspace, spec, parsed)
    bad = parsed.quarantined.num_rows
    fates = {"rows_out": parsed.changes.num_rows, "quarantined": bad}
    erased = told - sum(fates.values())
    fates |= {"erased": erased} if erased else {}
    counts, check = {"rows_in": parsed.rows_read, **fates}, conservation(parsed.rows_read, fates)
    inputs = {row["key"]: row["etag"]}
    if bad or _has_quarantine(workspace, value):  # rows that newer code reads must leave the quarantine
        publish(workspace, reports[1], Draft(_quarantine_rows(parsed, row, found, value), digest, value, {"rows_out": bad}, inputs))
    publish(workspace, reports[0], Draft(parsed.changes, digest, value, counts, inputs, (check,)))


def _stopped(parsed: ParsedObject, spec: TableSpec) -> ParsedObject:
    """A mostly bad object with its readable rows set aside too: it stops that file, not the graph."""
    import pyarrow as pa

    columns = [*spec.columns, "extra", "op", "committed_at"]
    rows = parsed.changes.select([*columns, "row"]).to_pylist()
    payloads = [json.dumps({name: row[name] for name in columns}, default=str, ensure_ascii=False) for row in rows]
    aside = {"rule": ["mostly_bad_file"] * len(rows), "position": [row["row"] for row in rows], "payload": payloads}
    both = pa.concat_tables([parsed.quarantined, pa.table(aside, schema=parsed.quarantined.schema)])
    return ParsedObject(parsed.changes.slice(0, 0), both, parsed.rows_read)


def _quarantine_rows(parsed: Any, row: Row, found: Any, value: str) -> Any:
    import pyarrow as pa

    bad = parsed.quarantined
    schema = DMS_QUARANTINE.arrow()
    fixed = {"origin": "dms", "file": row["key"], "known_at": found.file_at, "object": value}
    columns = {name: pa.array([constant] * bad.num_rows, schema.field(name).type) for name, constant in fixed.items()}
    return pa.table({name: columns[name] if name in columns else bad[name] for name in schema.names}, schema=schema)


def rebuild_history(workspace: Workspace, spec: TableSpec) -> StepReport:
    """The version history from the whole log, objects that are gone by now included.

    Conservation: rows of all object versions = log rows + quarantined and erased ones; log rows = repeated rows + changes that made a version.
    """
    history, log_table = dms_history_table(spec), dms_log_table(spec)
    parent = workspace.registry[spec.parent] if spec.parent else None
    upstream = [workspace.lake.content_digest(log_table), workspace.lake.content_digest(dms_history_table(parent)) if parent else ""]
    digest = digest_of([code_digest("dms"), spec.fingerprint(), history.fingerprint(), upstream])
    report = StepReport(history)
    if workspace.lake.is_current(history, digest):
        report.manifests[""] = workspace.lake.manifest(history.name)
        return report
    with workspace.lake.engine() as engine:
        engine.register_files(log_table, workspace.lake.paths(log_table), "changes")
        if parent:
            engine.register_files(dms_history_table(parent), workspace.lake.paths(dms_history_table(parent)), "parents")
        _require_times(engine, spec, parent)
        data = engine.model(history, sql=history_sql(spec, parent))
        ((rows, repeated, changes),) = engine.rows(counts_sql(spec, parent))
    told = data.select(["object_key", "object_etag", "row"]).group_by(["object_key", "object_etag", "row"]).aggregate([]).num_rows
    logged = [manifest.counts for manifest in workspace.lake.manifests(log_table).values()]
    read = {name: sum(counts[column] for counts in logged) for name, column in (("file_rows", "rows_in"), ("quarantined", "quarantined"))}
    erased = sum(counts.get("erased", 0) for counts in logged)
    read |= {"erased": erased} if erased else {}
    counts = {"rows_in": rows, "duplicates": repeated, "changes": told, "rows_out": data.num_rows, **read}
    check = conservation(rows, {"duplicates": repeated, "changes": told})
    log.info("%s: %s versions of %s changes", history.name, f"{data.num_rows:,}", f"{changes:,}")
    publish(workspace, report, Draft(data, digest, counts=counts, checks=(check,)))
    return report.raise_failures()


def _require_times(engine: Engine, spec: TableSpec, parent: TableSpec | None) -> None:
    ((undated,),) = engine.rows(undated_sql(spec, parent))
    if undated:
        raise load_time_missing(spec, undated)


def gather_quarantine(workspace: Workspace) -> StepReport:
    """Bring the public ``quarantine`` table up to date."""
    return build_model(workspace, QUARANTINE)


def assets(registry: dict[str, TableSpec]) -> list[dg.AssetsDefinition]:
    """One asset per registered table, and the quarantine of every origin."""

    def table(spec: TableSpec) -> dg.AssetsDefinition:
        deps = ["landing_files", *([f"dms_{spec.parent}"] if spec.parent else [])]
        return step_asset(
            dms_history_table(spec), lambda w: stage_table(w, spec.name), group="staged", deps=deps, checks=("contract", "conservation")
        )

    origins = ["segment_events", *(f"dms_{name}" for name in registry), "campaign_event_log"]
    return [
        *(table(spec) for spec in registry.values()),
        step_asset(QUARANTINE, gather_quarantine, group="staged", deps=origins, checks=("contract", "conservation")),
    ]
