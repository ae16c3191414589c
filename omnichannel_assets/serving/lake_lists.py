"""The lake's lists, products and people as the service reads them: the newest as-of partitions, held in memory and read again when they change.

Here: what is read, when, and looking things up in it. Not here: what a page shows of it (``recommend.choose``). Nothing is locked: a table's
file is replaced whole, and its manifest tells when. Arrow columns and binary search keep a million customers within a few hundred MB.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omnichannel_assets.identity.normalise import normalise_identifiers
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.lake.lake import Lake, Manifest
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import PRODUCTS
from omnichannel_assets.lake.tables_activation import POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS
from omnichannel_assets.lake.tables_identity import IDENTITIES
from omnichannel_assets.recommend.choose import Product, Suggestion
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

LOOK_AGAIN_SECONDS = 1.0
WHO = ("user_id", "anonymous_id")
"""Identifier types by which a page may name a person."""
REPEATED = {"recommendations": ["customer_id", "item_id", "reason"], "similar_items": ["item_id", "similar_item_id"]}
"""Text columns that hold few values many times."""


class SortedRows:
    """Rows of an Arrow table by a text column that they are sorted by, without a dictionary of Python objects."""

    def __init__(self, table: pa.Table, key: str):
        self.table = table.combine_chunks()
        self.keys = _Texts(self.table[key])

    def of(self, value: str) -> list[dict[str, Any]]:
        """The rows whose key is this value, in their order."""
        start = bisect_left(self.keys, value)
        return self.table.slice(start, bisect_right(self.keys, value, lo=start) - start).to_pylist()


class _Texts(Sequence[str]):
    def __init__(self, column: pa.ChunkedArray):
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, index: Any) -> Any:
        return self.column[index].as_py()


@dataclass(frozen=True)
class LakeLists:
    """What the lake knew at one look; never changes. Implements ``recommend.choose.Lists``."""

    as_of: date
    rules: IdentityRules
    recommendations: SortedRows
    similar_items: SortedRows
    people: Mapping[str, SortedRows]
    popular_items: pa.Table
    products: Mapping[str, Product]

    def personal(self, customer_id: str) -> Sequence[Suggestion]:
        return [Suggestion(row["item_id"], row["score"], row["reason"]) for row in self.recommendations.of(customer_id)]

    def similar(self, item_id: str) -> Sequence[Suggestion]:
        return [Suggestion(row["similar_item_id"], row["score"], "") for row in self.similar_items.of(item_id)]

    def popular(self) -> Sequence[Suggestion]:
        return self._popular

    @cached_property
    def _popular(self) -> list[Suggestion]:
        return [Suggestion(row["item_id"], row["score"], row["reason"]) for row in self.popular_items.to_pylist()]

    def product(self, item_id: str) -> Product | None:
        return self.products.get(item_id)

    def customers(self, user_id: str | None, anonymous_id: str | None) -> list[str]:
        """Who these identifiers may be, likeliest first: today's customer of the user id, then the one as of the lists; the same for the
        anonymous id. Values are normalised, and blocked ones left out, as identity does; an unknown person is an empty list."""
        given = [(kind, value) for kind, value in zip(WHO, (user_id, anonymous_id), strict=True) if value]
        if not given:
            return []
        found: dict[str, None] = {}
        for kind, value in _normal(given, self.rules):
            rows = self.people[kind].of(value)
            for row in sorted(rows, key=lambda row: row["valid_to"] is not None):
                if row["valid_to"] is None or row["valid_from"] <= self.as_of < row["valid_to"]:
                    found[row["customer_id"]] = None
        return list(found)


def _normal(given: Sequence[tuple[str, str]], rules: IdentityRules) -> list[tuple[str, str]]:
    import pyarrow as pa

    kinds, values = zip(*given, strict=True)
    raw = pa.table({"identifier_type": list(kinds), "raw_value": list(values), "country": pa.nulls(len(given), pa.string())})
    rows = normalise_identifiers(raw, rules).to_pylist()
    return [(row["identifier_type"], row["identifier_value"]) for row in rows if row["identifier_value"] and not row["is_blocked"]]


class LakeReader:
    """Gives the lists as they are now. Looks at most once a second whether a table was replaced; a table that was not is not read again."""

    def __init__(self, workspace: Workspace):
        self.lake: Lake = workspace.lake
        self.rules = workspace.rules
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._seen: tuple[Any, ...] = ()
        self._tables: dict[str, tuple[tuple[str, str], Any]] = {}
        self._lists: LakeLists | None = None

    def lists(self) -> LakeLists | None:
        """The newest lists; None while the lake has none. The request that finds a change reads it, all others go on with the old lists."""
        is_due = time.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS
        if is_due and self._lock.acquire(blocking=self._lists is None):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._lists

    def _look(self) -> None:
        if time.monotonic() - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        try:
            as_of = self._newest_as_of()
            seen = self._state(as_of) if as_of else ()
            if as_of and seen != self._seen:
                self._lists = self._read(as_of)
                self._seen = seen
                log.info("serving the lists as of %s", as_of)
        except (OSError, ValueError) as error:  # a table replaced at this very moment; the next look finds it whole
            log.warning("the lake could not be read (%s); the lists of before stay", type(error).__name__)
        self._looked_at = time.monotonic()

    def _newest_as_of(self) -> str | None:
        """The newest as-of date that all lists have."""
        values = [set(self.lake.store.folders(self.lake.folder(table.name))) for table in (RECOMMENDATIONS, SIMILAR_ITEMS, POPULAR_ITEMS)]
        dates = sorted((name.removeprefix("as_of=") for name in set.intersection(*values) if name.startswith("as_of=")), reverse=True)
        return next(
            (value for value in dates if all(self._manifest(table, value) for table in (RECOMMENDATIONS, SIMILAR_ITEMS, POPULAR_ITEMS))),
            None,
        )

    def _manifest(self, table: TableSchema, as_of: str) -> Manifest | None:
        return self.lake.manifest(table.name, ("as_of", as_of) if table.partition else None)

    def _state(self, as_of: str) -> tuple[Any, ...]:
        """Changes whenever a manifest is written; nothing is read."""
        tables = (RECOMMENDATIONS, SIMILAR_ITEMS, POPULAR_ITEMS, PRODUCTS, IDENTITIES)
        keys = [self.lake.folder(table.name, ("as_of", as_of) if table.partition else None) + "_manifest.json" for table in tables]
        return tuple((listed.key, listed.size, listed.token) for key in keys for listed in self.lake.store.list(key))

    def _read(self, as_of: str) -> LakeLists:
        import pyarrow.compute as pc

        def people(table: pa.Table) -> dict[str, SortedRows]:
            return {kind: SortedRows(table.filter(pc.equal(table["identifier_type"], kind)), "identifier_value") for kind in WHO}

        return LakeLists(
            date.fromisoformat(as_of),
            self.rules,
            self._table(RECOMMENDATIONS, as_of, lambda table: SortedRows(table, "customer_id")),
            self._table(SIMILAR_ITEMS, as_of, lambda table: SortedRows(table, "item_id")),
            self._table(IDENTITIES, as_of, people),
            self._table(POPULAR_ITEMS, as_of, lambda table: table),
            self._table(PRODUCTS, as_of, _products),
        )

    def _table(self, table: TableSchema, as_of: str, made: Any) -> Any:
        """What ``made`` makes of a table's rows; what was made before when the rows are the same, or are being replaced right now."""
        import pyarrow.parquet as pq

        manifest = self._manifest(table, as_of)
        value = as_of if table.partition else ""
        before = self._tables.get(table.name)
        if before and manifest and (not manifest.sha256 or before[0] == (value, manifest.sha256)):
            return before[1]
        paths = self.lake.paths(table, [as_of] if table.partition else None)
        rows = (
            pq.read_table(paths[0], partitioning=None, read_dictionary=REPEATED.get(table.name)) if paths else table.arrow().empty_table()
        )
        found = made(rows)
        self._tables[table.name] = ((value, manifest.sha256 if manifest else ""), found)
        return found


def _products(table: pa.Table) -> dict[str, Product]:
    return {
        row["product_id"]: Product(
            row["name"],
            row["category"],
            None if row["price"] is None else f"{row['price']:.2f}",
            row["currency"],
            row["stock"],
            row["is_merchandise"] and (row["status"] or "").strip().lower() in ("", "active"),
        )
        for row in table.to_pylist()
    }
