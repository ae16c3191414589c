"""``omnichannel lift``: what a trial was worth, of any file of people, arms and outcomes. Here: options and printing, not the judging."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnichannel_assets.commands.printing import print_rows
from omnichannel_assets.commands.shared_options import format_option, lake_option, opened_workspace, require_lake
from omnichannel_assets.errors import InputError

if TYPE_CHECKING:
    from omnichannel_assets.trials.comparison import Comparison
    from omnichannel_assets.trials.files import TrialFile
    from omnichannel_assets.trials.uplift import Uplift

ENDINGS, PICTURES = (".parquet", ".csv"), (".png", ".svg")


@click.command()
@click.option("--trial", "file", metavar="FILE", help="CSV or Parquet, one line a person: arm, what they did, what was known before.")
@click.option("--campaign", metavar="NAME", help="Instead of a file: list whom the next flight of a campaign of the lake would move, beside who is likely to buy anyway.")
@lake_option
@click.option("--customer", metavar="COLUMN", help="Column that tells the person (default: guessed by its name, else the line).")
@click.option("--arm", metavar="COLUMN", help="Column that tells the arm (default: guessed by its name).")
@click.option("--control", metavar="VALUE", help="Which arm got nothing (default: guessed, such as control or No E-Mail).")
@click.option("--outcomes", metavar="A,B", help="Columns of what people did afterwards, 0 and 1 or amounts (default: guessed by their names).")
@click.option("--covariates", metavar="A,B", help="Columns of numbers known before the trial, for CUPED (default: named history, pre…, before…); '' for none.")
@click.option("--by", metavar="A,B", help="Also look at each value of these columns, or each tenth of numbers.")
@click.option("--shares", metavar="ARM=SHARE,…", help="Planned sizes of the arms (default: equal).")
@click.option("--splits", type=click.IntRange(0), default=0, show_default=True, help="Split control so many times in two: how often a difference is seen where there is none.")
@click.option("--uplift", is_flag=True, help="Judge an uplift list beside a propensity list instead, on the first outcome.")
@click.option("--output", metavar="FILE", help="Save every figure (.parquet or .csv).")
@click.option("--picture", metavar="FILE", help="Draw the intervals, or with --uplift the gain by share reached (.png or .svg).")
@format_option
def lift(file: str | None, campaign: str | None, lake_uri: str | None, uplift: bool, splits: int, output: str | None, picture: str | None, form: str, **options: str | None) -> None:
    """Say what a trial was worth: differences to control with intervals, in words, and whether its arms can be trusted."""
    if (file is None) == (campaign is None):
        raise InputError("lift", "neither or both", expected="--trial FILE or --campaign NAME", fix="name one of them")
    for option, name, endings in (("--output", output, ENDINGS), ("--picture", picture, PICTURES)):
        if name and Path(name).suffix not in endings:
            raise InputError(option, Path(name).suffix or "no ending", expected=f"a file ending in {' or '.join(endings)}", fix="rename it")
    if campaign:
        _lists(campaign, lake_uri, output, form)
        return
    read = _read(Path(file or ""), options)
    if uplift:
        _uplift(read, output, picture, form)
        return
    from omnichannel_assets.trials import results
    from omnichannel_assets.trials.comparison import compare

    rows = compare(read.trial)
    if output:
        results.save(Path(output), rows)
    if picture:
        from omnichannel_assets.trials.picture import intervals, save

        save(intervals(rows), Path(picture))
    if form != "table":
        print_rows(list(results.FIELDS), [tuple(row[name] for name in results.FIELDS) for row in results.plain(rows)], form)
        return
    _print(read, rows)
    _print_splits(read, splits)
    _print_saved(output, picture)


def _lists(campaign: str, lake_uri: str | None, output: str | None, form: str) -> None:
    """Both lists of the newest date: printed as rows, or what there is to know of them with the rows in a file."""
    from omnichannel_assets.assets.uplift_lists import uplift_lists

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    found = uplift_lists(workspace, campaign)
    columns = ["customer_id", "uplift", "uplift_place", "propensity", "propensity_place", "on_both"]
    rows = [(one.customer_id, one.uplift, one.uplift_place, one.propensity, one.propensity_place, one.is_on_both(found.size)) for one in found.customers]
    if output:
        _save_rows(Path(output), columns, rows)
    if form == "table":
        click.echo(found.words())
        _print_saved(output, None)
    else:
        print_rows(columns, list(rows), form)


def _read(path: Path, options: dict[str, Any]) -> TrialFile:
    from omnichannel_assets.trials.files import Chosen, read_trial

    covariates = options["covariates"]
    return read_trial(
        path,
        Chosen(
            options["customer"],
            options["arm"],
            options["control"],
            _names(options["outcomes"]),
            None if covariates is None else _names(covariates),
            _names(options["by"]),
            _shares(options["shares"]),
        ),
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _shares(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    parts = [part.rpartition("=") for part in _names(text)]
    try:
        shares = {name.strip(): float(number) for name, _, number in parts}
    except ValueError:
        shares = {}
    if not shares or any(not name or not 0 < share < float("inf") for name, share in shares.items()):
        raise InputError("--shares", repr(text), expected="ARM=SHARE for every arm, shares above 0", fix="write treatment=0.9,control=0.1, for example")
    return shares


def _print(read: TrialFile, rows: list[Comparison]) -> None:
    from omnichannel_assets.trials import results

    told = ", ".join(f"{part} = {name}" for part, name in read.columns.items())
    click.echo(f"{read.name}: {len(read.people):,} people ({', '.join(f'{number:,} {arm}' for arm, number in read.trial.people.items())}); {told}", err=True)
    print_rows(list(results.COLUMNS), list(results.table(rows)), "table")
    for part in read.trial.parts:
        click.echo("")
        print_rows([part, *results.COLUMNS], list(results.table(rows, part)), "table")
    click.echo("\n" + "\n".join(results.sentences(read.trial, rows)))


def _print_splits(read: TrialFile, splits: int) -> None:
    if not splits:
        return
    from omnichannel_assets.activation.arms import CONTROL, arm_of
    from omnichannel_assets.settings import load_settings
    from omnichannel_assets.trials.placebo import false_positives

    key = load_settings().identity_key.get_secret_value().encode()
    untreated = read.trial.arms == read.trial.control
    people = [person for person, kept in zip(read.people, untreated, strict=True) if kept]
    outcomes = {name: values[untreated] for name, values in read.trial.outcomes.items()}
    for found in false_positives(people, outcomes, lambda person, salt: arm_of(person, salt, key, 0.5) == CONTROL, splits):
        click.echo(found.words())


def _print_saved(output: str | None, picture: str | None) -> None:
    saved = [f"{what}: {name}" for what, name in (("Every figure", output), ("Picture", picture)) if name]
    if saved:
        click.echo(f"\n{'; '.join(saved)}.")


def _uplift(read: TrialFile, output: str | None, picture: str | None, form: str) -> None:
    from omnichannel_assets.trials.uplift import LISTS

    found = _judged(read)
    columns = ["arm", "outcome", *LISTS, "gain", "low", "high", "on both lists"]
    rows = [(one.arm, one.outcome, *(one.lifts[name] for name in LISTS), one.gain, one.low, one.high, one.overlap) for one in found]
    if output:
        _save_rows(Path(output), columns, rows)
    if picture:
        from omnichannel_assets.trials.picture import save, uplift_curves

        save(uplift_curves(found), Path(picture))
    if form != "table":
        print_rows(columns, list(rows), form)
        return
    click.echo(f"{read.name}: learned from {', '.join(read.inputs)}. All of it must have been known before the trial.", err=True)
    print_rows(columns, [tuple(f"{value:.5f}" if isinstance(value, float) else value for value in row) for row in rows], "table")
    click.echo("\n" + "\n".join(one.words() for one in found))
    _print_saved(output, picture)


def _judged(read: TrialFile) -> list[Uplift]:
    import numpy as np

    from omnichannel_assets.trials.uplift import LEAST, judge_lists

    trial, outcome = read.trial, next(iter(read.trial.outcomes))
    if not read.inputs:
        raise InputError("--uplift", f"{read.name}, which has none", expected="columns known before the trial, to learn from", fix="add some to the file")
    columns = np.stack(list(read.inputs.values()), axis=1)
    found = []
    for arm in trial.treatments:
        inside = np.isin(trial.arms, (arm, trial.control))
        judged = judge_lists(arm, outcome, columns[inside], trial.arms[inside] == arm, trial.outcomes[outcome][inside])
        if judged is None:
            raise InputError("--uplift", f"fewer in {arm} or {trial.control}, or an outcome that is the same for all", expected=f"{LEAST} people an arm", fix="take a larger trial")
        found.append(judged)
    return found


def _save_rows(path: Path, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows])
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
