"""Models of leaving and buying again: their examples, their versions by training date, how good they are, and the scores of a day.

Here: what is read, when a version is current, what is published. Not here: how a model learns, scores and explains itself (``propensity``).
A version is made once: it learned from what was known before its date, so later data never change it; changed code or settings make it again,
and so does more data where no model could be trained at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.as_of import AS_OF_STEPS, as_of_reads, known_before, parameters_at, register_world, world_digest
from omnichannel_assets.assets.features import ELIGIBLE_DAYS
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, publish, read_by
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import model_exists
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import (
    CHURN_MODEL,
    CUSTOMER_FEATURES,
    FEATURES,
    MODEL_EVALUATION,
    PROPENSITY_SCORES,
    REPURCHASE_MODEL,
    TRAINING_EXAMPLES,
)
from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.reasons import Scored, reasons
from omnichannel_assets.propensity.scoring import bands, contributions, deciles, places, score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE, TASKS, Task
from omnichannel_assets.propensity.training import Model, matrix
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

OWNERS = ["team:data-science"]
HELD = "select cast($day as date) as cutoff, identifier_type, identifier_value, customer_id from identities"
AT_CUTOFFS = ("cutoff_features", "cutoff_identities")
"""What ``training_examples`` reads besides tables: made as of its cut-offs."""
AtCutoff = tuple["pa.Table", "pa.Table"]
"""Features, and who held which identifier."""
SILENT_DAYS = 7
"""After so many days without any purchase the scores come with a warning."""
MODEL_FEATURES = tuple(column.name for column in FEATURES if column.kind != "text")


def training_dates(workspace: Workspace) -> list[date]:
    """The training dates whose versions must be there: that of the as-of date in force, and those of the week before it."""
    return calendar.training_dates(workspace.as_of(), workspace.settings.first_as_of)


def collect_training_examples(workspace: Workspace) -> StepReport:
    """Bring the examples of the training dates up to date. Raises ChecksFailedError."""
    report = StepReport(TRAINING_EXAMPLES)
    seen: dict[date, AtCutoff] = {}
    for as_of in known_before(workspace, training_dates(workspace)):
        digest = _version_digest(workspace, as_of)
        told = {"data": world_digest(workspace, [CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name], as_of)}
        is_kept = _is_kept(workspace, report, digest, as_of)
        if is_kept and (report.manifests[as_of.isoformat()].inputs == told or _has_model(workspace, as_of)):
            continue
        data, counts = _examples(workspace, as_of, seen)
        law = CheckOutcome("conservation", counts["rows_in"] == data.num_rows, details={**counts, "rows_out": data.num_rows})
        log.info("%s as of %s: %s examples at %s cut-offs", report.table.name, as_of, f"{data.num_rows:,}", counts["cutoffs"])
        counts["rows_out"] = data.num_rows
        publish(workspace, report, Draft(data, digest, as_of.isoformat(), counts=counts, inputs=told, checks=(law,)))
    return report.raise_failures()


def _has_model(workspace: Workspace, as_of: date) -> bool:
    """Whether any model could be trained from the examples of a training date."""
    stored = [table for table in (CHURN_MODEL, REPURCHASE_MODEL) if workspace.lake.paths(table, [as_of.isoformat()])]
    return any(row["booster"] for table in stored for row in _partition(workspace, table, as_of, ["booster"]).to_pylist())


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
    secret = digest_of(workspace.settings.identity_key.get_secret_value().encode().hex())[:8]
    parameters = {**workspace.staging_parameters(), **parameters_at(workspace, as_of), "eligible_days": ELIGIBLE_DAYS}
    parameters |= {"identity_key": secret, "identity_rules": workspace.rules.fingerprint()}
    return digest_of({"code": code, "columns": TRAINING_EXAMPLES.fingerprint(), "parameters": parameters})


def _examples(workspace: Workspace, as_of: date, seen: dict[date, AtCutoff]) -> tuple[pa.Table, dict[str, int]]:
    """The examples of a training date, and how many rows went in: eligible customers at all cut-offs."""
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [TRAINING_EXAMPLES.name], as_of)
        first, last = engine.rows("select min(ordered_at), max(ordered_at) from orders")[0]
        until = calendar.orders_until(last, as_of) if last else as_of
        days = calendar.cutoffs(first, until) if first else []
        features, identities = _at_cutoffs(workspace, days, seen)
        engine.register(AT_CUTOFFS[0], features.rename_columns({"as_of": "cutoff"}))
        engine.register(AT_CUTOFFS[1], identities)
        data = engine.model(TRAINING_EXAMPLES, {**parameters_at(workspace, as_of), "orders_until": midnight(until)})
    return data, {"cutoffs": len(days), "rows_in": features.num_rows}


def _at_cutoffs(workspace: Workspace, days: list[date], seen: dict[date, AtCutoff]) -> AtCutoff:
    """Features and identities as of some cut-offs; those that another training date has asked for are not made again."""
    import pyarrow as pa

    with workspace.lake.engine() as engine:
        for day in days:
            if day not in seen:
                register_world(workspace, engine, [CUSTOMER_FEATURES.name], day)
                features = engine.model(CUSTOMER_FEATURES, {**parameters_at(workspace, day), "eligible_days": ELIGIBLE_DAYS})
                seen[day] = features.cast(CUSTOMER_FEATURES.arrow()), engine.query(HELD, {"day": day}).cast(_held_schema())
    return (
        pa.concat_tables([CUSTOMER_FEATURES.arrow().empty_table(), *(seen[day][0] for day in days)]),
        pa.concat_tables([_held_schema().empty_table(), *(seen[day][1] for day in days)]),
    )


def _held_schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema([("cutoff", pa.date32()), ("identifier_type", text), ("identifier_value", text), ("customer_id", text)])


def train_churn(workspace: Workspace) -> StepReport:
    """Bring the versions of the churn models up to date. Raises ChecksFailedError."""
    return _train(workspace, CHURN_MODEL, (CHURN_INACTIVITY, CHURN_SUBSCRIPTION))


def train_repurchase(workspace: Workspace) -> StepReport:
    """Bring the versions of the repurchase model up to date. Raises ChecksFailedError."""
    return _train(workspace, REPURCHASE_MODEL, (REPURCHASE,))


def _train(workspace: Workspace, table: TableSchema, tasks: tuple[Task, ...]) -> StepReport:
    import pyarrow.compute as pc

    from omnichannel_assets.propensity.training import train

    def rows(examples: pa.Table, digest: str) -> list[dict[str, Any]]:
        from omnichannel_assets.propensity.evaluation import weights

        models = [train(task, examples, MODEL_FEATURES) for task in tasks]
        for model in models:
            log.info(
                "%s: %s", model.task.model, model.refusal or f"{model.positives:,} of {model.examples:,} examples {model.task.happened}"
            )
        last = {
            model.task.model: examples.filter(pc.equal(examples.column("cutoff"), model.calibrated_on)) for model in models if model.booster
        }
        return [stored_model(model, digest, weights(model, last[model.task.model]) if model.booster else {}) for model in models]

    report = _from_examples(workspace, table, rows)
    report.shown["versions"] = _newest(workspace, table, "model", "refusal")
    return report


def evaluate_models(workspace: Workspace) -> StepReport:
    """Bring the judgement of the training dates' procedure up to date. Raises ChecksFailedError."""
    from omnichannel_assets.propensity.evaluation import evaluate

    def rows(examples: pa.Table, digest: str) -> list[dict[str, Any]]:
        found = []
        for task in TASKS:
            population, metrics = evaluate(task, examples, MODEL_FEATURES)
            found += [{"model": task.model, "population": population, "metric": m, "value": v, "baseline": b} for m, v, b in metrics]
        return found

    report = _from_examples(workspace, MODEL_EVALUATION, rows)
    report.shown["who was judged"] = _newest(workspace, MODEL_EVALUATION, "model", "population")
    return report


def _newest(workspace: Workspace, table: TableSchema, name: str, words: str) -> str:
    """What the newest version says of each model, as a Markdown list: whole sentences, which a table would cut."""
    values = workspace.lake.manifests(table)
    if not values:
        return ""
    rows = _partition(workspace, table, date.fromisoformat(max(values)), [name, words]).to_pylist()
    said = {row[name]: row[words] or "trained" for row in rows}
    return "\n".join(f"- **{model.replace('_', ' ')}** (as of {max(values)}): {text}" for model, text in said.items())


def _from_examples(workspace: Workspace, table: TableSchema, rows: Callable[[pa.Table, str], list[dict[str, Any]]]) -> StepReport:
    """Make one partition a training date from its examples; kept while the code and the examples are the same."""
    import pyarrow as pa

    report = StepReport(table)
    for as_of in training_dates(workspace):
        value = as_of.isoformat()
        made = workspace.lake.manifest(TRAINING_EXAMPLES.name, ("as_of", value))
        if made is None:
            log.warning("%s as of %s is left out: there are no examples of that date", table.name, as_of)
            continue
        digest = digest_of(
            {"code": code_digest("propensity", "assets/propensity.py"), "columns": table.fingerprint(), "examples": made.sha256}
        )
        if _is_kept(workspace, report, digest, as_of):
            continue
        found = rows(_partition(workspace, TRAINING_EXAMPLES, as_of), digest)
        data = pa.Table.from_pylist([{"as_of": as_of, **row} for row in found], schema=table.arrow())
        publish(workspace, report, Draft(data, digest, value))
    return report.raise_failures()


def _partition(workspace: Workspace, table: TableSchema, as_of: date, columns: list[str] | None = None) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(workspace.lake.paths(table, [as_of.isoformat()])[0], columns=columns, partitioning=None)


def stored_model(model: Model, digest: str, shares: Mapping[str, float]) -> dict[str, Any]:
    """A version as a row of its table, without the as-of date; ``shares`` are its weights by feature family."""
    return {
        "model": model.task.model,
        "label": model.task.label,
        "horizon_days": model.task.horizon_days,
        "cutoffs": ",".join(day.isoformat() for day in model.cutoffs),
        "calibrated_on": model.calibrated_on.isoformat() if model.calibrated_on else None,
        "examples": model.examples,
        "positives": model.positives,
        "refusal": model.refusal,
        "features": ",".join(model.features),
        "slope": model.calibration.slope if model.booster else None,
        "intercept": model.calibration.intercept if model.booster else None,
        "weights": ",".join(f"{name}={share:.4f}" for name, share in shares.items()) or None,
        "booster": model.booster,
        "digest": digest,
    }


def opened_model(row: Mapping[str, Any]) -> Model:
    """A version from its row."""
    from omnichannel_assets.propensity.training import Calibration

    task = next(task for task in TASKS if task.model == row["model"])
    days = tuple(date.fromisoformat(day) for day in row["cutoffs"].split(",") if day)
    last = date.fromisoformat(row["calibrated_on"]) if row["calibrated_on"] else None
    calibration = Calibration(row["slope"], row["intercept"]) if row["booster"] else Calibration()
    features = tuple(row["features"].split(","))
    return Model(task, features, days, last, row["examples"], row["positives"], calibration, row["booster"], row["refusal"])


def champions(workspace: Workspace, as_of: date) -> tuple[dict[str, Model], dict[str, str]]:
    """The newest versions with a training date before an as-of date, by model, and the digests of their partitions.

    A version of older code that reads an input which is no more is not used.
    """
    found, digests = {}, {}
    for table in (CHURN_MODEL, REPURCHASE_MODEL):
        manifests = workspace.lake.manifests(table)
        earlier = [value for value in manifests if date.fromisoformat(value) < as_of]
        if earlier:
            digests[table.name] = manifests[max(earlier)].sha256
            rows = _partition(workspace, table, date.fromisoformat(max(earlier))).to_pylist()
            usable = [row for row in rows if set(row["features"].split(",")) <= set(MODEL_FEATURES)]
            found |= {row["model"]: opened_model(row) for row in usable}
    return found, digests


def score_customers(workspace: Workspace, as_ofs: Iterable[date]) -> StepReport:
    """Bring the scores of some as-of dates up to date: every eligible customer, by the champions of that date. Raises ChecksFailedError."""
    report = StepReport(PROPENSITY_SCORES)
    for as_of in sorted(as_ofs):
        value = as_of.isoformat()
        features = workspace.lake.manifest(CUSTOMER_FEATURES.name, ("as_of", value))
        if features is None:
            log.warning("%s as of %s is left out: there are no features of that date", report.table.name, as_of)
            continue
        models, versions = champions(workspace, as_of)
        code = code_digest("propensity", "assets/propensity.py", "checks")
        inputs = {CUSTOMER_FEATURES.name: features.sha256, **versions}
        digest = digest_of({"code": code, "columns": report.table.fingerprint(), "inputs": inputs})
        if _is_kept(workspace, report, digest, as_of):
            continue
        customers = _partition(workspace, CUSTOMER_FEATURES, as_of)
        warn_of_silence(report, customers, as_of)
        if not any(model.booster for model in models.values()):
            log.info("%s as of %s: no model was trained before that date, so there are no scores", report.table.name, as_of)
        data = scores(customers, models)
        log.info("%s as of %s: %s customers", report.table.name, as_of, f"{data.num_rows:,}")
        law = CheckOutcome("conservation", data.num_rows == features.rows, details={"rows_in": features.rows, "rows_out": data.num_rows})
        publish(workspace, report, Draft(data, digest, value, counts={"rows_out": data.num_rows}, checks=(law, sound(data))))
    return report.raise_failures()


def warn_of_silence(report: StepReport, customers: pa.Table, as_of: date) -> None:
    """Say so when nobody has bought for long: then the order feed may have stopped, and everybody looks like leaving."""
    import pyarrow.compute as pc

    latest = pc.min(customers.column("recency_days")).as_py() if customers.num_rows else ELIGIBLE_DAYS
    if latest > SILENT_DAYS:
        report.figures["days_without_any_purchase"] = int(latest)
        log.warning(
            "%s as of %s: no purchase at all in the %s days before; has the order feed stopped?", report.table.name, as_of, int(latest)
        )


def scores(customers: pa.Table, models: Mapping[str, Model]) -> pa.Table:
    """The scores of eligible customers; NULL where there is no model."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {name: customers.column(name) for name in ("customer_id", "as_of")}
    usable = models if customers.num_rows else {}
    churn, repurchase, subscription = (usable.get(task.model) for task in (CHURN_INACTIVITY, REPURCHASE, CHURN_SUBSCRIPTION))
    if churn and churn.booster:
        found, place, told = _judged(customers, churn)
        columns |= {"churn_score": found, "churn_band": bands(place), "churn_reasons": told}
    if repurchase and repurchase.booster:
        found, place, told = _judged(customers, repurchase)
        columns |= {"repurchase_score": found, "repurchase_decile": deciles(place), "repurchase_reasons": told}
    if subscription and subscription.booster:
        found = pa.array(score(subscription, customers))
        columns["subscription_churn_score"] = pc.if_else(customers.column("has_active_subscription"), found, pa.scalar(None, pa.float64()))
    schema = PROPENSITY_SCORES.arrow()
    absent = pa.nulls(customers.num_rows)
    return pa.table(
        [pa.chunked_array([absent]).cast(f.type) if f.name not in columns else _column(columns[f.name], f.type) for f in schema],
        schema=schema,
    )


def _column(values: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    return values.cast(kind) if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)


def _judged(customers: pa.Table, model: Model) -> tuple[Any, Any, list[str | None]]:
    """Scores, places and reasons of one model."""
    found = score(model, customers)
    place = places(found, customers.column("customer_id").to_pylist())
    known = Scored(model.features, matrix(customers, model.features), contributions(model, customers), place, model.task.leaves)
    return found, place, reasons(known)


def sound(data: pa.Table) -> CheckOutcome:
    """Whether probabilities are probabilities and every customer with a score has a band or decile."""
    import pyarrow.compute as pc

    details = {}
    for name in ("churn_score", "repurchase_score", "subscription_churn_score"):
        found = data.column(name)
        outside = pc.or_(pc.less(found, 0.0), pc.greater(found, 1.0))
        details[f"{name}_outside_0_to_1"] = int(pc.sum(outside).as_py() or 0) + int(pc.sum(pc.is_nan(found)).as_py() or 0)
    for name, ranked in (("churn_score", "churn_band"), ("repurchase_score", "repurchase_decile")):
        details[f"{name}_not_ranked"] = int(pc.sum(pc.xor(data.column(name).is_null(), data.column(ranked).is_null())).as_py() or 0)
    return CheckOutcome("scores", not any(details.values()), details={"rows": data.num_rows, **details})


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    examples = [TRAINING_EXAMPLES.name]
    models = [CHURN_MODEL.name, REPURCHASE_MODEL.name]
    learned = {"group": "models", "kinds": ("xgboost", "python"), "owners": OWNERS}
    return [
        step_asset(
            TRAINING_EXAMPLES,
            collect_training_examples,
            group="models",
            deps=[name for name in as_of_reads(CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name) if name not in AT_CUTOFFS],
            checks=("contract", "conservation"),
            owners=OWNERS,
        ),
        step_asset(CHURN_MODEL, train_churn, deps=examples, **learned),
        step_asset(REPURCHASE_MODEL, train_repurchase, deps=examples, **learned),
        step_asset(MODEL_EVALUATION, evaluate_models, deps=examples, **learned),
        step_asset(
            PROPENSITY_SCORES,
            score_customers,
            group="scores",
            deps=[CUSTOMER_FEATURES.name, *models],
            checks=("contract", "conservation", "scores"),
            as_of=as_of_days,
            kinds=("xgboost", "parquet"),
            owners=OWNERS,
        ),
    ]
