"""The parts of the page about audiences and deliveries: who is chosen, who is held out, what left the house and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from omnichannel_assets.activation.ledger import Content
from omnichannel_assets.assets.campaign_streams import SCORE_TRAITS, SCORES, cleared_fields
from omnichannel_assets.assets.deliveries import DATASETS
from omnichannel_assets.assets.delivery_plan import CampaignSize, campaign_sizes
from omnichannel_assets.assets.ledgers import SERVICES, delivered_as_of
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.tables_activation import AUDIENCE_APPROVALS
from omnichannel_assets.report.markup import heading, note, paragraph, points, table
from omnichannel_assets.resources.approvals import audiences_digest, is_approved
from omnichannel_assets.resources.channels import is_reachable
from omnichannel_assets.resources.workspace import Workspace

DATA = (SCORES, *DATASETS)
MODES = {
    "sandbox": "Delivery mode is sandbox: local stand-ins answer instead of the services, and nothing leaves this machine.",
    "off": "Delivery mode is off: nothing is sent to any channel. Rows below were delivered before.",
    "live": "Delivery mode is live: the channels listed in LIVE_CHANNELS get the real thing.",
}


@dataclass(frozen=True)
class Sent:
    """What one stream's destination holds, from its newest ledger rows.

    ``held`` waits for a person's approval; ``unsendable`` are people of the delivered date whom the channel has no row of.
    """

    channel: str
    stream: str
    loaded: int = 0
    removed: int = 0
    failed: int = 0
    rejected: int = 0
    pending: int = 0
    held: int = 0
    unsendable: int = 0
    as_of: date | None = None

    @property
    def is_campaign(self) -> bool:
        """Whether the stream belongs to a campaign (and therefore holds treatment only)."""
        return self.stream not in DATA


@dataclass(frozen=True)
class Campaigns:
    """Audiences of the newest date that has any, with their approval, and every stream."""

    as_of: date | None
    is_approved: bool
    sizes: tuple[CampaignSize, ...]
    treated: int
    held_out: int
    sent: tuple[Sent, ...]

    @property
    def delivered(self) -> int:
        """Rows that destinations hold."""
        return sum(sent.loaded for sent in self.sent)


def campaigns(workspace: Workspace, engine: Engine) -> Campaigns:
    """The state of campaigns of a lake."""
    ((as_of,),) = engine.rows("select max(as_of) from audiences")
    bound = {"day": as_of}
    columns, found = engine.select("select * from audience_sizes")
    rows = [row for row in (dict(zip(columns, values, strict=True)) for values in found) if row["as_of"] == as_of]
    sizes = campaign_sizes(rows, workspace.campaigns.names)
    ((treated, held_out),) = engine.rows(
        "select count(distinct case when arm = 'treatment' then customer_id end), count(distinct case when arm = 'control' then customer_id end) from audiences where as_of = $day",
        bound,
    )
    released = as_of is not None and is_approved(workspace, as_of)
    waiting = {} if released or as_of is None else {size.audience: size.treatment for size in sizes}
    return Campaigns(as_of, released, sizes, treated, held_out, _sent(workspace, engine, as_of, waiting))


def _sent(workspace: Workspace, engine: Engine, as_of: date | None, waiting: Mapping[str, int]) -> tuple[Sent, ...]:
    rows = engine.rows(
        "select channel, stream, state, content_hash, count(*) from delivery_ledger as l where sequence = "
        "(select max(sequence) from delivery_ledger as n where n.channel = l.channel and n.stream = l.stream and n.destination_key = l.destination_key) "
        "group by 1, 2, 3, 4"
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for channel, stream, state, content, number in rows:
        states = found.setdefault((channel, stream), {})
        name = "removed" if state == "loaded" and content == _cleared(workspace, channel, stream) else state
        states[name] = states.get(name, 0) + number
    going = {channel: [campaign.name for campaign in workspace.campaigns.of_channel(channel)] for channel in ("segment", "pinpoint", "connect")}
    known = [("segment", SCORES), *((channel, name) for channel, names in going.items() for name in names), *(("personalize", name) for name in DATASETS)]
    told = []
    for channel, stream in [*known, *sorted(set(found) - set(known))]:
        delivered = delivered_as_of(workspace, channel, stream)
        held = waiting.get(stream, 0) if delivered != as_of else 0
        unsendable = _unsendable(engine, channel, stream, delivered) if delivered else 0
        told.append(Sent(channel, stream, **found.get((channel, stream), {}), held=held, unsendable=unsendable, as_of=delivered))
    return tuple(told)


def _cleared(workspace: Workspace, channel: str, stream: str) -> str:
    """The content of a row that tells a destination that somebody left."""
    if stream in DATASETS:
        return ""
    fields = dict.fromkeys(SCORE_TRAITS) if stream == SCORES else cleared_fields(channel, stream, workspace.campaigns.named(stream))
    return Content("", None, fields).hash


def _unsendable(engine: Engine, channel: str, stream: str, day: date) -> int:
    """Customers a stream was to tell of whom the ledger does not know: no address there, or no longer to be reached."""
    if stream in DATASETS:
        return 0
    wanted = "propensity_scores where" if stream == SCORES else "audiences where arm = 'treatment' and audience = $stream and"
    ((number,),) = engine.rows(
        f"select count(*) from (select customer_id from {wanted} as_of = $day) as w where customer_id not in "
        "(select customer_id from delivery_ledger where channel = $channel and stream = $stream and customer_id is not null)",
        {"channel": channel, "stream": stream, "day": day},
    )
    return number


def audiences(workspace: Workspace, found: Campaigns) -> str:
    """The part about audiences."""
    if found.as_of is None:
        return heading("Audiences", "audiences") + note("No audiences were chosen yet: they come with the first scores.")
    titles = {campaign.name: campaign.title for campaign in workspace.campaigns.campaigns}
    rows = [
        (
            _plain(size.audience),
            titles.get(size.audience, "no longer in the campaigns file"),
            size.treatment,
            size.control,
            size.entering,
            size.not_contactable,
            size.rested,
            _approval(workspace, found),
        )
        for size in found.sizes
    ]
    words = (
        f"As of {found.as_of}. Everybody in an audience may be contacted by e-mail. A fixed lot decides who is treatment and gets the campaign, and who is control: "
        "withheld from every channel of it, to show what would have happened without it. The lot stays the same from date to date."
    )
    left_out = (
        "Not contactable: no e-mail address, never said yes, said no, or deleted by the shop. Resting: contacted by this campaign too lately, or by all of them "
        "as often this week as one person may be. They are in neither arm."
    )
    columns = ("audience", "what for", "treatment", "control", "new on this date", "chosen but not contactable", "chosen but resting", "approval")
    before = points([f"{_plain(size.audience)}: {size.power}." for size in found.sizes if size.power])
    power = "<h3>What they can show</h3>" + paragraph("Before anything is sent: the smallest difference between the arms that so many people are expected to show.") + before
    return heading("Audiences", "audiences") + paragraph(words) + table(columns, rows, "stacks") + paragraph(left_out, "soft") + (power if before else "")


def _approval(workspace: Workspace, found: Campaigns) -> str:
    if workspace.settings.audience_approval == "off":
        return "not needed"
    if not found.is_approved:
        return f"needed; waits for omnichannel approve {found.as_of}"
    digest = audiences_digest(workspace, found.as_of)
    given = [
        row["approved_at"]
        for row in workspace.lake.read(AUDIENCE_APPROVALS).to_pylist()
        if row["as_of"] == found.as_of and row["audiences_digest"] == digest
    ]
    return f"given {max(given):%Y-%m-%d %H:%M} UTC" if given else "given"


def deliveries(workspace: Workspace, found: Campaigns) -> str:
    """The part about what was delivered."""
    rows = [
        (sent.channel, _plain(sent.stream), "campaign" if sent.is_campaign else "data", *_numbers(sent), _until(workspace, sent))
        for sent in found.sent
    ]
    meaning = (
        "Data stream: what a service needs to know of everybody (scores as traits, Personalize's data sets). It holds no campaign and no arm, and nobody the shop has deleted.",
        "Campaign stream: who gets an offer. Treatment only; never a control, an opted-out or a deleted customer.",
        "Loaded: the destination holds it. Removed: it was told that somebody left. Failed: the next delivery tries again. Rejected: it said no and would again. Held: waits for approval.",
        "Not sendable: chosen or scored, but the channel has no address (Segment: neither a login nor a device id), or the person may no longer be reached.",
        "A data set of Personalize is one row here, whatever its size.",
    )
    return (
        heading("What was delivered", "delivered")
        + (note if workspace.settings.delivery_mode == "off" else paragraph)(MODES[workspace.settings.delivery_mode])
        + table(
            ("channel", "stream", "kind", "loaded", "removed", "failed", "rejected", "held", "not sendable", "delivered as of"),
            rows,
            "stacks",
        )
        + points(meaning)
        + "<h3>Where to look</h3>"
        + points(
            (
                "outbox/ below the lake: what Pinpoint and Connect were sent, as files, by audience and as-of date. They hold e-mail addresses.",
                "sandbox/ below the lake: what the stand-ins of the services received. omnichannel sandbox shows it as a page.",
            )
        )
    )


def _numbers(sent: Sent) -> tuple[int, ...]:
    return sent.loaded, sent.removed, sent.failed + sent.pending, sent.rejected, sent.held, sent.unsendable


def _until(workspace: Workspace, sent: Sent) -> str:
    if sent.as_of:
        return str(sent.as_of)
    if sent.held:
        return "waits for approval"
    if workspace.settings.delivery_mode == "off" or (
        sent.channel in SERVICES and not is_reachable(workspace, sent.channel)
    ):
        return f"not sent: delivery mode {workspace.settings.delivery_mode}"
    return "not complete" if sent.failed or sent.pending else "nothing yet"


def _plain(name: str) -> str:
    return name.replace("_", " ")
