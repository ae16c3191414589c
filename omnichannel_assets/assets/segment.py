"""Segment stages: export objects of a received day -> typed calls and quarantine; copies over days; facts keyed by source identifier.

``segment_events`` of a day is a function of that day's objects only. ``event_facts`` and ``order_facts`` of a day are functions of the day's
calls, the copies that lose on it, and the identity rules (which identifiers are blocked).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.applied_rules import require_applied
from omnichannel_assets.assets.landing import Row, present_objects
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.retention import rows_of_day, vanished_rows
from omnichannel_assets.assets.steps import Draft, StepReport, build_model, conserved, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.lake import Manifest, digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS, SEGMENT_DUPLICATES, SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_BYTES = 2 << 20
"""Packed bytes staged in one query: enough to share its fixed cost, small enough to stay within memory."""
LINES_AT_ONCE = 40_000
"""Lines whose JSON is read in one query."""
BATCH_ROWS = 400_000
"""Rows of calls turned into facts in one query."""


def stage_calls(workspace: Workspace, days: Iterable[date] | None = None) -> tuple[StepReport, StepReport]:
    """Bring ``segment_events`` and ``segment_quarantine`` up to date for some received days (default: all that have objects).

    Objects that merely vanish (retention) never change a day; when such a day is made anew (a late object, new code), the stored rows of
    its vanished objects stay in it. Returns both reports; raises ChecksFailedError after all days were tried.
    """
    objects = _objects_by_day(workspace, days)
    base = _staging_digest(workspace)
    events, quarantine = StepReport(SEGMENT_EVENTS), StepReport(SEGMENT_QUARANTINE)
    stale = []
    for day in objects:
        current = _current_manifests(workspace, day, objects[day], base)
        if current:
            events.manifests[day.isoformat()], quarantine.manifests[day.isoformat()] = current
        else:
            stale.append(day)
    for batch in _batches(stale, lambda day: sum(row["size"] for row in objects[day]), BATCH_BYTES):
        _stage_batch(workspace, (events, quarantine), {day: objects[day] for day in batch}, base)
        log.info("segment_events: %s of %s days", f"{len(events.rewritten) + len(events.failed):,}", f"{len(stale):,}")
    quarantine.raise_failures()
    return events.raise_failures(), quarantine


def stale_days(workspace: Workspace) -> list[date]:
    """Received days whose objects are not the ones their calls were made from."""
    base = _staging_digest(workspace)
    return [day for day, objects in _objects_by_day(workspace, None).items() if not _current_manifests(workspace, day, objects, base)]


def _objects_by_day(workspace: Workspace, days: Iterable[date] | None) -> dict[date, list[Row]]:
    wanted = set(days) if days is not None else None
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in present_objects(workspace, "segment"):
        if wanted is None or row["received_day"] in wanted:
            by_day[row["received_day"]].append(row)
    return dict(sorted(by_day.items()))


def _staging_digest(workspace: Workspace) -> str:
    settings = workspace.settings
    models = ("segment_calls", "mostly_bad_files", "stopped_calls", "replaced_files", "segment_events", "segment_quarantine", "macros")
    bound = [settings.first_received_day, settings.history_sources, settings.identifier_traits, settings.mostly_bad_share]
    return digest_of([code_digest("segment", *(f"sql/{name}.sql" for name in models)), bound, SEGMENT_EVENTS.fingerprint()])


def _current_manifests(workspace: Workspace, day: date, objects: list[Row], base: str) -> tuple[Manifest, Manifest] | None:
    """The manifests of a day that was made from these objects, or from these and others that have vanished since; else None."""
    versions = {row["key"]: row["etag"] for row in objects}
    found = []
    for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE):
        manifest = workspace.lake.manifest(table.name, ("received_day", day.isoformat()))
        if manifest is None or not versions.items() <= manifest.inputs.items():
            return None
        if not workspace.lake.is_current(table, digest_of([base, manifest.inputs]), day.isoformat()):
            return None
        found.append(manifest)
    return found[0], found[1]


def _batches(days: Sequence[date], size: Any, limit: int) -> Iterator[list[date]]:
    batch: list[date] = []
    total = 0
    for day in days:
        if batch and total + size(day) > limit:
            yield batch
            batch, total = [], 0
        batch.append(day)
        total += size(day)
    if batch:
        yield batch


def _stage_batch(workspace: Workspace, reports: Sequence[StepReport], objects: dict[date, list[Row]], base: str) -> None:
    """Read, type and publish some received days in one query each for calls and quarantine."""
    from omnichannel_assets.segment.lines import read_lines

    read = [(row, read_lines(workspace.landing.read(row["key"]))) for rows in objects.values() for row in rows]
    vanished = vanished_rows(workspace, objects)
    with workspace.lake.engine() as engine:
        _register_calls(workspace, engine, read)
        vanished = vanished.carried_over(engine)
        events, quarantined = engine.model(SEGMENT_EVENTS), engine.model(SEGMENT_QUARANTINE)
        copies = dict(
            engine.rows("select received_day, count(*) - count(distinct message_id) from segment_calls where rule is null group by 1")
        )
    for day, rows in objects.items():
        inputs = {row["key"]: row["etag"] for row in rows} | vanished.inputs[day]
        day_events, day_bad = rows_of_day(events, day), rows_of_day(quarantined, day)
        lines = sum(found.count for row, found in read if row["received_day"] == day) + vanished.rows(day)
        fates = {"rows_out": day_events.num_rows, "duplicates": copies.get(day, 0), "quarantined": day_bad.num_rows}
        shared = {"digest": digest_of([base, inputs]), "value": day.isoformat(), "inputs": inputs, "checks": (conservation(lines, fates),)}
        # Quarantine first: after a crash between the two, the stored calls still tell which vanished objects were replaced.
        publish(workspace, reports[1], Draft(day_bad, counts={"rows_out": day_bad.num_rows}, **shared))
        publish(workspace, reports[0], Draft(day_events, counts={"lines_in": lines, **fates}, **shared))


def _register_calls(workspace: Workspace, engine: Engine, read: Sequence[tuple[Row, Any]]) -> None:
    """Register ``usable_calls`` (every readable line, typed, with the rule it breaks) and ``unreadable_lines``."""
    from omnichannel_assets.segment.events import event_names
    from omnichannel_assets.segment.lines import lines_table

    engine.register("event_names", event_names())
    every_line = lines_table((row["source_id"], row["key"], row["received_day"], lines) for row, lines in read)
    engine.register("unreadable_lines", _unreadable_lines(read))
    engine.register("read_calls", _typed(engine, every_line, workspace.staging_parameters()))
    engine.store_query("mostly_bad_files", model_text("mostly_bad_files"), {"mostly_bad_share": workspace.settings.mostly_bad_share})
    engine.store_query("usable_calls", model_text("stopped_calls"))
    for file, bad, lines in engine.rows("select file, bad, lines from mostly_bad_files order by file"):
        log.warning("%s: %s of %s lines are unreadable; the whole file is in quarantine", file, f"{bad:,}", f"{lines:,}")


def _typed(engine: Engine, every_line: pa.Table, parameters: Mapping[str, Any]) -> pa.Table:
    """``segment_calls`` over all lines, some at a time: reading JSON needs many times the memory of its text."""
    import pyarrow as pa

    parts = []
    for start in range(0, max(every_line.num_rows, 1), LINES_AT_ONCE):
        engine.register("segment_lines", every_line.slice(start, LINES_AT_ONCE))
        parts.append(engine.query(model_text("segment_calls"), parameters))
    return pa.concat_tables(parts)


def _unreadable_lines(read: Iterable[tuple[Row, Any]]) -> pa.Table:
    import pyarrow as pa

    rows = [
        {"rule": rule, "file": row["key"], "line": number, "payload": payload, "received_day": row["received_day"]}
        for row, lines in read
        for number, rule, payload in lines.bad
    ]
    columns = [("rule", pa.string()), ("file", pa.string()), ("line", pa.int64()), ("payload", pa.string()), ("received_day", pa.date32())]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def find_duplicates(workspace: Workspace) -> StepReport:
    """Bring ``segment_duplicates`` up to date with all staged days."""
    return build_model(workspace, SEGMENT_DUPLICATES)


def build_facts(workspace: Workspace, table: TableSchema, days: Iterable[date] | None = None) -> StepReport:
    """Bring ``event_facts`` or ``order_facts`` up to date for some received days (default: all staged ones).

    Raises ChecksFailedError; UserError when the identity rules changed and nobody applied them.
    """
    require_applied(workspace)
    staged = workspace.lake.manifests(SEGMENT_EVENTS)
    wanted = sorted(staged) if days is None else [day.isoformat() for day in sorted(days) if day.isoformat() in staged]
    digests = _fact_digests(workspace, table, {value: staged[value] for value in wanted})
    report = StepReport(table)
    stale = [value for value in wanted if not workspace.lake.is_current(table, digests[value], value)]
    for value in set(wanted) - set(stale):
        report.manifests[value] = workspace.lake.manifest(table.name, (table.partition or "", value))
    for batch in _batches(stale, lambda value: staged[value].rows, BATCH_ROWS):
        _build_facts_batch(workspace, report, batch, digests)
        log.info("%s: %s of %s days", table.name, f"{len(report.rewritten):,}", f"{len(stale):,}")
    return report.raise_failures()


def stale_fact_days(workspace: Workspace, table: TableSchema) -> list[date]:
    """Staged received days whose facts are missing or were made from other calls, copies or rules."""
    digests = _fact_digests(workspace, table, workspace.lake.manifests(SEGMENT_EVENTS))
    return [date.fromisoformat(value) for value, digest in digests.items() if not workspace.lake.is_current(table, digest, value)]


def _fact_digests(workspace: Workspace, table: TableSchema, staged: Mapping[str, Manifest]) -> dict[str, str]:
    code = code_digest(
        "segment",
        "identity",
        f"sql/{table.name}.sql",
        f"sql/conservation/{table.name}.sql",
        "sql/message_identifiers.sql",
        "sql/macros.sql",
        "checks",
    )
    base = digest_of([code, workspace.rules.reading_fingerprint(), table.fingerprint()])
    losers = _losing_copies(workspace)
    return {value: digest_of([base, manifest.sha256, losers.get(value, [])]) for value, manifest in staged.items()}


def _losing_copies(workspace: Workspace) -> dict[str, list[str]]:
    losers: dict[str, list[str]] = defaultdict(list)
    for row in workspace.lake.read(SEGMENT_DUPLICATES).to_pylist():
        losers[row["received_day"].isoformat()].append(row["message_id"])
    return losers


def _build_facts_batch(workspace: Workspace, report: StepReport, values: list[str], digests: dict[str, str]) -> None:
    from omnichannel_assets.segment.events import event_names

    table = report.table
    with workspace.lake.engine() as engine:
        engine.register_files(SEGMENT_EVENTS, workspace.lake.paths(SEGMENT_EVENTS, values))
        engine.register_files(SEGMENT_DUPLICATES, workspace.lake.paths(SEGMENT_DUPLICATES))
        engine.register("event_names", event_names())
        register_message_identifiers(workspace, engine)
        data = engine.model(table)
        laws = conserved(engine, table, data, {})
    for value in values:
        day = rows_of_day(data, date.fromisoformat(value))
        law = laws.get(value, conservation(0, {}))
        publish(workspace, report, Draft(day, digests[value], value, {**law.details, "rows_out": day.num_rows}, checks=(law,)))


def register_message_identifiers(workspace: Workspace, engine: Engine) -> None:
    """Register ``message_identifiers``: the unblocked, normalised identifiers of each message, best first (priority, type, value)."""
    from omnichannel_assets.identity.normalise import normalise_identifiers

    raw = engine.query(
        'select distinct i.identifier_type, i."value" as raw_value, country from (select unnest(identifiers) as i, country from segment_events)'
    )
    normal = normalise_identifiers(raw, workspace.rules)
    engine.register("normal_identifiers", normal)
    types = sorted(set(normal.column("identifier_type").to_pylist()), key=workspace.rules.priority_key)
    import pyarrow as pa

    engine.register(
        "identifier_priority",
        pa.table({"identifier_type": pa.array(types, pa.string()), "priority": pa.array(range(len(types)), pa.int64())}),
    )
    engine.store_query("message_identifiers", model_text("message_identifiers"))


def assets(received_day: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage, over the received days of the settings."""
    facts_from = ["segment_events", "segment_duplicates"]
    both = ("contract", "conservation")
    return [
        step_asset(
            SEGMENT_EVENTS,
            lambda w, days: stage_calls(w, days)[0],
            group="staged",
            deps=["landing_files"],
            checks=both,
            received_day=received_day,
        ),
        step_asset(SEGMENT_DUPLICATES, find_duplicates, group="staged", deps=["segment_events"], checks=both),
        step_asset(
            EVENT_FACTS,
            lambda w, days: build_facts(w, EVENT_FACTS, days),
            group="trusted",
            deps=facts_from,
            checks=both,
            received_day=received_day,
        ),
        step_asset(
            ORDER_FACTS,
            lambda w, days: build_facts(w, ORDER_FACTS, days),
            group="trusted",
            deps=facts_from,
            checks=both,
            received_day=received_day,
        ),
    ]
