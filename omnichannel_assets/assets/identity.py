"""Identity stages: links from both sources, and the customers they make. The rules are in ``identity``; this is their plumbing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.applied_rules import record_rules, require_applied, rules_digest
from omnichannel_assets.assets.matching import match_links, propose_matches, reviewed_matches
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.identity.rules import ALGORITHM_VERSION, Composite, IdentityRules
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text, quoted, text_literal
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITIES, IDENTITY_CHANGES, IDENTITY_CORRECTIONS, IDENTITY_MATCHES
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

CAUSES = {"rules": "rules changed", "settings": "settings changed", "algorithm": "new version", "matches": "matches reviewed or switched"}


def collect_links(workspace: Workspace) -> StepReport:
    """Bring ``identifiers`` up to date: every link of both sources, normalised and unblocked.

    Raises ChecksFailedError; UserError when the rules changed and nobody applied them.
    """
    require_applied(workspace)
    specs = [spec for spec in workspace.registry.values() if spec.identifiers]
    upstream = {
        table.name: workspace.lake.content_digest(table) for table in (SEGMENT_EVENTS, SEGMENT_DUPLICATES, *map(dms_history_table, specs))
    }
    said = [[spec.name, spec.key, spec.identifiers, spec.country_column] for spec in specs]
    models = ("identifiers", "raw_links", "composite_links", "macros")
    digest = digest_of(
        [
            code_digest("identity", "assets/identity.py", *(f"sql/{name}.sql" for name in models)),
            workspace.rules.reading_fingerprint(),
            upstream,
            said,
        ]
    )
    report = StepReport(IDENTIFIERS)
    if workspace.lake.is_current(IDENTIFIERS, digest):
        report.manifests[""] = workspace.lake.manifest(IDENTIFIERS.name)
        return report
    with workspace.lake.engine() as engine:
        register_raw_links(workspace, engine, workspace.rules)
        data = engine.model(IDENTIFIERS)
        counts = _link_counts(engine, data.num_rows)
    log.info("identifiers: %s rows", f"{data.num_rows:,}")
    kept = {name: counts[name] for name in ("rows_out", "blocked", "unreadable", "duplicates")}
    publish(workspace, report, Draft(data, digest, counts=counts, checks=(conservation(counts["rows_in"], kept),)))
    return report.raise_failures()


def register_raw_links(workspace: Workspace, engine: Engine, rules: IdentityRules) -> None:
    """Register ``raw_links`` of both sources and ``normal_identifiers`` under some rules: all that ``identifiers`` is made of."""
    from omnichannel_assets.identity.normalise import normalise_identifiers

    specs = [spec for spec in workspace.registry.values() if spec.identifiers]
    for table in (SEGMENT_EVENTS, SEGMENT_DUPLICATES, *map(dms_history_table, specs)):
        engine.register_files(table, workspace.lake.paths(table))
    parts = [model_text("raw_links"), *(dms_links_sql(spec, rules.composites) for spec in specs)]
    if rules.composites:
        engine.store_query("composite_links", model_text("composite_links"), composite_parameters(rules.composites))
        parts.append("select * from composite_links")
    engine.store_query("raw_links", "\nunion all\n".join(f"({part})" for part in parts))
    engine.register(
        "normal_identifiers",
        normalise_identifiers(engine.query("select distinct identifier_type, raw_value, country from raw_links"), rules),
    )


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


def links_under(workspace: Workspace, rules: IdentityRules) -> pa.Table:
    """The rows ``identifiers`` would have under some rules; nothing is written."""
    with workspace.lake.engine() as engine:
        register_raw_links(workspace, engine, rules)
        return engine.model(IDENTIFIERS)


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
    """Bring ``identities`` and its journal up to date as of the as-of in force. Returns the report of ``identities``.

    Raises ChecksFailedError; UserError when the rules changed and nobody applied them.
    """
    import pyarrow as pa

    from omnichannel_assets.identity.resolve import resolve

    require_applied(workspace)
    as_of = workspace.as_of()
    key = workspace.settings.identity_key.get_secret_value().encode()
    secret = digest_of(key.hex())[:8]
    matches = match_links(workspace)
    said = [code_digest("identity"), workspace.rules.fingerprint(), secret, as_of, workspace.lake.content_digest(IDENTIFIERS)]
    digest = digest_of([*said, matches.to_pylist()] if matches.num_rows else said)
    identities, changes = StepReport(IDENTITIES), StepReport(IDENTITY_CHANGES)
    if all(workspace.lake.is_current(report.table, digest) for report in (identities, changes)):
        identities.manifests[""] = workspace.lake.manifest(IDENTITIES.name)
        return identities
    record_rules(workspace)
    made_with = _made_with(workspace, secret)
    links = pa.concat_tables([workspace.lake.read(IDENTIFIERS), matches])
    found = resolve(links, workspace.rules, key, as_of)
    _record_corrections(workspace, found.identities, digest, made_with)
    current = found.identities.filter(found.identities["valid_to"].is_null())
    customers = len(current["customer_id"].unique())
    log.info("identities: %s identifiers of %s customers", f"{current.num_rows:,}", f"{customers:,}")
    counts = {
        "rows_out": found.identities.num_rows,
        "identifiers": current.num_rows,
        "customers": customers,
        "as_of_day": as_of.toordinal(),
    }
    publish(workspace, changes, Draft(found.changes, digest, counts={"rows_out": found.changes.num_rows}))
    laws = (_resolves_all(links, current, as_of),)
    publish(workspace, identities, Draft(found.identities, digest, counts=counts, inputs=made_with, checks=laws))
    changes.raise_failures()
    return identities.raise_failures()


def _resolves_all(links: pa.Table, current: pa.Table, as_of: date) -> CheckOutcome:
    """Identifiers that links known before the as-of carried = identifiers that have a customer at it, one each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = links.filter(pc.less(links["known_at"], pa.scalar(midnight(as_of), links.schema.field("known_at").type)))
    carried = known.group_by(["identifier_type", "identifier_value"]).aggregate([]).num_rows
    return conservation(carried, {"identifiers": current.num_rows})


def _made_with(workspace: Workspace, secret: str) -> dict[str, str]:
    """What besides links decides who is whom, each as a digest: by comparing two of these a correction knows its cause."""
    traits = workspace.settings.trait_identifier_types
    said = [[spec.name, spec.key, spec.identifiers, spec.country_column] for spec in workspace.registry.values()]
    return {"rules": rules_digest(workspace.rules), "settings": digest_of([secret, traits, said]), "algorithm": str(ALGORITHM_VERSION), **reviewed_matches(workspace)}


def correction_cause(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Why a later resolution says something else about the same date: what it was made with, or else links that came late."""
    differs = [name for name in CAUSES if before.get(name) != after.get(name)]
    return CAUSES[differs[0]] if differs else "late links"


def _record_corrections(workspace: Workspace, identities: pa.Table, digest: str, made_with: Mapping[str, str]) -> None:
    """Append what a re-resolution changed about the past that an earlier run had published, and why."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from omnichannel_assets.identity.compare import compare

    manifest = workspace.lake.manifest(IDENTITIES.name)
    if not manifest:
        return
    published = min(date.fromordinal(manifest.counts["as_of_day"]), workspace.as_of())
    cause = correction_cause(manifest.inputs, made_with) if manifest.inputs else CAUSES["algorithm"]
    rows = compare(workspace.lake.read(IDENTITIES), identities, published, cause)
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
    people = [f"dms_{spec.name}" for spec in registry.values() if spec.person]
    both = ("contract", "conservation")
    return [
        step_asset(IDENTIFIERS, collect_links, group="trusted", deps=["segment_events", "segment_duplicates", *dms], checks=both),
        step_asset(IDENTITY_MATCHES, propose_matches, group="trusted", deps=["identifiers", *people], kinds=("splink", "parquet")),
        step_asset(IDENTITIES, resolve_identities, group="trusted", deps=["identifiers", "identity_matches"], checks=both),
        *(
            step_asset(table, partial(stored_report, table=table), group="trusted", deps=["identities"])
            for table in (IDENTITY_CHANGES, IDENTITY_CORRECTIONS)
        ),
    ]
