"""Reading plain files of sales: which columns are meant, what becomes of each line, how several files are joined."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import Engine, EngineLimits, open_engine
from omnichannel_assets.transactions.files import Columns, Sales, read_sales


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_engine(EngineLimits()) as opened:
        opened.run_script("create macro unused(value) as value")
        yield opened


def read(engine: Engine, *paths: Path, **columns: str) -> Sales:
    return read_sales(list(paths), Columns({key: value for key, value in columns.items() if key != "time_format"}, columns.get("time_format", "")), engine)


def told(sales: Sales) -> list[tuple]:
    rows = sales.lines.sort_by([("sold_at", "ascending"), ("item", "ascending")]).to_pylist()
    return [(row["customer"], f"{row['sold_at']:%m-%d %H:%M}", row["item"], float(row["units"]), float(row["amount"])) for row in rows]


def written(folder: Path, text: str, name: str = "sales.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_online_retail_lines_are_priced_by_the_unit_and_cancelled_ones_are_returns(tmp_path, engine):
    sales = read(
        engine,
        written(
            tmp_path,
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
            "1,85048,LIGHTS,12,2009-12-01 07:45:00,6.95,13085.0,UK\n"
            "1,85048,LIGHTS,12,2009-12-01 07:45:00,6.95,13085.0,UK\n"
            "C2,85048,LIGHTS,-2,2009-12-02 08:00:00,6.95,13085.0,UK\n"
            "3,85048,LIGHTS,1,2009-12-03 08:00:00,6.95,,UK\n",
        ),
    )
    assert told(sales) == [("13085", "12-01 07:45", "LIGHTS", 12, 83.4)] * 2 + [("13085", "12-02 08:00", "LIGHTS", -2, -13.9)]
    (counts,) = sales.files
    assert (counts.lines, counts.sales, counts.returns, counts.without_customer, counts.unreadable) == (4, 2, 1, 1, 0)
    assert counts.columns["customer"] == "Customer ID" and counts.columns["order"] == "Invoice"


def test_a_parquet_file_keeps_its_types(tmp_path, engine):
    table = pa.table({"CustomerID": [17850.0, None], "InvoiceDate": pa.array([datetime(2010, 12, 1, 8, 26)] * 2, pa.timestamp("ns")), "Quantity": [6, 1], "UnitPrice": [2.55, 1.0]})
    pq.write_table(table, tmp_path / "sales.parquet")
    sales = read(engine, tmp_path / "sales.parquet")
    assert told(sales) == [("17850", "12-01 08:26", None, 6, 15.3)]
    assert sales.lines.column("sold_at")[0].as_py() == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


@pytest.mark.parametrize("header", ["", "customer_id  date number_of_cds  dollar_value\n"])
def test_cdnow_lines_are_read_with_and_without_names(tmp_path, engine, header):
    sales = read(engine, written(tmp_path, f"{header} 00001 19970101  1   11.77\n 00001 19970112  5   77.00\n broken line\n", "CDNOW_master.txt"))
    assert told(sales) == [("00001", "01-01 00:00", None, 1, 11.77), ("00001", "01-12 00:00", None, 5, 77.0)]
    assert (sales.files[0].lines, sales.files[0].unreadable) == (3, 1)


def test_the_cdnow_sample_has_a_number_of_its_own_between(tmp_path, engine):
    sales = read(engine, written(tmp_path, " 00004 0001 19970101  2   29.33\n", "CDNOW_sample.txt"))
    assert told(sales) == [("00004", "01-01 00:00", None, 2, 29.33)]


def test_columns_may_be_named_and_times_written_as_people_do(tmp_path, engine):
    path = written(tmp_path, "wer;wann;wieviel\nann;12/1/2010 8:26;3.50\n")
    sales = read(engine, path, customer="wer", time="wann", amount="wieviel", time_format="%m/%d/%Y %H:%M")
    assert told(sales) == [("ann", "12-01 08:26", None, 1, 3.5)]


def test_without_a_quantity_an_amount_below_zero_is_given_back(tmp_path, engine):
    sales = read(engine, written(tmp_path, "customer,date,amount\nann,2020-01-01,10\nann,2020-01-05,-4\n"))
    assert told(sales) == [("ann", "01-01 00:00", None, 1, 10.0), ("ann", "01-05 00:00", None, -1, -4.0)]


def test_overlapping_files_are_joined_by_time_and_items_by_a_column_all_of_them_have(tmp_path, engine):
    second = written(tmp_path, "Description,Quantity,InvoiceDate,UnitPrice,CustomerID\nLAMP,1,2010-12-01 08:00,2,7\nLAMP,1,2010-12-05 08:00,2,7\n", "second.csv")
    first = written(
        tmp_path, "StockCode,Description,Quantity,InvoiceDate,Price,Customer ID\n5,CUP,1,2010-11-30 09:00,1,7\n5,CUP,1,2010-12-01 08:00,1,7\n", "first.csv"
    )
    for order in ((first, second), (second, first)):
        sales = read(engine, *order)
        assert [(row[1], row[2]) for row in told(sales)] == [("11-30 09:00", "CUP"), ("12-01 08:00", "LAMP"), ("12-05 08:00", "LAMP")]
        assert {one.name: one.in_a_later_file for one in sales.files} == {"first.csv": 1, "second.csv": 0}


def test_lines_that_cannot_be_read_are_counted(tmp_path, engine):
    sales = read(
        engine,
        written(tmp_path, "customer,date,quantity,amount\n" + "ann,2020-01-01,1,10\n" * 5 + "ann,yesterday,1,10\nann,2020-01-01,many,10\nann,2020-01-01,0,10\nann,2020-01-01\n"),
    )
    assert (sales.files[0].lines, sales.files[0].sales, sales.files[0].unreadable) == (9, 5, 4)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", "customer,amount\nann,1\n", "--transactions: expected a column that tells a time, got a.csv with columns amount, customer. Fix: name it with --time."),
        (
            "a.csv",
            "customer,date,price\nann,2020-01-01,1\n",
            "--transactions: expected a column that tells an amount, or a price and a quantity, got a.csv with columns price, date, customer. Fix: name it with --amount.",
        ),
        (
            "a.csv",
            "customer,date,amount\nann,1.2.2020,1\n",
            "--transactions: expected times written as 2011-03-01, 2011-03-01 08:26 or 20110301, got a.csv, where 1 of 1 lines have no readable time. Fix: say how they are written with --time-format, such as %m/%d/%Y %H:%M.",
        ),
        (
            "a.csv",
            "customer,date,amount\nann,2020-01-01,1 EUR\n",
            "--transactions: expected numbers with a decimal point, got a.csv, where 1 of 1 lines have no readable quantity or amount. Fix: name the columns with --quantity, --amount or --price.",
        ),
        ("a.csv", "customer,date,amount\n", "--transactions: expected sales, got a.csv without a line. Fix: check the file."),
        ("a.xlsx", "?", "--transactions: expected a .csv, .tsv, .txt or .parquet file, got a.xlsx. Fix: convert or rename it."),
        ("a.parquet", "no parquet", "--transactions: expected a readable .parquet file, got a.parquet, which cannot be read (ArrowInvalid). Fix: check the file."),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_told_in_one_line(tmp_path, engine, name, text, line):
    with pytest.raises(InputError) as raised:
        read(engine, written(tmp_path, text, name))
    assert str(raised.value) == line


def test_a_column_that_is_named_must_be_there(tmp_path, engine):
    with pytest.raises(InputError, match=r"--time: expected a column when, got a.csv with columns amount, date, customer"):
        read(engine, written(tmp_path, "customer,date,amount\nann,2020-01-01,1\n", "a.csv"), time="when")
