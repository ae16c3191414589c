"""The example page about shuffled splits runs, on made-up sales and on a file, and shows what it promises."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from omnichannel_assets_tests.project.sources import ROOT


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shuffled_split", ROOT / "docs" / "examples" / "shuffled_split.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_recipe_reports_nearly_one_where_the_honest_figure_is_far_below(example, tmp_path, capsys):
    sales = example.made_up_sales(600, 700)
    halves = [sales[sales["at"] < "2024-01-01"], sales[sales["at"] >= "2023-12-25"]]
    for number, half in enumerate(halves):
        named = half.assign(Price=half["amount"] / half["quantity"]).rename(columns={"customer": "Customer ID", "at": "InvoiceDate", "quantity": "Quantity"})
        named.drop(columns="amount").to_csv(tmp_path / f"{number}.csv", index=False)
    found = list(example.main([str(tmp_path / "1.csv"), str(tmp_path / "0.csv"), "--picture", str(tmp_path / "picture.png")]).values())
    assert found[0] > 0.99
    assert 0.6 < found[2] < found[0] - 0.1
    told = capsys.readouterr().out
    assert f"{len(sales):,} lines of 600 customers" in told
    assert told.count("AUC") == 3
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_without_a_needed_column_is_one_clear_line(example, tmp_path):
    (tmp_path / "bad.csv").write_text("CustomerID,InvoiceDate,Quantity\n1,2024-01-01,2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"bad.csv: expected a column Price or UnitPrice or unit_price or price, got CustomerID, InvoiceDate, Quantity"):
        example.main([str(tmp_path / "bad.csv")])
