"""The Avro schemas of our Personalize datasets, of a custom group or of the ECOMMERCE domain, and the limits of their columns.

Belongs here: columns, types, limits. Not here: files (`personalize_files`), calls (`personalize_import`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

DatasetType = Literal["Interactions", "Items", "Users"]
Kind = Literal["string", "long", "float"]

ID_CHARACTERS, CATEGORY_CHARACTERS, TEXT_CHARACTERS = 256, 1_000, 20_000


@dataclass(frozen=True)
class Column:
    """One column. ``categorical`` values may hold several categories, joined by a vertical bar. ``default`` is written where there is none."""

    name: str
    kind: Kind = "string"
    nullable: bool = False
    categorical: bool = False
    is_id: bool = False
    default: str = ""

    @property
    def longest(self) -> int | None:
        """The most characters a value may have."""
        return ID_CHARACTERS if self.is_id else CATEGORY_CHARACTERS if self.categorical else None

    def document(self) -> dict[str, object]:
        """The column as a field of the Avro record."""
        kind: object = ["null", self.kind] if self.nullable else self.kind
        return {"name": self.name, "type": kind} | ({"categorical": True} if self.categorical else {})


@dataclass(frozen=True)
class Schema:
    """One dataset's columns, in file order. ``key`` names the columns that tell its rows apart."""

    dataset_type: DatasetType
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def document(self) -> str:
        """The text CreateSchema takes."""
        fields = [column.document() for column in self.columns]
        record = {"type": "record", "name": self.dataset_type, "namespace": "com.amazonaws.personalize.schema", "fields": fields, "version": "1.0"}
        return json.dumps(record, separators=(",", ":"))


USER_ID, ITEM_ID = Column("USER_ID", is_id=True), Column("ITEM_ID", is_id=True)

INTERACTIONS = Schema(
    "Interactions",
    (
        USER_ID,
        ITEM_ID,
        Column("TIMESTAMP", "long"),
        Column("EVENT_TYPE"),
        Column("EVENT_VALUE", "float", nullable=True),
        Column("CHANNEL", nullable=True, categorical=True),
    ),
    key=("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"),
)
# IN_STOCK is text on purpose: filters do not read booleans.
ITEMS = Schema(
    "Items",
    (ITEM_ID, Column("PRICE", "float"), Column("CATEGORY_L1", nullable=True, categorical=True), Column("IN_STOCK", categorical=True)),
    key=("ITEM_ID",),
)
USERS = Schema(
    "Users",
    (
        USER_ID,
        Column("CHURN_BAND", nullable=True, categorical=True),
        Column("REPURCHASE_DECILE", nullable=True, categorical=True),
        Column("FAVOURITE_CHANNEL", nullable=True, categorical=True),
    ),
    key=("USER_ID",),
)
SCHEMAS: dict[DatasetType, Schema] = {"Interactions": INTERACTIONS, "Items": ITEMS, "Users": USERS}
ECOMMERCE = "ECOMMERCE"
# The domain insists on a category for every item.
DOMAIN_ITEMS = Schema(
    "Items", (ITEM_ID, Column("PRICE", "float"), Column("CATEGORY_L1", categorical=True, default="other"), Column("IN_STOCK", categorical=True)), key=("ITEM_ID",)
)


def schemas_of(domain: str) -> dict[DatasetType, Schema]:
    """The schemas of a dataset group of a domain; of a custom group when that is empty."""
    return SCHEMAS | {"Items": DOMAIN_ITEMS} if domain == ECOMMERCE else SCHEMAS
