"""``omnichannel evaluate-identity``: how well identity finds people again in labelled records. Here: options and printing, not the judging."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnichannel_assets.commands.printing import print_rows
from omnichannel_assets.commands.shared_options import format_option
from omnichannel_assets.errors import InputError

if TYPE_CHECKING:
    from omnichannel_assets.labelled import Judged


@click.command("evaluate-identity")
@click.option("--records", metavar="FILE", help="CSV of records with a header, one of its columns naming the true person.")
@click.option("--generate", type=click.IntRange(2, 1_000_000), metavar="PEOPLE", help="Instead of a file: made-up records of so many people.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed makes other people up.")
@click.option("--truth-column", default="person", show_default=True, help="Column that says who a record is.")
@click.option("--truth-pattern", default="", metavar="REGEX", help="Its first group is the person, such as rec-(\\d+)-; empty: the whole column is.")
@click.option("--mode", type=click.Choice(["exact", "probabilistic", "both"]), default="both", show_default=True, help="With shared identifiers alone, or with matches too.")
@click.option("--registry", metavar="FILE", help="Registry that describes the records (default: DMS_REGISTRY).")
@click.option("--rules", metavar="FILE", help="Identity rules (default: IDENTITY_RULES).")
@click.option("--table", default="", metavar="NAME", help="Table the records are rows of (default: the one that describes people).")
@click.option("--out", metavar="FILE", help="Also write the figures: .json (with the worst clusters) or .csv.")
@format_option
def evaluate_identity(
    records: str | None, generate: int | None, seed: int, truth_column: str, truth_pattern: str, mode: str, registry: str | None, rules: str | None, table: str, out: str | None, form: str
) -> None:
    """Judge identity on labelled records: pairwise and B-cubed precision, recall and F1, by the real graph in a scratch lake."""
    if (records is None) == (generate is None):
        raise InputError("--records", "both or neither", expected="--records FILE or --generate PEOPLE", fix="give one of them")
    if out and Path(out).suffix not in (".json", ".csv"):
        raise InputError("--out", Path(out).suffix or "no ending", expected="a file ending in .json or .csv", fix="rename it")
    from omnichannel_assets.labelled import MODES, generated, judge, read_labelled

    found = generated(generate, seed) if generate else read_labelled(Path(str(records)), truth_column, truth_pattern)
    judged = judge(found, MODES if mode == "both" else (mode,), {"dms_registry": registry, "identity_rules": rules}, table)
    rows = figures(judged)
    columns = ["figure", *(one.mode for one in judged)]
    if out:
        _save(Path(out), columns, rows, judged)
    print_rows(columns, rows, form)
    if form == "table":
        _print_worst(judged)


def figures(judged: Sequence[Judged]) -> list[tuple[Any, ...]]:
    """One row a figure, one column a mode."""

    def row(name: str, values: Sequence[float | int]) -> tuple[Any, ...]:
        return (name, *(round(value, 5) if isinstance(value, float) else value for value in values))

    found = [one.evaluation for one in judged]
    counts = ("records", "people", "clusters", "true_pairs", "found_pairs", "right_pairs", "mixed_clusters", "split_people")
    rows = [row(name.replace("_", " "), [getattr(one, name) for one in found]) for name in counts]
    for measure in ("pairwise", "b_cubed"):
        for share in ("precision", "recall", "f1"):
            rows.append(row(f"{measure.replace('b_cubed', 'B-cubed')} {share.replace('f1', 'F1')}", [getattr(getattr(one, measure), share) for one in found]))
    rows.append(row("records without a customer", [one.alone for one in judged]))
    rows.append(row("pairs left to a person", [one.to_review for one in judged]))
    return rows


def _print_worst(judged: Sequence[Judged]) -> None:
    for one in judged:
        if one.worst:
            click.echo(f"\nClusters that hold several people ({one.mode}), worst first")
            print_rows(["cluster", "records", "people", "wrong pairs"], [(w.cluster, w.records, w.people, w.wrong_pairs) for w in one.worst], "table")


def _save(out: Path, columns: list[str], rows: list[tuple[Any, ...]], judged: Sequence[Judged]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".csv":
        with out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *rows])
        return
    said = {
        one.mode: {
            "figures": {row[0]: row[at] for row in rows},
            "worst_clusters": [{"cluster": w.cluster, "records": w.records, "people": w.people, "wrong_pairs": w.wrong_pairs} for w in one.worst],
        }
        for at, one in enumerate(judged, 1)
    }
    out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
