"""A campaign's delivery to Amazon Connect: its members' profiles, the segment of them, and the outbound campaign pointed at it.

Belongs here: in which order Connect is told, and what each answer makes of the ledger. Not here: what a stream holds (``campaign_streams``), how
Connect is spoken to (``activation.connect_*``). Leavers go first. The segment and its outbound campaign are a stream of their own, behind the
profiles: begun only when every profile has ended well, nobody is left inside who had to leave, and Connect counts as many members as were loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.calls import called
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import (
    checked,
    leaving_object,
    object_type_request,
    profile_objects,
    segment_definition_request,
    upload_csv,
    upload_job_request,
)
from omnichannel_assets.activation.connect_campaigns import SERVICE, point_campaign
from omnichannel_assets.activation.connect_domain import Domain, ensure_domain, ensure_object_type
from omnichannel_assets.activation.connect_objects import put_objects
from omnichannel_assets.activation.connect_segments import ensure_segment, estimated_size, size_problem
from omnichannel_assets.activation.connect_uploads import upload
from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.assets.campaign_streams import BEHIND, Stream, Streams, cleared_fields
from omnichannel_assets.assets.deletions import StoredRequests
from omnichannel_assets.assets.ledgers import DELIVERED
from omnichannel_assets.assets.removals import note_sent
from omnichannel_assets.assets.streams import Delivery, World
from omnichannel_assets.errors import RetryableError
from omnichannel_assets.resources.channels import Channels

if TYPE_CHECKING:
    import pyarrow as pa

SEGMENT = f"{BEHIND}segment"
"""Ends the name of the stream of a campaign's segment."""
CHUNK = 2_000
"""Rows between two saves of the ledger, at least."""


@dataclass
class _Sending:
    """One campaign's profiles on their way."""

    delivery: Delivery
    domain: Domain
    name: str
    entries: Mapping[str, Entry]
    """Customer id -> the ledger's entry, of everybody who is told something now."""
    unsaved: int = field(default=0, init=False)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Note how rows ended; saved once enough of them have."""
        for outcome in outcomes:
            self.delivery.stored.ledger.settle(self.entries[outcome.key], outcome.state, outcome.words)
            self.unsaved += 1
        if self.unsaved >= CHUNK:
            self.delivery.stored.save()
            self.unsaved = 0

    def put(self, objects: Mapping[str, str]) -> None:
        """Put objects, each with an answer of its own."""
        for outcomes in put_objects(self.domain, self.name, objects):
            self.settle(outcomes)


def send_campaigns(delivery: Delivery, world: World, channels: Channels) -> None:
    """Bring Connect up to date with every campaign that goes there, and with those that do no more."""
    streams = Streams(delivery, world)
    for stream in streams.files():
        _send_profiles(delivery, channels, stream, streams.table(stream))
    for campaign in delivery.workspace.campaigns.of_channel(delivery.channel):
        if delivery.stored.mark(DELIVERED, campaign.name) == delivery.as_of:
            _send_segment(delivery, channels, campaign.name)


def _send_profiles(delivery: Delivery, channels: Channels, stream: Stream, rows: pa.Table) -> None:
    """Everybody whose row changed, and everybody who has to leave."""
    newest = delivery.stored.ledger.newest(stream.name)
    strangers = {key for key, entry in newest.items() if entry.state == "rejected" and entry.sequence == 1}
    if stream.contents and stream.campaign:
        note_sent(delivery, sorted(content.destination_key for content in stream.contents))
        _write_files(delivery, stream.campaign, rows)
    sending = delivery.stored.begin(stream.name, [*stream.contents, *stream.leaving], delivery.as_of, is_partial=stream.is_partial)
    state = _Sending(delivery, _domain(channels), stream.name, {content.destination_key: entry for entry, content in sending})
    if sending and _is_ready(state, channels, stream.campaign):
        gone = [content.destination_key for content in stream.leaving if content.destination_key in state.entries]
        state.settle(Outcome(key, "loaded", "Connect never took it in") for key in gone if key in strangers)
        state.put({key: leaving_object(key) for key in gone if key not in strangers})
        if stream.contents and stream.campaign:
            _send_members(state, stream.campaign, rows)
    if stream.is_partial:
        delivery.stored.save()
    else:
        delivery.stored.finish(stream.name, delivery.as_of)
    delivery.count(stream.name, stream.contents, stream.leaving, list(state.entries))


def _domain(channels: Channels) -> Domain:
    return Domain(channels.caller("customer-profiles"), channels.workspace.settings.connect_domain)


def _is_ready(state: _Sending, channels: Channels, campaign: Campaign | None) -> bool:
    """Whether domain and object type are there; if not, no row can be told, which is nothing about the rows: they are tried again."""
    try:
        ensure_domain(state.domain, may_create=not channels.is_live or channels.workspace.settings.connect_create_domain == "on")
        if campaign is not None:  # of one that the file names no more, the type is there, or nobody had been told
            ensure_object_type(state.domain, campaign)
    except (Refused, RetryableError) as error:
        state.settle(Outcome(key, "failed", str(error)) for key in state.entries)
        return False
    return True


def _write_files(delivery: Delivery, campaign: Campaign, rows: pa.Table) -> None:
    """What this date tells Connect, for a person to look at: the profiles of all members, and the requests."""
    domain, folder = delivery.workspace.settings.connect_domain, f"outbox/{delivery.channel}/{campaign.name}/as_of={delivery.as_of}/"
    files = {
        "profiles.csv": upload_csv(rows, campaign)[0],
        "object_type_request.json": _as_json(object_type_request(domain, campaign)),
        "upload_job_request.json": _as_json(upload_job_request(domain, campaign, f"{campaign.name}-{delivery.as_of}")),
        "segment_definition_request.json": _as_json(segment_definition_request(domain, campaign.name, delivery.as_of)),
    }
    for name, data in files.items():
        called(delivery.hook, f"{delivery.channel}.write {name}", partial(delivery.workspace.lake.store.write, folder + name, data))


def _as_json(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request, indent=1, sort_keys=True).encode()


def _send_members(state: _Sending, campaign: Campaign, rows: pa.Table) -> None:
    """The rows that changed: few of them row by row, more as one file. Whoever's new row Connect cannot take leaves with the old one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    good, rejected = checked(rows, campaign)
    refused = {outcome.key: outcome for outcome in rejected if outcome.key in state.entries}
    held = {key: leaving_object(key) for key in refused if state.entries[key].sequence > 1}
    left = {outcome.key: outcome for outcomes in put_objects(state.domain, state.name, held) for outcome in outcomes}
    state.settle(left[key] if key in left and left[key].state == "failed" else outcome for key, outcome in refused.items())
    changed = good.filter(pc.is_in(good["customer_id"], value_set=pa.array(list(state.entries), pa.string())))
    if changed.num_rows <= state.delivery.workspace.settings.connect_batch_rows:
        state.put(profile_objects(changed))
    else:
        _upload(state, campaign, changed)


def _upload(state: _Sending, campaign: Campaign, changed: pa.Table) -> None:
    """One file. Connect does not say which records failed: where it tolerably did, all are put again row by row, which changes nothing for the others."""
    ids, tolerance = changed["customer_id"].to_pylist(), state.delivery.workspace.settings.connect_tolerance
    name = f"{state.name}-{state.delivery.as_of}-{_digest(state.entries[key].message_id for key in ids)}"
    try:
        ended = upload(state.domain, campaign, name, upload_csv(changed, campaign)[0], most_failed_share=tolerance)
    except (Refused, RetryableError) as error:  # of the job, which says nothing about a row
        state.settle(Outcome(key, "failed", str(error)) for key in ids)
    else:
        if not ended.is_good(tolerance):
            state.settle(Outcome(key, "failed", ended.in_words()) for key in ids)
        elif ended.failed:
            state.put(profile_objects(changed))
        else:
            state.settle(Outcome(key, "loaded") for key in ids)


def _digest(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\0".join(sorted(texts)).encode(), digest_size=6).hexdigest()


def _send_segment(delivery: Delivery, channels: Channels, name: str) -> None:
    """The segment of a campaign whose profiles are all told, and the outbound campaign pointed at it, once for each set of members."""
    stream = name + SEGMENT
    if not delivery.wants(stream, is_campaign=True):
        return
    newest, gone = delivery.stored.ledger.newest(name), Content("", None, cleared_fields(delivery.channel, name, None)).hash
    stuck = sum(entry.content_hash == gone and entry.state != "loaded" for entry in newest.values())
    waiting = len(StoredRequests(delivery.workspace).open(delivery.stored.channel))
    members = sorted(key for key, entry in newest.items() if entry.state == "loaded" and entry.content_hash != gone)
    if stuck or waiting:
        delivery.stop(stream, f"waits: {stuck:,} could not be taken out, {waiting:,} deletions are open", is_unexpected=True)
        return
    if not members:
        delivery.stop(stream, "nothing to do: nobody is in the campaign")
        return
    fields = {"domain": delivery.workspace.settings.connect_domain, "members": _digest(members), "outbound": repr(channels.outbound(name))}
    content = Content(name, None, fields, insists=True)
    sending = delivery.stored.begin(stream, [content], delivery.as_of)
    for entry, _ in sending:
        outcome = _pointed(delivery, channels, name, len(members))
        delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
    delivery.stored.finish(stream, delivery.as_of)
    delivery.count(stream, [content], [], [name for _ in sending])


def _pointed(delivery: Delivery, channels: Channels, name: str, expected: int) -> Outcome:
    """What became of the segment and its outbound campaign. The size is compared first, and a campaign is touched only when it is right."""
    domain, outbound = _domain(channels), channels.outbound(name)
    try:
        segment = ensure_segment(domain, name, delivery.as_of)
        problem = size_problem(estimated_size(domain, name), expected, delivery.workspace.settings.connect_tolerance)
        if problem:
            return Outcome(name, "failed", problem)
        told = "no outbound campaign is named: choose the segment in Connect"
        if outbound.is_named:
            told = point_campaign(channels.caller(SERVICE), outbound, name, segment)
    except RetryableError as error:
        return Outcome(name, "failed", str(error))
    except Refused as error:
        return Outcome(name, "rejected", str(error))
    return Outcome(name, "loaded", told)
