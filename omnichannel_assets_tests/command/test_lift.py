"""Saying what a trial was worth by the command: a made-up trial always, the public one where it lies beside the checkout."""

import csv
import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnichannel_assets.trials.files import Chosen, read_trial
from omnichannel_assets_tests.command.conftest import omnichannel
from omnichannel_assets_tests.project.sources import ROOT

HILLSTROM = ROOT.parent / "shared" / "data" / "hillstrom.csv"
FIGURES = {
    ("Mens E-Mail", "visit"): "+0.07659 (+0.06995 to +0.08323)",
    ("Mens E-Mail", "conversion"): "+0.00681 (+0.00500 to +0.00861)",
    ("Mens E-Mail", "spend"): "+0.76983 (+0.48514 to +1.05451)",
    ("Womens E-Mail", "visit"): "+0.04523 (+0.03889 to +0.05157)",
    ("Womens E-Mail", "conversion"): "+0.00311 (+0.00150 to +0.00472)",
    ("Womens E-Mail", "spend"): "+0.42441 (+0.16896 to +0.67986)",
}


def written(folder: Path, people: int = 1200) -> Path:
    """A trial with history, a share that is lifted by 15 points, and a spend."""
    rng = np.random.default_rng(2)
    lines = ["customer_id,arm,prior_spend,region,converted,spend"]
    for number in range(people):
        arm, prior = ("treatment", "control")[number % 2], rng.gamma(2, 20)
        converted = int(rng.random() < 0.2 + 0.15 * (arm == "treatment"))
        lines.append(f"c{number},{arm},{prior:.2f},{'north' if rng.random() < 0.5 else 'south'},{converted},{prior + rng.normal(50, 5):.2f}")
    (folder / "trial.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "trial.csv"


def test_a_trial_is_judged_without_saying_which_columns_it_has(tmp_path):
    written(tmp_path)
    said = omnichannel("lift", "--trial", "trial.csv", "--by", "region", "--output", "out/lift.parquet", "--picture", "out/lift.png", folder=tmp_path)
    assert said.code == 0, said
    assert "arm = arm, control = control, outcomes = converted, spend, history = prior_spend" in said.err
    assert "converted, treatment: more: +1" in said.out and "spend, treatment: cannot tell: between -" in said.out
    assert "as by chance under equal shares (SRM p = 1.00)" in said.out
    assert "spend, treatment: history takes the variance from" in said.out and "CUPED used" in said.out
    assert "4 comparisons of parts" in said.out
    rows = pq.read_table(tmp_path / "out" / "lift.parquet").to_pylist()
    assert [(row["part"], row["label"], row["outcome"]) for row in rows[:3]] == [("all", "all", "converted"), ("all", "all", "spend"), ("region", "north", "converted")]
    assert struct.unpack(">II", (tmp_path / "out" / "lift.png").read_bytes()[16:24])[0] > 600


def test_an_uplift_list_stands_beside_the_propensity_list(tmp_path):
    written(tmp_path)
    said = omnichannel("lift", "--trial", "trial.csv", "--uplift", "--format", "json", "--output", "u.csv", "--picture", "u.svg", folder=tmp_path)
    (row,) = json.loads(said.out)
    assert {"random", "response", "two-model", "gain", "low", "high", "on both lists"} < set(row)
    assert float(next(csv.DictReader((tmp_path / "u.csv").open()))["two-model"]) == row["two-model"]
    assert "<svg" in (tmp_path / "u.svg").read_text(encoding="utf-8")


def test_outcomes_of_a_campaign_of_the_lake_are_such_a_file_too(tmp_path):
    columns = ("audience", "customer_id", "arm", "purchased", "spend", "orders_before", "spend_before", "delivered", "opened")
    rows = [("win_back", f"c{n}", ("treatment", "control")[n % 2], n % 3 == 0, 5.0 * (n % 3 == 0), n % 4, 10.0 * n, n % 2 == 0, n % 4 == 0) for n in range(120)]
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]), tmp_path / "t.parquet")
    read = read_trial(tmp_path / "t.parquet", Chosen())
    assert (list(read.trial.outcomes), list(read.trial.history)) == (["purchased", "spend"], ["orders_before", "spend_before"])
    assert set(read.inputs) == {"audience=win_back", "orders_before", "spend_before"}


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        ("a,b\n1,2\n", [], "error: --arm: expected a column that tells each person's arm, got t.csv with columns a, b. Fix: name it with --arm."),
        ("arm,spend\nx,1\ny,2\n", [], "error: --control: expected to know which arm is control, got arms x, y. Fix: name it with --control."),
        ("arm,spend\nx,1\ncontrol,2\n", ["--control", "z"], "error: --control: expected an arm z, got arms control, x. Fix: name one of the arms."),
        ("arm,spend\nx,1\n,2\n", [], "error: --arm: expected an arm in every line of arm, got 1 lines without one. Fix: complete the file."),
        ("arm,spend\nx,\ncontrol,2\n", [], "error: --outcomes: expected a number in every line of spend, got 1 lines without one. Fix: write 0 for whoever did nothing."),
        ("arm,spend\nx,lots\ncontrol,2\n", [], "error: --outcomes: expected a column of numbers, got spend, which holds texts. Fix: name another column, or write 0 and 1."),
        ("arm,thing\nx,1\ncontrol,2\n", [], "error: --outcomes: expected columns that tell what each person did, got t.csv with columns arm, thing. Fix: name them with --outcomes A,B."),
        ("id,arm,spend\n1,x,1\n1,control,2\n", [], "error: --customer: expected one line a person by id, got 1 lines of somebody told before. Fix: add up each person's outcomes."),
        ("arm,spend\nx,1\ncontrol,2\n", ["--shares", "x=9"], "error: --shares: expected a share for each of control, x, got x. Fix: write NAME=SHARE for every arm, with commas between."),
        ("arm,spend\nx,1\ncontrol,2\n", ["--shares", "x"], "error: --shares: expected ARM=SHARE for every arm, shares above 0, got 'x'. Fix: write treatment=0.9,control=0.1, for example."),
        ("arm,spend\nx,1\ncontrol,2\n", ["--by", "town"], "error: --by: expected a column town, got columns arm, spend. Fix: name one of the file's columns."),
        ("arm,spend\nx,1\ncontrol,2\n", ["--output", "x.txt"], "error: --output: expected a file ending in .parquet or .csv, got .txt. Fix: rename it."),
        ("arm,spend\n", [], "error: --trial: expected people in arms, got t.csv without a line. Fix: check the file."),
        ("arm,spend\nx,1,3\n", [], "error: --trial: expected a readable file, got t.csv, which cannot be read (ArrowInvalid). Fix: check the file."),
    ],
)
def test_a_wrong_file_or_option_is_told_in_one_line_with_its_fix(tmp_path, monkeypatch, capsys, text, arguments, line):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["omnichannel", "lift", "--trial", "t.csv", *arguments])
    from omnichannel_assets import cli

    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr()) == (1, ("", f"{line}\n"))


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the public e-mail trial is not beside the checkout")
def test_the_public_e_mail_trial_gives_its_figures_to_five_decimals(tmp_path):
    said = omnichannel("lift", "--trial", str(HILLSTROM), "--format", "json", folder=tmp_path)
    rows = {(row["arm"], row["outcome"]): row for row in json.loads(said.out)}
    assert {key: f"{row['difference']:+.5f} ({row['low']:+.5f} to {row['high']:+.5f})" for key, row in rows.items()} == FIGURES


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the public e-mail trial is not beside the checkout")
def test_uplift_finds_whom_the_womens_mail_moves_and_says_that_it_adds_nothing_to_the_mens(tmp_path):
    said = omnichannel("lift", "--trial", str(HILLSTROM), "--uplift", folder=tmp_path)
    assert said.code == 0, said
    mens, womens = (line.split() for line in said.out.splitlines() if line.startswith(("Mens E-Mail  ", "Womens E-Mail  ")))
    assert float(womens[5]) >= 0.064 > float(womens[4])
    assert float(mens[4]) > 0.078
    verdicts = said.out.splitlines()[-2:]
    assert "adds nothing" in verdicts[0] and "beats the propensity list" in verdicts[1]
