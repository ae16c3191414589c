"""What came out of judging a file: one row an origin for people, every figure for whoever computes on. Here: tables and Markdown, no judging."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.baselines import JUDGES
from omnichannel_assets.propensity.evaluation import MEAN, Figure
from omnichannel_assets.propensity.segments import ALL
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.transactions.files import FileCounts

COLUMNS = ("origin", "customers", "with label", "AUC", *(judge for judge in JUDGES if judge != "model"), "over recency", "lift at 10 %", "calibration error", "forecast")
FIELDS = tuple(column.name for column in MODEL_EVALUATION.columns if column.name != "as_of")
"""Columns of the saved figures: those of ``model_evaluation``, without its date."""


@dataclass(frozen=True)
class Result:
    """The figures of one task."""

    task: Task
    figures: Sequence[Figure]

    @property
    def population(self) -> str:
        """Who was judged at the last origin, or why nothing was judged."""
        return self.figures[-1].population

    def table(self) -> list[tuple[str, ...]]:
        """One row an origin and the mean last, as ``COLUMNS``; empty where nothing was judged."""
        origins = dict.fromkeys(figure.origin for figure in self.figures if figure.segment == ALL and figure.value is not None)
        return [self._row(origin) for origin in sorted(origins, key=lambda origin: (origin == MEAN, origin))]

    def _row(self, origin: str) -> tuple[str, ...]:
        found = {(f.judge, f.metric): f for f in self.figures if f.origin == origin and f.segment == ALL}

        def number(judge: str, metric: str, form: str) -> str:
            figure = found.get((judge, metric))
            return "" if figure is None or figure.value is None else format(figure.value, form)

        auc, lead = found["model", "auc"], found.get(("model", "auc_over_recency"))
        others = (number(judge, "auc", ".3f") for judge in JUDGES if judge != "model")
        return (
            origin,
            number("model", "customers", ",.0f"),
            number("model", "actual_count", ",.0f"),
            _with_interval(auc, ".3f"),
            *others,
            _with_interval(lead, "+.3f") if lead else "",
            number("model", "lift_at_10_percent", ".2f"),
            number("model", "calibration_error", ".3f"),
            number("model", "forecast_count", ",.0f"),
        )


def _with_interval(figure: Figure, form: str) -> str:
    told = format(figure.value, form)
    return told if figure.low is None or figure.high is None else f"{told} ({figure.low:{form}} to {figure.high:{form}})"


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Every figure, as ``FIELDS``."""
    return [
        {"model": result.task.model, "horizon_days": result.task.horizon_days, **asdict(figure)} for result in results for figure in result.figures
    ]


def read_lines(files: Sequence[FileCounts]) -> list[str]:
    """What was read of each file, in sentences whose numbers add up."""
    return [
        f"{one.name}: {one.lines:,} lines = {one.sales:,} sales + {one.returns:,} returns + {one.without_customer:,} without a customer + {one.unreadable:,} unreadable"
        + (f" + {one.in_a_later_file:,} that a later file holds" if one.in_a_later_file else "")
        + f"; {', '.join(f'{part} = {name}' for part, name in one.columns.items())}"
        for one in files
    ]


def markdown(results: Sequence[Result], files: Sequence[FileCounts]) -> str:
    """The tables with what was read, who was judged, and how to read them."""
    parts = ["# Models judged on a file of sales", "", *(f"- {line}" for line in read_lines(files))]
    for result in results:
        parts += ["", f"## {result.task.title}: {result.task.happened}", ""]
        table = result.table()
        if table:
            parts += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}", *(f"| {' | '.join(row)} |" for row in table), ""]
        parts.append(f"{result.population}.")
    judges = "; ".join(f"{judge}: {words}" for judge, words in JUDGES.items() if judge != "model")
    told = "Each origin's model learned only from cut-offs whose horizon had passed by it. AUC is the area under the ROC curve, in brackets its 95 % interval by draws of customers"
    parts += ["", f"{told}; the same of the other judges ({judges})."]
    return "\n".join(parts) + "\n"


def save(path: Path, results: Sequence[Result], files: Sequence[FileCounts]) -> tuple[Path, Path]:
    """Every figure as Parquet or CSV, by the ending of the name, and the tables as Markdown beside it; returns both names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows(results))
    else:
        _save_parquet(path, rows(results))
    beside = path.with_suffix(".md")
    beside.write_text(markdown(results, files), encoding="utf-8")
    return path, beside


def _save_parquet(path: Path, found: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = MODEL_EVALUATION.arrow()
    pq.write_table(pa.Table.from_pylist(list(found), schema=pa.schema([schema.field(name) for name in FIELDS])), path)
