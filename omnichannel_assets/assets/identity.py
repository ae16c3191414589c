"""Identity stages: links from both sources, and the customers they make. The rules are in ``identity``; this is their plumbing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.identity_cache import CachedState, load_state, save_state
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text, quoted, text_literal
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITIES, IDENTITY_CHANGES, IDENTITY_CORRECTIONS, SHARED_IDENTIFIERS
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.identity.graph import Graph


@dataclass(frozen=True)
class LinkPart:
    """One part of ``identifiers``: its name, what its rows depend on, the tables and files they come from, and the SELECT of its raw links."""

    name: str
    inputs: Any
    files: Mapping[TableSchema, Sequence[str]]
    sql: str


def link_parts(workspace: Workspace) -> list[LinkPart]:
    """Every part there is: one a received day of Segment, one a DMS table with identifiers. Further sources of links are added here."""
    lake = workspace.lake
    losing = _losing_copies(workspace)
    duplicates = lake.paths(SEGMENT_DUPLICATES)
    days = [
        LinkPart(
            f"segment_{day}",
            [manifest.sha256, losing.get(day, "")],
            {SEGMENT_EVENTS: lake.paths(SEGMENT_EVENTS, [day]), SEGMENT_DUPLICATES: duplicates},
            model_text("raw_links"),
        )
        for day, manifest in lake.manifests(SEGMENT_EVENTS).items()
    ]
    specs = [spec for spec in workspace.registry.values() if spec.identifiers]
    tables = [
        LinkPart(
            f"dms_{spec.name}",
            [lake.content_digest(dms_history_table(spec)), spec.name, spec.key, spec.identifiers, spec.country_column],
            {dms_history_table(spec): lake.paths(dms_history_table(spec))},
            dms_links_sql(spec),
        )
        for spec in specs
    ]
    return [*days, *tables]


def _losing_copies(workspace: Workspace) -> dict[str, str]:
    """Received day -> digest of the messages whose copy of that day makes no link."""
    with workspace.lake.engine() as engine:
        engine.register_files(SEGMENT_DUPLICATES, workspace.lake.paths(SEGMENT_DUPLICATES))
        rows = engine.rows(
            "select cast(received_day as varchar), md5(string_agg(message_id, chr(0) order by message_id)) from segment_duplicates group by received_day"
        )
    return dict(rows)


def collect_links(workspace: Workspace) -> StepReport:
    """Bring ``identifiers`` up to date: every link of both sources, normalised and unblocked. Raises ChecksFailedError.

    A part is made again only when its own inputs changed; a part whose source is gone goes too.
    """
    code = code_digest("identity", "assets/identity.py", "sql/identifiers.sql", "sql/raw_links.sql", "sql/macros.sql")
    report = StepReport(IDENTIFIERS)
    parts = {part.name: part for part in link_parts(workspace)}
    gone = [value for value in workspace.lake.stored_values(IDENTIFIERS) if value not in parts]
    for value in ("", *gone):
        workspace.lake.drop(IDENTIFIERS, value)
    stale = []
    for part in parts.values():
        digest = digest_of([code, workspace.rules.fingerprint(), part.inputs])
        if workspace.lake.is_current(IDENTIFIERS, digest, part.name):
            report.manifests[part.name] = workspace.lake.manifest(IDENTIFIERS.name, ("part", part.name))
        else:
            stale.append((part, digest))
    if stale:
        with workspace.lake.engine() as engine:
            for part, digest in stale:
                _publish_part(workspace, engine, report, part, digest)
        log.info("identifiers: %s rows, %d of %d parts made", f"{report.rows:,}", len(stale), len(parts))
    return report.raise_failures()


def _publish_part(workspace: Workspace, engine: Engine, report: StepReport, part: LinkPart, digest: str) -> None:
    from omnichannel_assets.identity.normalise import normalise_identifiers

    for table, paths in part.files.items():
        engine.register_files(table, paths)
    engine.store_query("raw_links", part.sql)
    raw = engine.query("select distinct identifier_type, raw_value, country from raw_links")
    engine.register("normal_identifiers", normalise_identifiers(raw, workspace.rules))
    data = engine.model(IDENTIFIERS)
    counts = _link_counts(engine, data.num_rows)
    kept = {name: counts[name] for name in ("rows_out", "blocked", "unreadable", "duplicates")}
    publish(workspace, report, Draft(data, digest, part.name, counts=counts, checks=(conservation(counts["rows_in"], kept),)))


def dms_links_sql(spec: TableSpec) -> str:
    """Links of one DMS table: one a row version, over the columns the registry marks as identifiers. A deletion makes none.

    Names come from the validated registry; there are no values in the text.
    """
    key = " || '/' || ".join(f"link_part({quoted(column)})" for column in spec.key)
    country = quoted(spec.country_column) if spec.country_column else "cast(null as varchar)"
    head = f"select 'dms' as source, {text_literal(spec.name + '/')} || {key} || '/' || cast(version as varchar) as link_id, known_at"
    return "\nunion all\n".join(
        f"{head}, {text_literal(kind)} as identifier_type, cast({quoted(column)} as varchar) as raw_value, {country} as country "
        f"from {quoted(dms_history_table(spec).name)} where not is_deleted and {quoted(column)} is not null"
        for column, kind in spec.identifiers.items()
    )


def _link_counts(engine: Engine, rows_out: int) -> dict[str, int]:
    joined = """from raw_links as r join normal_identifiers as n
        on n.identifier_type = r.identifier_type and n.raw_value = r.raw_value and n.country is not distinct from r.country"""
    ((rows_in, blocked, unreadable, repeated),) = engine.rows(
        f"""select (select count(*) from raw_links), count(*) filter (where n.is_blocked),
            count(*) filter (where not n.is_blocked and n.identifier_value is null),
            count(*) filter (where not n.is_blocked and n.identifier_value is not null)
                - count(distinct (r.source, r.link_id, n.identifier_type, n.identifier_value)) filter (where not n.is_blocked and n.identifier_value is not null)
        {joined}"""
    )
    return {"rows_in": rows_in, "blocked": blocked, "unreadable": unreadable, "duplicates": repeated, "rows_out": rows_out}


def resolve_identities(workspace: Workspace) -> StepReport:
    """Bring ``identities``, its journal and the shared identifiers up to date as of the as-of in force. Returns the report of ``identities``.

    What an earlier run found is kept where no new link touches it; the result is that of resolving everything anew.
    """
    from omnichannel_assets.identity.resolve import tables_of

    as_of = workspace.as_of()
    key = workspace.settings.identity_key.get_secret_value().encode()
    terms = digest_of([code_digest("identity", "assets/identity_cache.py"), workspace.rules.fingerprint(), digest_of(key.hex())])
    digest = digest_of([terms[:16], as_of, workspace.lake.content_digest(IDENTIFIERS)])
    reports = {table.name: StepReport(table) for table in (IDENTITY_CHANGES, SHARED_IDENTIFIERS, IDENTITIES)}
    identities = reports[IDENTITIES.name]
    if all(workspace.lake.is_current(report.table, digest) for report in reports.values()):
        identities.manifests[""] = workspace.lake.manifest(IDENTITIES.name)
        return identities
    cached, resolved = _brought_up_to_date(workspace, key, terms)
    state = cached.state
    found = tables_of(state.graph, state.outcome)
    _record_corrections(workspace, found.identities, digest)
    current = found.identities.filter(found.identities["valid_to"].is_null())
    customers = len(current["customer_id"].unique())
    log.info("identities: %s identifiers of %s customers, %s resolved again", f"{current.num_rows:,}", f"{customers:,}", f"{resolved:,}")
    shared = found.shared.num_rows
    counts = {
        "rows_out": found.identities.num_rows,
        "identifiers": current.num_rows,
        "shared": shared,
        "customers": customers,
        "as_of_day": as_of.toordinal(),
    }
    laws = (_resolves_all(workspace, state.graph, as_of, {"identifiers": current.num_rows, "shared": shared}),)
    identities.figures["identifiers resolved again"] = resolved
    publish(workspace, reports[IDENTITY_CHANGES.name], Draft(found.changes, digest, counts={"rows_out": found.changes.num_rows}))
    publish(workspace, reports[SHARED_IDENTIFIERS.name], Draft(found.shared, digest, counts={"rows_out": shared}))
    publish(workspace, identities, Draft(found.identities, digest, counts=counts, checks=laws))
    for report in reports.values():
        report.raise_failures()
    save_state(workspace, terms, cached)
    return identities


def _brought_up_to_date(workspace: Workspace, key: bytes, terms: str) -> tuple[CachedState, int]:
    """The state of the links as they are, from the kept one where it may be believed; and how many identifiers were resolved for it."""
    from omnichannel_assets.identity.graph import UnknownNamesError
    from omnichannel_assets.identity.incremental import full_state, updated_state
    from omnichannel_assets.identity.resolve import Terms

    as_of = workspace.as_of()
    parts = {name: manifest.sha256 for name, manifest in workspace.lake.manifests(IDENTIFIERS).items()}
    now = Terms(workspace.rules, key, as_of)

    def read(name: str) -> pa.Table | None:
        return workspace.lake.read(IDENTIFIERS, [name]) if name in parts else None

    kept = load_state(workspace, terms)
    if kept and kept.as_of <= as_of:
        changed = [name for name in {*parts, *kept.parts} if parts.get(name) != kept.parts.get(name)]
        with suppress(UnknownNamesError):
            update = updated_state(kept.state, changed, read, now, Terms(workspace.rules, key, kept.as_of))
            return CachedState(update.state, as_of, parts), update.resolved
    state = full_state(sorted(parts), read, now)
    return CachedState(state, as_of, parts), state.graph.node_count


def _resolves_all(workspace: Workspace, graph: Graph, as_of: date, found: dict[str, int]) -> CheckOutcome:
    """Identifiers that links known before the as-of carried = identifiers that have one customer at it + shared ones; and no link is missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    before = pc.cast(pa.scalar(midnight(as_of), pa.timestamp("us", tz="UTC")), pa.int64()).as_py()
    is_carried, rows = np.zeros(graph.node_count, bool), 0
    for part in graph.parts.values():
        rows += len(part.row_node)
        is_carried[part.row_node[(part.known < before)[part.row_link]]] = True
    missing = sum(manifest.rows for manifest in workspace.lake.manifests(IDENTIFIERS).values()) - rows
    return conservation(int(is_carried.sum()), found | ({"rows_not_read": missing} if missing else {}))


def _record_corrections(workspace: Workspace, identities: pa.Table, digest: str) -> None:
    """Append what a re-resolution changed about the past that an earlier run had published (late links, changed rules)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from omnichannel_assets.identity.compare import compare

    manifest = workspace.lake.manifest(IDENTITIES.name)
    if not manifest:
        return
    published = min(date.fromordinal(manifest.counts["as_of_day"]), workspace.as_of())
    rows = compare(workspace.lake.read(IDENTITIES), identities, published, "re-resolved: late links or changed settings")
    rows = rows.filter(pc.is_in(rows["change"], pa.array(["merge", "split", "rekey"])))
    if rows.num_rows:
        kept = pa.concat_tables([workspace.lake.read(IDENTITY_CORRECTIONS), rows.cast(IDENTITY_CORRECTIONS.arrow())])
        distinct = kept.group_by(kept.column_names).aggregate([]).select(kept.column_names)
        report = StepReport(IDENTITY_CORRECTIONS)
        publish(workspace, report, Draft(distinct, digest))
        report.raise_failures()


def stored_report(workspace: Workspace, table: TableSchema) -> StepReport:
    """A table as ``resolve_identities`` left it: the journal and the corrections come from the same resolution."""
    report = StepReport(table)
    found = workspace.lake.manifest(table.name)
    report.manifests = {"": found} if found else {}
    return report


def assets(registry: dict[str, TableSpec]) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    dms = [f"dms_{spec.name}" for spec in registry.values() if spec.identifiers]
    both = ("contract", "conservation")
    return [
        step_asset(IDENTIFIERS, collect_links, group="trusted", deps=["segment_events", "segment_duplicates", *dms], checks=both),
        step_asset(IDENTITIES, resolve_identities, group="trusted", deps=["identifiers"], checks=both),
        *(
            step_asset(table, partial(stored_report, table=table), group="trusted", deps=["identities"])
            for table in (IDENTITY_CHANGES, SHARED_IDENTIFIERS, IDENTITY_CORRECTIONS)
        ),
    ]
