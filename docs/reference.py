"""The parts of the pages that are made from the code: the settings table of README.md and docs/tables.md.

``make docs`` (or ``python -m docs.reference``) writes them; a test fails when they are out of date.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr

from omnichannel_assets.dms.registry import load_registry
from omnichannel_assets.lake.public import HIDDEN
from omnichannel_assets.lake.schema import SQL_TYPES, Column, TableSchema
from omnichannel_assets.lake.tables import STATIC_TABLES
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README, TABLES = ROOT / "README.md", ROOT / "docs" / "tables.md"
BEGIN, END = "<!-- settings: made by `make docs` -->", "<!-- end of settings -->"
TYPE_NAMES = {str: "text", int: "whole number", float: "number", SecretStr: "secret", date: "date"}


def settings_table() -> str:
    """Every setting with its kind, default and meaning, as Markdown."""
    rows = [
        f"| `{name.upper()}` | {_kind(field.annotation)} | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| Setting | Kind | Default | Meaning |", "|---|---|---|---|", *rows])


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " / ".join(get_args(annotation))
    if get_origin(annotation) is dict:
        return "JSON"
    inner = [kind for kind in get_args(annotation) if kind not in (type(None), Ellipsis)]
    if getattr(annotation, "__origin__", None) is tuple:
        return "list"
    return TYPE_NAMES[inner[0] if inner else annotation]


def _default(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "a development key" if value.get_secret_value() else "(empty)"
    if isinstance(value, dict):
        return f"`{_escaped(json.dumps(value))}`"
    text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"`{_escaped(text)}`" if text else "(empty)"


def with_settings(readme: str) -> str:
    """README text with the settings table between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{settings_table()}\n{END}{after}"


INTRODUCTION = """# Tables

Made from the declarations in the code by `make docs`; edit those instead.

Query them by name: `omnichannel sql "select * from customers limit 5"`. Any other engine can open the files: `tables/<table>/**/data.parquet` below the lake.
Instants are UTC. Money is in the currency of its row, in major units. A column marked * is never NULL.

Three names are views: `segment_events` leaves out copies of a message that lose to another day (the files, and `segment_events_all`, hold them); `identities` shows
what holds today (`identities_history`: at every as-of date); `dms_<table>_latest` shows the rows the shop database holds now.
"""

SHOP = """## dms_*table*

One per table of the DMS registry (see [operate.md](operate.md#the-dms-registry)): the version history of a source table, keyed by its primary key and `version`.
Beside the columns below it has every column of the source table. `dms_<table>_log` holds the change log it was made from, as DMS wrote it.
"""


def tables_page() -> str:
    """docs/tables.md: every public table with its grain, columns and their meaning."""
    parts = [
        INTRODUCTION,
        *(_table(table, table.columns) for table in STATIC_TABLES if table.name not in HIDDEN),
        SHOP + _columns(_history_columns()),
    ]
    shops = [f"| `dms_{spec.name}` | {', '.join(spec.key)} | {', '.join(spec.columns)} |" for spec in load_registry(None).values()]
    parts.append("\n".join(["Of the default registry:", "", "| Table | Key | Columns of the source |", "|---|---|---|", *shops, ""]))
    return "\n".join(parts)


def _history_columns() -> list[Column]:
    spec = next(iter(load_registry(None).values()))
    return [column for column in dms_history_table(spec).columns if column.name not in spec.columns]


def _table(table: TableSchema, columns: tuple[Column, ...]) -> str:
    split = f" One file per `{table.partition}`." if table.partition else ""
    return f"## {table.name}\n\n{table.description}\n\nOne row per {', '.join(f'`{name}`' for name in table.key)}.{split}\n\n" + _columns(
        columns
    )


def _columns(columns: Any) -> str:
    rows = [f"| `{column.name}`{'*' if column.required else ''} | {_type(column)} | {_escaped(column.description)} |" for column in columns]
    return "\n".join(["| Column | Type | Meaning |", "|---|---|---|", *rows, ""])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _type(column: Column) -> str:
    return "list of structs" if SQL_TYPES[column.kind].endswith("[]") else column.kind


def main() -> None:
    """Write the generated parts."""
    README.write_text(with_settings(README.read_text(encoding="utf-8")), encoding="utf-8")
    TABLES.write_text(tables_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
