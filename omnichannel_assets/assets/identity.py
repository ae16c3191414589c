"""Identity: the customers that the links make, at every date, and the journals. The rules are in ``identity``; this is their plumbing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from omnichannel_assets.assets.applied_rules import record_rules, require_applied, rules_digest
from omnichannel_assets.assets.identity_cache import CachedState, load_state, save_state
from omnichannel_assets.assets.links import collect_links
from omnichannel_assets.assets.matching import propose_matches, reviewed_matches
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.identity.rules import ALGORITHM_VERSION
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_erasure import ERASURES
from omnichannel_assets.lake.tables_identity import (
    IDENTIFIERS,
    IDENTITIES,
    IDENTITY_CHANGES,
    IDENTITY_CORRECTIONS,
    IDENTITY_MATCHES,
    SHARED_IDENTIFIERS,
)
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.identity.graph import Graph

CAUSES = {
    "erasures": "erasure",
    "rules": "rules changed",
    "settings": "settings changed",
    "algorithm": "new version",
    "matches": "matches reviewed or switched",
}


def resolve_identities(workspace: Workspace) -> StepReport:
    """Bring ``identities``, its journal and the shared identifiers up to date as of the as-of in force. Returns the report of ``identities``.

    What an earlier run found is kept where no new link touches it; the result is that of resolving everything anew.
    Raises ChecksFailedError; UserError when the rules changed and nobody applied them.
    """
    from omnichannel_assets.identity.resolve import tables_of

    require_applied(workspace)
    as_of = workspace.as_of()
    key = workspace.settings.identity_key.get_secret_value().encode()
    terms = digest_of([code_digest("identity", "assets/identity_cache.py"), workspace.rules.fingerprint(), digest_of(key.hex())])
    digest = digest_of([terms[:16], as_of, workspace.lake.content_digest(IDENTIFIERS)])
    reports = {table.name: StepReport(table) for table in (IDENTITY_CHANGES, SHARED_IDENTIFIERS, IDENTITIES)}
    identities = reports[IDENTITIES.name]
    if all(workspace.lake.is_current(report.table, digest) for report in reports.values()):
        identities.manifests[""] = workspace.lake.manifest(IDENTITIES.name)
        return identities
    record_rules(workspace)
    made_with = _made_with(workspace, digest_of(key.hex())[:8])
    cached, resolved = _brought_up_to_date(workspace, key, terms)
    state = cached.state
    found = tables_of(state.graph, state.outcome)
    _record_corrections(workspace, found.identities, digest, made_with)
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
    publish(workspace, identities, Draft(found.identities, digest, counts=counts, inputs=made_with, checks=laws))
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


def _made_with(workspace: Workspace, secret: str) -> dict[str, str]:
    """What besides links decides who is whom, each as a digest: by comparing two of these a correction knows its cause."""
    traits = workspace.settings.trait_identifier_types
    said = [[spec.name, spec.key, spec.identifiers, spec.country_column] for spec in workspace.registry.values()]
    known = {"rules": rules_digest(workspace.rules), "settings": digest_of([secret, traits, said]), "algorithm": str(ALGORITHM_VERSION)}
    return known | erased_people(workspace) | reviewed_matches(workspace)


def erased_people(workspace: Workspace) -> dict[str, str]:
    """How many people were erased, or nothing when nobody was."""
    manifest = workspace.lake.manifest(ERASURES.name)
    return {"erasures": str(manifest.counts["people"])} if manifest else {}


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
            for table in (IDENTITY_CHANGES, SHARED_IDENTIFIERS, IDENTITY_CORRECTIONS)
        ),
    ]
