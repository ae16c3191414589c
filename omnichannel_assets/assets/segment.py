"""Segment stages: export objects of a received day -> typed calls and quarantine; copies over days; facts keyed by source identifier.

``segment_events`` of a day is a function of that day's objects only. ``event_facts`` and ``order_facts`` of a day are functions of the day's
calls, the copies that lose on it, and the identity rules (which identifiers are blocked).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.landing import Row, present_objects
from omnichannel_assets.assets.reporting import step_asset
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

BATCH_BYTES = 8 << 20
"""Packed bytes staged in one query: enough to share its fixed cost, small enough to stay within memory."""
BATCH_ROWS = 400_000
"""Rows of calls turned into facts in one query."""


def stage_calls(workspace: Workspace, days: Iterable[date] | None = None) -> tuple[StepReport, StepReport]:
    """Bring ``segment_events`` and ``segment_quarantine`` up to date for some received days (default: all that have objects).

    A day is current while its objects are the ones it was made from, or a part of them: objects that merely vanish (retention)
    never empty a day. When such a day is made anew (a late object, new code), the stored rows of its vanished objects stay in it. Returns both reports; raises ChecksFailedError after all days were tried.
    """
    wanted = set(days) if days is not None else None
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in present_objects(workspace, "segment"):
        if wanted is None or row["received_day"] in wanted:
            by_day[row["received_day"]].append(row)
    events, quarantine = StepReport(SEGMENT_EVENTS), StepReport(SEGMENT_QUARANTINE)
    base = _staging_digest(workspace)
    stale = [day for day in sorted(by_day) if not _take_current(workspace, (events, quarantine), day, by_day[day], base)]
    done = 0
    for batch in _batches(stale, lambda day: sum(row["size"] for row in by_day[day]), BATCH_BYTES):
        _stage_batch(workspace, (events, quarantine), {day: by_day[day] for day in batch}, base)
        done += len(batch)
        log.info("segment_events: %s of %s days", f"{done:,}", f"{len(stale):,}")
    quarantine.raise_failures()
    return events.raise_failures(), quarantine


def stale_days(workspace: Workspace) -> list[date]:
    """Received days whose objects are not the ones their calls were made from."""
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in present_objects(workspace, "segment"):
        by_day[row["received_day"]].append(row)
    base = _staging_digest(workspace)
    unused = (StepReport(SEGMENT_EVENTS), StepReport(SEGMENT_QUARANTINE))
    return [day for day in sorted(by_day) if not _take_current(workspace, unused, day, by_day[day], base)]


def _staging_digest(workspace: Workspace) -> str:
    settings = workspace.settings
    code = code_digest("segment", "sql/segment_calls.sql", "sql/macros.sql")
    return digest_of([code, settings.first_received_day, settings.history_sources, settings.identifier_traits, SEGMENT_EVENTS.fingerprint()])


def _take_current(workspace: Workspace, reports: Sequence[StepReport], day: date, objects: list[Row], base: str) -> bool:
    value = day.isoformat()
    versions = {row["key"]: row["etag"] for row in objects}
    found = [workspace.lake.manifest(report.table.name, ("received_day", value)) for report in reports]
    for manifest in found:
        if manifest is None or not versions.items() <= manifest.inputs.items() or manifest.digest != digest_of([base, manifest.inputs]):
            return False
    for report, manifest in zip(reports, found, strict=True):
        report.manifests[value] = manifest
    return True


@dataclass(frozen=True)
class _Vanished:
    """What the lake holds of objects that are gone from the landing zone: rows by table, and the object versions by day."""

    calls: pa.Table
    quarantined: pa.Table
    inputs: dict[date, dict[str, str]]

    def rows(self, day: date) -> int:
        """Rows kept of one day; copies that had lost to another line of their day were never stored and are not among them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return sum(pc.sum(pc.equal(table["received_day"], pa.scalar(day))).as_py() or 0 for table in (self.calls, self.quarantined))


def _vanished(workspace: Workspace, objects: Mapping[date, Sequence[Row]]) -> _Vanished:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    inputs: dict[date, dict[str, str]] = {}
    kept: dict[str, list[pa.Table]] = {table.name: [table.arrow().empty_table()] for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE)}
    for day in sorted(objects):
        manifest = workspace.lake.manifest(SEGMENT_EVENTS.name, ("received_day", day.isoformat()))
        present = {row["key"] for row in objects[day]}
        inputs[day] = {key: etag for key, etag in manifest.inputs.items() if key not in present} if manifest else {}
        for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE) if inputs[day] else ():
            for path in workspace.lake.paths(table, [day.isoformat()]):
                stored = pq.read_table(path, partitioning=None)
                kept[table.name].append(stored.filter(pc.is_in(stored["file"], pa.array(list(inputs[day])))))
    calls, quarantined = (pa.concat_tables(tables, promote_options="default") for tables in kept.values())
    return _Vanished(calls, quarantined, inputs)


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
    import pyarrow as pa
    import pyarrow.compute as pc

    from omnichannel_assets.segment.events import event_names
    from omnichannel_assets.segment.lines import lines_table, read_lines

    read = [(row, read_lines(workspace.landing.read(row["key"]))) for day in sorted(objects) for row in objects[day]]
    _report_mostly_bad(workspace, read)
    vanished = _vanished(workspace, objects)
    with workspace.lake.engine() as engine:
        engine.register("event_names", event_names())
        engine.register("segment_lines", lines_table((row["source_id"], row["key"], row["received_day"], lines) for row, lines in read))
        engine.register("vanished_calls", vanished.calls)
        engine.register("vanished_lines", vanished.quarantined)
        engine.register("unreadable_objects_lines", _unreadable_lines(read))
        engine.store_query("segment_calls", f"({model_text('segment_calls')}) union all by name from vanished_calls", workspace.staging_parameters())
        engine.store_query("unreadable_lines", "from unreadable_objects_lines union all select rule, file, position, payload, received_day from vanished_lines")
        events = engine.model(SEGMENT_EVENTS)
        quarantined = engine.model(SEGMENT_QUARANTINE)
        good = dict(engine.rows("select received_day, count(*) from segment_calls where rule is null group by 1"))
    for day in sorted(objects):
        inputs = {row["key"]: row["etag"] for row in objects[day]} | vanished.inputs[day]
        lines = sum(found.count for row, found in read if row["received_day"] == day) + vanished.rows(day)
        day_events, day_bad = (table.filter(pc.equal(table["received_day"], pa.scalar(day))) for table in (events, quarantined))
        counts = {"lines_in": lines, "rows_out": day_events.num_rows, "duplicates": good.get(day, 0) - day_events.num_rows, "quarantined": day_bad.num_rows}
        check = conservation(lines, {name: counts[name] for name in ("rows_out", "duplicates", "quarantined")})
        for report, data in zip(reports, (day_events, day_bad), strict=True):
            shown = counts if report.table is SEGMENT_EVENTS else {"rows_out": data.num_rows}
            publish(workspace, report, Draft(data, digest_of([base, inputs]), day.isoformat(), shown, inputs, (check,)))


def _report_mostly_bad(workspace: Workspace, read: Iterable[tuple[Row, Any]]) -> None:
    for row, lines in read:
        if lines.count and len(lines.bad) > workspace.settings.mostly_bad_share * lines.count:
            log.warning("%s: %s of %s lines are unreadable; they are in quarantine", row["key"], f"{len(lines.bad):,}", f"{lines.count:,}")


def _unreadable_lines(read: Iterable[tuple[Row, Any]]) -> pa.Table:
    import pyarrow as pa

    rows = [{"rule": rule, "file": row["key"], "line": number, "payload": payload, "received_day": row["received_day"]} for row, lines in read for number, rule, payload in lines.bad]
    columns = [("rule", pa.string()), ("file", pa.string()), ("line", pa.int64()), ("payload", pa.string()), ("received_day", pa.date32())]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def find_duplicates(workspace: Workspace) -> StepReport:
    """Bring ``segment_duplicates`` up to date with all staged days."""
    return build_model(workspace, SEGMENT_DUPLICATES)


def build_facts(workspace: Workspace, table: TableSchema, days: Iterable[date] | None = None) -> StepReport:
    """Bring ``event_facts`` or ``order_facts`` up to date for some received days (default: all staged ones)."""
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
    code = code_digest("segment", "identity", f"sql/{table.name}.sql", f"sql/conservation/{table.name}.sql", "sql/message_identifiers.sql", "checks")
    base = digest_of([code, workspace.rules.fingerprint(), table.fingerprint()])
    losers = _losing_copies(workspace)
    return {value: digest_of([base, manifest.sha256, losers.get(value, [])]) for value, manifest in staged.items()}


def _losing_copies(workspace: Workspace) -> dict[str, list[str]]:
    losers: dict[str, list[str]] = defaultdict(list)
    for row in workspace.lake.read(SEGMENT_DUPLICATES).to_pylist():
        losers[row["received_day"].isoformat()].append(row["message_id"])
    return losers


def _build_facts_batch(workspace: Workspace, report: StepReport, values: list[str], digests: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

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
        day = data.filter(pc.equal(data["received_day"], pa.scalar(date.fromisoformat(value))))
        law = laws.get(value, conservation(0, {}))
        publish(workspace, report, Draft(day, digests[value], value, {**law.details, "rows_out": day.num_rows}, checks=(law,)))


def register_message_identifiers(workspace: Workspace, engine: Engine) -> None:
    """Register ``message_identifiers``: the unblocked, normalised identifiers of each message, best first (priority, type, value)."""
    from omnichannel_assets.identity.normalise import normalise_identifiers

    raw = engine.query("select distinct i.identifier_type, i.\"value\" as raw_value, country from (select unnest(identifiers) as i, country from segment_events)")
    normal = normalise_identifiers(raw, workspace.rules)
    engine.register("normal_identifiers", normal)
    types = sorted(set(normal.column("identifier_type").to_pylist()), key=workspace.rules.priority_key)
    import pyarrow as pa

    engine.register("identifier_priority", pa.table({"identifier_type": pa.array(types, pa.string()), "priority": pa.array(range(len(types)), pa.int64())}))
    engine.store_query("message_identifiers", model_text("message_identifiers"))


def assets(received_day: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage, over the received days of the settings."""
    facts_from = ["segment_events", "segment_duplicates"]
    both = ("contract", "conservation")
    return [
        step_asset(SEGMENT_EVENTS, lambda w, days: stage_calls(w, days)[0], group="staged", deps=["landing_files"], checks=both, received_day=received_day),
        step_asset(SEGMENT_DUPLICATES, find_duplicates, group="staged", deps=["segment_events"], checks=both),
        step_asset(EVENT_FACTS, lambda w, days: build_facts(w, EVENT_FACTS, days), group="trusted", deps=facts_from, checks=both, received_day=received_day),
        step_asset(ORDER_FACTS, lambda w, days: build_facts(w, ORDER_FACTS, days), group="trusted", deps=facts_from, checks=both, received_day=received_day),
    ]
