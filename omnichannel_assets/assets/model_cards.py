"""The words of a model card: what a version learned from, how it was chosen, what it cannot know, when not to use it. Words only; nothing is
measured here.
"""

from __future__ import annotations

from omnichannel_assets.propensity.search import Found
from omnichannel_assets.propensity.training import Model

POPULATIONS = {
    "eligible": "eligible customers: known ones with a purchase before the cut-off, within the time that the settings give",
    "subscribers": "eligible customers with an active subscription at the cut-off",
}
CANNOT_KNOW = (
    "It cannot know what no table holds: prices and offers of others, a move, a changed need, cash purchases of nobody known. It has seen the "
    "seasons of its cut-offs and no others."
)
DO_NOT_USE = (
    "Do not use it to decide about credit, prices or service of a single person, for customers outside that population, or as proof that a "
    "campaign works: only a held-out group shows that."
)
CALIBRATED = {
    "none": "the probabilities are the trees' own, because no way to calibrate was better on later cut-offs by more than noise",
    "level": "the level of the probabilities follows the newest cut-offs half of the way, which was better on later ones",
    "platt": "the probabilities are calibrated by a line (Platt), which was better on later cut-offs",
    "isotonic": "the probabilities are calibrated by rising steps (isotonic), which was better on later cut-offs",
}


def card(model: Model, judged: str = "") -> str:
    """The words of one version; ``judged`` is a sentence on how good it is, where one was measured with it."""
    if model.refusal:
        return model.refusal
    learned = (
        f"{model.task.title} is learned from {POPULATIONS[model.task.population]}. {model.examples:,} examples at {len(model.cutoffs)} cut-offs from "
        f"{model.cutoffs[0]} to {model.cutoffs[-1]}, of which {model.positives:,} {model.task.happened}."
    )
    kind = _kind(model.learning.found, model)
    return " ".join(part for part in (learned, kind, judged, CANNOT_KNOW, DO_NOT_USE) if part)


def _kind(found: Found, model: Model) -> str:
    calibrated = f" Of calibration: {CALIBRATED[model.learning.calibrated_by]}." if model.task.target == "probability" else ""
    return f"Trees (XGBoost): {found.words}. Of the inputs: {model.learning.selection.words}.{calibrated}"
