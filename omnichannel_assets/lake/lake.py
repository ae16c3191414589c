"""Tables in a store: one Parquet file a partition, replaced whole, with a manifest beside it.

Belongs here: paths, manifests, publishing, currency ("does this partition already hold what its inputs would give?"). Does not: how rows are
made. The data file is put in place before its manifest. While a data file is exchanged, the manifest of the old one vouches for nothing (its
digests are empty), so after a crash between the two a re-run makes the partition again, also one that returns to the old inputs. Any engine
can open ``tables/<table>/**/data.parquet`` without a catalogue.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.errors import LockedError
from omnichannel_assets.lake.engine import Engine, EngineLimits, model_text, open_engine
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.store import LocalStore

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

ROW_GROUP_ROWS = 122_880


@dataclass(frozen=True)
class Manifest:
    """What a partition holds and what it was made from.

    ``digest`` covers input versions, code and settings; ``sha256`` the bytes of the data file; ``counts`` the rows accounted for
    (conservation); ``inputs`` object key -> version, where the partition is made of landing files; ``checks`` the outcomes of its checks.
    """

    digest: str
    sha256: str
    rows: int
    bytes: int
    counts: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Provenance:
    """What the caller knows about a partition it publishes; the fields are those of Manifest."""

    digest: str
    counts: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[dict[str, Any], ...] = ()


class Lake:
    """The tables below one store. Writers hold ``writing()``; readers need nothing.

    ``days`` bounds the received days that exist for every reader: partitions outside FIRST_DAY..LAST_DAY stay stored and are not seen.
    """

    def __init__(
        self,
        store: LocalStore,
        limits: EngineLimits | None = None,
        lock_wait_seconds: float = 300.0,
        days: tuple[date, date] = (date.min, date.max),
    ):
        self.store = store
        self.limits = limits or EngineLimits()
        self.lock_wait_seconds = lock_wait_seconds
        self.days = days

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lake's lock; what a killed run left in scratch is removed. The system frees the lock when its process dies.

        Raises LockedError when another run keeps it for ``lock_wait_seconds``.
        """
        from filelock import FileLock, Timeout  # deferred: readers never lock

        lock = FileLock(self.store.scratch / "lock", is_singleton=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("another run is writing to this lake; waiting up to %g s", self.lock_wait_seconds)
            try:
                lock.acquire(timeout=self.lock_wait_seconds)
            except Timeout:
                raise LockedError(
                    f"{self.store.root}: another run is writing to this lake. Fix: wait for it to end, or raise LOCK_WAIT_SECONDS"
                ) from None
        try:
            if lock.lock_counter == 1:
                self._clear_scratch()
            yield
        finally:
            lock.release()

    def _clear_scratch(self) -> None:
        for left in self.store.scratch.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != "lock":
                left.unlink()

    @contextmanager
    def engine(self, *, reading: bool = False) -> Iterator[Engine]:
        """An SQL engine with the shared macros. A writer's spills into the lake's scratch folder, a reader's into the system's."""
        spill = Path(tempfile.gettempdir()) / f"omnichannel-spill-{os.getpid()}" if reading else self.store.scratch / "spill"
        with open_engine(EngineLimits(self.limits.memory_mb, self.limits.threads, spill)) as engine:
            engine.run_script(model_text("macros"))
            yield engine

    def folder(self, table: str, partition: tuple[str, str] | None = None) -> str:
        """Key prefix of a table or of one (column, value) partition of it."""
        return f"tables/{table}/" + (f"{partition[0]}={partition[1]}/" if partition else "")

    def manifest(self, table: str, partition: tuple[str, str] | None = None) -> Manifest | None:
        """The manifest, or None when the partition was never finished."""
        key = self.folder(table, partition) + "_manifest.json"
        return Manifest(**json.loads(self.store.read(key))) if self.store.exists(key) else None

    def manifests(self, table: TableSchema) -> dict[str, Manifest]:
        """Partition value -> manifest, in order; an unpartitioned table has the one value ``""``."""
        if table.partition is None:
            found = self.manifest(table.name)
            return {"": found} if found else {}
        values = self.stored_values(table)
        if table.partition == "received_day":
            values = [value for value in values if self.days[0].isoformat() <= value <= self.days[1].isoformat()]
        read = ((value, self.manifest(table.name, (table.partition, value))) for value in values)
        return {value: manifest for value, manifest in read if manifest}

    def is_current(self, table: TableSchema, digest: str, value: str = "") -> bool:
        """Whether the stored partition was made from exactly these inputs, code and settings."""
        manifest = self.manifest(table.name, (table.partition, value) if table.partition else None)
        return manifest is not None and manifest.digest == digest and self.has_data(table, value)

    def has_data(self, table: TableSchema, value: str = "") -> bool:
        """Whether the partition's data file is in place."""
        return self.store.exists(self.folder(table.name, (table.partition, value) if table.partition else None) + "data.parquet")

    def content_digest(self, table: TableSchema) -> str:
        """Digest of all rows of a table: what a table made from it depends on."""
        return digest_of({value: manifest.sha256 for value, manifest in self.manifests(table).items()})

    def paths(self, table: TableSchema, values: Iterable[str] | None = None) -> list[str]:
        """Local paths of the finished data files, all or those of some partitions."""
        if table.partition is None:
            keys = [self.folder(table.name) + "data.parquet"]
        else:
            keys = [
                self.folder(table.name, (table.partition, value)) + "data.parquet"
                for value in (self.manifests(table) if values is None else values)
            ]
        return self.store.local_paths(key for key in keys if self.store.exists(key))

    def read(self, table: TableSchema, values: Iterable[str] | None = None) -> pa.Table:
        """The table in memory, all of it or some partitions; for small tables. Columns that an older version of the code did not write are NULL."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = [pq.read_table(path, partitioning=None) for path in self.paths(table, values)]
        return pa.concat_tables([_with_all_columns(part, table) for part in parts]) if parts else table.arrow().empty_table()

    def publish(self, table: TableSchema, data: pa.Table, provenance: Provenance, value: str = "") -> Manifest:
        """Replace one partition atomically by rows that have the declared columns; returns its manifest.

        Rows are sorted by the table's key, so equal rows give equal bytes. An unchanged data file is left untouched.
        """
        partition = (table.partition, value) if table.partition else None
        folder = self.folder(table.name, partition)
        finished = self._write_parquet(table, data)
        checksum = hashlib.sha256(finished.read_bytes()).hexdigest()
        size = finished.stat().st_size
        before = self.manifest(table.name, partition)
        if before and before.sha256 == checksum and self.store.exists(folder + "data.parquet"):
            finished.unlink()
        else:
            if before:
                self._write_manifest(folder, replace(before, digest="", sha256=""))
            self.store.take(folder + "data.parquet", finished)
        counts, inputs = dict(provenance.counts), dict(provenance.inputs)
        manifest = Manifest(provenance.digest, checksum, data.num_rows, size, counts, inputs, list(provenance.checks))
        self._write_manifest(folder, manifest)
        return manifest

    def stored_values(self, table: TableSchema) -> list[str]:
        """Values of every partition of which anything is stored, finished or not."""
        prefix = f"{table.partition}="
        return [name.removeprefix(prefix) for name in self.store.folders(self.folder(table.name)) if name.startswith(prefix)]

    def drop(self, table: TableSchema, value: str = "") -> None:
        """Take a partition away (value "": what an unpartitioned form of the table left). Readers go by manifests, so that one goes first."""
        folder = self.folder(table.name, (table.partition, value) if table.partition and value else None)
        for name in ("_manifest.json", "data.parquet"):
            self.store.remove(folder + name)

    def _write_manifest(self, folder: str, manifest: Manifest) -> None:
        self.store.write(folder + "_manifest.json", json.dumps(asdict(manifest), sort_keys=True, indent=1).encode())

    def _write_parquet(self, table: TableSchema, data: pa.Table) -> Path:
        import pyarrow.parquet as pq

        ordered = data.select(table.names).cast(table.arrow()).combine_chunks()
        if not is_sorted(ordered, table.key):
            ordered = ordered.sort_by([(name, "ascending") for name in table.key])
        with tempfile.NamedTemporaryFile(dir=self.store.scratch, suffix=".parquet", delete=False) as temporary:
            pq.write_table(ordered, temporary, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        return Path(temporary.name)


def _with_all_columns(part: pa.Table, table: TableSchema) -> pa.Table:
    import pyarrow as pa

    columns = [part[field.name] if field.name in part.column_names else pa.nulls(part.num_rows, field.type) for field in table.arrow()]
    return pa.table(columns, schema=table.arrow())


def is_sorted(table: pa.Table, key: tuple[str, ...]) -> bool:
    """Whether rows already ascend by a key, NULLs last: one pass over neighbours, far cheaper than sorting a large table again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    count = table.num_rows - 1
    tied = pa.repeat(pa.scalar(True), max(count, 0))
    for name in key if count > 0 else ():
        one, next_ = (table[name].slice(start, count) for start in (0, 1))
        null, next_null = pc.is_null(one), pc.is_null(next_)
        less = pc.or_(pc.fill_null(pc.less(one, next_), False), pc.and_not(next_null, null))
        equal = pc.or_(pc.fill_null(pc.equal(one, next_), False), pc.and_(null, next_null))
        if pc.any(pc.and_not(tied, pc.or_(less, equal))).as_py():
            return False
        tied = pc.and_(tied, equal)
        if not pc.any(tied).as_py():
            return True
    return True


def digest_of(value: Any) -> str:
    """A stable digest of plain values (dicts in any order)."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
