"""The judgement of the models, one partition a training date. Not here: how it is made (``propensity.evaluation``).

What is judged is the way models are made, on each rolling origin anew, with the default parameters of the trees: a search at every origin
would cost as many searches as there are origins.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.model_versions import MODEL_FEATURES, Version, from_examples, log, newest_words, terms_of
from omnichannel_assets.assets.models import questions
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.origins import Judging
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


JUDGING = ("assets/model_evaluation.py", *(f"propensity/{name}.py" for name in ("evaluation", "origins", "baselines", "bgnbd", "metrics", "amounts", "intervals", "segments")))
"""The code behind a judgement, besides that behind the models."""


def judging_of(workspace: Workspace) -> Judging:
    """How models are judged, from the settings: on the machine they learn on, without a search."""
    from omnichannel_assets.propensity.training import train

    terms = replace(terms_of(workspace), trials=0)
    return Judging(workspace.settings.evaluation_origins, eligible_days=workspace.settings.eligible_days, learn=partial(train, terms=terms))


def evaluate_models(workspace: Workspace) -> StepReport:
    """Bring the judgement of the training dates' procedure up to date. Raises ChecksFailedError."""
    judging = judging_of(workspace)

    def rows(examples: pa.Table, version: Version) -> list[dict[str, Any]]:
        from omnichannel_assets.propensity.evaluation import evaluate

        found = []
        for task in questions(workspace).values():
            figures = evaluate(task, examples, MODEL_FEATURES, judging)
            log.info("%s: %s", task.model, figures[-1].population)
            found += [{"model": task.model, "horizon_days": task.horizon_days, **asdict(figure)} for figure in figures]
        return found

    report = from_examples(workspace, MODEL_EVALUATION, rows, also=JUDGING, parameters={"evaluation_origins": judging.most_origins})
    report.shown["who was judged"] = newest_words(workspace, MODEL_EVALUATION, "model", "population", {"origin": "mean", "segment": "all"})
    return report
