"""Sales of a file as the inputs of the features SQL: the features of the graph, as of each month, and what happened afterwards."""

from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.transactions.files import Columns, read_sales
from omnichannel_assets.transactions.world import Plan, cutoffs, examples, opened

SALES = """customer,date,order,item,quantity,amount
ann,2020-01-01,1,cup,2,4.00
ann,2020-01-01,1,lamp,1,10.00
ann,2020-03-15,2,cup,1,2.00
ann,2020-03-20,2b,cup,-1,-2.00
ann,2020-04-10,3,cup,1,2.00
bob,2020-03-31,4,lamp,1,10.00
bob,2020-08-01,5,lamp,1,10.00
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[date, str], dict]:
    path = tmp_path_factory.mktemp("sales") / "sales.csv"
    path.write_text(SALES, encoding="utf-8")
    with opened({"eligible_days": 0}) as workspace:
        with workspace.lake.engine() as engine:
            sales = read_sales([path], Columns(), engine)
        assert cutoffs(sales, Plan(), 30)[0] == [date(2020, 4, 1), date(2020, 5, 1), date(2020, 6, 1), date(2020, 7, 1)]
        rows = examples(workspace, sales, Plan()).to_pylist()
    return {(row["cutoff"], row["customer_id"]): row for row in rows}


def test_a_customer_is_known_from_the_first_sale(found):
    assert [(day, who) for day, who in sorted(found)] == [(date(2020, month, 1), who) for month in (4, 5, 6, 7) for who in ("ann", "bob")]


def test_features_tell_of_what_was_sold_before_the_month(found):
    ann = found[date(2020, 4, 1), "ann"]
    assert (ann["recency_days"], ann["first_order_days"], ann["order_days_365_days"]) == (17, 91, 2)
    assert (float(ann["spend_365_days"]), float(ann["spend_30_days"])) == (16.0, 2.0)
    assert (ann["lines_365_days"], ann["distinct_items_365_days"], ann["returned_items_90_days"]) == (3, 2, 1)
    assert ann["views_30_days"] is None and ann["has_active_subscription"] is False


def test_labels_tell_of_what_was_sold_afterwards_where_the_horizon_has_passed(found):
    assert [found[date(2020, 4, 1), who]["repurchase"] for who in ("ann", "bob")] == [True, False]
    assert [found[date(2020, 4, 1), who]["inactivity"] for who in ("ann", "bob")] == [False, True]
    assert found[date(2020, 7, 1), "bob"]["repurchase"] is False
    assert found[date(2020, 7, 1), "bob"]["inactivity"] is None


def test_months_start_after_ninety_days_of_sales_or_where_asked(tmp_path: Path):
    path = tmp_path / "sales.csv"
    path.write_text(SALES, encoding="utf-8")
    with opened({}) as workspace, workspace.lake.engine() as engine:
        sales = read_sales([path], Columns(), engine)
    assert cutoffs(sales, Plan(date(2020, 6, 15)), 30)[0] == [date(2020, 7, 1)]
    assert cutoffs(sales, Plan(), 120)[0] == [date(2020, 4, 1)]
