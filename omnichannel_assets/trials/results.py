"""What came out of a trial, as tables and sentences, for people and for whoever computes on. Here: no figures are made."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from omnichannel_assets.trials.balance import srm, srm_words
from omnichannel_assets.trials.comparison import ALL, Comparison, Trial
from omnichannel_assets.trials.words import many, verdict

COLUMNS = ("outcome", "arm", "people", "mean", "control", "control mean", "difference", "low", "high", "relative", "p", "detectable")
FIELDS = (*(field.name for field in fields(Comparison)), "verdict")


def table(rows: Sequence[Comparison], part: str = ALL) -> list[tuple[str, ...]]:
    """The comparisons of everybody, or of a part with its label first, as ``COLUMNS``; five decimals, relative lift in percent."""
    return [_cells(row) if part == ALL else (row.label, *_cells(row)) for row in rows if row.part == part]


def _cells(row: Comparison) -> tuple[str, ...]:
    relative = "" if row.relative is None else f"{100 * row.relative:+.1f} %"
    p = "" if row.p is None else f"{row.p:.4f}" if row.p >= 0.0001 else "< 0.0001"
    means = (f"{row.people:,}", _number(row.mean, ".5f"), f"{row.control_people:,}", _number(row.control_mean, ".5f"))
    return (row.outcome, row.arm, *means, *(_number(value, "+.5f") for value in (row.difference, row.low, row.high)), relative, p, _number(row.detectable, ".5f"))


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def plain(rows: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Every figure with its verdict, as ``FIELDS``."""
    return [{**row.plain(), "verdict": verdict(row)} for row in rows]


def sentences(trial: Trial, rows: Sequence[Comparison]) -> list[str]:
    """The verdicts of everybody, whether the arms are as planned, what history explains, and how to read many comparisons."""
    people = trial.people
    shares = trial.shares or dict.fromkeys(people, 1.0)
    told = [f"{row.outcome}, {row.arm}: {verdict(row)}." for row in rows if row.part == ALL]
    told.append(srm_words(srm(people, shares), trial.shares))
    return [*told, *(_history(row) for row in rows if row.part == ALL and row.variance_before), *many(rows)]


def _history(row: Comparison) -> str:
    before, after = row.variance_before or 0.0, row.variance_after or 0.0
    used = "used: the figures are after it" if row.is_adjusted else "not used: too little to matter"
    return f"{row.outcome}, {row.arm}: history takes the variance from {before:.4g} to {after:.4g}, {100 * (after / before - 1):+.1f} % (CUPED {used})."


def save(path: Path, rows: Sequence[Comparison]) -> None:
    """Every figure as Parquet or CSV, by the ending of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = plain(rows)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(found), path)
