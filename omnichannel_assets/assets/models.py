"""Versions of the models by training date: trained, kept, and found again by the as-of date they may score.

Here: what is stored and which version is in force. Not here: how a model learns (``propensity.training``), by which rule a champion stays
(``propensity.champion``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.model_versions import (
    MODEL_FEATURES,
    Version,
    from_examples,
    log,
    newest_words,
    partition_of,
    terms_of,
    told_terms,
)
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import CHURN_MODEL, FEATURES, MODEL_TABLES, REPURCHASE_MODEL, SPEND_MODEL
from omnichannel_assets.propensity import champion
from omnichannel_assets.propensity.calibration import Calibration, Way
from omnichannel_assets.propensity.search import Found, Trial
from omnichannel_assets.propensity.selection import Selection, Worth
from omnichannel_assets.propensity.tasks import Task, spend_task, task_named
from omnichannel_assets.propensity.terms import USUAL, Terms
from omnichannel_assets.propensity.training import UNTOLD, Learning, Model
from omnichannel_assets.propensity.trees import Parameters
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = {column.name: column.kind for column in FEATURES}


@dataclass(frozen=True)
class Story:
    """What is stored of a version besides the model: everything a reader needs to make it again and to judge it."""

    digest: str
    verdict: champion.Verdict
    terms: Terms = USUAL
    data: str = "{}"
    weights: Mapping[str, float] | None = None


def train_churn(workspace: Workspace) -> StepReport:
    """Bring the versions of the churn models up to date. Raises ChecksFailedError."""
    return _train(workspace, CHURN_MODEL, [task for task in workspace.tasks if task.leaves])


def train_repurchase(workspace: Workspace) -> StepReport:
    """Bring the versions of the repurchase model up to date. Raises ChecksFailedError."""
    return _train(workspace, REPURCHASE_MODEL, [task for task in workspace.tasks if not task.leaves])


def train_spend(workspace: Workspace) -> StepReport:
    """Bring the versions of the model of expected spend up to date. Raises ChecksFailedError."""
    return _train(workspace, SPEND_MODEL, [spend_task(workspace.settings.churn_days)])


def _train(workspace: Workspace, table: TableSchema, tasks: Sequence[Task]) -> StepReport:
    from omnichannel_assets.propensity.importance import weights
    from omnichannel_assets.propensity.training import train

    terms = terms_of(workspace)

    def rows(examples: pa.Table, new: Version) -> list[dict[str, Any]]:
        before, made = in_force(workspace, table, new.as_of), []
        for task in tasks:
            model = train(task, examples, MODEL_FEATURES, terms=terms)
            verdict = judged_against(before.get(task.model), model, examples, new.as_of, workspace)
            log.info("%s as of %s: %s", task.model, new.as_of, verdict.words)
            shares = weights(model, _at(examples, model.cutoffs[-1])) if model.booster else None
            story = Story(new.digest, verdict, terms, fingerprint(examples, new.examples), shares)
            made.append(stored_model(model, story))
        return made

    report = from_examples(workspace, table, rows)
    report.shown["versions"] = newest_words(workspace, table, "model", "verdict")
    return report


def _at(examples: pa.Table, cutoff: date) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    return examples.filter(pc.equal(examples.column("cutoff"), pa.scalar(cutoff, pa.date32())))


def fingerprint(examples: pa.Table, digest: str) -> str:
    """Which examples a version learned from: their digest, and how many there were at each cut-off."""
    counts = examples.group_by("cutoff").aggregate([("customer_id", "count")]).sort_by("cutoff").to_pylist()
    return _json({"digest": digest, "rows": {row["cutoff"].isoformat(): row["customer_id_count"] for row in counts}})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def judged_against(before: Mapping[str, Any] | None, model: Model, examples: pa.Table, as_of: date, workspace: Workspace) -> champion.Verdict:
    """The verdict on a new version: it, or the version that was in force before it (``before``, its row)."""
    old = champion.Version(before["as_of"], cannot_be_used(before, questions(workspace))) if before else None
    found = champion.settled(champion.Version(as_of, model.refusal), old, workspace.settings.model_max_age_days)
    if found or before is None:
        return found or champion.Verdict(as_of, "")
    origins = champion.contest(opened_model(before), before["as_of"], examples, MODEL_FEATURES, terms_of(workspace))
    return champion.verdict(as_of, before["as_of"], origins, model.task.horizon_days)


def cannot_be_used(row: Mapping[str, Any], asked: Mapping[str, Task]) -> str | None:
    """Why a stored version can score nobody, or None; ``asked``: the questions of today by model (``questions``)."""
    if row["booster"] is None:
        return row["refusal"]
    gone = sorted(set(row["features"].split(",")) - set(MODEL_FEATURES))
    if gone:
        return f"It reads inputs that are no more: {', '.join(gone)}."
    task = asked.get(row["model"])
    if task is None or (row["label"], row["horizon_days"]) != (task.label, task.horizon_days):
        return f"It answers another question: {row['label']} within {row['horizon_days']} days."
    return None


def questions(workspace: Workspace) -> dict[str, Task]:
    """What is asked today, by model."""
    return {task.model: task for task in (*workspace.tasks, spend_task(workspace.settings.churn_days))}


def stored_model(model: Model, story: Story) -> dict[str, Any]:
    """A version as a row of its table, without the as-of date."""
    import xgboost as xgb

    made_with = {"xgboost": xgb.__version__, "optuna": version("optuna"), "scikit-learn": version("scikit-learn")}
    is_line = model.booster is not None and not model.calibration.knots
    return {
        "model": model.task.model,
        "label": model.task.label,
        "horizon_days": model.task.horizon_days,
        "cutoffs": ",".join(day.isoformat() for day in model.cutoffs),
        "calibrated_on": model.calibrated_on.isoformat() if model.calibrated_on else None,
        "examples": model.examples,
        "positives": model.positives,
        "refusal": model.refusal,
        "in_force": story.verdict.in_force,
        "verdict": story.verdict.words,
        "features": ",".join(model.features),
        "inputs": _json({name: KINDS[name] for name in MODEL_FEATURES}),
        "slope": model.calibration.slope if is_line else None,
        "intercept": model.calibration.intercept if is_line else None,
        "knots": _json(model.calibration.knots) if model.calibration.knots else None,
        "weights": ",".join(f"{name}={share:.4f}" for name, share in (story.weights or {}).items()) or None,
        "settings": _json({**told_terms(story.terms), "made_with": made_with}),
        "data": story.data,
        "learning": _json(asdict(model.learning) | {"validated": [day.isoformat() for day in model.learning.validated]}) if model.booster else None,
        "booster": model.booster,
        "digest": story.digest,
    }


def opened_model(row: Mapping[str, Any]) -> Model:
    """A version from its row; of one that was stored before there was more to tell, what it tells."""
    task = task_named(row["model"], row["horizon_days"])
    days = tuple(date.fromisoformat(day) for day in row["cutoffs"].split(",") if day)
    last = date.fromisoformat(row["calibrated_on"]) if row["calibrated_on"] else None
    knots = tuple((at, told) for at, told in json.loads(row.get("knots") or "[]"))
    line = (row["slope"], row["intercept"]) if row["booster"] and not knots else (1.0, 0.0)
    told = opened_learning(row.get("learning"))
    features = tuple(row["features"].split(","))
    return Model(task, features, days, last, row["examples"], row["positives"], Calibration(*line, knots), row["booster"], row["refusal"], told)


def opened_learning(text: str | None) -> Learning:
    """How a version came to be, from its column."""
    if not text:
        return UNTOLD
    told = json.loads(text)
    trials = tuple(Trial(Parameters(**trial["parameters"]), trial["loss"]) for trial in told["found"]["trials"])
    found = Found(Parameters(**told["found"]["parameters"]), trials, told["found"]["words"])
    selection = Selection(tuple(Worth(**worth) for worth in told["selection"]["worths"]), told["selection"]["words"])
    days = tuple(date.fromisoformat(day) for day in told["validated"])
    return Learning(found, selection, told["calibrated_by"], tuple(Way(**way) for way in told["ways"]), days)


def in_force(workspace: Workspace, table: TableSchema, before: date) -> dict[str, dict[str, Any]]:
    """The rows of the versions in force just before a date, by model: what the newest of them says stays, or that one itself."""
    days = [date.fromisoformat(value) for value in workspace.lake.manifests(table)]
    earlier = [day for day in days if day < before]
    if not earlier:
        return {}
    found, asked = {}, questions(workspace)
    for row in partition_of(workspace, table, max(earlier)).to_pylist():
        made = row.get("in_force") or row["as_of"]
        held = [row] if made == row["as_of"] else []
        if made in earlier and not held:
            held = [other for other in partition_of(workspace, table, made).to_pylist() if other["model"] == row["model"]]
        usable = [other for other in held if cannot_be_used(other, asked) is None]
        found[row["model"]] = (usable or [row])[0]
    return found


def champions(workspace: Workspace, as_of: date) -> tuple[dict[str, Model], dict[str, str]]:
    """The versions in force on an as-of date, by model, and the digests of their partitions: a function of what is stored with a training
    date before it. A version that can score nobody any more is not used.
    """
    found, digests = {}, {}
    for table in MODEL_TABLES:
        manifests = workspace.lake.manifests(table)
        for model, row in in_force(workspace, table, as_of).items():
            digests[model] = manifests[row["as_of"].isoformat()].sha256
            if row["booster"] is None or cannot_be_used(row, questions(workspace)) is None:
                found[model] = opened_model(row)
    return found, digests
