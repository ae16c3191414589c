"""A feature is one line of customer_features.sql: its column, the models' input and its words all come from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets.sql.features import FEATURES, declared
from omnichannel_assets_tests.project.sources import PACKAGE, ROOT

BESIDE = "        coalesce(sum(total), 0) as spend_ever,"
NEW = "        count(*) filter (where age <= 60) as orders_60_days, -- frequency | integer | order/orders | stays | {} in two months | purchases in [T-60 d, T)"
USED = """
import sys
import numpy as np
from omnichannel_assets.assets.model_versions import MODEL_FEATURES
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.propensity.reasons import Scored, reasons
from omnichannel_assets_tests.models.test_customer_features import before, features, order
import omnichannel_assets

column = next(column for column in CUSTOMER_FEATURES.columns if column.name == "orders_60_days")
assert "orders_60_days" in TRAINING_EXAMPLES.names and "orders_60_days" in MODEL_FEATURES
(row,) = features(orders=[order("O-1", before(60)), order("O-2", before(61)), order("O-3", before(1))])
place = MODEL_FEATURES.index("orders_60_days")
values, moves = np.full((4, len(MODEL_FEATURES)), np.nan), np.zeros((4, len(MODEL_FEATURES)))
values[:, place], moves[0, place] = [row["orders_60_days"], 5, 5, 5], 1.0
told = reasons(Scored(MODEL_FEATURES, values, moves, np.arange(4), True))[0]
print(omnichannel_assets.__file__, column.kind, column.description, row["orders_60_days"], told, sep="|")
"""


def test_one_more_line_is_one_more_column_input_and_reason_and_nothing_else_is_edited(tmp_path: Path) -> None:
    for folder in (PACKAGE, ROOT / "omnichannel_assets_tests"):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    model = tmp_path / "omnichannel_assets" / "sql" / "customer_features.sql"
    text = model.read_text(encoding="utf-8")
    assert text.count(BESIDE) == 1
    model.write_text(text.replace(BESIDE, f"{NEW}\n{BESIDE}"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")} | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    loaded, *found = result.stdout.strip().split("|")
    assert loaded.startswith(str(tmp_path))
    assert found == ["integer", "purchases in [T-60 d, T) (orders)", "2", "2 orders in two months (usually 5)"]


def test_every_column_the_model_tells_is_declared_and_every_declared_one_is_told() -> None:
    """What stays inside the model has no line of its own, but must not be forgotten: a column without its comment is seen here."""
    tree = sqlglot.parse_one(model_text("customer_features"), dialect="duckdb")
    joined = {table.name for table in tree.args["joins"] + [tree.args["from_"]] for table in table.find_all(sqlglot.exp.Table)}
    told = [name for step in tree.find_all(sqlglot.exp.CTE) if step.alias in joined for name in step.this.named_selects]
    assert sorted(set(told) - {"customer_id", "collected_days"}) == sorted(feature.name for feature in FEATURES)


GOOD = "    count(*) as orders, -- frequency | integer | order/orders | stays | {} so far | purchases before T"


def test_a_line_is_read_part_by_part() -> None:
    (feature,) = declared(f"-- a comment of its own line\nselect\n{GOOD}\nfrom t", "f.sql")
    assert (feature.name, feature.family, feature.kind, feature.nouns, feature.stays) == ("orders", "frequency", "integer", ("order", "orders"), 1)
    assert (feature.words, feature.explained) == ("{} so far", "purchases before T (orders)")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (GOOD.replace(" | purchases before T", ""), "f.sql:2: expected `expression as name, -- family | kind | unit | direction | words | description`, got"),
        (GOOD.replace(" as orders", ""), "f.sql:2: expected `expression as name, -- family"),
        (GOOD.replace("integer", "whole"), "f.sql:2: expected as kind of orders integer, decimal, number, boolean or text, got 'whole'. Fix: correct the line."),
        (GOOD.replace("order/orders", "orders"), "f.sql:2: expected as unit of orders one/many such as day/days"),
        (GOOD.replace("integer", "boolean"), "f.sql:2: expected as unit of orders"),
        (GOOD.replace("stays", "up"), "f.sql:2: expected as direction of orders stays, leaves or either, got 'up'"),
        (GOOD.replace("{} so far", "so far"), "f.sql:2: expected as words of orders {} once"),
        (GOOD.replace("{} so far", "{} of {}"), "f.sql:2: expected as words of orders {} once"),
        (GOOD.replace("{} so far", "<days> ago (usually <gap>)"), "f.sql: orders: expected words that tell declared features, got <days>"),
        (f"{GOOD}\n{GOOD}", "f.sql:3: expected a new name, got orders again"),
    ],
)
def test_a_line_that_is_not_as_it_must_be_is_told_with_its_place(wrong: str, line: str) -> None:
    with pytest.raises(InputError) as told:
        declared(f"select\n{wrong}\nfrom t", "f.sql")
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
