"""Judging features and models on a file of sales by the command: made-up sales always, the public ones where they lie beside the checkout."""

import csv
import json
import struct
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from omnichannel_assets_tests.command.conftest import Said, omnichannel
from omnichannel_assets_tests.project.sources import ROOT
from omnichannel_assets_tests.transactions.sales_files import made_up_lines, write_sales

DATA = ROOT.parent / "shared" / "data"
YEARS = (DATA / "online_retail_ii_2009_2010.parquet", DATA / "online_retail_2010_2011.parquet")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    folder = tmp_path_factory.mktemp("evaluate")
    write_sales(folder / "sales.csv", made_up_lines())
    return folder, omnichannel("evaluate", "--transactions", "sales.csv", "--population", "0", "--origins", "2", "--output", "out/figures.parquet", "--picture", "out/judges.png", folder=folder, LEAST_EXAMPLES="30")


def test_a_table_for_each_question_says_who_was_judged_and_by_whom(said):
    _, told = said
    assert told.code == 0, told
    assert "Repurchase: bought again within 30 days" in told.out and "Churn by inactivity: bought nothing for 90 days" in told.out
    heads = [line.split() for line in told.out.splitlines() if line.startswith("origin")]
    assert all(set(head) >= {"customers", "AUC", "recency", "frequency", "rfm", "bgnbd"} for head in heads[:2])
    assert "Expected spend: spent something within 90 days" in told.out and set(heads[2]) >= {"Gini", "rfm", "last_spend", "mean"}
    assert told.out.count("known customers with any purchase before 2") == 3
    assert "Every figure: out/figures.parquet; these tables: out/figures.md." in told.out
    lines = len(made_up_lines())
    assert f"sales.csv: {lines:,} lines = {lines:,} sales + 0 returns" in told.err


def test_every_figure_is_saved_and_the_tables_beside_them(said):
    folder, told = said
    rows = pq.read_table(folder / "out" / "figures.parquet").to_pylist()
    assert {row["judge"] for row in rows} == {"model", "recency", "frequency", "rfm", "bgnbd", "last_spend", "mean"}
    assert {row["horizon_days"] for row in rows} == {30, 90}
    assert len({row["origin"] for row in rows if row["horizon_days"] == 30}) == 3  # two months and the mean
    beside = (folder / "out" / "figures.md").read_text(encoding="utf-8")
    auc = next(row["value"] for row in rows if (row["model"], row["origin"], row["segment"], row["judge"], row["metric"]) == ("repurchase", "mean", "all", "model", "auc"))
    assert f"{auc:.3f}" in beside and f"{auc:.3f}" in told.out
    assert 0.6 < auc < 1


def test_the_judges_are_drawn_beside_each_other(said):
    folder, _ = said
    width, height = struct.unpack(">II", (folder / "out" / "judges.png").read_bytes()[16:24])
    assert (width, height) == (1380, 540)


def test_another_run_saves_the_same_bytes(said):
    folder, _ = said
    again = omnichannel("evaluate", "--transactions", "sales.csv", "--population", "0", "--origins", "2", "--output", "again.csv", "--format", "json", folder=folder, LEAST_EXAMPLES="30")
    saved = list(csv.DictReader((folder / "again.csv").open(encoding="utf-8")))
    before = pq.read_table(folder / "out" / "figures.parquet").to_pylist()
    assert [row["value"] for row in json.loads(again.out)] == [row["value"] for row in before]
    assert [float(row["value"]) if row["value"] else None for row in saved] == [row["value"] for row in before]
    assert (folder / "again.md").read_text() == (folder / "out" / "figures.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--output", "figures.txt"], "error: --output: expected a file ending in .parquet or .csv, got .txt. Fix: rename it."),
        (["--picture", "judges.pdf"], "error: --picture: expected a file ending in .png or .svg, got .pdf. Fix: rename it."),
        (["--horizons", "30"], "error: --horizons: expected two numbers of days, got '30'. Fix: write 30,90, for example."),
        (["--first-origin", "soon"], "error: DATE: expected a date written YYYY-MM-DD, got 'soon'. Fix: write 2026-01-31, for example."),
    ],
)
def test_a_wrong_use_is_told_in_one_line_with_its_fix(arguments, line, tmp_path):
    (tmp_path / "sales.csv").write_text("customer,date,amount\n", encoding="utf-8")
    assert omnichannel("evaluate", "--transactions", "sales.csv", "--quiet", *arguments, folder=tmp_path).line == line


def test_too_few_sales_to_judge_are_said_to_be_too_few(tmp_path):
    write_sales(tmp_path / "sales.csv", ["a,2020-01-01,5", "b,2020-05-01,5"], "customer,date,amount")
    said = omnichannel("evaluate", "--transactions", "sales.csv", folder=tmp_path)
    assert said.code == 0, said
    assert "Repurchase cannot be learned yet" in said.out or "Repurchase cannot be judged yet" in said.out
