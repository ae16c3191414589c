"""Models of leaving and buying again: their examples, their versions by training date, how good they are, and the scores of a day.

Here: what is read, when a version is current, what is published. Not here: how a model learns, scores and explains itself (``propensity``).
A version is made once: it learned from what was known before its date, so later data never change it; changed code or settings make it again.
"""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.as_of import AS_OF_STEPS, as_of_reads, known_before, parameters_at, register_world
from omnichannel_assets.assets.features import ELIGIBLE_DAYS
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, publish, read_by
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_exists
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.propensity import calendar
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

OWNERS = ["team:data-science"]


def training_dates(workspace: Workspace) -> list[date]:
    """The training dates whose versions must be there: that of the as-of date in force, and those of the week before it."""
    return calendar.training_dates(workspace.as_of(), workspace.settings.first_as_of)


def collect_training_examples(workspace: Workspace) -> StepReport:
    """Bring the examples of the training dates up to date. Raises ChecksFailedError."""
    report = StepReport(TRAINING_EXAMPLES)
    for as_of in known_before(workspace, training_dates(workspace)):
        digest = _version_digest(workspace, as_of)
        if _is_kept(workspace, report, digest, as_of):
            continue
        data, counts = _examples(workspace, as_of)
        law = CheckOutcome("conservation", counts["rows_in"] == data.num_rows, details={**counts, "rows_out": data.num_rows})
        log.info("%s as of %s: %s examples at %s cut-offs", report.table.name, as_of, f"{data.num_rows:,}", counts["cutoffs"])
        publish(workspace, report, Draft(data, digest, as_of.isoformat(), counts={**counts, "rows_out": data.num_rows}, checks=(law,)))
    return report.raise_failures()


def _is_kept(workspace: Workspace, report: StepReport, digest: str, as_of: date) -> bool:
    value = as_of.isoformat()
    if workspace.lake.is_current(report.table, digest, value):
        report.manifests[value] = workspace.lake.manifest(report.table.name, ("as_of", value))
        return True
    return False


def _version_digest(workspace: Workspace, as_of: date) -> str:
    """Digest of the code and settings behind the examples of a training date: not of the data, which were known before it."""
    names = [CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name]
    behind = {*names, *read_by(*names, steps=AS_OF_STEPS)}
    texts = sorted(f"sql/{name}.sql" for name in behind if model_exists(name) and (name in names or name in AS_OF_STEPS))
    code = code_digest(*texts, "sql/macros.sql", "assets/as_of.py", "assets/propensity.py", "propensity/calendar.py")
    parameters = {**parameters_at(workspace, as_of), "eligible_days": ELIGIBLE_DAYS}
    return digest_of({"code": code, "columns": TRAINING_EXAMPLES.fingerprint(), "parameters": parameters})


def _examples(workspace: Workspace, as_of: date) -> tuple[pa.Table, dict[str, int]]:
    """The examples of a training date and how many rows went in: eligible customers at all cut-offs."""
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, ["training_examples"], as_of)
        first, last = engine.rows("select min(ordered_at), max(ordered_at) from orders")[0]
        until = calendar.orders_until(last, as_of) if last else as_of
        days = calendar.cutoffs(first, until) if first else []
        features, identities = _at_cutoffs(workspace, days)
        engine.register("cutoff_features", features)
        engine.register("cutoff_identities", identities)
        data = engine.model(TRAINING_EXAMPLES, {**parameters_at(workspace, as_of), "orders_until": midnight(until)})
    return data, {"cutoffs": len(days), "rows_in": features.num_rows, "orders_until_day": until.toordinal()}


def _at_cutoffs(workspace: Workspace, days: list[date]) -> tuple[pa.Table, pa.Table]:
    """Features and identities as of each cut-off."""
    import pyarrow as pa

    features, identities = [], []
    with workspace.lake.engine() as engine:
        for day in days:
            register_world(workspace, engine, [CUSTOMER_FEATURES.name], day)
            features.append(engine.model(CUSTOMER_FEATURES, {**parameters_at(workspace, day), "eligible_days": ELIGIBLE_DAYS}))
            identities.append(_held(engine, day))
    kinds = pa.schema([("cutoff", pa.date32()), ("identifier_type", pa.string()), ("identifier_value", pa.string()), ("customer_id", pa.string())])
    return (
        pa.concat_tables([CUSTOMER_FEATURES.arrow().empty_table(), *(part.cast(CUSTOMER_FEATURES.arrow()) for part in features)]),
        pa.concat_tables([kinds.empty_table(), *(part.cast(kinds) for part in identities)]),
    )


def _held(engine: Engine, day: date) -> Any:
    return engine.query(
        "select cast($day as date) as cutoff, identifier_type, identifier_value, customer_id from identities", {"day": day}
    )
