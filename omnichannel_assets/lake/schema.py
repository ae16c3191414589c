"""What a table is: its columns with meaning, its grain and its sort key. The tables themselves are declared in ``lake/tables_*.py``.

Light to import: Arrow types are made on demand, so Dagster can show schemas without loading an engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["text", "integer", "decimal", "number", "boolean", "date", "timestamp", "products", "identifiers"]

SQL_TYPES: dict[str, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "products": "STRUCT(item_id VARCHAR, product_id VARCHAR, sku VARCHAR, name VARCHAR, category VARCHAR, price DECIMAL(18,2), quantity BIGINT)[]",
    "identifiers": 'STRUCT(identifier_type VARCHAR, "value" VARCHAR)[]',
}
"""Column kind -> SQL type. Money is DECIMAL(18,2) in the row's currency; a number is a score or a ratio, never summed; instants are UTC with microseconds."""


@dataclass(frozen=True)
class Column:
    """One column: name, kind, what it means to a reader, and whether it may be NULL."""

    name: str
    kind: Kind
    description: str
    required: bool = False


@dataclass(frozen=True)
class TableSchema:
    """A declared table.

    ``key`` is the grain: unique in the whole table, or in a partition for partitioned ones, and also the order rows are written in.
    ``partition`` names the date or text column that splits the table into files; None means one file.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None = None

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        return [column.name for column in self.columns if column.required]

    def arrow(self) -> pa.Schema:
        """The Arrow schema every file of the table has."""
        return _arrow_schema(self)

    def fingerprint(self) -> str:
        """Text that changes when stored bytes would: names, kinds, order and key."""
        return "|".join(f"{column.name}:{column.kind}" for column in self.columns) + f"#{','.join(self.key)}"


def required(name: str, kind: Kind, description: str) -> Column:
    """A column that is never NULL."""
    return Column(name, kind, description, required=True)


def _arrow_schema(schema: TableSchema) -> pa.Schema:
    import pyarrow as pa  # deferred: loading the definitions must not load an engine

    money = pa.decimal128(18, 2)
    text = pa.string()
    product = [
        ("item_id", text),
        ("product_id", text),
        ("sku", text),
        ("name", text),
        ("category", text),
        ("price", money),
        ("quantity", pa.int64()),
    ]
    types = {
        "text": text,
        "integer": pa.int64(),
        "decimal": money,
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "products": pa.list_(pa.struct(product)),
        "identifiers": pa.list_(pa.struct([("identifier_type", text), ("value", text)])),
    }
    return pa.schema([pa.field(column.name, types[column.kind]) for column in schema.columns])
