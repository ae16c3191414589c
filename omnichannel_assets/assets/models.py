"""Versions of the models by training date: trained, kept, and found again by the as-of date they may score.

Here: what is stored and which version is in force. Not here: how a model learns (``propensity.training``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.model_versions import MODEL_FEATURES, from_examples, log, newest_words, partition_of
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import CHURN_MODEL, REPURCHASE_MODEL
from omnichannel_assets.propensity.tasks import Task, task_named
from omnichannel_assets.propensity.training import Model
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


def train_churn(workspace: Workspace) -> StepReport:
    """Bring the versions of the churn models up to date. Raises ChecksFailedError."""
    return _train(workspace, CHURN_MODEL, [task for task in workspace.tasks if task.leaves])


def train_repurchase(workspace: Workspace) -> StepReport:
    """Bring the versions of the repurchase model up to date. Raises ChecksFailedError."""
    return _train(workspace, REPURCHASE_MODEL, [task for task in workspace.tasks if not task.leaves])


def _train(workspace: Workspace, table: TableSchema, tasks: Sequence[Task]) -> StepReport:
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

    report = from_examples(workspace, table, rows)
    report.shown["versions"] = newest_words(workspace, table, "model", "refusal")
    return report


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

    task = task_named(row["model"], row["horizon_days"])
    days = tuple(date.fromisoformat(day) for day in row["cutoffs"].split(",") if day)
    last = date.fromisoformat(row["calibrated_on"]) if row["calibrated_on"] else None
    calibration = Calibration(row["slope"], row["intercept"]) if row["booster"] else Calibration()
    features = tuple(row["features"].split(","))
    return Model(task, features, days, last, row["examples"], row["positives"], calibration, row["booster"], row["refusal"])


def champions(workspace: Workspace, as_of: date) -> tuple[dict[str, Model], dict[str, str]]:
    """The newest versions with a training date before an as-of date, by model, and the digests of their partitions.

    A version of older code that reads an input which is no more is not used, nor is one that looks another number of days ahead.
    """
    found, digests = {}, {}
    horizons = {task.model: task.horizon_days for task in workspace.tasks}
    for table in (CHURN_MODEL, REPURCHASE_MODEL):
        manifests = workspace.lake.manifests(table)
        earlier = [value for value in manifests if date.fromisoformat(value) < as_of]
        if earlier:
            digests[table.name] = manifests[max(earlier)].sha256
            rows = partition_of(workspace, table, date.fromisoformat(max(earlier))).to_pylist()
            usable = [row for row in rows if set(row["features"].split(",")) <= set(MODEL_FEATURES) and horizons.get(row["model"]) == row["horizon_days"]]
            found |= {row["model"]: opened_model(row) for row in usable}
    return found, digests
