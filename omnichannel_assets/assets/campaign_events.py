"""Events of campaigns: files of Pinpoint and Connect -> log and quarantine, a partition a version of a file; then one table with Segment's e-mail events.

A version of a file is read once and stays, also when the file is removed from the landing zone. Addresses are hashed while a line is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from omnichannel_assets.activation.campaign_events import CampaignEvent, events_of
from omnichannel_assets.activation.campaign_files import CAMPAIGN, channel_of
from omnichannel_assets.assets.as_of import as_of_reads, parameters_at, register_world, world_digest
from omnichannel_assets.assets.landing import Row, present_objects
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, conserved, log, publish
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.identity.phones import e164
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_results import CAMPAIGN_EVENT_LOG, CAMPAIGN_EVENT_QUARANTINE, CAMPAIGN_EVENTS
from omnichannel_assets.resources.dms_tables import object_partition
from omnichannel_assets.resources.workspace import Workspace


def read_campaign_files(workspace: Workspace) -> StepReport:
    """Read each version of an event file that the log does not hold yet. Raises ChecksFailedError."""
    report, quarantine = StepReport(CAMPAIGN_EVENT_LOG), StepReport(CAMPAIGN_EVENT_QUARANTINE)
    code = code_digest("activation/campaign_events.py", "activation/machine_events.py", "segment/lines.py")
    base = digest_of([code, CAMPAIGN_EVENT_LOG.fingerprint(), workspace.identifier_salt(), workspace.rules.default_region])
    for row in present_objects(workspace, CAMPAIGN):
        value, digest = object_partition(row["key"], row["etag"]), digest_of([base, row["key"], row["etag"]])
        tables = (CAMPAIGN_EVENT_LOG, CAMPAIGN_EVENT_QUARANTINE)
        if all(workspace.lake.is_current(table, digest, value) for table in tables):
            report.manifests[value] = workspace.lake.manifest(CAMPAIGN_EVENT_LOG.name, ("file_version", value))
        else:
            _read_file(workspace, (report, quarantine), row, Draft(CAMPAIGN_EVENT_LOG.arrow().empty_table(), digest, value, inputs={row["key"]: row["etag"]}))
    quarantine.raise_failures()
    return report.raise_failures()


def _read_file(workspace: Workspace, reports: tuple[StepReport, StepReport], row: Row, draft: Draft) -> None:
    import pyarrow as pa

    told = list(enumerate(_events(workspace.landing.read(row["key"]), channel_of(row["key"]) or "", hashed_by(workspace)), 1))
    shared = {"file": row["key"], "file_version": draft.value}
    channel = channel_of(row["key"])
    good = [{**asdict(event), "channel": channel, "line": line, **shared} for line, event in told if isinstance(event, CampaignEvent)]
    bad = [{"rule": rule, "line": line, **shared} for line, rule in told if isinstance(rule, str)]
    check = conservation(len(told), {"rows_out": len(good), "quarantined": len(bad)})
    for report, rows in zip(reversed(reports), (bad, good), strict=True):  # what was set aside first: the log says that a file was read
        data = pa.Table.from_pylist(rows, schema=report.table.arrow())
        publish(workspace, report, Draft(data, draft.digest, draft.value, {**check.details, "rows_out": len(rows)}, draft.inputs, (check,)))
    if bad:
        log.warning("%s: %s of %s events are in quarantine", row["key"], f"{len(bad):,}", f"{len(told):,}")


def _events(data: bytes, channel: str, hashed: Callable[[str], str | None]) -> Iterator[CampaignEvent | str]:
    """Every event of a file, and for each part that is none the rule it breaks."""
    from omnichannel_assets.segment.lines import read_lines

    lines = read_lines(data)
    parts: list[tuple[int, bytes | None, str]] = [(number, text, "") for number, text in lines.good]
    parts += [(number, None, rule) for number, rule, _ in lines.bad]
    for _, text, rule in sorted(parts, key=lambda part: part[0]):
        if text is None:
            yield rule
        else:
            yield from events_of(channel, text.decode(), hashed)


def hashed_by(workspace: Workspace) -> Callable[[str], str | None]:
    """What stands for an address or a customer id in this lake; the same as ``identifier_hash`` in SQL says of the identifier."""
    salt, region = workspace.identifier_salt(), workspace.rules.default_region

    def hashed(text: str) -> str | None:
        kind, value = _identifier(text, region)
        return hashlib.sha256(f"{salt}/{kind}/{value}".encode()).hexdigest()[:16] if value else None

    return hashed


def _identifier(text: str, region: str | None) -> tuple[str, str | None]:
    if text.startswith("c_"):
        return "customer_id", text
    return ("email", text.strip().casefold()) if "@" in text else ("phone", e164(text, region) if text.strip() else None)


def build_campaign_events(workspace: Workspace) -> StepReport:
    """Bring ``campaign_events`` up to date, as of the as-of in force. Raises ChecksFailedError."""
    table, as_of = CAMPAIGN_EVENTS, workspace.as_of()
    models = [table.name, f"conservation/{table.name}"]
    digest = world_digest(workspace, models, as_of, table.fingerprint())
    report = StepReport(table)
    if workspace.lake.is_current(table, digest):
        report.manifests[""] = workspace.lake.manifest(table.name)
        return report
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, models, as_of)
        data = engine.model(table, parameters_at(workspace, as_of))
        law = conserved(engine, table, data, parameters_at(workspace, as_of))[""]
    log.info("%s: %s rows", table.name, f"{data.num_rows:,}")
    publish(workspace, report, Draft(data, digest, counts={**law.details, "rows_out": data.num_rows}, checks=(law,)))
    return report.raise_failures()


def assets() -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage."""
    both: dict[str, Any] = {"checks": ("contract", "conservation")}
    return [
        step_asset(CAMPAIGN_EVENT_LOG, read_campaign_files, group="staged", deps=["landing_files"], **both),
        step_asset(CAMPAIGN_EVENTS, build_campaign_events, group="feedback", deps=as_of_reads(CAMPAIGN_EVENTS.name), **both),
    ]
