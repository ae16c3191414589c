"""The declared tables of DMS, derived from the registry: one change log and one version history a source table."""

from __future__ import annotations

import hashlib

from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.schema import Column, TableSchema, required


def _source_columns(spec: TableSpec) -> tuple[Column, ...]:
    return tuple(Column(name, kind, f"column {name} of {spec.schema_name}.{spec.name}") for name, kind in spec.columns.items())


def dms_log_table(spec: TableSpec) -> TableSchema:
    """The change log of one DMS table: one row per row of an object, append-only, one partition per object version."""
    columns = (
        *_source_columns(spec),
        Column("extra", "text", "columns the registry does not name, as JSON text"),
        required("op", "text", "I, U or D"),
        required("kind", "text", "full_load or cdc"),
        Column("committed_at", "timestamp", "commit column of the row"),
        Column("change_seq", "text", "change sequence, where the task writes one"),
        Column("file_at", "timestamp", "time in the CDC file name"),
        required("object_key", "text", "object key below the landing zone"),
        required("object_etag", "text", "version of the object"),
        required("row", "integer", "row in the object, from 1"),
    )
    if spec.no_value_token is not None:
        columns = (*columns, Column("unsupplied", "text", "columns the change did not carry, comma-separated"))
    return TableSchema(
        f"dms_{spec.name}_log",
        f"Change log of {spec.schema_name}.{spec.name} as DMS wrote it.",
        columns,
        ("object_key", "object_etag", "row"),
        partition="object",
    )


def dms_history_table(spec: TableSpec) -> TableSchema:
    """The version history of one DMS table: what the shop database said, and from when we knew it."""
    columns = (
        *_source_columns(spec),
        Column("extra", "text", "columns the registry does not name, as JSON text"),
        required("op", "text", "I, U or D"),
        required("is_deleted", "boolean", "the row is gone in this version; its last values are kept"),
        Column("event_at", "timestamp", "when the fact happened"),
        required("valid_from", "timestamp", "known from (known_at)"),
        Column("valid_to", "timestamp", "known until, exclusive; NULL: current"),
        required("known_at", "timestamp", "same as valid_from"),
        required("known_at_assumed", "boolean", "from a full load: when we knew is assumed, not recorded"),
        required("version", "integer", "version of the key, from 1"),
        required("object_key", "text", "object that told it"),
        required("object_etag", "text", "version of the object"),
        required("row", "integer", "row in the object"),
    )
    description = f"Version history of {spec.schema_name}.{spec.name}. Current rows: dms_{spec.name}_latest."
    return TableSchema(f"dms_{spec.name}", description, columns, (*spec.key, "version"))


def object_partition(key: str, etag: str) -> str:
    """The partition of a change log that holds one version of a DMS object."""
    return hashlib.blake2b(f"{key}\0{etag}".encode(), digest_size=8).hexdigest()
