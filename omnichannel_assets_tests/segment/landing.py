"""A tiny landing zone written by a test, and what the real staging step makes of it. No assertions here."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from omnichannel_assets.assets.landing import catalogue
from omnichannel_assets.assets.segment import stage_calls
from omnichannel_assets.lake.tables import SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings

DAY = date(2026, 11, 20)
"""The received day of lines that name no other."""


def at(hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, micro, UTC)


def text_at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def call(message_id: str | None = "m-1", /, **fields) -> dict:
    """A track call that breaks no rule, received at 10:00 of DAY; fields replace or (``...``) leave out parts of it."""
    made = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message_id,
        "anonymousId": "a-1",
        "receivedAt": "2026-11-20T10:00:00.000Z",
        "timestamp": "2026-11-20T09:59:00.000Z",
        "properties": {"product_id": "P-1"},
    } | fields
    return {name: value for name, value in made.items() if value is not ...}


def order(message_id: str = "m-1", /, *, order_id: object = "O-1", products: object = ..., **properties) -> dict:
    """An Order Completed; ``products=...`` leaves the key out."""
    told = {"order_id": order_id, "total": 10, "currency": "EUR", "products": products} | properties
    return call(message_id, event="Order Completed", properties={name: value for name, value in told.items() if value is not ...})


def as_bytes(lines: object) -> bytes:
    """An object's text: bytes as they are, else one line for each dict (as JSON) or text."""
    if isinstance(lines, bytes):
        return lines
    return b"".join((line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()) + b"\n" for line in lines)


def key_of(name: str, day: date = DAY, source: str = "src0000001") -> str:
    return f"segment-logs/{source}/{int(at(day=day).timestamp()) * 1000}/{name}.gz"


def workspace_of(folder: Path, **settings) -> Workspace:
    (folder / "landing").mkdir(parents=True, exist_ok=True)
    return Workspace(Settings(landing_uri=str(folder / "landing"), lake_uri=str(folder / "lake"), last_day=date(2026, 11, 30), **settings))


def put(workspace: Workspace, key: str, lines: object) -> None:
    """Write one object, packed unless it is given as bytes."""
    path = Path(workspace.settings.landing_uri) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines if isinstance(lines, bytes) else gzip.compress(as_bytes(lines), mtime=0))


class Staged:
    """The staged rows of a landing zone: ``events`` by message id, all ``rows``, ``bad`` rows, and the counts of each day."""

    def __init__(self, workspace: Workspace):
        catalogue(workspace)
        self.workspace = workspace
        self.report, _ = stage_calls(workspace)
        self.rows = workspace.lake.read(SEGMENT_EVENTS).to_pylist()
        self.events = {row["message_id"]: row for row in self.rows}
        self.bad = workspace.lake.read(SEGMENT_QUARANTINE).to_pylist()
        self.counts = {value: manifest.counts for value, manifest in self.report.manifests.items()}

    @property
    def rules(self) -> list[tuple[int, str]]:
        return [(row["position"], row["rule"]) for row in self.bad]


def stage(folder: Path, objects: object, **settings) -> Staged:
    """Stage objects (key -> lines), or the lines of one object of DAY."""
    workspace = workspace_of(folder, **settings)
    for key, lines in (objects if isinstance(objects, Mapping) else {key_of("file"): objects}).items():
        put(workspace, key, lines)
    return Staged(workspace)
