"""The shop database's rows without erased people: customer records, orders, returns and subscriptions go whole, with the lines of the orders.

A row is the person's when one of the registry's identifier columns is, or its order. Texts of other people's rows lose what mentions them. A shop
that has to keep accounts keeps them in its own database: here a row of nobody would only be a riddle.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omnichannel_assets.erasure.calls import Cleaned, mapped
from omnichannel_assets.erasure.suppression import Suppression

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ShopTable:
    """What the registry says of one table: identifier columns and their types, the country of its phones, columns that name an order, free texts."""

    identifiers: Mapping[str, str]
    country_column: str | None = None
    order_columns: Collection[str] = ()
    texts: Collection[str] = field(default=())


def clean_changes(rows: pa.Table, table: ShopTable, suppression: Suppression) -> Cleaned:
    """Change-log rows of one table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array(_erased(rows, table, suppression), pa.bool_())
    kept, changed = rows.filter(pc.invert(mask)), set[int]()
    for name in table.texts:
        kept = mapped(kept, name, lambda text: None if text is None else suppression.redacted(text), changed)
    kept = mapped(kept, "extra", lambda text: None if text is None else suppression.redacted_json(text), changed)
    return Cleaned(kept, rows.filter(mask), len(changed))


def _erased(rows: pa.Table, table: ShopTable, suppression: Suppression) -> list[bool]:
    erased = [False] * rows.num_rows
    countries = rows[table.country_column].to_pylist() if table.country_column else [None] * rows.num_rows
    for column, kind in table.identifiers.items():
        raws = [(kind, None if value is None else str(value), country) for value, country in zip(rows[column].to_pylist(), countries, strict=True)]
        verdicts = suppression.verdicts(raws)
        erased = [was or verdicts[raw][0] for was, raw in zip(erased, raws, strict=True)]
    for column in table.order_columns:
        orders = {value: suppression.holds_order(str(value)) for value in rows[column].unique().to_pylist() if value is not None}
        erased = [was or orders.get(value, False) for was, value in zip(erased, rows[column].to_pylist(), strict=True)]
    return erased


def clean_broken_rows(rows: pa.Table, table: ShopTable, suppression: Suppression) -> Cleaned:
    """Quarantined rows of one table: one with a field that is an erased person's, or that mentions them, goes whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = sorted(set(table.identifiers.values()))
    mask = pa.array([_is_named(payload or "", kinds, bool(table.order_columns), suppression) for payload in rows["payload"].to_pylist()], pa.bool_())
    return Cleaned(rows.filter(pc.invert(mask)), rows.filter(mask), 0)


def _is_named(payload: str, kinds: Collection[str], names_orders: bool, suppression: Suppression) -> bool:
    if suppression.mentions(payload):
        return True
    values = [value.strip() for value in _fields(payload) if value]
    if any(suppression.holds(kind, value) for value in values for kind in kinds):
        return True
    return names_orders and any(suppression.holds_order(value) for value in values)


def _fields(payload: str) -> list[str]:
    """The fields of a row kept as CSV or JSON; of anything else, nothing."""
    try:
        document: Any = json.loads(payload) if payload.startswith("{") else None
    except ValueError:
        document = None
    if isinstance(document, dict):
        return [str(value) for value in document.values() if value is not None]
    try:
        return [one for record in csv.reader(payload.splitlines()) for one in record]
    except csv.Error:
        return []
