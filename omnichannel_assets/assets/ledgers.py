"""One channel's ledger in the lake: read before a delivery, saved before the first call and after every answer that counts.

Here: rows to entries and back, the marks that tell which as-of date a stream has. The rules are in ``activation.ledger``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.ledger import Content, Entry, Ledger
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = tuple(Entry.__dataclass_fields__)
STARTED, DELIVERED = "started", "delivered"
LIVE = "_live"
"""Ends the ledger's name of a channel whose rows tell of the real service: what a sandbox was sent says nothing about it."""
SERVICES = ("segment", "personalize")
"""Channels that call a service; the others write files."""


def ledger_name(workspace: Workspace, channel: str) -> str:
    """Under which name the lake keeps what a channel was told, as DELIVERY_MODE is."""
    return channel + LIVE if channel in SERVICES and workspace.settings.delivery_mode == "live" else channel


@dataclass
class StoredLedger:
    """The ledger of one channel with its marks: newest as-of date a stream was started for, and delivered completely for.

    ``channel`` is the channel's name; for the real service behind it, ended by `LIVE`.
    """

    workspace: Workspace
    channel: str
    ledger: Ledger = field(init=False)
    report: StepReport = field(init=False)

    def __post_init__(self) -> None:
        self.report = StepReport(DELIVERY_LEDGER)
        self._updated_at: dict[tuple[str, str, str], datetime] = {}
        newest, self._older = _split(self._stored())
        self.ledger = Ledger(self._entries(newest))
        manifest = workspace_manifest(self.workspace, self.channel)
        self._marks = dict(manifest.counts) if manifest else {}
        if manifest:
            self.report.manifests[self.channel] = manifest

    def _stored(self) -> pa.Table:
        return self.workspace.lake.read(DELIVERY_LEDGER, [self.channel]).cast(DELIVERY_LEDGER.arrow())

    def _entries(self, rows: pa.Table) -> list[Entry]:
        """Stored rows as entries; when each last changed is remembered aside."""
        found = []
        for row in rows.to_pylist():
            entry = Entry(**{name: row[name] for name in NAMES})
            found.append(entry)
            self._updated_at[_key(entry)] = row["updated_at"]
        return found

    def _recall(self, stream: str, wanted: Collection[Content]) -> None:
        """Make entries of older contents that are wanted again."""
        import pyarrow as pa
        import pyarrow.compute as pc

        hashes = pa.array({content.hash for content in wanted}, pa.string())
        again = pc.and_(pc.equal(self._older["stream"], stream), pc.is_in(self._older["content_hash"], value_set=hashes))
        self.ledger.recall(self._entries(self._older.filter(again)))
        self._older = self._older.filter(pc.invert(again))

    def mark(self, kind: str, stream: str) -> date | None:
        """The as-of date of a mark."""
        day = self._marks.get(f"{kind}:{stream}")
        return date.fromordinal(day) if day else None

    def streams(self) -> set[str]:
        """The streams that have entries."""
        return {entry.stream for entry in self.ledger.entries()}

    def preview(self, stream: str, wanted: Iterable[Content], as_of: date) -> list[tuple[Entry, Content]]:
        """What `begin` would send, without noting it in the lake. This ledger is of no use for a delivery afterwards."""
        wanted = list(wanted)
        self._recall(stream, wanted)
        return self.ledger.begin(stream, wanted, as_of)

    def begin(self, stream: str, wanted: Iterable[Content], as_of: date, *, is_partial: bool = False) -> list[tuple[Entry, Content]]:
        """Note what is about to be sent, in the lake, before anything leaves. What is partial does not count as the date's delivery."""
        wanted = list(wanted)
        self._recall(stream, wanted)
        sending = self.ledger.begin(stream, wanted, as_of)
        if not is_partial:
            self._marks[f"{STARTED}:{stream}"] = as_of.toordinal()
        self.save()
        return sending

    def finish(self, stream: str, as_of: date) -> None:
        """Note that a stream was delivered for a date, unless some of its rows have to be tried again."""
        if not any(entry.state in ("pending", "failed") for entry in self.ledger.newest(stream).values()):
            self._marks[f"{DELIVERED}:{stream}"] = as_of.toordinal()
        self.save()

    def save(self) -> None:
        """Replace the channel's rows in the lake."""
        import pyarrow as pa

        now = datetime.now(UTC)  # wall-clock: when an entry changed
        self._updated_at |= dict.fromkeys(self.ledger.changed, now)
        self.ledger.changed.clear()
        entries, schema = self.ledger.entries(), DELIVERY_LEDGER.arrow()
        columns = {name: [getattr(entry, name) for entry in entries] for name in NAMES}
        columns |= {"channel": [self.channel] * len(entries), "updated_at": [self._updated_at[_key(entry)] for entry in entries]}
        data = pa.concat_tables([self._older, pa.table({name: pa.array(columns[name], schema.field(name).type) for name in schema.names}, schema)])
        draft = Draft(data, digest_of(self._marks), self.channel, counts=self._marks | {"rows_out": data.num_rows})
        publish(self.workspace, self.report, draft)
        self.report.raise_failures()


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry.stream, entry.destination_key, entry.content_hash


def _split(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The newest row of each destination key, and all the others, which stay as they are in a table however many there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    order = [("stream", "ascending"), ("destination_key", "ascending"), ("sequence", "ascending")]
    rows = rows.sort_by(order)
    if rows.num_rows < 2:
        return rows, rows.slice(0, 0)
    ends = [pc.not_equal(rows[name].slice(0, rows.num_rows - 1), rows[name].slice(1)) for name in ("stream", "destination_key")]
    is_newest = pa.chunked_array([*pc.or_(*ends).chunks, pa.array([True])])
    return rows.filter(is_newest), rows.filter(pc.invert(is_newest))


def workspace_manifest(workspace: Workspace, channel: str) -> Any:
    """The manifest of a channel's ledger, or None before its first delivery."""
    return workspace.lake.manifest(DELIVERY_LEDGER.name, ("channel", channel))


def delivered_as_of(workspace: Workspace, channel: str, stream: str) -> date | None:
    """The newest as-of date a stream was delivered completely for."""
    manifest = workspace_manifest(workspace, channel)
    day = manifest.counts.get(f"{DELIVERED}:{stream}") if manifest else None
    return date.fromordinal(day) if day else None
