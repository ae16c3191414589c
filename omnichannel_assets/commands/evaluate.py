"""``omnichannel evaluate``: how good the features and models are on anybody's sales. Here: options and printing, not the judging."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnichannel_assets.commands.printing import print_rows, show_progress
from omnichannel_assets.commands.shared_options import date_of, format_option
from omnichannel_assets.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from omnichannel_assets.propensity.origins import Judging
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.transactions.files import Sales
    from omnichannel_assets.transactions.results import Result

ENDINGS = (".parquet", ".csv")
PICTURES = (".png", ".svg")


def _column(part: str, words: str) -> Any:
    return click.option(f"--{part}", metavar="COLUMN", help=f"Column that tells {words} (default: guessed by its name).")


@click.command()
@click.option("--transactions", "files", metavar="FILE", multiple=True, required=True, help="CSV, Parquet or CDNOW text of sales; may be given several times.")
@click.option("--population", type=click.IntRange(0), metavar="DAYS", help="Who is judged: a purchase in so many days before; 0: any purchase before (default: ELIGIBLE_DAYS).")
@click.option("--horizons", metavar="DAYS,DAYS", default="30,90", show_default=True, help="Days in which a purchase is buying again, and in which none is leaving.")
@click.option("--first-cutoff", metavar="DATE", help="First month to learn from (default: the first with 90 days of sales before it).")
@click.option("--first-origin", metavar="DATE", help="First month to judge on (default: as many as --origins).")
@click.option("--origins", type=click.IntRange(1), default=12, show_default=True, help="On how many of the last months models are judged at most.")
@click.option("--trials", type=click.IntRange(0), default=0, show_default=True, help="Parameters tried at every origin anew; 0: the defaults.")
@click.option("--output", metavar="FILE", default="evaluation.parquet", show_default=True, help="Where every figure goes (.parquet or .csv); the tables go beside it as .md.")
@click.option("--picture", metavar="FILE", help="Also draw the judges beside each other by month, as .png or .svg.")
@_column("customer", "the customer")
@_column("time", "when it was sold")
@_column("amount", "the amount of a line")
@_column("price", "the price of one unit, where no column tells the amount")
@_column("quantity", "the units; below 0: given back")
@_column("order", "which lines are one order")
@_column("item", "what was sold")
@click.option("--time-format", metavar="FORMAT", default="", help="How times are written, as strptime does: %m/%d/%Y %H:%M.")
@format_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def evaluate(
    files: tuple[str, ...], population: int | None, horizons: str, output: str, time_format: str, form: str, quiet: bool, **options: Any
) -> None:
    """Judge features and models on a plain file of sales: rolling origins, beside recency, frequency, RFM and BG/NBD."""
    if Path(output).suffix not in ENDINGS:
        raise InputError("--output", Path(output).suffix or "no ending", expected="a file ending in .parquet or .csv", fix="rename it")
    if options["picture"] and Path(options["picture"]).suffix not in PICTURES:
        raise InputError("--picture", Path(options["picture"]).suffix or "no ending", expected="a file ending in .png or .svg", fix="rename it")
    repurchase, churn = _horizons(horizons)
    first, judged_from = (date_of(options[name]) if options[name] else None for name in ("first_cutoff", "first_origin"))
    show_progress(quiet)
    from omnichannel_assets.transactions import results
    from omnichannel_assets.transactions.files import Columns, read_sales
    from omnichannel_assets.transactions.world import Plan, examples, opened

    with opened({"eligible_days": population, "repurchase_days": repurchase, "churn_days": churn}) as workspace:
        named = {part: options[part] for part in ("customer", "time", "amount", "price", "quantity", "order", "item") if options[part]}
        with workspace.lake.engine() as engine:
            sales = read_sales([Path(name) for name in files], Columns(named, time_format), engine)
        _tell(sales)
        found = examples(workspace, sales, Plan(first))
        judging = _judging(workspace, found, judged_from, options)
        judged = _judge(workspace, found, judging)
    saved, beside = results.save(Path(output), judged, sales.files)
    if options["picture"]:
        from omnichannel_assets.transactions.picture import draw

        draw(Path(options["picture"]), judged)
    _print(judged, form)
    if form == "table":
        click.echo(f"\nEvery figure: {saved}; these tables: {beside}.")


def _horizons(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[1-9]\d{0,3},[1-9]\d{0,3}", text.replace(" ", "")):
        raise InputError("--horizons", repr(text), expected="two numbers of days", fix="write 30,90, for example")
    repurchase, churn = text.replace(" ", "").split(",")
    return int(repurchase), int(churn)


def _tell(sales: Sales) -> None:
    from omnichannel_assets.transactions.results import read_lines

    click.echo("\n".join(read_lines(sales.files)), err=True)


def _judging(workspace: Workspace, found: pa.Table, first: date | None, options: Mapping[str, Any]) -> Judging:
    """Which months are judged, the last ones or those from a date on, and how models learn there: the settings of learning hold here too."""
    from dataclasses import replace
    from functools import partial

    from omnichannel_assets.assets.model_versions import terms_of
    from omnichannel_assets.propensity.origins import Judging
    from omnichannel_assets.propensity.training import train

    learn = partial(train, terms=replace(terms_of(workspace), trials=options["trials"]))
    judging = Judging(options["origins"], eligible_days=workspace.settings.eligible_days, learn=learn)
    if first is None:
        return judging
    days = sorted(day for day in set(found.column("cutoff").to_pylist()) if day >= first)
    if not days:
        raise InputError("--first-origin", first.isoformat(), expected="a date before the last month whose horizon is closed", fix="name an earlier one")
    return replace(judging, origins=tuple(days[: options["origins"]]))


def _judge(workspace: Workspace, found: pa.Table, judging: Judging) -> list[Result]:
    from omnichannel_assets.assets.model_versions import MODEL_FEATURES, log
    from omnichannel_assets.assets.models import questions
    from omnichannel_assets.propensity.evaluation import evaluate as judged
    from omnichannel_assets.transactions.results import Result

    results = []
    for task in questions(workspace).values():
        if task.population == "eligible":  # a file of sales tells of no subscriptions
            log.info("judging: %s", task.title)
            results.append(Result(task, judged(task, found, MODEL_FEATURES, judging)))
    return results


def _print(judged: list[Result], form: str) -> None:
    from omnichannel_assets.transactions.results import FIELDS, rows

    if form != "table":
        print_rows(list(FIELDS), [tuple(row[name] for name in FIELDS) for row in rows(judged)], form)
        return
    for result in judged:
        click.echo(f"\n{result.task.title}: {result.task.happened}")
        if result.table():
            print_rows(list(result.columns), list(result.table()), form)
        click.echo(f"{result.population}.")
