"""Connect's outbound campaigns (version 2) in the sandbox: made, pointed at a segment, started. Nobody is ever sent anything.

Belongs here: what the operations do and refuse. Not here: profiles and segments (`connect_profiles`, `connect_segments`).
A campaign is Initialized until it is started; the next look at its state finds it Running, or Failed when it has no source.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.connect_state import ACCOUNT, REGION, ConnectState, Resource, paged

MOST_CAMPAIGNS = 100
STARTABLE = ("Initialized", "Paused")
ENDED = ("Stopped", "Completed", "Failed")
Params = Mapping[str, Any]


class CampaignService:
    """Answers ``connectcampaignsv2``, given parameters its model has accepted."""

    def __init__(self, state: ConnectState):
        self.state = state
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateCampaign": self._create,
            "DescribeCampaign": lambda p: {"campaign": _described(self._campaign(p))},
            "ListCampaigns": self._list,
            "UpdateCampaignSource": self._update_source,
            "GetCampaignState": self._state,
            "StartCampaign": self._start,
        }

    def _campaign(self, params: Params) -> Resource:
        return self.state.find("campaign", params["id"])

    def _create(self, params: Params) -> dict[str, Any]:
        campaigns = self.state.all("campaign")
        if any((one["name"], one["connectInstanceId"]) == (params["name"], params["connectInstanceId"]) for one in campaigns):
            raise ServiceError("ConflictException", f"a campaign is named {params['name']} already", 409)
        if len(campaigns) >= MOST_CAMPAIGNS:
            raise ServiceError("ServiceQuotaExceededException", f"at most {MOST_CAMPAIGNS} campaigns", 402)
        self._check(params.get("source"))
        name = hashlib.blake2b(f"{params['connectInstanceId']}\0{params['name']}".encode(), digest_size=16).digest()
        made = str(uuid.UUID(bytes=name))
        arn = f"arn:aws:connect-campaigns:{REGION}:{ACCOUNT}:campaign/{made}"
        kept = {name: value for name, value in params.items() if name != "tags"}
        self.state.put("campaign", made, **kept, id=made, arn=arn, state="Initialized", is_starting=False)
        return {"id": made, "arn": arn}

    def _check(self, source: Mapping[str, Any] | None) -> None:
        """Raises ValidationException for a segment that is not there."""
        arn = (source or {}).get("customerProfilesSegmentArn")
        if arn and all(segment["SegmentDefinitionArn"] != arn for segment in self.state.all("segment definition")):
            raise ServiceError("ValidationException", "source: there is no such segment")

    def _list(self, params: Params) -> dict[str, Any]:
        wanted = params.get("filters", {}).get("instanceIdFilter", {}).get("value")
        found = [one for one in self.state.all("campaign") if wanted in (None, one["connectInstanceId"])]
        names = ("id", "arn", "name", "connectInstanceId", "schedule")
        page, token = paged(
            [{**{name: one[name] for name in names if name in one}, "channelSubtypes": [kind.upper() for kind in one.get("channelSubtypeConfig", {})]} for one in found],
            params, most="maxResults", token="nextToken", page=50,
        )
        return {"campaignSummaryList": page, **({"nextToken": token} if token else {})}

    def _update_source(self, params: Params) -> dict[str, Any]:
        campaign = self._campaign(params)
        if campaign["state"] in ENDED:
            raise ServiceError("ConflictException", f"the campaign is {campaign['state']}", 409)
        self._check(params["source"])
        campaign["source"] = params["source"]
        self.state.save()
        return {}

    def _start(self, params: Params) -> dict[str, Any]:
        campaign = self._campaign(params)
        if campaign["state"] not in STARTABLE or campaign["is_starting"]:
            raise ServiceError("InvalidCampaignStateException", f"the campaign is {'starting' if campaign['is_starting'] else campaign['state']}", 409)
        campaign["is_starting"] = True
        self.state.save()
        return {}

    def _state(self, params: Params) -> dict[str, Any]:
        campaign = self._campaign(params)
        told = campaign["state"]
        if campaign["is_starting"]:  # who looks sees the state before, the next one the state after
            campaign |= {"is_starting": False, "state": "Running" if campaign.get("source") else "Failed"}
            self.state.save()
        return {"state": told}


def _described(campaign: Resource) -> dict[str, Any]:
    return {name: value for name, value in campaign.items() if name not in ("state", "is_starting", "CreatedAt")}
