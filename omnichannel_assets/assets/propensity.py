"""Scores of a day by the versions in force, and the Dagster assets of the models.

Here: what is read, when scores are current, what is published. Not here: versions (``models``), and how a model scores and explains itself
(``propensity``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.as_of import as_of_reads
from omnichannel_assets.assets.model_cards import make_cards
from omnichannel_assets.assets.model_evaluation import evaluate_models
from omnichannel_assets.assets.model_versions import MODEL_FEATURES, OWNERS, is_kept, log, partition_of
from omnichannel_assets.assets.models import champions, train_churn, train_repurchase, train_spend
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.scores_file import write_scores_file
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.assets.training_examples import AT_CUTOFFS, collect_training_examples
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_scores import (
    CHURN_MODEL,
    CUSTOMER_FEATURES,
    MODEL_CARDS,
    MODEL_EVALUATION,
    PROPENSITY_SCORES,
    REPURCHASE_MODEL,
    SPEND_MODEL,
    TRAINING_EXAMPLES,
)
from omnichannel_assets.propensity.reasons import Scored, reasons
from omnichannel_assets.propensity.scoring import bands, contributions, deciles, pence, places, score
from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, CHURN_SUBSCRIPTION, REPURCHASE
from omnichannel_assets.propensity.training import Model
from omnichannel_assets.propensity.trees import matrix
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

SCORING = ("sql/customer_features.sql", "sql/features.py", "assets/propensity.py", "assets/models.py", "checks", *(f"propensity/{name}.py" for name in ("scoring", "reasons", "trees", "calibration")))
"""The code behind scores; that of learning is behind the versions they come from."""
SILENT_DAYS = 7
"""After so many days without any purchase the scores come with a warning."""


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
        code = code_digest(*SCORING)
        inputs = {CUSTOMER_FEATURES.name: features.sha256, **versions}
        digest = digest_of({"code": code, "columns": report.table.fingerprint(), "inputs": inputs})
        if is_kept(workspace, report, digest, as_of):
            write_scores_file(workspace, as_of)
            continue
        customers = partition_of(workspace, CUSTOMER_FEATURES, as_of)
        warn_of_silence(report, customers, as_of, workspace.settings.eligible_days)
        if not any(model.booster for model in models.values()):
            log.info("%s as of %s: no model was trained before that date, so there are no scores", report.table.name, as_of)
        data = scores(customers, models)
        log.info("%s as of %s: %s customers", report.table.name, as_of, f"{data.num_rows:,}")
        law = CheckOutcome("conservation", data.num_rows == features.rows, details={"rows_in": features.rows, "rows_out": data.num_rows})
        publish(workspace, report, Draft(data, digest, value, counts={"rows_out": data.num_rows}, checks=(law, sound(data))))
        write_scores_file(workspace, as_of)
    report.shown["file"] = f"`{PROPENSITY_SCORES.name}.csv` of each date lies below `{workspace.lake.store.root}/exports/scores/`"
    return report.raise_failures()


def warn_of_silence(report: StepReport, customers: pa.Table, as_of: date, eligible_days: int) -> None:
    """Say so when nobody has bought for long: then the order feed may have stopped, and everybody looks like leaving."""
    import pyarrow.compute as pc

    latest = pc.min(customers.column("recency_days")).as_py() if customers.num_rows else eligible_days
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
    spend = usable.get("expected_spend")
    if spend and spend.booster:
        columns["expected_spend"] = pence(score(spend, customers))
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
    known = Scored(MODEL_FEATURES, matrix(customers, MODEL_FEATURES), _of_all(contributions(model, customers), model), place, model.task.leaves)
    return found, place, reasons(known)


def _of_all(found: np.ndarray, model: Model) -> np.ndarray:
    """Contributions of all inputs: one that the model does not read adds nothing, but what it says may still be needed in a sentence."""
    import numpy as np

    wide = np.zeros((len(found), len(MODEL_FEATURES)))
    wide[:, [MODEL_FEATURES.index(name) for name in model.features]] = found
    return wide


def sound(data: pa.Table) -> CheckOutcome:
    """Whether probabilities are probabilities, amounts are not negative, and every customer with a score has a band or decile."""
    import pyarrow.compute as pc

    details = {}
    for name in ("churn_score", "repurchase_score", "subscription_churn_score"):
        found = data.column(name)
        outside = pc.or_(pc.less(found, 0.0), pc.greater(found, 1.0))
        details[f"{name}_outside_0_to_1"] = int(pc.sum(outside).as_py() or 0) + int(pc.sum(pc.is_nan(found)).as_py() or 0)
    details["expected_spend_below_0"] = int(pc.sum(pc.less(data.column("expected_spend"), 0)).as_py() or 0)
    for name, ranked in (("churn_score", "churn_band"), ("repurchase_score", "repurchase_decile")):
        details[f"{name}_not_ranked"] = int(pc.sum(pc.xor(data.column(name).is_null(), data.column(ranked).is_null())).as_py() or 0)
    return CheckOutcome("scores", not any(details.values()), details={"rows": data.num_rows, **details})


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    examples = [TRAINING_EXAMPLES.name]
    models = [CHURN_MODEL.name, REPURCHASE_MODEL.name, SPEND_MODEL.name]
    learned = {"group": "models", "kinds": ("xgboost", "python"), "owners": OWNERS}
    return [
        step_asset(
            TRAINING_EXAMPLES,
            collect_training_examples,
            group="models",
            deps=[name for name in as_of_reads(CUSTOMER_FEATURES.name, TRAINING_EXAMPLES.name) if name not in AT_CUTOFFS],
            checks=("contract", "conservation", "leakage"),
            owners=OWNERS,
        ),
        step_asset(CHURN_MODEL, train_churn, deps=examples, **learned),
        step_asset(REPURCHASE_MODEL, train_repurchase, deps=examples, **learned),
        step_asset(SPEND_MODEL, train_spend, deps=examples, **learned),
        step_asset(MODEL_EVALUATION, evaluate_models, deps=examples, **learned),
        step_asset(
            MODEL_CARDS, make_cards, group="models", deps=[*models, MODEL_EVALUATION.name], kinds=("python", "matplotlib"), owners=OWNERS
        ),
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
