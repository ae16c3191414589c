"""The matching stage: customer records that are probably one person become proposals, and the accepted ones links. The rules are in ``identity``."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.links import exact_parts, publish_match_links
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import quoted
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITY_MATCHES, MATCH_REVIEWS
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa


def propose_matches(workspace: Workspace) -> StepReport:
    """Bring ``identity_matches`` and the links of the accepted ones up to date as of the as-of in force; with IDENTITY_MATCHING off a recorded no-op.

    Nothing is proposed or decided for an as-of older than what the table holds already: a proposal would be known before it was made.
    """
    report = _proposed(workspace)
    publish_match_links(workspace, match_links(workspace))
    return report


def _proposed(workspace: Workspace) -> StepReport:
    report = StepReport(IDENTITY_MATCHES)
    if found := workspace.lake.manifest(IDENTITY_MATCHES.name):
        report.manifests[""] = found
    if workspace.settings.identity_matching == "off":
        report.figures["outcome"] = "nothing done: IDENTITY_MATCHING is off"
        return report
    as_of, stored = workspace.as_of(), workspace.lake.read(IDENTITY_MATCHES).to_pylist()
    newest = max((row["linked_as_of"] or row["proposed_as_of"] for row in stored), default=as_of)
    if as_of < newest:
        report.figures["outcome"] = f"nothing done: matches were proposed as of {newest}, after {as_of}"
        return report
    digest = _digest(workspace, as_of)
    if workspace.lake.is_current(IDENTITY_MATCHES, digest):
        return report
    rows, words = _settled(workspace, stored, as_of)
    report.figures["outcome"] = words
    log.info("identity_matches: %s", words)
    states = Counter(row["state"] for row in rows)
    import pyarrow as pa

    data = pa.Table.from_pylist(rows, schema=IDENTITY_MATCHES.arrow())
    publish(workspace, report, Draft(data, digest, counts={**{state: states[state] for state in sorted(states)}, "rows_out": len(rows)}))
    return report.raise_failures()


def _digest(workspace: Workspace, as_of: date) -> str:
    people = [spec for spec in workspace.registry.values() if spec.person]
    upstream = [workspace.lake.content_digest(table) for table in (MATCH_REVIEWS, *map(dms_history_table, people))]
    stored = workspace.lake.manifests(IDENTIFIERS)
    upstream += [stored[part].sha256 for part in exact_parts(workspace)]
    roles = [[spec.name, spec.person] for spec in people]
    code = code_digest("identity", "assets/matching.py")
    return digest_of([code, workspace.rules.fingerprint(), workspace.settings.match_threshold, as_of, upstream, roles])


def _settled(workspace: Workspace, stored: list[dict[str, Any]], as_of: date) -> tuple[list[dict[str, Any]], str]:
    """Stored and new proposals with their states, and what was done in words."""
    import pyarrow as pa

    from omnichannel_assets.identity.match_states import decided, link_rows, with_blocked, with_new
    from omnichannel_assets.identity.matching import propose

    exact = workspace.lake.read(IDENTIFIERS, exact_parts(workspace))
    customer_of = _customers(workspace, exact, as_of)
    records = person_records(workspace, as_of)
    with workspace.lake.engine() as engine:
        proposals = propose(records, engine.connection)
    reviews = {(row["left_ref"], row["right_ref"]): row["verdict"] for row in workspace.lake.read(MATCH_REVIEWS).to_pylist()}
    rows = with_new(stored, proposals.pairs.to_pylist(), customer_of, as_of)
    rows = decided(rows, reviews, customer_of, workspace.settings.match_threshold, as_of)
    links = link_rows(rows)
    if links:
        joined = _customers(workspace, pa.concat_tables([exact, pa.Table.from_pylist(links, schema=exact.schema)]), as_of)
        rows = with_blocked(rows, joined)
    return rows, f"{proposals.words}; {len(rows) - len(stored):,} new"


def _customers(workspace: Workspace, links: pa.Table, as_of: date) -> dict[str, str]:
    """customer_ref -> customer as of a date."""
    import pyarrow.compute as pc

    from omnichannel_assets.identity.resolve import resolve

    found = resolve(links, workspace.rules, workspace.settings.identity_key.get_secret_value().encode(), as_of).identities
    found = found.filter(pc.and_(pc.equal(found["identifier_type"], "customer_ref"), found["valid_to"].is_null()))
    return dict(zip(found["identifier_value"].to_pylist(), found["customer_id"].to_pylist(), strict=True))


def person_records(workspace: Workspace, as_of: date) -> pa.Table:
    """Current records of the tables that describe people: ``ref`` (an identifier, normalised) and what their columns tell, as text."""
    import pyarrow as pa

    from omnichannel_assets.identity.normalise import normalise_identifiers

    specs = [spec for spec in workspace.registry.values() if spec.person]
    with workspace.lake.engine() as engine:
        parts = []
        for spec in specs:
            engine.register_files(dms_history_table(spec), workspace.lake.paths(dms_history_table(spec)))
            parts.append(engine.query(person_records_sql(spec), {"as_of": midnight(as_of)}))
    records = pa.concat_tables(parts, promote_options="default") if parts else pa.table({"ref": pa.array([], pa.string())})
    kinds, nulls = pa.repeat("customer_ref", len(records)), pa.nulls(len(records), pa.string())
    normal = normalise_identifiers(pa.table({"identifier_type": kinds, "raw_value": records["ref"], "country": nulls}), workspace.rules)
    records = records.set_column(records.column_names.index("ref"), "ref", normal["identifier_value"])
    return records.filter(pa.compute.and_(pa.compute.is_valid(records["ref"]), pa.compute.invert(normal["is_blocked"])))


def person_records_sql(spec: TableSpec) -> str:
    """The current records of one table, its columns under the roles the registry gives them. Names come from the validated registry."""
    told = ", ".join(f"cast({quoted(column)} as varchar) as {role}" for column, role in spec.person.items())
    return (
        f"select cast({quoted(spec.key[0])} as varchar) as ref, {told} from {quoted(dms_history_table(spec).name)} "
        "where not is_deleted and valid_from < $as_of and (valid_to is null or valid_to >= $as_of) order by ref"
    )


def match_links(workspace: Workspace) -> pa.Table:
    """The accepted proposals as rows of ``identifiers``; none while IDENTITY_MATCHING is off."""
    import pyarrow as pa

    from omnichannel_assets.identity.match_states import link_rows

    rows = workspace.lake.read(IDENTITY_MATCHES).to_pylist() if workspace.settings.identity_matching == "on" else []
    return pa.Table.from_pylist(link_rows(rows), schema=IDENTIFIERS.arrow())


def reviewed_matches(workspace: Workspace) -> dict[str, str]:
    """``matches``: digest of what people decided about matching: that it is on, from which probability, and which pairs. Nothing while it is off."""
    if workspace.settings.identity_matching == "off":
        return {}
    return {"matches": digest_of([workspace.settings.match_threshold, workspace.lake.content_digest(MATCH_REVIEWS)])}
