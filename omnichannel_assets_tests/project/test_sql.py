"""How the models are written: told grain, told inputs, no clock, one meaning on every engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from omnichannel_assets.lake.tables import STATIC_TABLES
from omnichannel_assets_tests.project.sources import PACKAGE

LINES = 130
LONGER = {"customer_features": "one line a feature, which is its only declaration"}
NAMED_STEPS = {
    "segment_calls": "typing of raw lines, shared by segment_events and segment_quarantine",
    "mostly_bad_files": "which objects are damaged as a whole, an input of stopped_calls",
    "stopped_calls": "segment_calls without the calls of such objects, shared by the same two",
    "replaced_files": "which vanished objects a newer one tells again, an input of segment_calls",
    "fact_owners": "whose each fact of Segment is, shared by every model that follows facts to people",
    "told_fields": "what every source tells of a customer, shared by customer_fields and its law",
    "customer_spending": "what each customer bought so far, an input of customers",
    "refund_fates": "what becomes of each refund Segment told, shared by returns and its conservation law",
    "erased_customers": "whom the shop database deleted, asked by every delivery",
    "shared_addresses": "addresses of several customers, an input of contactable_customers",
    "campaign_heirs": "who people in campaigns are today, shared by campaign_outcomes and its law",
    "held_out_customers": "controls under today's ids, shared by campaign_members and barred_ids",
    "ended_customers": "sent customer ids that nobody has any more, asked by every delivery keyed by them",
    "barred_ids": "whom an empty or unapproved audience still loses at Segment",
    "contactable_customers": "who may be sent a campaign, shared by audiences, their law and the deliveries",
    "campaign_people": "what campaign rules may ask of a customer, an input of audiences",
    "campaign_history": "earlier members and entries under today's ids, an input of campaign_choices",
    "campaign_choices": "what becomes of everybody a rule chooses, shared by audiences, their sizes and their law",
    "segment_keys": "the id Segment knows a customer by, shared by its streams",
    "score_traits": "rows of Segment's scores stream",
    "campaign_members": "rows of every campaign stream",
    "personalize_interactions": "rows of a Personalize data set",
    "personalize_items": "rows of a Personalize data set",
    "personalize_users": "rows of a Personalize data set",
    "message_identifiers": "identifiers of each message, shared by event_facts and order_facts",
    "identifier_sets": "identifiers seen together, an input of identity_health",
    "customers_apart": "customers that limits keep apart, an input of identity_health",
    "raw_links": "Segment's links before normalising, an input of identifiers",
    "composite_links": "the same for identifiers made of several traits, where the rules name any",
}
"""Files that are no table but a step several tables share."""
TRUSTED = {"event_facts", "order_facts", "identifiers", "customers", "consents", "customer_attributes", "products", "orders", "order_lines", "returns", "interactions", "audiences"}
UNIQUE_IN_A_GROUP = {
    "line": "line of a file",
    "message_id": "Segment's key of a call",
    "line_no": "line of an order",
    "version": "version of a key in a DMS history",
    "identifier_value": "last part of the key of identifiers, inside one link and type",
    "name_source": "names one record",
    "told_by": "names one record or message",
    "order_day": "one row a customer and day",
    "category": "one row a customer and category",
    "place_name": "one row a customer and channel or store",
    "part": "one value of a record",
    "position": "place in the list of one message",
    "customer_id": "one row a customer and audience",
    "heir_id": "one row a customer at a cut-off and heir",
    "choice_source": "names one record; its copies are alike",
    "audience": "one row a customer and audience",
    "item_id": "item; one row each of a customer, a list, or a shop",
    "similar_item_id": "item; one row each beside another item",
}
"""Columns that may end a window's order, because they tell any two rows of the window apart."""


@dataclass(frozen=True)
class Model:
    """One SQL file: its name, header and syntax tree."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def shown(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def header(self) -> str:
        lines = self.text.splitlines()
        return "\n".join(lines[: next(n for n, line in enumerate(lines) if not line.startswith("--"))])

    @cached_property
    def tree(self) -> exp.Expression:
        return sqlglot.parse_one(self.text, dialect="duckdb")

    def said(self, word: str) -> list[str]:
        """The names after ``Grain:`` or ``Reads:`` in the header."""
        found = re.search(rf"\b{word}: (?P<names>[a-z_0-9, ]+)\.", self.header)
        return [name.strip() for name in found["names"].split(",")] if found else []

    def reads(self) -> set[str]:
        """The tables it reads, its own steps left out."""
        steps = {step.alias for step in self.tree.find_all(exp.CTE)}
        return {table.name for table in self.tree.find_all(exp.Table)} - steps


MODELS = [Model(path) for path in sorted((PACKAGE / "sql").glob("*.sql")) if path.stem != "macros"]
LAWS = [Model(path) for path in sorted((PACKAGE / "sql" / "conservation").glob("*.sql"))]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
every_file = pytest.mark.parametrize("model", MODELS + LAWS, ids=lambda model: model.shown.removeprefix("sql/").removesuffix(".sql"))


@every_model
def test_a_model_opens_with_its_name_what_a_row_is_and_what_it_reads(model: Model) -> None:
    assert model.header.startswith(f"-- {model.name}: "), model.header
    assert model.said("Grain"), model.header
    assert model.said("Reads"), model.header


@every_file
def test_a_model_reads_what_its_header_says(model: Model) -> None:
    """The header decides which tables a run prepares and what Dagster shows as upstream, so it must not drift."""
    assert set(model.said("Reads")) == model.reads()


@every_model
def test_a_file_is_named_after_its_table_or_is_a_listed_step(model: Model) -> None:
    assert model.name in {table.name for table in STATIC_TABLES} | set(NAMED_STEPS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_belongs_to_a_table_and_begins_with_rows_in(law: Model) -> None:
    table = next(table for table in STATIC_TABLES if table.name == law.name)
    columns = [column for column in law.tree.named_selects if column != table.partition]
    assert columns[0] == "rows_in"
    assert len(columns) > 1


@every_model
def test_the_grain_in_the_header_is_the_grain_that_is_declared(model: Model) -> None:
    table = next((table for table in STATIC_TABLES if table.name == model.name), None)
    if table is None:
        assert model.name in NAMED_STEPS
        return
    declared = {*table.key, table.partition} - {None}
    said = set(model.said("Grain"))
    # `received_day` may be left out of a grain that is unique without it
    assert said | {table.partition} == declared | {table.partition}


@every_file
def test_a_file_fits_on_a_page_or_two(model: Model) -> None:
    assert len([line for line in model.text.splitlines() if model.name not in LONGER or " -- " not in line]) <= LINES


@every_file
def test_a_model_is_one_select_that_reads_no_clock(model: Model) -> None:
    assert isinstance(model.tree, exp.Query)
    clocks = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime)
    calls = [node.name.lower() for node in model.tree.find_all(exp.Anonymous)]
    found = [type(node).__name__ for node in model.tree.find_all(*clocks)] + [name for name in calls if name in ("now", "today", "get_current_timestamp", "random", "uuid")]
    assert found == []


@every_file
def test_no_natural_join_and_no_join_without_a_condition(model: Model) -> None:
    """A natural join drops rows that hold a NULL in any shared column, in silence."""
    wrong = [join.sql("duckdb") for join in model.tree.find_all(exp.Join) if join.method.upper() == "NATURAL" or not (join.args.get("on") or join.args.get("using"))]
    assert wrong == []


@every_file
def test_ids_are_never_an_engines_own_hash(model: Model) -> None:
    called = [node.name.lower() for node in model.tree.find_all(exp.Anonymous)] + [node.key for node in model.tree.find_all(exp.Func)]
    assert not {"hash", "murmurhash", "xxhash", "xxhash64", "farmfingerprint"} & set(called)


@pytest.mark.parametrize("model", [model for model in MODELS if model.name in TRUSTED], ids=lambda model: model.name)
def test_a_trusted_model_lists_its_columns_as_declared(model: Model) -> None:
    table = next(table for table in STATIC_TABLES if table.name == model.name)
    selects = [model.tree] if isinstance(model.tree, exp.Select) else [model.tree.left, model.tree.right]
    assert not any(column.is_star for select in selects for column in select.selects)
    assert set(model.tree.named_selects) == set(table.names)


@every_file
def test_every_windows_order_ends_in_a_unique_column(model: Model) -> None:
    wrong = []
    for window in model.tree.find_all(exp.Window):
        order = window.args.get("order")
        last = order.expressions[-1].this if order else None
        if not isinstance(last, exp.Column) or last.name not in UNIQUE_IN_A_GROUP:
            wrong.append(window.sql("duckdb"))
    assert wrong == []


def _is_integer_cast(node: exp.Expression) -> bool:
    """Casts that round on one engine and cut on the other. Sums and columns of whole numbers only change their width."""
    if not isinstance(node, exp.Cast) or node.to.this not in exp.DataType.INTEGER_TYPES:
        return False
    columns = {column.name for column in node.find_all(exp.Column)}
    return not (columns and columns <= {"quantity", "orders", "stock", "line_no"})


DIFFERS: dict[str, Callable[[exp.Expression], bool]] = {
    "cast to an integer type: rounds or cuts": _is_integer_cast,
    "day difference: counts midnights or full days": lambda n: isinstance(n, exp.DateDiff | exp.TimestampDiff | exp.DatetimeDiff),
    "day of week: from 0 or from 1": lambda n: isinstance(n, exp.DayOfWeek) or (isinstance(n, exp.Extract) and n.name.lower() in ("dow", "dayofweek", "isodow")),
    "concat(): skips NULL or becomes NULL; write ||": lambda n: isinstance(n, exp.Concat | exp.ConcatWs),
    "regexp_replace: first or all; belongs in a macro": lambda n: isinstance(n, exp.RegexpReplace),
    "division: by zero gives infinity or an error": lambda n: isinstance(n, exp.Div) and not isinstance(n.expression, exp.Nullif),
    "substring from 0": lambda n: isinstance(n, exp.Substring) and str(n.args.get("start")) == "0",
    "array_agg: keeps or drops NULLs": lambda n: isinstance(n, exp.ArrayAgg),
    "list[n]: counts from 1 or from 0; belongs in a macro": lambda n: isinstance(n, exp.Bracket),
}
"""Constructs that the engines of this project read differently, most of them without an error."""


def differences(tree: exp.Expression) -> list[str]:
    """What in a query would not mean the same everywhere."""
    return [f"{reason}: {node.sql('duckdb')}" for node in tree.walk() for reason, differs in DIFFERS.items() if differs(node)]


@pytest.mark.parametrize(
    "expression",
    [
        "cast(total as int)",
        "total::bigint",
        "date_diff('day', a, b)",
        "datediff('day', a, b)",
        "dayofweek(a)",
        "extract(dow from a)",
        "concat(a, b)",
        "regexp_replace(a, 'x', 'y')",
        "a / b",
        "substring(a, 0, 3)",
        "array_agg(a)",
        "a[1]",
    ],
)
def test_the_lint_sees_what_engines_read_differently(expression: str) -> None:
    assert differences(sqlglot.parse_one(f"select {expression} from t", dialect="duckdb"))


@every_file
def test_a_model_means_the_same_on_every_engine_unless_it_says_otherwise(model: Model) -> None:
    if "Engine: DuckDB" in model.header:
        return
    assert differences(model.tree) == [], "write it portably, name it in sql/macros.sql, or say `Engine: DuckDB` in the header"


@every_file
def test_time_windows_are_half_open(model: Model) -> None:
    """At T counts what lies before T: ``< $as_of``, and a version ends at or after it."""
    compared = re.findall(r"(\w+) (<=|>|between) \$as_of", model.text)
    assert compared == []


def test_no_model_pastes_a_value_in() -> None:
    """Values are bound as $name; a brace would mean string formatting."""
    assert [m.name for m in MODELS if re.search(r"\{[a-z_]+\}", m.text)] == []


def test_every_macro_is_used() -> None:
    macros = (PACKAGE / "sql" / "macros.sql").read_text(encoding="utf-8")
    names = re.findall(r"create or replace macro (\w+)\(", macros)
    texts = macros + "".join(model.text for model in MODELS + LAWS)
    assert [name for name in names if texts.count(f"{name}(") < 2] == []
