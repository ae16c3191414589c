"""What every step shares: check rows, publish them if the promises hold, and report what happened.

A step is a plain function of a workspace. It skips partitions that are current, so running it again is free and safe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omnichannel_assets.checks.contracts import conservation, contract
from omnichannel_assets.checks.expectations import run_suite
from omnichannel_assets.checks.outcome import CheckOutcome, ChecksFailedError, failures
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_inputs, model_text
from omnichannel_assets.lake.lake import Manifest, Provenance, digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.resources.workspace import DEFAULT_DMS_TABLES, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

STEPS = frozenset(
    {"fact_owners", "refund_fates", "told_fields", "customer_spending", "erased_customers", "shared_addresses"}
    | {"contactable_customers", "held_out_customers", "segment_keys", "campaign_people", "campaign_history", "campaign_heirs"}
)
"""Models that are no tables: named steps that several models share."""


@dataclass
class StepReport:
    """What a step did to one table: the manifests of the partitions it looked at, and which of them it rewrote.

    ``figures`` and ``shown`` (title -> Markdown) are what else a person should see of it in the catalog. ``unfinished`` says what is left for
    another run; such a step keeps what it did and counts as failed.
    """

    table: TableSchema
    manifests: dict[str, Manifest] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)
    failed: dict[str, list[CheckOutcome]] = field(default_factory=dict)
    figures: dict[str, int | float | str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    unfinished: str = ""

    @property
    def rows(self) -> int:
        return sum(manifest.rows for manifest in self.manifests.values())

    def count(self, name: str) -> int:
        """Sum of one conservation count over the partitions."""
        return sum(manifest.counts.get(name, 0) for manifest in self.manifests.values())

    def raise_failures(self) -> StepReport:
        """Raise ChecksFailedError when a partition kept its old rows because a blocking check failed."""
        if self.failed:
            raise ChecksFailedError(self.table.name, self.failed)
        return self


@dataclass(frozen=True)
class Draft:
    """Rows about to be published, with what is known of their making."""

    data: pa.Table
    digest: str
    value: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[CheckOutcome, ...] = ()


def publish(workspace: Workspace, report: StepReport, draft: Draft) -> None:
    """Check a draft and replace its partition; with a failed blocking check the stored rows stay and the report names the partition."""
    outcomes = [contract(report.table, draft.data), *draft.checks]
    failed = failures(outcomes)
    if failed:
        report.failed[draft.value] = failed
        return
    provenance = Provenance(draft.digest, draft.counts, draft.inputs, tuple(outcome.plain() for outcome in outcomes))
    report.manifests[draft.value] = workspace.lake.publish(report.table, draft.data, provenance, draft.value)
    report.rewritten.append(draft.value)


def model_digest(workspace: Workspace, table: TableSchema, parameters: Mapping[str, Any]) -> str:
    """Digest of everything a model's rows depend on: its text and its steps', its inputs' rows, the bound values, the declared columns."""
    names = read_by(table.name, f"conservation/{table.name}")
    inputs = {name: workspace.lake.content_digest(workspace.tables[name]) for name in names if name in workspace.tables}
    steps = [f"sql/{name}.sql" for name in names if name in STEPS]
    sources = code_digest(f"sql/{table.name}.sql", f"sql/conservation/{table.name}.sql", *steps, "sql/macros.sql", "checks")
    return digest_of({"code": sources, "columns": table.fingerprint(), "inputs": inputs, "parameters": parameters})


def read_by(*models: str, steps: frozenset[str] = STEPS) -> list[str]:
    """Everything some models read, steps and what these read included; a step comes after what it reads."""
    found: dict[str, None] = {}
    for model in models:
        for name in model_inputs(model):
            if name not in found and name != "built":
                found |= dict.fromkeys(read_by(name, steps=steps) if name in steps else ()) | {name: None}
    return list(found)


def register_inputs(workspace: Workspace, engine: Engine, names: Iterable[str], parameters: Mapping[str, Any]) -> None:
    """Make the tables and steps that some models read (``read_by``) available to them."""
    for name in names:
        if name in STEPS:
            engine.store_query(name, model_text(name), parameters)
        elif name in workspace.tables:
            table = workspace.tables[name]
            expected = DEFAULT_DMS_TABLES[name].columns if name in DEFAULT_DMS_TABLES else ()
            engine.register_files(
                table, workspace.lake.paths(table), absent=[column for column in expected if column.name not in table.names]
            )
        elif name in DEFAULT_DMS_TABLES:
            engine.register_files(DEFAULT_DMS_TABLES[name], [])


def conserved(engine: Engine, table: TableSchema, built: pa.Table, parameters: Mapping[str, Any]) -> dict[str, CheckOutcome]:
    """The conservation law of a table over the rows about to be published, by partition value (``""`` without partitions)."""
    engine.register("built", built)
    found = engine.query(model_text(f"conservation/{table.name}"), parameters).to_pylist()
    outcomes = {}
    for row in found:
        value = row.pop(table.partition).isoformat() if table.partition else ""
        outcomes[value] = conservation(row.pop("rows_in"), {name: number or 0 for name, number in row.items()})
    return outcomes


def build_model(workspace: Workspace, table: TableSchema, parameter_names: Iterable[str] = (), *, suite: bool = False) -> StepReport:
    """Bring one unpartitioned table up to date from its SQL model. Raises ChecksFailedError.

    ``parameter_names`` are the bound settings; ``suite`` also runs the table's Great Expectations suite.
    """
    known = workspace.parameters() if parameter_names else {}
    parameters = {name: known[name] for name in parameter_names}
    digest = model_digest(workspace, table, parameters)
    report = StepReport(table)
    if workspace.lake.is_current(table, digest):
        report.manifests[""] = workspace.lake.manifest(table.name)
        return report
    with workspace.lake.engine() as engine:
        register_inputs(workspace, engine, read_by(table.name, f"conservation/{table.name}"), parameters)
        data = engine.model(table, parameters)
        law = conserved(engine, table, data, parameters)[""]
    checks = (law, *((run_suite(table.name, data),) if suite else ()))
    log.info("%s: %s rows", table.name, f"{data.num_rows:,}")
    publish(workspace, report, Draft(data, digest, counts={**law.details, "rows_out": data.num_rows}, checks=checks))
    return report.raise_failures()
