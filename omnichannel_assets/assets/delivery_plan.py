"""What a delivery would send, first looked at and then done: exactly what would leave for every channel, without a call, and its id.

Here: the plan of the newest as-of date and applying it. Not here: what a stream holds (``campaign_streams``), sending (``deliveries``), what a
plan looks like on a terminal (``commands/deliver``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from omnichannel_assets.activation.calls import no_hook
from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.reach import reach
from omnichannel_assets.activation.segment import identify
from omnichannel_assets.assets.as_of import known_before
from omnichannel_assets.assets.campaign_streams import Stream, Streams
from omnichannel_assets.assets.deliveries import DELIVER
from omnichannel_assets.assets.deliveries_personalize import data_sets
from omnichannel_assets.assets.ledgers import SERVICES, StoredLedger, ledger_name
from omnichannel_assets.assets.personalize_parts import planned_parts
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.assets.streams import Delivery, StreamResult, World
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import AUDIENCE_SIZES, AUDIENCES
from omnichannel_assets.resources.approvals import audiences_digest
from omnichannel_assets.resources.channels import is_reachable
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight
from omnichannel_assets.trials.power import detectable_words

PLAN_ID_CHARACTERS = 12
REACHES = ("pinpoint", "connect")
"""Channels that check every row's address."""


@dataclass(frozen=True)
class PlannedStream:
    """What one stream would send: new, changed and leaving keys, those tried again, and those that stay as they are.

    ``note`` says why nothing, or not all, would be sent; ``question`` that a person has to answer it, which applying the plan does.
    """

    channel: str
    stream: str
    is_campaign: bool
    new: int = 0
    changed: int = 0
    leaving: int = 0
    again: int = 0
    unchanged: int = 0
    without_address: int = 0
    note: str = ""
    question: str = ""
    reach: str = ""
    """Of a channel that checks addresses: how many of the members it would take, and why not the others."""
    payloads: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def sends(self) -> int:
        """Rows that would leave."""
        return self.new + self.changed + self.leaving + self.again


@dataclass(frozen=True)
class CampaignSize:
    """How many a campaign chose, what became of them, and the smallest lift so many people can show, in words."""

    audience: str
    treatment: int
    control: int
    entering: int
    not_contactable: int
    cooling_off: int
    over_cap: int
    power: str

    @property
    def rested(self) -> int:
        """Left out because they were contacted too lately or too often."""
        return self.cooling_off + self.over_cap


@dataclass(frozen=True)
class DeliveryPlan:
    """Everything a delivery of ``as_of`` would send. ``id`` changes with whatever would be sent, and with the questions."""

    id: str
    as_of: date
    streams: tuple[PlannedStream, ...]
    sizes: tuple[CampaignSize, ...]

    @property
    def questions(self) -> list[PlannedStream]:
        """The streams that wait for a person."""
        return [stream for stream in self.streams if stream.question]


def plan_delivery(workspace: Workspace, *, payloads: int = 0) -> DeliveryPlan:
    """Plan the delivery of the newest as-of date with audiences; writes and calls nothing. ``payloads``: how many of each stream to show.

    A stream with a question is planned as it would be sent once the question is answered. Raises UserError when there is nothing to deliver.
    """
    as_of = newest_day(workspace)
    if workspace.settings.delivery_mode == "off":
        raise UserError("plan: DELIVERY_MODE is off, nothing would be sent. Fix: set it to sandbox or live")
    found, digests = [], []
    with workspace.lake.engine() as engine:
        world = World(workspace, engine, as_of)
        for channel in DELIVER:
            for planned, digest in _planned(workspace, world, channel, payloads):
                found.append(planned)
                digests.append([channel, planned.stream, planned.question, digest])
    sizes = campaign_sizes(workspace.lake.read(AUDIENCE_SIZES, [as_of.isoformat()]).to_pylist(), workspace.campaigns.names)
    return DeliveryPlan(digest_of([str(as_of), workspace.settings.delivery_mode, digests])[:PLAN_ID_CHARACTERS], as_of, tuple(found), sizes)


def apply_plan(workspace: Workspace, plan_id: str) -> list[StepReport]:
    """Deliver the plan of that id, its questions answered; the caller holds the lock. Raises UserError, and sends nothing, when it is not the plan of now."""
    plan = plan_delivery(workspace)
    if plan.id != plan_id:
        raise UserError(
            f"apply: expected {plan.id}, the plan of the data of now, got {plan_id}: something has moved since. "
            "Fix: look at omnichannel plan again, then apply the id it shows"
        )
    return [deliver(workspace, [plan.as_of], is_released=True) for deliver in DELIVER.values()]


def campaign_sizes(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> tuple[CampaignSize, ...]:
    """The rows of ``audience_sizes`` of one date in the order of the campaigns file, with what they can show (80 % power, 5 % two-sided).

    How many buy without the campaign is taken from their scores; without scores half of them, the hardest case.
    """
    order = {name: place for place, name in enumerate(names)}
    found = []
    for row in sorted(rows, key=lambda row: (order.get(row["audience"], len(order)), row["audience"])):
        people = row["treatment"] + row["control"]
        base = 0.5 if row["expected_share"] is None else row["expected_share"]
        power = detectable_words(people, row["control"] / people, base) if people else ""
        found.append(CampaignSize(**{name: row[name] for name in CampaignSize.__dataclass_fields__ if name != "power"}, power=power))
    return tuple(found)


def newest_day(workspace: Workspace) -> date:
    """The newest as-of date with audiences that can be delivered. Raises UserError when there is none."""
    days = [date.fromisoformat(value) for value in workspace.lake.manifests(AUDIENCES)]
    known = [day for day in known_before(workspace, days) if audiences_digest(workspace, day)]
    if not known:
        raise UserError("plan: there are no audiences yet. Fix: omnichannel run")
    return known[-1]


def _planned(workspace: Workspace, world: World, channel: str, payloads: int) -> Iterator[tuple[PlannedStream, str]]:
    """Each stream of a channel as it would be sent, and the digest of what would leave."""
    if channel in SERVICES and not is_reachable(workspace, channel):
        yield PlannedStream(channel, "all", False, note=f"DELIVERY_MODE is {workspace.settings.delivery_mode} and does not reach it"), ""
        return
    cautious, answered = (_looked_at(workspace, world, channel, is_released=is_released) for is_released in (False, True))
    for name, result in answered.results.items():
        held_back = cautious.results[name].note
        asks = held_back if held_back and not result.note else ""
        yield _of_stream(answered, name, result, asks, payloads)


@dataclass
class _Looked:
    delivery: Delivery
    streams: dict[str, Stream]
    reaches: dict[str, str]

    @property
    def results(self) -> dict[str, StreamResult]:
        return self.delivery.results


def _looked_at(workspace: Workspace, world: World, channel: str, *, is_released: bool) -> _Looked:
    delivery = Delivery(workspace, channel, world.as_of, no_hook, StoredLedger(workspace, ledger_name(workspace, channel)), is_released=is_released)
    streams = Streams(delivery, world)
    if channel == "personalize":
        made: Iterable[Stream] = [*(found.stream for found in data_sets(delivery, world)), *planned_parts(delivery)]
    else:
        made = streams.segment() if channel == "segment" else streams.files()
    found = {stream.name: stream for stream in made}
    return _Looked(delivery, found, {name: _reach(streams, stream) for name, stream in found.items() if channel in REACHES})


def _reach(streams: Streams, stream: Stream) -> str:
    """How many of a campaign's members a channel would take in, and why it leaves out the others."""
    if not stream.contents or stream.campaign is None:
        return ""
    return reach(streams.table(stream), stream.campaign)[streams.delivery.channel].in_words()


def _of_stream(looked: _Looked, name: str, result: StreamResult, question: str, payloads: int) -> tuple[PlannedStream, str]:
    delivery, stream = looked.delivery, looked.streams.get(name) or Stream(name)
    before = dict(delivery.stored.ledger.newest(name))
    sending = delivery.stored.preview(name, [*stream.contents, *stream.leaving], delivery.as_of)
    leaving = {content.destination_key for content in stream.leaving}
    kinds = [_kind(entry, before, leaving) for entry, _ in sending]
    counted = {kind: kinds.count(kind) for kind in ("new", "changed", "leaving", "again")}
    is_campaign = stream.campaign is not None or name in delivery.workspace.campaigns.names
    shown = [_payload(delivery, entry, content) for entry, content in sorted(sending, key=lambda pair: pair[0].destination_key)[:payloads]]
    planned = PlannedStream(
        delivery.channel,
        name,
        is_campaign,
        **counted,
        unchanged=len(stream.contents) + len(stream.leaving) - len(sending),
        without_address=result.without_address,
        reach=looked.reaches.get(name, ""),
        note=result.note,
        question=question,
        payloads=shown,
    )
    return planned, digest_of(sorted((entry.destination_key, entry.content_hash, entry.sequence) for entry, _ in sending))


def _kind(entry: Entry, before: Mapping[str, Entry], leaving: set[str]) -> str:
    old = before.get(entry.destination_key)
    if entry.destination_key in leaving:
        return "leaving"
    if old is None:
        return "new"
    return "again" if old.content_hash == entry.content_hash else "changed"


def _payload(delivery: Delivery, entry: Entry, content: Content) -> Mapping[str, Any]:
    """What would be said of one key: Segment's own message; for the others the fields behind their row."""
    if delivery.channel == "segment":
        kind, _, value = content.destination_key.partition(":")
        message = identify(**{kind: value}, traits=content.fields, message_id=entry.message_id, timestamp=midnight(entry.as_of))
        return {**message, "integrations": dict(delivery.workspace.settings.segment_integrations)}
    return {"key": content.destination_key, "fields": dict(content.fields)}
