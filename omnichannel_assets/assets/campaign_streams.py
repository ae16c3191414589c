"""What each stream of a channel should hold: its contents, who leaves, and the question a person has to answer first, where there is one.

Here: campaigns and scores as streams, without sending anything; deliveries send them, a plan shows them. Not here: the ledger's rules
(``activation.ledger``), how a channel is spoken to (``deliveries``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.campaigns import TRAITS, Campaign
from omnichannel_assets.activation.guards import question, stale
from omnichannel_assets.activation.ledger import Content
from omnichannel_assets.assets.streams import Delivery, World

if TYPE_CHECKING:
    import pyarrow as pa

SCORES = "scores"
SCORE_TRAITS = ("churn_score", "churn_band", "repurchase_score", "repurchase_decile", "subscription_churn_score")
ALWAYS = ("email", "first_name", "country")
"""What a file channel is told of every member, besides what the campaign names."""
ASK = "If that is right: omnichannel plan, then omnichannel apply."
BEHIND = "."
"""Stands in the name of a stream that is behind a campaign's own, as Connect's segment is."""
REFRESH_DAYS = 30
"""Connect is told of everybody again at least this often: a profile that nothing is said of expires (`activation.connect.EXPIRY_DAYS`)."""


KeyOf = Callable[[Mapping[str, Any]], str]
FieldsOf = Callable[[Mapping[str, Any], Campaign], dict[str, Any]]


@dataclass(frozen=True)
class Stream:
    """What one stream should hold now. ``is_partial``: only some of it is settled, so the date stays open (`StoredLedger.begin`).

    ``campaign`` is None for data, and for a campaign that the file does not name any more. ``rows`` are the members behind the contents.
    """

    name: str
    contents: Sequence[Content] = ()
    leaving: Sequence[Content] = ()
    campaign: Campaign | None = None
    is_partial: bool = False
    rows: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.contents and not self.leaving


@dataclass
class Streams:
    """The streams of one channel's delivery, made from the world as it is when they are asked for."""

    delivery: Delivery
    world: World

    @cached_property
    def members(self) -> pa.Table:
        """Everybody any campaign may reach, with what channels are told of them."""
        return self.world.rows("campaign_members").sort_by([("audience", "ascending"), ("customer_id", "ascending")])

    def table(self, stream: Stream) -> pa.Table:
        """The members behind a stream, as a table; what the campaign does not tell this channel is empty in it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = self.members.filter(pc.equal(self.members["audience"], stream.name))
        told = stream.campaign.channels[self.delivery.channel] if stream.campaign else ()
        for name in set(TRAITS) - set(told):
            rows = rows.set_column(rows.column_names.index(name), name, pa.nulls(rows.num_rows, rows.schema.field(name).type))
        return rows

    def campaigns(self) -> list[tuple[str, Campaign | None]]:
        """The campaigns that go to the channel, and those it still holds people of that the file no longer sends there."""
        known = self.delivery.workspace.campaigns
        going = [(campaign.name, campaign) for campaign in known.of_channel(self.delivery.channel)]
        names = {name for name, _ in going}
        behind = {name for name in self.delivery.stored.streams() if name in DATA or name.startswith(EVENTS) or BEHIND in name}
        held = sorted(name for name in self.delivery.stored.streams() - names - behind if self.delivery.holds(name))
        return [*going, *((name, None) for name in held)]

    def segment(self) -> Iterator[Stream]:
        """Segment's streams that have something to be done for."""
        if self.delivery.wants(SCORES, is_campaign=False):
            yield self._scores()
        for name, campaign in self.campaigns():
            yield from self._campaign(name, campaign, _segment_key, _segment_fields, cleared_fields("segment", name, campaign))

    def files(self) -> Iterator[Stream]:
        """The campaigns of a channel that is keyed by customer id."""
        for name, campaign in self.campaigns():
            yield from self._campaign(name, campaign, _customer_key, self._file_fields, cleared_fields(self.delivery.channel, name, campaign))

    def _scores(self) -> Stream:
        """Scores of everybody but the erased, whose traits are cleared. A trait that nobody has is none of them: without a model nobody loses one."""
        from omnichannel_assets.activation.contents import ContentTable

        rows = self.world.rows("score_traits")
        traits = [name for name in SCORE_TRAITS if rows[name].null_count < rows.num_rows]
        known = rows.filter(rows["destination_key"].is_valid())
        wanted = ContentTable(known, ("destination_type", "destination_key"), "customer_id", traits)
        self.delivery.results[SCORES].without_address = rows.num_rows - len(wanted)
        if not traits or not len(wanted):
            self.delivery.stop(SCORES, "nothing sent: nobody has a score")
            return Stream(SCORES)
        leaving = self.delivery.leavers(SCORES, wanted, dict.fromkeys(SCORE_TRAITS))
        asked = self._asked(SCORES, None, wanted, leaving, dict.fromkeys(SCORE_TRAITS))
        if asked:
            self.delivery.stop(SCORES, f"nothing sent: {asked}. {ASK}", is_unexpected=True)
            return Stream(SCORES)
        return Stream(SCORES, wanted, leaving)

    def _campaign(self, name: str, campaign: Campaign | None, key: KeyOf, fields: FieldsOf, cleared: Mapping[str, Any]) -> Iterator[Stream]:
        """A campaign's stream; of one that is held, empty or asks a question only those leave whom no campaign may hold."""
        delivery = self.delivery
        is_wanted = delivery.wants(name, is_campaign=True)
        if not is_wanted and not delivery.results[name].is_held:
            return
        members = self._rows(name) if campaign and is_wanted else []
        rows = [row for row in members if key(row)]
        delivery.results[name].without_address = len(members) - len(rows)
        wanted = [Content(key(row), row["customer_id"], fields(row, campaign)) for row in rows] if campaign else []
        leaving = delivery.leavers(name, wanted, cleared)
        asked = self._asked(name, campaign, wanted, leaving, cleared) if is_wanted else ""
        if is_wanted and not asked and (wanted or (campaign is not None and campaign.has_ended(delivery.as_of)) or delivery.is_released):
            if wanted or leaving:
                yield Stream(name, wanted, leaving, campaign, rows=rows)
            else:
                delivery.stop(name, f"nothing sent: {_why_empty(campaign, delivery)}")
            return
        barred = self._barred(name, leaving)
        if is_wanted:
            self._stop(name, campaign, asked, has_removals=bool(barred))
        if barred:
            yield Stream(name, (), barred, campaign, is_partial=True)

    def _file_fields(self, row: Mapping[str, Any], campaign: Campaign) -> dict[str, Any]:
        variant = {"variant": row["variant"]} if campaign.variants else {}
        told = {name: _plain(row[name]) for name in (*ALWAYS, *campaign.channels[self.delivery.channel])}
        return {**told, **variant, **self._where(), "entered_on": row["entered_on"].isoformat()}

    def _where(self) -> dict[str, Any]:
        """What makes the same row another content at Connect: another domain, another period."""
        if self.delivery.channel != "connect":
            return {}
        return {"domain": self.delivery.workspace.settings.connect_domain, "period": self.delivery.as_of.toordinal() // REFRESH_DAYS}

    def _rows(self, name: str) -> list[dict[str, Any]]:
        import pyarrow.compute as pc

        return self.members.filter(pc.equal(self.members["audience"], name)).to_pylist()

    def _asked(self, name: str, campaign: Campaign | None, wanted: Sequence[Content], leaving: Sequence[Content], cleared: Mapping[str, Any]) -> str:
        """The question a person has to answer before this is sent; none of what a plan of theirs has answered, or of a campaign's own end."""
        delivery, guards = self.delivery, self.delivery.workspace.campaigns.guards
        if delivery.is_released or (campaign is not None and campaign.has_ended(delivery.as_of)):
            return ""
        held = delivery.held(name, cleared)
        days = (self.world.in_force - delivery.as_of).days
        if held and campaign is None and name != SCORES:
            return "the campaigns file does not send it here any more"
        return (stale(guards, days) if wanted or leaving else "") or question(guards, held=held, wanted=len(wanted), removals=len(leaving))

    def _stop(self, name: str, campaign: Campaign | None, asked: str, *, has_removals: bool) -> None:
        removed = "nobody was removed but who may not be contacted any more" if has_removals else "nobody was removed"
        if asked:
            self.delivery.stop(name, f"nothing sent: {asked}; {removed}. {ASK}", is_unexpected=True)
        else:
            self.delivery.stop(name, f"nothing sent: {_why_empty(campaign, self.delivery)}")

    def _barred(self, name: str, leaving: Sequence[Content]) -> list[Content]:
        """Of those who would leave, those whom no campaign may hold: who opted out, was deleted, or is a control."""
        if not leaving:
            return []
        ids = self.world.rows("barred_ids").to_pylist()
        if self.delivery.channel == "segment":
            barred = {f"{row['identifier_type']}:{row['identifier_value']}" for row in ids if row["audience"] in (None, name)}
        else:
            allowed = set(self.world.rows("contactable_customers")["customer_id"].to_pylist())
            held_out = {row["customer_id"] for row in self.world.rows("held_out_customers").to_pylist() if row["audience"] == name}
            barred = {content.destination_key for content in leaving if content.destination_key not in allowed or content.destination_key in held_out}
        return [content for content in leaving if content.destination_key in barred]


EVENTS = "events of "
"""Begins the name of the stream that tells Segment who entered and left a campaign."""
DATA = frozenset({SCORES, "Interactions", "Items", "Users"})
"""Streams that are no campaign."""


def _why_empty(campaign: Campaign | None, delivery: Delivery) -> str:
    if campaign is not None and campaign.has_ended(delivery.as_of):
        return f"the campaign ended on {campaign.ends}"
    if campaign is not None and not campaign.runs_on(delivery.as_of):
        return f"the campaign starts on {campaign.starts}"
    return "the audience is empty"


def _segment_key(row: Mapping[str, Any]) -> str:
    return f"{row['destination_type']}:{row['destination_key']}" if row["destination_key"] else ""


def _customer_key(row: Mapping[str, Any]) -> str:
    return str(row["customer_id"])


def _segment_fields(row: Mapping[str, Any], campaign: Campaign) -> dict[str, Any]:
    told = {name: _plain(row[trait]) for name, trait in _named_traits(campaign).items()}
    variant = {f"{campaign.name}_variant": row["variant"]} if campaign.variants else {}
    return {campaign.name: True, **variant, **told}


def _named_traits(campaign: Campaign) -> dict[str, str]:
    """Name at Segment -> trait: the campaign's name before it, so that one campaign never clears what another told."""
    return {f"{campaign.name}_{trait}": trait for trait in campaign.channels["segment"]}


def cleared_fields(channel: str, name: str, campaign: Campaign | None) -> dict[str, Any]:
    """What tells a channel that somebody left a campaign: of a file nothing; at Segment, of a campaign that is in the file no more, the membership."""
    if channel != "segment":
        return {}
    if campaign is None or channel not in campaign.channels:
        return {name: False}
    return {name: False, **dict.fromkeys([*([f"{name}_variant"] if campaign.variants else []), *_named_traits(campaign)])}


def _plain(value: Any) -> Any:
    """A value as JSON tells it."""
    return float(value) if isinstance(value, Decimal) else value
