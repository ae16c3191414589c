"""Taking a person out of what is staged: only partitions that hold rows of theirs, each as staging it again with the list would make it.

Digests stay, so nothing else is staged again; counts follow, so the conservation laws still hold to the row. Staged histories, links, trusted
tables are not touched here: the plain steps make them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.assets.erasure_progress import Progress
from omnichannel_assets.assets.suppression import people_types, shop_table
from omnichannel_assets.checks.contracts import conservation, contract
from omnichannel_assets.erasure.search import Needles, texts_of
from omnichannel_assets.erasure.suppression import Suppression
from omnichannel_assets.lake.lake import Lake, Manifest, Provenance
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import DMS_QUARANTINE, SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.resources.dms_tables import dms_history_table, dms_log_table
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.erasure.calls import Cleaned

Clean = Callable[["pa.Table"], "Cleaned"]


@dataclass(frozen=True)
class Staged:
    """One partition of a stage: readable rows, and those set aside on the way."""

    progress: Progress
    value: str
    tables: tuple[TableSchema, TableSchema]
    """The readable rows' table, whose manifest has the counts, and the quarantine."""

    @property
    def lake(self) -> Lake:
        return self.progress.lake

    def manifest(self, table: TableSchema) -> Manifest | None:
        return self.lake.manifest(table.name, (table.partition or "", self.value))

    def read(self, table: TableSchema) -> pa.Table | None:
        """The stored rows; None when there are none, or when a killed run left them without a manifest."""
        return self.lake.read(table, [self.value]) if self.manifest(table) and self.lake.has_data(table, self.value) else None


def purge_calls(workspace: Workspace, progress: Progress, suppression: Suppression, needles: Needles) -> None:
    """Take a person's calls out of every received day, and what mentions them out of the others."""
    from omnichannel_assets.erasure.calls import clean_calls, clean_payloads

    people = people_types(workspace)
    cleaners: tuple[Clean, Clean] = (lambda rows: clean_calls(rows, suppression, people), lambda rows: clean_payloads(rows, suppression))
    for value in _values(progress.lake, SEGMENT_EVENTS, SEGMENT_QUARANTINE):
        _purge(Staged(progress, value, (SEGMENT_EVENTS, SEGMENT_QUARANTINE)), cleaners, needles)


def purge_changes(workspace: Workspace, progress: Progress, suppression: Suppression, needles: Needles) -> None:
    """Take a person's rows out of the change log of every shop table, and out of the rows set aside from it."""
    from omnichannel_assets.erasure.shop import clean_broken_rows, clean_changes

    for spec in workspace.registry.values():
        log_table, table = dms_log_table(spec), shop_table(workspace, spec)
        cleaners: tuple[Clean, Clean] = (
            lambda rows, table=table: clean_changes(rows, table, suppression),
            lambda rows, table=table: clean_broken_rows(rows, table, suppression),
        )
        for value in _values(progress.lake, log_table):
            if _purge(Staged(progress, value, (log_table, DMS_QUARANTINE)), cleaners, needles):
                progress.lake.vouch_for_nothing(dms_history_table(spec))


def _values(lake: Lake, *tables: TableSchema) -> list[str]:
    prefixes = {table.name: f"{table.partition}=" for table in tables}
    return sorted({name.removeprefix(prefix) for table, prefix in prefixes.items() for name in lake.store.folders(lake.folder(table)) if name.startswith(prefix)})


def _purge(staged: Staged, cleaners: tuple[Clean, Clean], needles: Needles) -> bool:
    """Clean one partition of both tables; whether anything changed. The quarantine is published first, as its stage does."""
    readable, quarantine = staged.tables
    rows = {table.name: staged.read(table) for table in staged.tables}
    changed = False
    for table, clean in zip(staged.tables, cleaners, strict=True):
        stored = rows[table.name]
        if stored is None:
            _remove_unfinished(staged, table)
        elif any(needles.may_be_in(text) for _, text in texts_of(stored)):
            cleaned = clean(stored)
            if not cleaned.is_unchanged:
                changed, rows[table.name] = True, cleaned.kept
                staged.progress.note_staged(table.name, staged.value, cleaned)
    told, aside = rows[readable.name], rows[quarantine.name]
    manifest = staged.manifest(readable)
    if told is None or manifest is None:
        return changed
    counts = _counts(manifest, told.num_rows, aside.num_rows if aside is not None else 0)
    if changed or counts["quarantined"] != manifest.counts.get("quarantined"):  # also after a kill between the two tables
        if aside is not None:
            _publish(staged, quarantine, aside, {"rows_out": aside.num_rows}, counts)
        _publish(staged, readable, told, counts, counts)
    return changed


def _remove_unfinished(staged: Staged, table: TableSchema) -> None:
    """A data file without a manifest is what a killed run left: nobody reads it, and it may hold anybody."""
    if staged.lake.has_data(table, staged.value):
        staged.lake.store.remove(_folder(staged, table) + "data.parquet")


def _folder(staged: Staged, table: TableSchema) -> str:
    return staged.lake.folder(table.name, (table.partition or "", staged.value))


def _counts(manifest: Manifest, rows_out: int, quarantined: int) -> dict[str, int]:
    """The counts of the readable rows after what went: rows in stay what the files hold."""
    counts = dict(manifest.counts) | {"rows_out": rows_out, "quarantined": quarantined}
    erased = _rows_in(counts) - sum(counts.get(name, 0) for name in ("rows_out", "quarantined", "duplicates"))
    return counts | ({"erased": erased} if erased else {})


def _rows_in(counts: Mapping[str, int]) -> int:
    return counts.get("lines_in", counts.get("rows_in", 0))


def _publish(staged: Staged, table: TableSchema, rows: pa.Table, own: Mapping[str, int], counts: Mapping[str, int]) -> None:
    """Replace one partition under its digest. A shop table's quarantine without rows has no partition, as in its stage."""
    manifest = staged.manifest(table)
    if manifest is None:
        return
    if table is DMS_QUARANTINE and not rows.num_rows:
        for name in ("_manifest.json", "data.parquet"):
            staged.lake.store.remove(_folder(staged, table) + name)
        return
    fates = {name: number for name, number in counts.items() if name not in ("lines_in", "rows_in")}
    law = conservation(_rows_in(counts), fates).plain()
    checks = [law if check["name"] == "conservation" else contract(table, rows).plain() for check in manifest.checks]
    digest = staged.progress.digest_before(table.name, staged.value, manifest.digest)
    staged.lake.publish(table, rows, Provenance(digest, own, manifest.inputs, tuple(checks)), staged.value)
