"""Taking a person out of every table that is not staged: as-of partitions of every date, identities and journal, trusted tables, the ledger.

As-of partitions and the ledger keep their digest: they are what their day gave, without the person. Every other table is only emptied of the
person here and loses its currency: the plain steps make it again from what is staged. So a table somebody adds later is covered as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from omnichannel_assets.assets.erasure_progress import Progress
from omnichannel_assets.checks.contracts import conservation, contract
from omnichannel_assets.erasure.search import Needles, names_person, texts_of
from omnichannel_assets.lake.lake import Lake, Manifest, Provenance
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import LANDING_FILES, SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.lake.tables_activation import AUDIENCE_APPROVALS, AUDIENCES, DELETION_REQUESTS
from omnichannel_assets.lake.tables_erasure import ERASURES

if TYPE_CHECKING:
    import pyarrow as pa

LEFT = frozenset(table.name for table in (LANDING_FILES, ERASURES, DELETION_REQUESTS, SEGMENT_EVENTS, SEGMENT_QUARANTINE))
"""Tables that hold no person, or only until a channel has answered, or are purged as what is staged."""
KEEPS_DIGEST = ("as_of", "channel")
"""Columns of partitions that no later run makes again."""
COUNTED = ("rows_in", "rows_out")


def purge_tables(progress: Progress, tables: Mapping[str, TableSchema], needles: Needles) -> None:
    """Drop every row that names the person from all tables but what is staged from files."""
    lake = progress.lake
    for table in tables.values():
        if table.name in LEFT or table.partition == "object":
            continue
        for value, manifest in list(lake.manifests(table).items()):
            stored = lake.read(table, [value] if table.partition else None)
            gone = _gone(stored, needles)
            if gone:
                progress.note_table(table.name, value, len(gone))
                _publish(progress, table, value, manifest, _without(stored, gone))
        for value in _unfinished(lake, table):
            lake.store.remove(lake.folder(table.name, (table.partition or "", value) if table.partition else None) + "data.parquet")


def _gone(rows: pa.Table, needles: Needles) -> list[int]:
    """Places of the rows that name the person. Row by row only where some text of a column could."""
    import pyarrow as pa

    suspects: set[int] = set()
    for name, text in texts_of(rows):
        may_be_in = needles.suspicion(text)
        if may_be_in:
            values = [value if isinstance(value, str) or value is None else repr(value) for value in rows[name].to_pylist()]
            suspect = {value for value in set(values) if value is not None and may_be_in(value)}
            suspects |= {at for at, value in enumerate(values) if value in suspect}
    nested = [name for name in rows.column_names if pa.types.is_nested(rows.schema.field(name).type)]
    places = sorted(suspects)
    found = rows.take(pa.array(places, pa.int64())).to_pylist()
    return [at for at, row in zip(places, found, strict=True) if names_person({**row, **_texts_of_nested(row, nested)}, needles)]


def _texts_of_nested(row: Mapping[str, object], nested: list[str]) -> dict[str, str]:
    return {name: repr(row[name]) for name in nested}


def _without(rows: pa.Table, gone: list[int]) -> pa.Table:
    import pyarrow as pa

    left = set(range(rows.num_rows)).difference(gone)
    return rows.take(pa.array(sorted(left), pa.int64()))


def _publish(progress: Progress, table: TableSchema, value: str, manifest: Manifest, rows: pa.Table) -> None:
    gone = manifest.rows - rows.num_rows
    counts = {name: number - gone if name in COUNTED else number for name, number in manifest.counts.items()}
    checks = [_recounted(check, table, rows, counts) for check in manifest.checks]
    digest = progress.digest_before(table.name, value, manifest.digest) if table.partition in KEEPS_DIGEST else ""
    progress.lake.publish(table, rows, Provenance(digest, counts, manifest.inputs, tuple(checks)), value)


def _recounted(check: dict, table: TableSchema, rows: pa.Table, counts: Mapping[str, int]) -> dict:
    """A stored check as of the rows that are left; how many rows went in says what its step counted, so what is left is told apart."""
    if check["name"] == "contract":
        return contract(table, rows).plain()
    if check["name"] == "conservation" and "rows_in" in counts:
        return conservation(rows.num_rows, {"rows_out": rows.num_rows}).plain()
    return check


def _unfinished(lake: Lake, table: TableSchema) -> Iterator[str]:
    """Partitions with a data file and no manifest: what a killed run left."""
    if table.partition is None:
        return
    prefix = f"{table.partition}="
    for name in lake.store.folders(lake.folder(table.name)):
        value = name.removeprefix(prefix)
        if name.startswith(prefix) and lake.manifest(table.name, (table.partition, value)) is None and lake.has_data(table, value):
            yield value


def approved_dates(lake: Lake) -> list[str]:
    """As-of dates whose audiences, as they are, a person has released."""
    digests = {value: manifest.sha256 for value, manifest in lake.manifests(AUDIENCES).items()}
    return sorted({str(row["as_of"]) for row in lake.read(AUDIENCE_APPROVALS).to_pylist() if digests.get(str(row["as_of"])) == row["audiences_digest"]})


def keep_approvals(lake: Lake, dates: list[str]) -> None:
    """What a person released stays released without the person who was erased: nobody joined it."""
    import pyarrow as pa

    digests = {value: manifest.sha256 for value, manifest in lake.manifests(AUDIENCES).items()}
    before = lake.read(AUDIENCE_APPROVALS).to_pylist()
    newest = {str(row["as_of"]): row for row in sorted(before, key=lambda row: row["approved_at"])}
    held = {(str(row["as_of"]), row["audiences_digest"]) for row in before}
    added = [{**newest[date], "audiences_digest": digests[date]} for date in dates if date in digests and (date, digests[date]) not in held]
    manifest = lake.manifest(AUDIENCE_APPROVALS.name)
    if added and manifest:
        rows = pa.Table.from_pylist([*before, *added], schema=AUDIENCE_APPROVALS.arrow())
        lake.publish(AUDIENCE_APPROVALS, rows, Provenance(manifest.digest, {"rows_out": rows.num_rows}))
