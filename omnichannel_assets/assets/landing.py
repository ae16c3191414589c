"""Landing group: the two exports as external assets, and the catalogue of their objects.

The catalogue is the only table that holds wall-clock time (first_seen_at), and the only place that lists the landing zone for a run.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from omnichannel_assets.activation.campaign_files import CAMPAIGN
from omnichannel_assets.activation.campaign_files import channel_of as campaign_channel_of
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.dms.keys import parse_key as parse_dms_key
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.store import ListedObject
from omnichannel_assets.lake.tables import LANDING_FILES
from omnichannel_assets.resources.workspace import Workspace, data_clock
from omnichannel_assets.segment.keys import parse_key as parse_segment_key

Row = dict[str, Any]


def catalogue(workspace: Workspace) -> StepReport:
    """Bring ``landing_files`` up to date with a listing of the landing zone.

    Content is hashed only for objects whose listing changed. The manifest's counts hold the data clock as a day ordinal.
    """
    now = datetime.now(UTC)  # wall-clock: first_seen_at and the cap on the data clock are so by definition
    known = workspace.lake.read(LANDING_FILES).to_pylist()
    rows = updated_catalogue(known, workspace.landing.list(), workspace, now)
    report = StepReport(LANDING_FILES)
    clock = data_clock([row["received_day"] for row in rows if row["received_day"] and _in_bounds(row, workspace)], now)
    digest = digest_of({"rows": rows, "clock": clock})
    if workspace.lake.is_current(LANDING_FILES, digest):
        report.manifests[""] = workspace.lake.manifest(LANDING_FILES.name)
        return report
    import pyarrow as pa

    states = Counter(f"{row['origin']}_{row['state']}" for row in rows)
    counts = {**states, "data_clock_day": clock.toordinal() if clock else 0}
    publish(workspace, report, Draft(pa.Table.from_pylist(rows, schema=LANDING_FILES.arrow()), digest, counts=counts))
    log.info("landing_files: %s objects", f"{len(rows):,}")
    return report.raise_failures()


def updated_catalogue(known: Iterable[Row], listing: Iterable[ListedObject], workspace: Workspace, now: datetime) -> list[Row]:
    """The catalogue after a listing. Pure but for reading objects whose listing changed (their content names the version)."""
    rows = {(row["key"], row["etag"]): dict(row) for row in known}
    present = {row["key"]: row for row in rows.values() if row["state"] == "present"}
    seen = set()
    for listed in listing:
        seen.add(listed.key)
        current = present.get(listed.key)
        if current and current["token"] == listed.token:
            current.update(describe(listed, workspace))  # the registry may have learned of its table since
            continue
        etag = hashlib.md5(workspace.landing.read(listed.key), usedforsecurity=False).hexdigest()
        if current and current["etag"] != etag:
            current["state"] = "replaced"
        row = rows.setdefault((listed.key, etag), {**describe(listed, workspace), "etag": etag, "first_seen_at": now})
        row.update(token=listed.token, state="present")
    for key, row in present.items():
        if key not in seen:
            row["state"] = "removed"
    return sorted(rows.values(), key=lambda row: (row["origin"], row["key"], row["first_seen_at"], row["etag"]))


def describe(listed: ListedObject, workspace: Workspace) -> Row:
    """What an object's key says about it; objects of neither export are kept with origin ``unknown``."""
    row: Row = {"key": listed.key, "size": listed.size, "origin": "unknown", "source_id": None, "dms_table": None, "received_day": None}
    segment = parse_segment_key(listed.key)
    if segment:
        return row | {"origin": "segment", "source_id": segment.source_id, "received_day": segment.received_day}
    dms = parse_dms_key(listed.key, workspace.registry)
    if dms:
        return row | {"origin": "dms", "dms_table": dms.table, "received_day": dms.file_at.date() if dms.file_at else None}
    return row | ({"origin": CAMPAIGN} if campaign_channel_of(listed.key) else {})


def _in_bounds(row: Mapping[str, Any], workspace: Workspace) -> bool:
    return workspace.settings.first_received_day <= row["received_day"] <= workspace.last_received_day()


def present_objects(workspace: Workspace, origin: str) -> list[Row]:
    """Catalogued objects of one export that are there now, inside FIRST_DAY..LAST_DAY where they have a day (Segment only)."""
    rows = workspace.lake.read(LANDING_FILES).to_pylist()
    return [
        row for row in rows if row["origin"] == origin and row["state"] == "present" and (origin != "segment" or _in_bounds(row, workspace))
    ]


segment_export = dg.AssetSpec(
    "segment_export",
    group_name="landing",
    kinds={"s3", "json"},
    owners=["team:data-engineering"],
    description="Segment's raw event exports: gzip JSON lines below `segment-logs/{source}/{received day}/`. Written by Segment; a sensor observes it.",
)
dms_export = dg.AssetSpec(
    "dms_export",
    group_name="landing",
    kinds={"s3", "csv"},
    owners=["team:data-engineering"],
    description="DMS's copies of the shop database: full loads and change files below `{schema}/{table}/`. Written by DMS; a sensor observes it.",
)

campaign_export = dg.AssetSpec(
    "campaign_export",
    group_name="landing",
    kinds={"s3", "json"},
    owners=["team:data-engineering"],
    description="Event files of Pinpoint and of Connect's outbound campaigns: JSON lines below `campaign-events/{pinpoint or connect}/`, plain or gzip.",
)


def assets() -> list[dg.AssetSpec | dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    exports = [segment_export, dms_export, campaign_export]
    return [*exports, step_asset(LANDING_FILES, catalogue, group="landing", deps=[export.key.to_user_string() for export in exports])]
