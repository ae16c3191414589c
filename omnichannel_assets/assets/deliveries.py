"""Deliveries: what leaves the house, to whom, once by effect.

Each delivery acts on the newest as-of date it is asked for. It notes in the ledger what it is about to send, sends only what changed, and
notes how it ended; killed at any point, the next one continues. Campaign streams hold the treatment arm of people who may be contacted and
nobody else; data streams hold no campaign and no arm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from omnichannel_assets.activation.calls import CallHook, called, no_hook
from omnichannel_assets.activation.ledger import Sending
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import PLACEHOLDER_APPLICATION, PLACEHOLDER_ROLE
from omnichannel_assets.assets.as_of import as_of_reads, known_before
from omnichannel_assets.assets.campaign_streams import SCORES, Stream, Streams
from omnichannel_assets.assets.deletions import in_words as deletions_in_words
from omnichannel_assets.assets.deletions import send_open
from omnichannel_assets.assets.deliveries_personalize import DATASETS, send_personalize
from omnichannel_assets.assets.ledgers import SERVICES, StoredLedger, ledger_name
from omnichannel_assets.assets.membership_events import send_events, write_s3_files
from omnichannel_assets.assets.removals import note_sent, queue_ended
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.assets.streams import Delivery, World, in_words
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.approvals import audiences_digest
from omnichannel_assets.resources.channels import Channels, is_reachable, open_channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

CHUNK = 2000
"""Rows between two saves of the ledger, at least; a long ledger is saved at most `SAVES` times in a stream, for each save writes all of it."""
SAVES = 3


def deliver_segment(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook, *, is_released: bool = False) -> StepReport:
    """Send score traits of everybody, and audience membership of the treatment arms, to Segment. Data: ``scores``; campaigns: one each."""
    return _deliver(workspace, "segment", as_ofs, hook, _send_segment, is_released)


def deliver_pinpoint(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook, *, is_released: bool = False) -> StepReport:
    """Write the endpoint file and import request of each campaign for Pinpoint, and import them into the sandbox: the real service has ended."""
    return _deliver(workspace, "pinpoint", as_ofs, hook, _send_pinpoint, is_released)


def deliver_connect(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook, *, is_released: bool = False) -> StepReport:
    """Bring Connect's profiles of each campaign up to date, make their segments and point outbound campaigns at them."""
    return _deliver(workspace, "connect", as_ofs, hook, _send_connect, is_released)


def deliver_personalize(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook, *, is_released: bool = False) -> StepReport:
    """Import the data sets that changed into Personalize, and bring what PERSONALIZE_CREATE names up to date."""
    return _deliver(workspace, "personalize", as_ofs, hook, send_personalize, is_released)


DELIVER = {"segment": deliver_segment, "pinpoint": deliver_pinpoint, "connect": deliver_connect, "personalize": deliver_personalize}
"""Channel -> its delivery. ``is_released``: a person has answered the questions of the guards (`omnichannel apply`)."""


def _deliver(
    workspace: Workspace, channel: str, as_ofs: Iterable[date], hook: CallHook, send: Callable[[Delivery, World, Channels], None], is_released: bool
) -> StepReport:
    days = [day for day in known_before(workspace, as_ofs) if audiences_digest(workspace, day)]
    stored = StoredLedger(workspace, ledger_name(workspace, channel))
    if not days or (channel in SERVICES and not is_reachable(workspace, channel)) or workspace.settings.delivery_mode == "off":
        why = "there are no audiences yet" if not days else f"DELIVERY_MODE is {workspace.settings.delivery_mode} and does not reach it"
        stored.report.figures["outcome"] = f"nothing sent: {why}"
        return stored.report
    delivery = Delivery(workspace, channel, days[-1], hook, stored, is_released=is_released)
    with workspace.lake.engine() as engine, open_channels(workspace, hook) as channels:
        world = World(workspace, engine, delivery.as_of)
        if channel in ("personalize", "connect"):  # one imports nothing while it deletes, the other's segments must not hold who is to be deleted
            send_open(channels, [channel])
        send(delivery, world, channels)
        queue_ended(delivery, world)
        forgotten = send_open(channels, [channel])
    stored.report.figures |= {"as_of": str(delivery.as_of)} | {name: in_words(result) for name, result in delivery.results.items()} | delivery.told
    stored.report.shown |= delivery.shown
    if forgotten:
        stored.report.figures["deletions"] = deletions_in_words(forgotten)
    stored.report.unfinished = delivery.unfinished()
    return stored.report


def _send_segment(delivery: Delivery, world: World, channels: Channels) -> None:
    for stream in Streams(delivery, world).segment():
        if stream.name == SCORES and len(stream.contents):
            write_s3_files(delivery, world)
        if not stream.is_empty:
            _send_contents(delivery, channels, stream)


def _send_contents(delivery: Delivery, channels: Channels, stream: Stream) -> None:
    """Send what changed of a Segment stream, noting how each ended. What is partial leaves the stream open for its date."""
    from omnichannel_assets.activation.contents import Joined, by_key
    from omnichannel_assets.activation.segment import packed_identifies, packed_tracks

    contents, integrations = Joined(by_key(stream.contents), by_key(stream.leaving)), delivery.workspace.settings.segment_integrations
    sending = delivery.stored.begin(stream.name, contents, delivery.as_of, is_partial=stream.is_partial)
    _send(delivery, channels, sending, packed_identifies(sending.parts(), midnight(delivery.as_of), integrations))
    keys = sending.keys
    send_events(delivery, stream, lambda events: _send(delivery, channels, events, packed_tracks(events.parts(), midnight(delivery.as_of), integrations)))
    if stream.is_partial:
        delivery.stored.save()
    else:
        delivery.stored.finish(stream.name, delivery.as_of)
    delivery.count(stream.name, stream.contents, stream.leaving, keys)


def _send(delivery: Delivery, channels: Channels, sending: Sending, packed: Iterable[Any]) -> None:
    """Send messages, noting how each ended."""
    least, unsaved, settled = max(CHUNK, len(delivery.stored.ledger.rows) // SAVES + 1), 0, 0
    for outcomes in channels.segment.deliver(packed):
        sending.settle(settled, outcomes)
        settled += len(outcomes)
        unsaved += len(outcomes)
        if unsaved >= least:
            delivery.stored.save()
            unsaved = 0


def _send_connect(delivery: Delivery, world: World, channels: Channels) -> None:
    from omnichannel_assets.assets.connect import send_campaigns

    send_campaigns(delivery, world, channels)


def _send_pinpoint(delivery: Delivery, world: World, channels: Channels) -> None:
    """The endpoint file of each campaign's treatment arm and its import request below ``outbox/``, and in the sandbox the import.

    A file holds the whole treatment arm, because the segment of a date is its file; the ledger tells whose row changed.
    """
    from omnichannel_assets.activation.pinpoint import endpoint_csv

    streams = Streams(delivery, world)
    for stream in streams.files():
        if stream.contents:
            note_sent(delivery, [row["customer_id"] for row in stream.rows])
        sending = delivery.stored.begin(stream.name, [*stream.contents, *stream.leaving], delivery.as_of, is_partial=stream.is_partial)
        outcomes: dict[str, Outcome] = {}
        if stream.contents and stream.campaign:
            data, rejected = endpoint_csv(streams.table(stream), stream.campaign)
            _write_endpoints(delivery, stream.name, data)
            outcomes = {outcome.key: outcome for outcome in rejected}
            if not channels.is_live:
                ids = [row["customer_id"] for row in stream.rows if row["customer_id"] not in outcomes]
                outcomes |= {outcome.key: outcome for outcome in _imported_endpoints(delivery, channels, stream.name, data, ids)}
        for entry, content in sending:
            outcome = outcomes.get(content.destination_key, Outcome(content.destination_key, "loaded"))
            delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
        if stream.is_partial:
            delivery.stored.save()
        else:
            delivery.stored.finish(stream.name, delivery.as_of)
        delivery.count(stream.name, stream.contents, stream.leaving, [content.destination_key for _, content in sending])


def _write_endpoints(delivery: Delivery, campaign: str, data: bytes) -> None:
    from omnichannel_assets.activation.pinpoint import import_job_request

    folder = f"outbox/{delivery.channel}/{campaign}/as_of={delivery.as_of}/"
    application = delivery.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION
    request = import_job_request(application, PLACEHOLDER_ROLE, f"s3://bucket/{folder}", f"{campaign}-{delivery.as_of}")
    for name, content in {"part-0000.csv": data, "import_job_request.json": json.dumps(request, indent=1, sort_keys=True).encode()}.items():
        called(delivery.hook, f"{delivery.channel}.write {name}", partial(delivery.workspace.lake.store.write, folder + name, content))


def _imported_endpoints(delivery: Delivery, channels: Channels, campaign: str, data: bytes, ids: Sequence[str]) -> list[Outcome]:
    """What became of the customers in one campaign's file in the sandbox. The file is taken away again once the job has ended."""
    from omnichannel_assets.activation.pinpoint_import import SERVICE, import_endpoints

    key = f"pinpoint/{campaign}/{hashlib.sha256(data).hexdigest()}.csv"
    place = channels.put_file(key, data)
    outcomes = import_endpoints(
        channels.caller(SERVICE),
        ids,
        application_id=delivery.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION,
        role_arn=PLACEHOLDER_ROLE,
        s3_url=place,
        segment_name=f"{campaign}-{delivery.as_of}",
    )
    channels.remove_file(key)
    return outcomes


DESCRIPTIONS = {
    "segment": "Scores as traits of everybody Segment knows, and audience membership of the treatment arms. Only what changed is sent, once by effect.",
    "pinpoint": "Endpoint file and import request of each campaign for Pinpoint, treatment arm only; imported in the sandbox, the real service has ended.",
    "connect": "Profiles of each campaign in Connect Customer Profiles, treatment arm only, the segment of them, and the outbound campaign pointed at it.",
    "personalize": "Interactions, items and users data sets imported into Personalize when they changed; solutions, campaigns, recommenders and the event tracker as PERSONALIZE_CREATE names them.",
}


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage. Of a range of as-of dates only the newest is delivered."""
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
        for channel, step in DELIVER.items()
    ]
