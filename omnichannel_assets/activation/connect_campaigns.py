"""Connect's outbound campaign of a campaign stream: found or made, pointed at a segment, started only when told to.

Belongs here: CreateCampaign, UpdateCampaignSource, StartCampaign, the campaign's state. Not here: segments (`connect_segments`).
A campaign that somebody named is only ever pointed at a segment. One is made only when instance, sender and template are all named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, error_code
from omnichannel_assets.activation.connect_domain import Caller

SERVICE = "connectcampaignsv2"
STARTABLE = ("Initialized", "Paused")
STARTED = ("Running", "Completed")
MOST_DAYS = 30
"""The longest time Connect counts messages to one recipient in."""
STATES = (*STARTABLE, *STARTED, "Stopped", "Failed")


@dataclass(frozen=True)
class Outbound:
    """Which outbound campaign is used: the one of ``campaign_id``, else one of the stream's name in ``instance_id``, made where it is missing.

    With none of both there is no campaign, and a person chooses the segment in Connect. ``rests_days``: whoever stays in the segment gets no second
    message in so many days, which Connect itself sees to, for its campaign starts anew with each segment; it counts `MOST_DAYS` at most.
    """

    campaign_id: str = ""
    instance_id: str = ""
    source_email: str = ""
    template_arn: str = ""
    starts: bool = False
    rests_days: int = 0

    @property
    def is_named(self) -> bool:
        """Whether there is a campaign to point at a segment."""
        return bool(self.campaign_id or (self.instance_id and self.source_email and self.template_arn))


def campaign_request(outbound: Outbound, name: str, segment_arn: str) -> dict[str, Any]:
    """The CreateCampaign request of an e-mail campaign."""
    sender = {"connectSourceEmailAddress": outbound.source_email, "wisdomTemplateArn": outbound.template_arn}
    once = {"maxCountPerRecipient": 1, "frequency": min(outbound.rests_days, MOST_DAYS), "unit": "DAY"}
    limits = {"communicationLimitsOverride": {"allChannelSubtypes": {"communicationLimitsList": [once]}}} if outbound.rests_days else {}
    return {
        "name": name,
        "connectInstanceId": outbound.instance_id,
        "channelSubtypeConfig": {"email": {"outboundMode": {"agentless": {}}, "defaultOutboundConfig": sender}},
        "source": {"customerProfilesSegmentArn": segment_arn},
        **limits,
    }


def point_campaign(caller: Caller, outbound: Outbound, name: str, segment_arn: str) -> str:
    """Have the campaign reach a segment's people, and say in words what state it is in. Raises Refused, RetryableError and UserError."""
    campaign = outbound.campaign_id or _by_name(caller, outbound, name) or _made(caller, outbound, name, segment_arn)
    source = {"customerProfilesSegmentArn": segment_arn}
    if _described(caller, campaign).get("source") != source:
        caller.call("UpdateCampaignSource", id=campaign, source=source)
    state = _state(caller, campaign)
    if outbound.starts and state in STARTABLE:
        state = _started(caller, campaign)
    if state not in (*STARTABLE, *STARTED):
        raise Refused(f"the campaign {campaign} is {state}. Fix: name another, or make a new one in Connect")
    return f"the campaign {campaign} is {state}" + ("; start it in Connect" if state in STARTABLE else "")


def _by_name(caller: Caller, outbound: Outbound, name: str) -> str:
    """The id of the instance's campaign of a name; empty when it has none."""
    wanted = {"instanceIdFilter": {"value": outbound.instance_id, "operator": "Eq"}}
    listed = caller.pages("ListCampaigns", "campaignSummaryList", token="nextToken", filters=wanted)
    return next((str(one["id"]) for one in listed if one["name"] == name), "")


def _made(caller: Caller, outbound: Outbound, name: str, segment_arn: str) -> str:
    try:
        return str(caller.call("CreateCampaign", **campaign_request(outbound, name, segment_arn))["id"])
    except Refused:
        # A call whose answer was lost may have made it after all.
        known = _by_name(caller, outbound, name)
        if not known:
            raise
        return known


def _described(caller: Caller, campaign: str) -> Mapping[str, Any]:
    found = caller.found("DescribeCampaign", id=campaign)
    if found is None:
        raise Refused(f"CONNECT_CAMPAIGNS: there is no campaign {campaign}")
    return found["campaign"]


def _state(caller: Caller, campaign: str) -> str:
    return str(caller.call("GetCampaignState", id=campaign)["state"])


def _started(caller: Caller, campaign: str) -> str:
    try:
        caller.call("StartCampaign", id=campaign)
    except Refused as error:
        # A start whose answer was lost is refused the second time: the campaign may be starting.
        if error_code(error.__cause__) != "InvalidCampaignStateException":
            raise
    seen = caller.until(lambda: caller.call("GetCampaignState", id=campaign), "state", tuple(state for state in STATES if state not in STARTABLE), "the campaign")
    return str(seen["state"])
