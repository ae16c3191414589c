"""The health page of identity: one small table of figures about the customers of the as-of in force, shown as metadata and in the report.

Here: what is read and stored. Not here: the figures themselves (``identity.health``) and how they are shown (``previews``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITIES, IDENTITY_HEALTH, SHARED_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

MANY_IDENTIFIERS = 100
"""A customer with more of them is told in the log: real people rarely have as many, a shared identifier or a broken feed soon does."""
READ = (IDENTIFIERS, IDENTITIES, SHARED_IDENTIFIERS)
SIZES = {"known": "customers_of_size", "visitor": "visitors_of_size"}
Figures = dict[tuple[str, str], int]


def measure_health(workspace: Workspace) -> StepReport:
    """Bring ``identity_health`` up to date. Raises ChecksFailedError."""
    as_of, known_types = workspace.as_of(), workspace.parameters()["known_types"]
    upstream = {table.name: workspace.lake.content_digest(table) for table in READ}
    sources = code_digest("identity", "assets/identity_health.py", "sql/identifier_sets.sql", "sql/customers_apart.sql", "checks")
    digest = digest_of([sources, IDENTITY_HEALTH.fingerprint(), upstream, as_of, workspace.rules.fingerprint(), known_types])
    report = StepReport(IDENTITY_HEALTH)
    if workspace.lake.is_current(IDENTITY_HEALTH, digest):
        report.manifests[""] = workspace.lake.manifest(IDENTITY_HEALTH.name)
    else:
        identifiers = _identifiers(workspace)
        figures = dict(_figures(workspace, identifiers, known_types))
        _tell_large_ones(identifiers)
        sizes = {name: sum(n for (measure, _), n in figures.items() if measure == SIZES[name]) for name in SIZES}
        law = conservation(len(identifiers["customer_id"].unique()), sizes)
        counts = {"rows_out": len(figures), **{measure: n for (measure, bucket), n in figures.items() if not bucket}}
        publish(workspace, report, Draft(_table(as_of, figures), digest, counts=counts, checks=(law,)))
    if not report.failed:
        counted = report.manifests[""].counts
        report.figures = {name.replace("_", " "): number for name, number in counted.items() if name != "rows_out"}
    return report.raise_failures()


def _identifiers(workspace: Workspace) -> pa.Table:
    """Today's rows of ``identities``."""
    identities = workspace.lake.read(IDENTITIES)
    return identities.filter(identities["valid_to"].is_null())


def _figures(workspace: Workspace, identifiers: pa.Table, known_types: list[str]) -> Iterator[tuple[tuple[str, str], int]]:
    """Every figure: (measure, bucket) -> value."""
    from omnichannel_assets.identity.health import customer_sizes, kept_apart, near_limits, weak_counts

    with workspace.lake.engine() as engine:
        sets, apart, shared = _linked(workspace, engine, identifiers)
    sizes = customer_sizes(identifiers, known_types)
    for (kind, size), customers in sizes.items():
        yield (SIZES[kind], str(size)), customers
    yield ("most_identifiers", ""), max((size for _, size in sizes), default=0)
    for near in near_limits(identifiers, workspace.rules):
        bucket = f"{near.identifier_type}: {near.limit.count} {'ever' if near.limit.window == 'ever' else f'a {near.limit.window}'}"
        yield ("customers_with", bucket), near.customers
        yield ("at_limit", bucket), near.at_limit
        yield ("one_below_limit", bucket), near.one_below
    weak = weak_counts(identifiers, sets, workspace.rules, known_types)
    for (kind, source), links in weak.by_kind.items():
        yield ("weak_links", f"{kind}, {source}"), links
    yield ("weak_links", ""), sum(weak.by_kind.values())
    yield ("customers_on_weak_links", ""), weak.customers
    groups = kept_apart(apart)
    yield ("customers_kept_apart", ""), groups.customers
    yield ("groups_kept_apart", ""), groups.groups
    yield ("largest_group_kept_apart", ""), groups.largest
    for kind, day, number in shared:
        yield ("shared" if day is None else "shared_from", kind if day is None else f"{day}: {kind}"), number
    yield ("shared", ""), sum(number for _, day, number in shared if day is None)


def _linked(workspace: Workspace, engine: Engine, identifiers: pa.Table) -> tuple[pa.Table, pa.Table, list[tuple[str, date | None, int]]]:
    """Sets of identifiers seen together, customers kept apart, and shared identifiers by type and by the day since when they are."""
    import pyarrow as pa

    for table in READ:
        engine.register_files(table, workspace.lake.paths(table))
    engine.register("numbered_identifiers", identifiers.append_column("number", pa.array(range(identifiers.num_rows), pa.int64())))
    parameters = workspace.parameters()
    sets, apart = (engine.query(model_text(name), parameters) for name in ("identifier_sets", "customers_apart"))
    shared = engine.rows(
        "select identifier_type, shared_from, count(*) from shared_identifiers group by grouping sets ((identifier_type), (identifier_type, shared_from)) order by 1, 2"
    )
    return sets, apart, shared


def _tell_large_ones(identifiers: pa.Table) -> None:
    """One line in the log about the largest customer, when it is suspiciously large."""
    sizes = sorted(((row["counts"], row["values"]) for row in identifiers["customer_id"].value_counts().to_pylist()), key=lambda row: (-row[0], row[1]))
    if sizes and sizes[0][0] > MANY_IDENTIFIERS:
        number, customer_id = sizes[0]
        log.warning(
            "identity_health: the largest customer (%s) holds %s identifiers; %s in all hold more than %s. `omnichannel explain %s` shows why",
            customer_id, f"{number:,}", f"{sum(size > MANY_IDENTIFIERS for size, _ in sizes):,}", MANY_IDENTIFIERS, customer_id,
        )  # fmt: skip


def _table(as_of: date, figures: Figures) -> pa.Table:
    import pyarrow as pa

    rows: list[dict[str, Any]] = [
        {"as_of": as_of, "measure": measure, "bucket": bucket, "value": number} for (measure, bucket), number in figures.items()
    ]
    return pa.Table.from_pylist(rows, schema=IDENTITY_HEALTH.arrow())


def assets() -> list[dg.AssetsDefinition]:
    """The Dagster asset of this page."""
    upstream = [IDENTIFIERS.name, IDENTITIES.name]
    return [step_asset(IDENTITY_HEALTH, measure_health, group="trusted", deps=upstream, checks=("contract", "conservation"))]
