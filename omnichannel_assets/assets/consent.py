"""What the shop database says about being contacted: one row a record version and channel, for the columns the registry names.

Here: reading those columns, whatever they are called. Not here: which choice is in force (``sql/consents.sql``).
"""

from __future__ import annotations

import dagster as dg

from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import quoted, text_literal
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_customers import SHOP_CHOICES
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace


def collect_choices(workspace: Workspace) -> StepReport:
    """Bring ``shop_choices`` up to date: every answer of every record version. Raises ChecksFailedError."""
    specs = [spec for spec in workspace.registry.values() if spec.choices]
    upstream = {spec.name: workspace.lake.content_digest(dms_history_table(spec)) for spec in specs}
    said = [[spec.name, spec.key, spec.choices, spec.customer_column, spec.changed_at] for spec in specs]
    sources = code_digest("assets/consent.py", "sql/macros.sql", "checks")
    digest = digest_of({"code": sources, "columns": SHOP_CHOICES.fingerprint(), "inputs": upstream, "said": said})
    report = StepReport(SHOP_CHOICES)
    if workspace.lake.is_current(SHOP_CHOICES, digest):
        report.manifests[""] = workspace.lake.manifest(SHOP_CHOICES.name)
        return report
    with workspace.lake.engine() as engine:
        for spec in specs:
            engine.register_files(dms_history_table(spec), workspace.lake.paths(dms_history_table(spec)))
        told = "\nunion all\n".join(choices_sql(spec) for spec in specs) or _NO_CHOICES
        data = engine.model(SHOP_CHOICES, sql=f"select * from (\n{told}\n) as told where customer_ref is not null")
        ((rows_in, nobody),) = engine.rows(f"select count(*), count(*) filter (where customer_ref is null) from (\n{told}\n) as told")
    log.info("shop_choices: %s rows", f"{data.num_rows:,}")
    counts = {"rows_out": data.num_rows, "without_customer_number": nobody}
    publish(workspace, report, Draft(data, digest, counts={"rows_in": rows_in, **counts}, checks=(conservation(rows_in, counts),)))
    return report.raise_failures()


_NO_CHOICES = "select " + ", ".join(f"null as {name}" for name in SHOP_CHOICES.names) + " where false"


def choices_sql(spec: TableSpec) -> str:
    """Answers of one DMS table, one a row version and channel, deletions included. Names come from the validated registry; there are no values in the text."""
    key = " || '/' || ".join(f"link_part({quoted(column)})" for column in spec.key)
    changed_at = quoted(spec.changed_at) if spec.changed_at else "null"
    return "\nunion all\n".join(
        f"select {text_literal(spec.name + '/')} || {key} as record, version, nullif(trim(cast({quoted(spec.customer_column)} as varchar)), '') as customer_ref, "
        f"{text_literal(channel)} as channel, {quoted(column)} as opted_in, cast({changed_at} as timestamptz) as changed_at, known_at, valid_to, is_deleted "
        f"from {quoted(dms_history_table(spec).name)}"
        for column, channel in spec.choices.items()
    )


def asset(registry: dict[str, TableSpec]) -> dg.AssetsDefinition:
    """The Dagster asset of the shop database's choices."""
    return step_asset(
        SHOP_CHOICES,
        collect_choices,
        group="trusted",
        deps=[dms_history_table(spec).name for spec in registry.values() if spec.choices],
        checks=("contract", "conservation"),
    )
