"""The judgement of the models, one partition a training date. Not here: how it is made (``propensity.evaluation``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.model_versions import MODEL_FEATURES, Version, from_examples, newest_words, terms_of
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.tasks import TASKS
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


def evaluate_models(workspace: Workspace) -> StepReport:
    """Bring the judgement of the training dates' procedure up to date. Raises ChecksFailedError."""
    from omnichannel_assets.propensity.evaluation import evaluate

    def rows(examples: pa.Table, version: Version) -> list[dict[str, Any]]:
        found = []
        for task in TASKS:
            population, metrics = evaluate(task, examples, MODEL_FEATURES, terms_of(workspace))
            found += [{"model": task.model, "population": population, "metric": m, "value": v, "baseline": b} for m, v, b in metrics]
        return found

    report = from_examples(workspace, MODEL_EVALUATION, rows, also=("propensity/evaluation.py", "assets/model_evaluation.py"))
    report.shown["who was judged"] = newest_words(workspace, MODEL_EVALUATION, "model", "population")
    return report
