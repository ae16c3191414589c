"""Links: which identifiers one message, one shop database row version or one accepted match carried together. The rules are in ``identity``.

Here: the parts of ``identifiers`` and bringing them up to date. A part is made again only when its own inputs changed. Not here: who is whom
(``assets/identity``), which matches there are (``assets/matching``, which writes the part of its own).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.applied_rules import require_applied
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.identity.rules import Composite, IdentityRules
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text, quoted, text_literal
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import IDENTIFIERS
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

MATCH_PART = "match"
"""The part that holds accepted matches; the matching stage writes it."""


@dataclass(frozen=True)
class LinkPart:
    """One part of ``identifiers``: its name, what its rows depend on, the tables and files they come from, the SELECT of its raw links.

    ``composites`` are those that Segment's calls are searched for; the SELECT then reads ``composite_links``.
    """

    name: str
    inputs: Any
    files: Mapping[TableSchema, Sequence[str]]
    sql: str
    composites: tuple[Composite, ...] = ()


def link_parts(workspace: Workspace, rules: IdentityRules) -> list[LinkPart]:
    """Every part that is read from the staged tables: one a received day of Segment, one a DMS table with identifiers."""
    lake = workspace.lake
    losing = _losing_copies(workspace)
    duplicates = lake.paths(SEGMENT_DUPLICATES)
    told = [model_text("raw_links"), *(["select * from composite_links"] if rules.composites else [])]
    days = [
        LinkPart(
            f"segment_{day}",
            [manifest.sha256, losing.get(day, "")],
            {SEGMENT_EVENTS: lake.paths(SEGMENT_EVENTS, [day]), SEGMENT_DUPLICATES: duplicates},
            "\nunion all\n".join(f"({text})" for text in told),
            rules.composites,
        )
        for day, manifest in lake.manifests(SEGMENT_EVENTS).items()
    ]
    specs = [spec for spec in workspace.registry.values() if spec.identifiers]
    tables = [
        LinkPart(
            f"dms_{spec.name}",
            [lake.content_digest(dms_history_table(spec)), spec.name, spec.key, spec.identifiers, spec.country_column],
            {dms_history_table(spec): lake.paths(dms_history_table(spec))},
            dms_links_sql(spec, rules.composites),
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
    """Bring ``identifiers`` up to date: every link of both sources, normalised and unblocked. A part whose source is gone goes too.

    Raises ChecksFailedError; UserError when the rules changed and nobody applied them.
    """
    require_applied(workspace)
    rules = workspace.rules
    models = ("identifiers", "raw_links", "composite_links", "macros")
    code = code_digest("identity/normalise.py", "identity/phones.py", "assets/links.py", *(f"sql/{name}.sql" for name in models))
    report = StepReport(IDENTIFIERS)
    parts = {part.name: part for part in link_parts(workspace, rules)}
    gone = [value for value in workspace.lake.stored_values(IDENTIFIERS) if value not in parts and value != MATCH_PART]
    for value in ("", *gone):
        workspace.lake.drop(IDENTIFIERS, value)
    stale = []
    for part in parts.values():
        digest = digest_of([code, rules.reading_fingerprint(), part.inputs])
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
    data = _links_of(engine, part, workspace.rules)
    counts = _link_counts(engine, data.num_rows)
    kept = {name: counts[name] for name in ("rows_out", "blocked", "unreadable", "duplicates")}
    publish(workspace, report, Draft(data, digest, part.name, counts=counts, checks=(conservation(counts["rows_in"], kept),)))


def _links_of(engine: Engine, part: LinkPart, rules: IdentityRules) -> pa.Table:
    """A part's rows under some rules; ``raw_links`` and ``normal_identifiers`` stay registered for counting."""
    from omnichannel_assets.identity.normalise import normalise_identifiers

    for table, paths in part.files.items():
        engine.register_files(table, paths)
    if part.composites:
        engine.store_query("composite_links", model_text("composite_links"), composite_parameters(part.composites))
    engine.store_query("raw_links", part.sql)
    raw = engine.query("select distinct identifier_type, raw_value, country from raw_links")
    engine.register("normal_identifiers", normalise_identifiers(raw, rules))
    return engine.model(IDENTIFIERS)


def links_under(workspace: Workspace, rules: IdentityRules) -> Iterator[pa.Table]:
    """The rows ``identifiers`` would have under some rules, part by part; nothing is written."""
    with workspace.lake.engine() as engine:
        for part in link_parts(workspace, rules):
            yield _links_of(engine, part, rules)
    yield workspace.lake.read(IDENTIFIERS, [MATCH_PART])


def publish_match_links(workspace: Workspace, rows: pa.Table) -> None:
    """Replace the part of accepted matches; no rows, no part. Raises ChecksFailedError."""
    if not rows.num_rows:
        workspace.lake.drop(IDENTIFIERS, MATCH_PART)
        return
    digest = digest_of(rows.to_pylist())
    if not workspace.lake.is_current(IDENTIFIERS, digest, MATCH_PART):
        report = StepReport(IDENTIFIERS)
        counts = {"rows_in": rows.num_rows, "rows_out": rows.num_rows, "blocked": 0, "unreadable": 0, "duplicates": 0}
        publish(workspace, report, Draft(rows, digest, MATCH_PART, counts=counts))
        report.raise_failures()


def exact_parts(workspace: Workspace) -> list[str]:
    """The stored parts of links that records and messages carry, without matches."""
    return [value for value in workspace.lake.manifests(IDENTIFIERS) if value != MATCH_PART]


def dms_links_sql(spec: TableSpec, composites: Iterable[Composite] = ()) -> str:
    """Links of one DMS table: one a row version, over the columns the registry marks as identifiers and the composites of its columns.

    A deletion makes none. Names come from the validated registry and rules; there are no values in the text.
    """
    key = " || '/' || ".join(f"link_part({quoted(column)})" for column in spec.key)
    country = quoted(spec.country_column) if spec.country_column else "cast(null as varchar)"
    head = f"select 'dms' as source, {text_literal(spec.name + '/')} || {key} || '/' || cast(version as varchar) as link_id, known_at"
    values = [(kind, f"cast({quoted(column)} as varchar)") for column, kind in spec.identifiers.items()]
    values += [(composite.name, value) for composite in composites if (value := _composite_sql(spec, composite))]
    return "\nunion all\n".join(
        f"{head}, {text_literal(kind)} as identifier_type, {value} as raw_value, {country} as country "
        f"from {quoted(dms_history_table(spec).name)} where not is_deleted and {value} is not null"
        for kind, value in values
    )


def _composite_sql(spec: TableSpec, composite: Composite) -> str | None:
    """The parts with | between them, NULL when one is; None when the table has no column for one of them."""
    parts = [[f"composite_part({quoted(name)})" for name in options if name in spec.columns] for options in composite.options]
    return " || '|' || ".join(f"coalesce({', '.join(columns)}, null)" for columns in parts) if all(parts) else None


def composite_parameters(composites: Iterable[Composite]) -> dict[str, Any]:
    """What ``composite_links`` binds: each part's name as a trait's JSON path, as it is written and in camelCase."""
    named = list(composites)
    paths = [[[path for name in options for path in _trait_paths(name)] for options in composite.options] for composite in named]
    return {"composite_names": [composite.name for composite in named], "composite_paths": paths}


def _trait_paths(name: str) -> list[str]:
    spellings = (name, re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name))
    return list(dict.fromkeys("$" + "".join(f'."{step}"' for step in spelled.split(".")) for spelled in spellings))


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
