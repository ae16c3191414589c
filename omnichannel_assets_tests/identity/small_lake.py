"""A lake that holds the links and identities of a few people written by hand, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa

from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITIES, IDENTITY_CHANGES, SHARED_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import load_settings
from omnichannel_assets_tests.identity.link_rows import KEY

AS_OF = date(2024, 7, 1)


def lake_of(folder: Path, links: pa.Table, shared: Iterable[tuple[str, str, date]] = ()) -> Workspace:
    """A workspace over a new lake in which these links are resolved as of ``AS_OF``; shared identifiers hold no customer."""
    opened = Workspace(load_settings({"landing_uri": str(folder), "lake_uri": str(folder / "lake"), "as_of": AS_OF.isoformat()}, environment={}, folder=folder))
    found = resolve(links, opened.rules, KEY, AS_OF)
    rows = [{"identifier_type": kind, "identifier_value": value, "shared_from": day, "customers": 4, "cause": "rule"} for kind, value, day in shared]
    gone = {(row["identifier_type"], row["identifier_value"]) for row in rows}
    kept = [row for row in found.identities.to_pylist() if (row["identifier_type"], row["identifier_value"]) not in gone]
    stored = {
        IDENTIFIERS: links,
        IDENTITIES: pa.Table.from_pylist(kept, schema=IDENTITIES.arrow()),
        IDENTITY_CHANGES: found.changes,
        SHARED_IDENTIFIERS: pa.Table.from_pylist(rows, schema=SHARED_IDENTIFIERS.arrow()),
    }
    with opened.lake.writing():
        for table, data in stored.items():
            counts = {"as_of_day": AS_OF.toordinal()} if table is IDENTITIES else {}
            opened.lake.publish(table, data, Provenance("by hand", counts, {}, ()), *(["segment"] if table.partition else []))
    return opened


def customer_of(opened: Workspace, value: str) -> str:
    """The customer that holds an identifier."""
    return next(row["customer_id"] for row in opened.lake.read(IDENTITIES).to_pylist() if row["identifier_value"] == value and row["valid_to"] is None)
