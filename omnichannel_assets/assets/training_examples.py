"""What models learn from: eligible customers at past cut-offs with their features, and what happened afterwards as far as it was known.

Here: which cut-offs, and the world as of each. Not here: features and labels (``sql/``), and what is learned from them (``models``).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.as_of import AS_OF_STEPS, known_before, parameters_at, register_world, world_digest
from omnichannel_assets.assets.model_versions import is_kept, log, partition_of, training_dates
from omnichannel_assets.assets.steps import Draft, StepReport, publish, read_by
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import model_exists
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, MODEL_TABLES, TRAINING_EXAMPLES
from omnichannel_assets.propensity import calendar
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

HELD = "select cast($day as date) as cutoff, identifier_type, identifier_value, customer_id from identities"
AT_CUTOFFS = ("cutoff_features", "cutoff_identities")
"""What ``training_examples`` reads besides tables: made as of its cut-offs."""
AtCutoff = tuple["pa.Table", "pa.Table"]
"""Features, and who held which identifier."""


def collect_training_examples(workspace: Workspace) -> StepReport:
    """Bring the examples of the training dates up to date. Raises ChecksFailedError."""
    report = StepReport(TRAINING_EXAMPLES)
    seen: dict[date, AtCutoff] = {}
    for as_of in known_before(workspace, training_dates(workspace)):
        digest = version_digest(workspace, as_of)
        told = {"data": world_digest(workspace, [CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name], as_of)}
        kept = is_kept(workspace, report, digest, as_of)
        if kept and (report.manifests[as_of.isoformat()].inputs == told or _has_model(workspace, as_of)):
            continue
        data, counts = _examples(workspace, as_of, seen)
        law = CheckOutcome("conservation", counts["rows_in"] == data.num_rows, details={**counts, "rows_out": data.num_rows})
        log.info("%s as of %s: %s examples at %s cut-offs", report.table.name, as_of, f"{data.num_rows:,}", counts["cutoffs"])
        counts["rows_out"] = data.num_rows
        publish(workspace, report, Draft(data, digest, as_of.isoformat(), counts=counts, inputs=told, checks=(law,)))
    return report.raise_failures()


def _has_model(workspace: Workspace, as_of: date) -> bool:
    """Whether any model could be trained from the examples of a training date."""
    stored = [table for table in MODEL_TABLES if workspace.lake.paths(table, [as_of.isoformat()])]
    return any(row["booster"] for table in stored for row in partition_of(workspace, table, as_of, ["booster"]).to_pylist())


def version_digest(workspace: Workspace, as_of: date) -> str:
    """Digest of the code and settings behind the examples of a training date: not of the data, which were known before it."""
    names = [CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name]
    behind = {*names, *read_by(*names, steps=AS_OF_STEPS)}
    texts = sorted(f"sql/{name}.sql" for name in behind if model_exists(name) and (name in names or name in AS_OF_STEPS))
    code = code_digest(*texts, "sql/macros.sql", "assets/as_of.py", "assets/training_examples.py", "propensity/calendar.py")
    secret = digest_of(workspace.settings.identity_key.get_secret_value().encode().hex())[:8]
    parameters = {**workspace.staging_parameters(), **parameters_at(workspace, as_of), **_parameters(workspace)}
    parameters |= {"identity_key": secret, "identity_rules": workspace.rules.fingerprint(), "cutoffs": workspace.settings.training_cutoffs}
    return digest_of({"code": code, "columns": TRAINING_EXAMPLES.fingerprint(), "parameters": parameters})


def _parameters(workspace: Workspace) -> dict[str, Any]:
    """What examples bind besides the values of an as-of date: the population and the horizons."""
    return {**workspace.feature_parameters(), **asdict(workspace.horizons)}


def _examples(workspace: Workspace, as_of: date, seen: dict[date, AtCutoff]) -> tuple[pa.Table, dict[str, int]]:
    """The examples of a training date, and how many rows went in: eligible customers at all cut-offs."""
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [TRAINING_EXAMPLES.name], as_of)
        first, last = engine.rows("select min(ordered_at), max(ordered_at) from orders")[0]
        until = calendar.orders_until(last, as_of) if last else as_of
        days = calendar.cutoffs(first, until, workspace.horizons.shortest, workspace.settings.training_cutoffs) if first else []
        features, identities = _at_cutoffs(workspace, days, seen)
        engine.register(AT_CUTOFFS[0], features.rename_columns({"as_of": "cutoff"}))
        engine.register(AT_CUTOFFS[1], identities)
        data = engine.model(TRAINING_EXAMPLES, {**parameters_at(workspace, as_of), **_parameters(workspace), "orders_until": midnight(until)})
    return data, {"cutoffs": len(days), "rows_in": features.num_rows}


def _at_cutoffs(workspace: Workspace, days: list[date], seen: dict[date, AtCutoff]) -> AtCutoff:
    """Features and identities as of some cut-offs; those that another training date has asked for are not made again."""
    import pyarrow as pa

    with workspace.lake.engine() as engine:
        for day in days:
            if day not in seen:
                register_world(workspace, engine, [CUSTOMER_FEATURES.name], day)
                features = engine.model(CUSTOMER_FEATURES, {**parameters_at(workspace, day), **workspace.feature_parameters()})
                seen[day] = features.cast(CUSTOMER_FEATURES.arrow()), engine.query(HELD, {"day": day}).cast(_held_schema())
    return (
        pa.concat_tables([CUSTOMER_FEATURES.arrow().empty_table(), *(seen[day][0] for day in days)]),
        pa.concat_tables([_held_schema().empty_table(), *(seen[day][1] for day in days)]),
    )


def _held_schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema([("cutoff", pa.date32()), ("identifier_type", text), ("identifier_value", text), ("customer_id", text)])
