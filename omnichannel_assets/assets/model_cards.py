"""A card for each model and training date: its words as a table, and for people who look, its words and picture in the catalog.

Here: gathering what is stored of a version and of its judgement. Not here: the sentences (``propensity.card``) and the drawing
(``card_picture``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from omnichannel_assets.assets.card_picture import CardFigures, card_picture
from omnichannel_assets.assets.drawing import markdown_png
from omnichannel_assets.assets.model_versions import is_kept, training_dates
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_scores import MODEL_CARDS, MODEL_EVALUATION, MODEL_TABLES
from omnichannel_assets.propensity.baselines import MODEL, RECENCY
from omnichannel_assets.propensity.card import Card, Figure, card_text
from omnichannel_assets.propensity.evaluation import MEAN
from omnichannel_assets.propensity.segments import ALL
from omnichannel_assets.propensity.tasks import Task, task_named
from omnichannel_assets.resources.workspace import Workspace

TELLS_OF = (*MODEL_TABLES, MODEL_EVALUATION)
"""What cards are made from."""
Figures = Mapping[tuple[str, str, str, str], Figure]
"""(origin, segment, judge, metric) -> figure."""


@dataclass(frozen=True)
class DrawnCard:
    """A card's words, and what its picture shows."""

    card: Card
    figures: CardFigures


def make_cards(workspace: Workspace) -> StepReport:
    """Bring the cards of the training dates up to date. Raises ChecksFailedError."""
    import pyarrow as pa

    report = StepReport(MODEL_CARDS)
    for as_of in training_dates(workspace):
        made = {table.name: workspace.lake.manifest(table.name, ("as_of", as_of.isoformat())) for table in TELLS_OF}
        inputs = {name: manifest.sha256 for name, manifest in made.items() if manifest}
        code = code_digest("propensity/card.py", "propensity/baselines.py", "propensity/tasks.py", "assets/model_cards.py")
        digest = digest_of({"code": code, "columns": MODEL_CARDS.fingerprint(), "inputs": inputs, "population": workspace.settings.eligible_days})
        if is_kept(workspace, report, digest, as_of):
            continue
        found = cards_of(workspace, as_of)
        rows = [{"as_of": as_of, "model": drawn.card.task.model, "card": card_text(drawn.card)} for drawn in found]
        publish(workspace, report, Draft(pa.Table.from_pylist(rows, schema=MODEL_CARDS.arrow()), digest, as_of.isoformat()))
    return report.raise_failures()


def cards_of(workspace: Workspace, as_of: date) -> list[DrawnCard]:
    """The cards of one training date, from the stored tables."""
    with workspace.lake.engine(reading=True) as engine:
        for table in TELLS_OF:
            engine.register_files(table, workspace.lake.paths(table, [as_of.isoformat()]))
        return read_cards(engine, as_of, workspace.settings.eligible_days)


def card_previews(workspace: Workspace) -> dict[str, str]:
    """Title -> Markdown of the newest cards, each with its picture."""
    stored = workspace.lake.manifests(MODEL_CARDS)
    if not stored:
        return {}
    found = cards_of(workspace, date.fromisoformat(max(stored)))
    return {f"card: {drawn.card.task.title}": _shown(drawn) for drawn in found}


def _shown(drawn: DrawnCard) -> str:
    image = f"\n\n{markdown_png(drawn.figures.title, card_picture(drawn.figures))}" if drawn.figures else ""
    return f"{card_text(drawn.card)}{image}"


def read_cards(engine: Engine, as_of: date, eligible_days: int) -> list[DrawnCard]:
    """The cards of a training date, by model, from an engine that has the model tables and ``model_evaluation``."""
    versions = " union all by name ".join(f"select * from {table.name} where as_of = $as_of" for table in MODEL_TABLES)
    rows = engine.query(f"select * from ({versions}) order by model", {"as_of": as_of}).to_pylist()
    return [_drawn(engine, row, eligible_days) for row in rows]


def _drawn(engine: Engine, version: Mapping[str, Any], eligible_days: int) -> DrawnCard:
    task = task_named(version["model"], version["horizon_days"])
    figures = _figures(engine, version)
    cutoffs = [date.fromisoformat(day) for day in version["cutoffs"].split(",") if day]
    origins = sorted({origin for origin, *_ in figures} - {MEAN})
    card = Card(
        task,
        version["as_of"],
        _population(task, figures, origins, eligible_days),
        cutoffs,
        [date.fromisoformat(day) for day in origins],
        version["examples"],
        version["positives"],
        _learning(version, task),
        _by(figures, lambda origin, segment, judge: judge if (origin, segment) == (MEAN, ALL) else None),
        _by(figures, lambda origin, segment, judge: segment if (origin, judge) == (MEAN, MODEL) and segment != ALL else None),
        _families(version),
        version["refusal"] or "",
    )
    # The panels are of shares; an amount is told by the card's tables.
    pictured = _pictured(card, figures, origins) if task.target == "probability" else CardFigures(task.title)
    return DrawnCard(card, pictured)


def _figures(engine: Engine, version: Mapping[str, Any]) -> dict[tuple[str, str, str, str], Figure]:
    """The judgement of a version."""
    rows = engine.rows(
        "select origin, segment, judge, metric, value, low, high from model_evaluation where as_of = $as_of and model = $model and value is not null order by all",
        {"as_of": version["as_of"], "model": version["model"]},
    )
    return {(origin, segment, judge, metric): Figure(*found) for origin, segment, judge, metric, *found in rows}


def _population(task: Task, figures: Figures, origins: Sequence[str], eligible_days: int) -> str:
    """The rule in words, with the numbers of the newest origin."""
    rule = f"{task.asked_of(eligible_days)} a cut-off".capitalize()
    newest = origins[-1] if origins else ""
    counted = [figures.get((newest, ALL, MODEL, name)) for name in ("customers", "actual_count")]
    if not all(counted):
        return f"{rule}."
    customers, happened = (figure.value for figure in counted if figure)
    return f"{rule}. At the newest origin, {newest}: {customers:,.0f}, of whom {happened:,.0f} {task.happened}."


def _by(figures: Figures, named: Any) -> dict[str, dict[str, Figure]]:
    found: dict[str, dict[str, Figure]] = {}
    for (origin, segment, judge, metric), figure in figures.items():
        name = named(origin, segment, judge)
        if name is not None:
            found.setdefault(name, {})[metric] = figure
    return found


CALIBRATED = {
    "none": "the trees' own probabilities; no way to calibrate was better on later cut-offs by more than noise",
    "level": "the level follows the newest cut-offs half of the way, which was better on later ones",
    "platt": "by a line (Platt), which was better on later cut-offs",
    "isotonic": "by rising steps (isotonic), which was better on later cut-offs",
}
"""Way to calibrate -> in words."""


def _learning(version: Mapping[str, Any], task: Task) -> dict[str, str]:
    """How a version came to be: label -> words."""
    if not version["learning"]:
        return {"In force": version["verdict"]}
    told, settings, data = (json.loads(version[name]) for name in ("learning", "settings", "data"))
    made_with = ", ".join(f"{name} {number}" for name, number in sorted(settings["made_with"].items()))
    return {
        "Trees": told["found"]["words"],
        "Inputs": f"{len(version['features'].split(','))} of {len(json.loads(version['inputs']))}; {told['selection']['words']}",
        "Calibration": CALIBRATED[told["calibrated_by"]] if task.target == "probability" else "",
        "Chosen by": f"cut-offs up to {version['calibrated_on']}, by versions of back then" if version["calibrated_on"] else "",
        "In force": version["verdict"],
        "Data": f"examples {data['digest'][:12]}" if data.get("digest") else "",
        "Made with": made_with,
    }


def _families(version: Mapping[str, Any]) -> dict[str, float]:
    pairs = [part.split("=") for part in (version["weights"] or "").split(",") if part]
    return {name: float(share) for name, share in sorted(pairs, key=lambda pair: -float(pair[1])) if float(share) > 0}


def _pictured(card: Card, figures: Figures, origins: Sequence[str]) -> CardFigures:
    newest = origins[-1] if origins else ""
    judges = sorted({judge for _, _, judge, _ in figures}, key=lambda judge: (judge != MODEL, judge))

    def series(judge: str, metric: str) -> list[float]:
        keys = [(newest, ALL, judge, metric.format(number)) for number in range(1, 20)]
        return [figures[key].value for key in keys if key in figures]

    predicted, observed = series(MODEL, "decile_{:02}_predicted"), series(MODEL, "decile_{:02}_observed")
    roc = {judge: [(0.0, 0.0), *((place / 20, hits) for place, hits in enumerate(series(judge, "roc_{:02}"), 1)), (1.0, 1.0)] for judge in (MODEL, RECENCY)}
    counts = {day: [figures.get((day, ALL, MODEL, f"{kind}_count")) for kind in ("forecast", "actual")] for day in origins}
    return CardFigures(
        f"{card.task.title}, as of {card.as_of}: {card.task.subject} that {card.task.happened}",
        {judge: points for judge, points in roc.items() if len(points) > 2},
        {judge: found for judge in (MODEL, RECENCY) if (found := series(judge, "decile_{:02}_lift"))},
        list(zip(predicted, observed, strict=True)),
        card.families,
        {day: (pair[0].value, pair[1].value) for day, pair in counts.items() if pair[0] and pair[1]},
        {judge: {day: figures[key].value for day in origins if (key := (day, ALL, judge, "auc")) in figures} for judge in judges},
    )
