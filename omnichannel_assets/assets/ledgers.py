"""One channel's ledger in the lake: read before a delivery, saved before the first call and after every answer that counts.

Here: rows to entries and back, the marks that tell which as-of date a stream has. The rules are in ``activation.ledger``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from omnichannel_assets.activation.ledger import Content, Ledger, Sending
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.workspace import Workspace

STARTED, DELIVERED, KNOWN_BEFORE = "started", "delivered", "known_before"
LIVE = "_live"
"""Ends the ledger's name of a channel whose rows tell of the real service: what a sandbox was sent says nothing about it."""
SERVICES = ("segment", "personalize", "connect")
"""Channels that call a service, in live use too; Pinpoint's has ended, so that it is imported into the sandbox only."""


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
        self.ledger = Ledger(self.workspace.lake.read(DELIVERY_LEDGER, [self.channel]).cast(DELIVERY_LEDGER.arrow()))
        manifest = workspace_manifest(self.workspace, self.channel)
        self._marks = dict(manifest.counts) if manifest else {}
        if manifest:
            self.report.manifests[self.channel] = manifest

    def mark(self, kind: str, stream: str) -> date | None:
        """The as-of date of a mark."""
        day = self._marks.get(f"{kind}:{stream}")
        return date.fromordinal(day) if day else None

    def streams(self) -> set[str]:
        """The streams that have entries."""
        return self.ledger.streams()

    def preview(self, stream: str, wanted: Iterable[Content], as_of: date) -> Sending:
        """What `begin` would send, without noting it in the lake. This ledger is of no use for a delivery afterwards."""
        return self.ledger.begin(stream, wanted, as_of)

    def note(self, kind: str, stream: str, day: date) -> None:
        """Set a mark; kept with the next save."""
        self._marks[f"{kind}:{stream}"] = day.toordinal()

    def begin(self, stream: str, wanted: Iterable[Content], as_of: date, *, is_partial: bool = False) -> Sending:
        """Note what is about to be sent, in the lake, before anything leaves. What is partial does not count as the date's delivery."""
        sending = self.ledger.begin(stream, wanted, as_of)
        if not is_partial:
            self._marks[f"{STARTED}:{stream}"] = as_of.toordinal()
        self.save()
        return sending

    def finish(self, stream: str, as_of: date) -> None:
        """Note that a stream was delivered for a date, unless some of its rows have to be tried again."""
        if not self.ledger.has(stream, "pending", "failed"):
            self._marks[f"{DELIVERED}:{stream}"] = as_of.toordinal()
        self.save()

    def save(self) -> None:
        """Replace the channel's rows in the lake."""
        import pyarrow as pa

        now = datetime.now(UTC)  # wall-clock: when an entry changed
        rows = self.ledger.rows.stamped(int(now.timestamp() * 1_000_000))
        data = rows.append_column("channel", pa.repeat(pa.scalar(self.channel), rows.num_rows))
        draft = Draft(data.select(DELIVERY_LEDGER.names), digest_of(self._marks), self.channel, counts=self._marks | {"rows_out": data.num_rows})
        publish(self.workspace, self.report, draft)
        self.report.raise_failures()


def workspace_manifest(workspace: Workspace, channel: str) -> Any:
    """The manifest of a channel's ledger, or None before its first delivery."""
    return workspace.lake.manifest(DELIVERY_LEDGER.name, ("channel", channel))


def delivered_as_of(workspace: Workspace, channel: str, stream: str) -> date | None:
    """The newest as-of date a stream was delivered completely for."""
    manifest = workspace_manifest(workspace, channel)
    day = manifest.counts.get(f"{DELIVERED}:{stream}") if manifest else None
    return date.fromordinal(day) if day else None
