"""What came out of judging a file: one row an origin for people, every figure for whoever computes on. Here: tables and Markdown, no judging."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omnichannel_assets.lake.tables_scores import MODEL_EVALUATION
from omnichannel_assets.propensity.baselines import JUDGES, JUDGES_OF_AMOUNTS, MODEL
from omnichannel_assets.propensity.evaluation import MEAN, Figure
from omnichannel_assets.propensity.segments import ALL
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.transactions.files import FileCounts

OTHERS, OTHERS_OF_AMOUNTS = (tuple(judge for judge in judges if judge != MODEL) for judges in (JUDGES, JUDGES_OF_AMOUNTS))
COLUMNS = ("origin", "customers", "with label", "AUC", *OTHERS, "over recency", "lift at 10 %", "calibration error", "forecast")
COLUMNS_OF_AMOUNTS = ("origin", "customers", "spent", "forecast / actual", "Gini", *OTHERS_OF_AMOUNTS, "over last spend", "top tenth", "off by", *(f"off by, {judge}" for judge in OTHERS_OF_AMOUNTS))
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

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of ``table``."""
        return COLUMNS_OF_AMOUNTS if self.task.target == "amount" else COLUMNS

    def table(self) -> list[tuple[str, ...]]:
        """One row an origin and the mean last, as ``columns``; empty where nothing was judged."""
        origins = dict.fromkeys(figure.origin for figure in self.figures if figure.segment == ALL and figure.value is not None)
        return [self._row(origin) for origin in sorted(origins, key=lambda origin: (origin == MEAN, origin))]

    def _row(self, origin: str) -> tuple[str, ...]:
        found = {(f.judge, f.metric): f for f in self.figures if f.origin == origin and f.segment == ALL}

        def number(metric: str, form: str, judge: str = MODEL) -> str:
            figure = found.get((judge, metric))
            return "" if figure is None or figure.value is None else format(figure.value, form)

        def sure(metric: str, form: str) -> str:
            return _with_interval(found.get((MODEL, metric)), form)

        if self.task.target == "amount":
            return (
                origin,
                number("customers", ",.0f"),
                number("actual_total", ",.0f"),
                sure("total_ratio", ".2f"),
                sure("gini", ".3f"),
                *(number("gini", ".3f", judge) for judge in OTHERS_OF_AMOUNTS),
                sure("gini_over_last_spend", "+.3f"),
                sure("top_tenth_share", ".3f"),
                *(number("mean_absolute_error", ",.2f", judge) for judge in (MODEL, *OTHERS_OF_AMOUNTS)),
            )
        return (
            origin,
            number("customers", ",.0f"),
            number("actual_count", ",.0f"),
            sure("auc", ".3f"),
            *(number("auc", ".3f", judge) for judge in OTHERS),
            sure("auc_over_recency", "+.3f"),
            number("lift_at_10_percent", ".2f"),
            number("calibration_error", ".3f"),
            number("forecast_count", ",.0f"),
        )


def _with_interval(figure: Figure | None, form: str) -> str:
    if figure is None or figure.value is None:
        return ""
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
            parts += [f"| {' | '.join(result.columns)} |", f"|{'---|' * len(result.columns)}", *(f"| {' | '.join(row)} |" for row in table), ""]
        parts.append(f"{result.population}.")
    judges, of_amounts = ("; ".join(f"{judge}: {words}" for judge, words in told.items() if judge != MODEL) for told in (JUDGES, JUDGES_OF_AMOUNTS))
    told = "Each origin's model learned only from cut-offs whose horizon had passed by it. AUC is the area under the ROC curve, in brackets its 95 % interval by draws of customers"
    parts += ["", f"{told}; the same of the other judges ({judges})."]
    amounts = "Of amounts: Gini is the normalised Gini coefficient of the order (1: the best there is, 0: chance), top tenth the share of the spend made by the tenth with the largest forecasts, off by the mean absolute error"
    parts += ["", f"{amounts}; the same of the other judges ({of_amounts})."]
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
