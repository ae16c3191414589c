"""Deliveries: what leaves the house, to whom, once by effect.

Each delivery acts on the newest as-of date it is asked for. It notes in the ledger what it is about to send, sends only what changed, and
notes how it ended; killed at any point, the next one continues. Campaign streams hold the treatment arm of people who may be contacted and
nobody else; data streams hold no campaign and no arm.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.activation.arms import AUDIENCES as AUDIENCE_NAMES
from omnichannel_assets.activation.arms import WIN_BACK
from omnichannel_assets.activation.calls import CallHook, called, no_hook
from omnichannel_assets.activation.ledger import Content
from omnichannel_assets.assets.as_of import as_of_reads, known_before, parameters_at, register_world
from omnichannel_assets.assets.ledgers import DELIVERED, STARTED, StoredLedger
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import StepReport, log
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.approvals import audiences_digest, is_approved
from omnichannel_assets.resources.channels import Channels, is_reachable, open_channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.activation.outcomes import Outcome

SCORES = "scores"
SCORE_TRAITS = ("churn_score", "churn_band", "repurchase_score", "repurchase_decile", "subscription_churn_score")
CHUNK = 2000
"""Rows between two saves of the ledger."""


@dataclass
class StreamResult:
    """What a delivery did for one stream. ``note`` says in words why nothing was sent, when nothing was."""

    loaded: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    rejected: int = 0
    without_address: int = 0
    left_out: int = 0
    note: str = ""


@dataclass
class Delivery:
    """One channel's delivery of one as-of date."""

    workspace: Workspace
    channel: str
    as_of: date
    hook: CallHook
    stored: StoredLedger
    results: dict[str, StreamResult] = field(default_factory=dict)

    def wants(self, stream: str, *, is_campaign: bool) -> bool:
        """Whether a stream is to be sent now; if not, the result says why."""
        started, delivered = self.stored.mark(STARTED, stream), self.stored.mark(DELIVERED, stream)
        note = ""
        if started and self.as_of < started:
            note = f"nothing sent: {started} was sent before, and {self.as_of} is older"
        elif delivered == self.as_of:
            note = f"nothing sent: {self.as_of} is delivered already"
        elif is_campaign and not is_approved(self.workspace, self.as_of):
            note = f"waits for approval: omnichannel approve {self.as_of}"
        self.results[stream] = StreamResult(note=note)
        return not note

    def stop(self, stream: str, note: str, *, is_unexpected: bool = False) -> None:
        """Send nothing for a stream, and say why."""
        self.results[stream].note = note
        log.log(logging.WARNING if is_unexpected else logging.INFO, "%s %s: %s", self.channel, stream, note)

    def leavers(self, stream: str, wanted: Sequence[Content], cleared: Mapping[str, Any], kept: set[str] = frozenset()) -> list[Content]:
        """What tells the destination that a key it holds is no longer wanted; keys of ``kept`` customers are left alone."""
        present, gone = {content.destination_key for content in wanted}, Content("", None, cleared).hash
        return [
            Content(entry.destination_key, entry.customer_id, cleared)
            for key, entry in sorted(self.stored.ledger.newest(stream).items())
            if key not in present and entry.content_hash != gone and entry.customer_id not in kept
        ]

    def count(self, stream: str, wanted: Sequence[Content], removed: int, attempted: Iterable[str]) -> None:
        """Fill in the result from the ledger: how the attempted keys ended."""
        newest, attempted, result = self.stored.ledger.newest(stream), list(attempted), self.results[stream]
        states = [newest[key].state for key in attempted]
        result.loaded, result.failed, result.rejected = (states.count(state) for state in ("loaded", "failed", "rejected"))
        result.removed, result.unchanged = removed, len(wanted) + removed - len(attempted)
        log.info("%s %s as of %s: %s", self.channel, stream, self.as_of, in_words(result))


def in_words(result: StreamResult) -> str:
    """A stream's result on one line."""
    if result.note:
        return result.note
    numbers = {
        "loaded": result.loaded,
        "of these removals": result.removed,
        "unchanged": result.unchanged,
        "failed": result.failed,
        "rejected": result.rejected,
        "without an address": result.without_address,
        "rows left out of the file": result.left_out,
    }
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number or name == "loaded")


def deliver_segment(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Send score traits of everybody, and audience membership of the treatment arms, to Segment. Data: ``scores``; campaigns: one an audience."""
    return _deliver(workspace, "segment", as_ofs, hook, _send_segment)


def deliver_pinpoint(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Write the win-back endpoint file and import request for Pinpoint. Files only: the service has ended."""
    return _deliver(workspace, "pinpoint", as_ofs, hook, _write_pinpoint)


def deliver_connect(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Write the win-back upload file, upload request and segment definition for Connect Customer Profiles. Files only."""
    return _deliver(workspace, "connect", as_ofs, hook, _write_connect)


def deliver_personalize(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Import the interactions, items and users data sets into Personalize where they changed."""
    return _deliver(workspace, "personalize", as_ofs, hook, _import_personalize)


def _deliver(
    workspace: Workspace, channel: str, as_ofs: Iterable[date], hook: CallHook, send: Callable[[Delivery, _World, Channels], None]
) -> StepReport:
    days = [day for day in known_before(workspace, as_ofs) if audiences_digest(workspace, day)]
    stored = StoredLedger(workspace, channel)
    if not days or (channel in ("segment", "personalize") and not is_reachable(workspace, channel)) or workspace.settings.delivery_mode == "off":
        why = "there are no audiences yet" if not days else f"DELIVERY_MODE is {workspace.settings.delivery_mode} and does not reach it"
        stored.report.figures["outcome"] = f"nothing sent: {why}"
        return stored.report
    delivery = Delivery(workspace, channel, days[-1], hook, stored)
    with workspace.lake.engine() as engine, open_channels(workspace, hook) as channels:
        send(delivery, _World(workspace, engine, delivery.as_of), channels)
    stored.report.figures |= {"as_of": str(delivery.as_of)} | {name: in_words(result) for name, result in delivery.results.items()}
    return stored.report


class _World:
    """Models of a delivery: as-of tables of the date that is delivered, everything else (consent, addresses, stock) of the as-of in force."""

    def __init__(self, workspace: Workspace, engine: Engine, as_of: date):
        self.workspace, self.engine, self.as_of = workspace, engine, as_of
        self.in_force = max(as_of, workspace.as_of())

    def rows(self, model: str) -> Any:
        """The rows of a model as Arrow."""
        register_world(self.workspace, self.engine, [model], self.in_force, self.as_of)
        return self.engine.query(model_text(model), parameters_at(self.workspace, self.in_force))


def _send_segment(delivery: Delivery, world: _World, channels: Channels) -> None:
    if delivery.wants(SCORES, is_campaign=False):
        rows = world.rows("score_traits").to_pylist()
        wanted = [_segment_content(row, {name: row[name] for name in SCORE_TRAITS}) for row in rows if row["destination_key"]]
        erased = set(world.rows("erased_customers")["customer_id"].to_pylist())
        delivery.results[SCORES].without_address = len(rows) - len(wanted)
        cleared = dict.fromkeys(SCORE_TRAITS)
        if not any(row["churn_score"] is not None or row["repurchase_score"] is not None for row in rows):
            delivery.stop(SCORES, "nothing sent: nobody has a score")
        else:
            _send_contents(delivery, channels, SCORES, wanted, delivery.leavers(SCORES, wanted, cleared, erased))
    members: list[dict[str, Any]] | None = None
    for audience in AUDIENCE_NAMES:
        if delivery.wants(audience, is_campaign=True):
            members = world.rows("campaign_members").to_pylist() if members is None else members
            rows = [row for row in members if row["audience"] == audience]
            wanted = [_segment_content(row, {audience: True}) for row in rows if row["destination_key"]]
            delivery.results[audience].without_address = len(rows) - len(wanted)
            if _is_filled(delivery, audience, wanted):
                erased = set(world.rows("erased_customers")["customer_id"].to_pylist())
                _send_contents(delivery, channels, audience, wanted, delivery.leavers(audience, wanted, {audience: False}, erased))


def _segment_content(row: Mapping[str, Any], fields: Mapping[str, Any]) -> Content:
    return Content(f"{row['destination_type']}:{row['destination_key']}", row["customer_id"], fields)


def _is_filled(delivery: Delivery, stream: str, wanted: Sequence[Content]) -> bool:
    """Whether an audience has members; an empty one after a filled one removes nobody (an empty input never means: everyone left)."""
    if wanted:
        return True
    held = any(entry.state == "loaded" for entry in delivery.stored.ledger.newest(stream).values())
    words = "nothing sent: the audience is empty" + (" now; nobody was removed, look at the scores" if held else "")
    delivery.stop(stream, words, is_unexpected=held)
    return False


def _send_contents(delivery: Delivery, channels: Channels, stream: str, wanted: list[Content], leaving: list[Content]) -> None:
    """Send what changed of a Segment stream, chunk by chunk, saving how each ended."""
    from omnichannel_assets.activation.segment import identify

    sending = delivery.stored.begin(stream, sorted([*wanted, *leaving], key=lambda content: content.destination_key), delivery.as_of)
    for start in range(0, len(sending), CHUNK):
        chunk = sending[start : start + CHUNK]
        entries = {entry.message_id: entry for entry, _ in chunk}
        messages = []
        for entry, content in chunk:
            kind, _, value = content.destination_key.partition(":")
            messages.append(identify(**{kind: value}, traits=content.fields, message_id=entry.message_id, timestamp=midnight(entry.as_of)))
        for outcome in channels.segment.send(messages):
            delivery.stored.ledger.settle(entries[outcome.key], outcome.state, outcome.words)
        delivery.stored.save()
    delivery.stored.finish(stream, delivery.as_of)
    delivery.count(stream, wanted, len(leaving), [content.destination_key for _, content in sending])


def _write_pinpoint(delivery: Delivery, world: _World, _channels: Channels) -> None:
    """The endpoint file of the treatment arm, and the request that would import it."""
    from omnichannel_assets.activation.pinpoint import endpoint_csv, import_job_request

    def files(rows: pa.Table, folder: str) -> tuple[dict[str, bytes], list[Outcome]]:
        data, rejected = endpoint_csv(rows)
        application = delivery.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION
        request = import_job_request(application, PLACEHOLDER_ROLE, f"s3://bucket/{folder}", f"{WIN_BACK}-{delivery.as_of}")
        return {"part-0000.csv": data, "import_job_request.json": _as_json(request)}, rejected

    _write_campaign(delivery, world, files)


def _write_connect(delivery: Delivery, world: _World, _channels: Channels) -> None:
    """The upload file of the treatment arm, the upload request, and the definition of the segment that picks it."""
    from omnichannel_assets.activation.connect import segment_definition_request, upload_csv, upload_job_request

    def files(rows: pa.Table, _folder: str) -> tuple[dict[str, bytes], list[Outcome]]:
        data, rejected = upload_csv(rows, delivery.as_of)
        domain, name = delivery.workspace.settings.connect_domain, f"win-back-{delivery.as_of}"
        requests = {
            "upload_job_request.json": _as_json(upload_job_request(domain, name)),
            "segment_definition_request.json": _as_json(segment_definition_request(domain, name, delivery.as_of)),
        }
        return {"profiles.csv": data, **requests}, rejected

    _write_campaign(delivery, world, files)


PLACEHOLDER_APPLICATION = "0" * 32
PLACEHOLDER_ROLE = "arn:aws:iam::000000000000:role/pinpoint-import"
"""Stand where nobody set an id: the request is a file for a person to complete, and has to be well-formed."""

FileMaker = Callable[["pa.Table", str], tuple[dict[str, bytes], "list[Outcome]"]]


def _write_campaign(delivery: Delivery, world: _World, make: FileMaker) -> None:
    """Write the files of the win-back campaign below ``outbox/`` and note everybody in them.

    A file holds the whole treatment arm, because the segment of a date is its file; the ledger tells whose row changed.
    """
    if not delivery.wants(WIN_BACK, is_campaign=True):
        return
    import pyarrow.compute as pc

    rows = world.rows("campaign_members")
    rows = rows.filter(pc.equal(rows["audience"], WIN_BACK)).sort_by("customer_id")
    mapped = ("email", "first_name", "country", "churn_score", "churn_band", "pick_1", "pick_2", "pick_3")
    wanted = [Content(row["customer_id"], row["customer_id"], {name: row[name] for name in mapped}) for row in rows.to_pylist()]
    if not _is_filled(delivery, WIN_BACK, wanted):
        return
    leaving = delivery.leavers(WIN_BACK, wanted, {})
    folder = f"outbox/{delivery.channel}/{WIN_BACK}/as_of={delivery.as_of}/"
    sending = delivery.stored.begin(WIN_BACK, [*wanted, *leaving], delivery.as_of)
    files, rejected = make(rows, folder)
    for name, data in files.items():
        called(delivery.hook, f"{delivery.channel}.write {name}", partial(delivery.workspace.lake.store.write, folder + name, data))
    refused = {outcome.key: outcome.words for outcome in rejected}
    for entry, content in sending:
        words = refused.get(content.destination_key)
        delivery.stored.ledger.settle(entry, "rejected" if words else "loaded", words or "")
    delivery.stored.finish(WIN_BACK, delivery.as_of)
    delivery.count(WIN_BACK, wanted, len(leaving), [content.destination_key for _, content in sending])


def _as_json(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request, indent=1, sort_keys=True).encode()


DATASETS = {"Interactions": "personalize_interactions", "Items": "personalize_items", "Users": "personalize_users"}
"""Data set of Personalize (a stream of its own) -> the model of its rows."""


def _import_personalize(delivery: Delivery, world: _World, channels: Channels) -> None:
    """Bring Personalize's data sets up to date: those whose file differs from the one imported last."""
    from omnichannel_assets.activation.personalize_files import write_csv
    from omnichannel_assets.activation.personalize_import import Poll, import_datasets
    from omnichannel_assets.activation.personalize_schemas import SCHEMAS

    poll = Poll() if channels.is_live else Poll(every_seconds=0.02)
    for name in DATASETS:
        if not delivery.wants(name, is_campaign=False):
            continue
        rows = world.rows(DATASETS[name])
        file = write_csv(SCHEMAS[name], rows.rename_columns([column.upper() for column in rows.column_names]))
        delivery.results[name].left_out = len(file.rejected)
        content = Content(name, None, {"sha256": hashlib.sha256(file.data).hexdigest()})
        sending = delivery.stored.begin(name, [content], delivery.as_of)
        for entry, _ in sending:
            place = channels.put_file(f"personalize/{name}/{content.hash}.csv", file.data)
            (outcome,) = import_datasets(
                channels.aws("personalize"),
                {name: place},
                group_name=delivery.workspace.settings.personalize_group,
                job_suffix=entry.message_id,
                role_arn=channels.personalize_role,
                hook=delivery.hook,
                poll=poll,
            )
            delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
        delivery.stored.finish(name, delivery.as_of)
        delivery.count(name, [content], 0, [name for _ in sending])


DESCRIPTIONS = {
    "segment": "Scores as traits of everybody Segment knows, and audience membership of the treatment arms. Only what changed is sent, once by effect.",
    "pinpoint": "Win-back endpoint file and import request for Pinpoint, treatment arm only. Files: the service has ended.",
    "connect": "Win-back upload file, upload request and segment definition for Connect Customer Profiles, treatment arm only.",
    "personalize": "Interactions, items and users data sets imported into Personalize when they changed.",
}


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage. Of a range of as-of dates only the newest is delivered."""
    steps = {"segment": deliver_segment, "pinpoint": deliver_pinpoint, "connect": deliver_connect, "personalize": deliver_personalize}
    models = {
        "segment": ("score_traits", "campaign_members"),
        "pinpoint": ("campaign_members",),
        "connect": ("campaign_members",),
        "personalize": tuple(DATASETS.values()),
    }
    return [
        step_asset(
            DELIVERY_LEDGER,
            step,
            name=f"{channel}_delivery",
            description=DESCRIPTIONS[channel],
            group="activate",
            deps=["audiences", *(name for name in as_of_reads(*models[channel]) if name != "audiences")],
            as_of=as_of_days,
            kinds=("parquet", channel),
            owners=["team:marketing"],
        )
        for channel, step in steps.items()
    ]
