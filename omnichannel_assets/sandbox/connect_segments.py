"""Segments of Customer Profiles in the sandbox: definitions, estimates, and who is in one.

Belongs here: what the operations do, and the conditions the sandbox can read: INCLUSIVE and EXCLUSIVE on attributes of a profile. Not here:
SQL segments, snapshots. An estimate is RUNNING when first looked at and SUCCEEDED after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.connect_state import ACCOUNT, REGION, ConnectState, paged

MOST_VALUES, VALUE_CHARACTERS = 50, 255
Params = Mapping[str, Any]
Fields = Mapping[str, str]


class SegmentOperations:
    """Answers the operations on segments."""

    def __init__(self, state: ConnectState):
        self.state = state
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateSegmentDefinition": self._create,
            "GetSegmentDefinition": lambda p: self.state.find("segment definition", p["DomainName"], p["SegmentDefinitionName"]),
            "ListSegmentDefinitions": self._list,
            "CreateSegmentEstimate": self._create_estimate,
            "GetSegmentEstimate": self._estimate,
        }

    def _create(self, params: Params) -> dict[str, Any]:
        domain, name = params["DomainName"], params["SegmentDefinitionName"]
        self.state.find("domain", domain)
        if self.state.has("segment definition", domain, name):
            raise ServiceError("BadRequestException", f"Segment definition {name} already exists")
        members({}, params.get("SegmentGroups"))  # refuses what it cannot read
        arn = f"arn:aws:profile:{REGION}:{ACCOUNT}:domains/{domain}/segment-definitions/{name}"
        kept = {field: value for field, value in params.items() if field not in ("DomainName", "Tags")}
        return self.state.put("segment definition", domain, name, **kept, SegmentDefinitionArn=arn)

    def _list(self, params: Params) -> dict[str, Any]:
        self.state.find("domain", params["DomainName"])
        names = ("SegmentDefinitionName", "DisplayName", "SegmentDefinitionArn", "CreatedAt")
        found = [{name: one[name] for name in names} for one in self.state.all("segment definition", params["DomainName"])]
        page, token = paged(found, params)
        return {"Items": page, **({"NextToken": token} if token else {})}

    def _create_estimate(self, params: Params) -> dict[str, Any]:
        domain = params["DomainName"]
        self.state.find("domain", domain)
        members({}, params.get("SegmentQuery"))
        name = f"estimate-{len(self.state.all('segment estimate', domain)) + 1}"
        self.state.put("segment estimate", domain, name, SegmentQuery=params["SegmentQuery"], Status="RUNNING", is_looked_at=False)
        return {"DomainName": domain, "EstimateId": name}

    def _estimate(self, params: Params) -> dict[str, Any]:
        domain = params["DomainName"]
        found = self.state.find("segment estimate", domain, params["EstimateId"])
        if found["is_looked_at"] and found["Status"] == "RUNNING":
            count = len(members(self.state.profiles.get(domain, {}), found["SegmentQuery"]))
            found |= {"Status": "SUCCEEDED", "Estimate": str(count)}
        found["is_looked_at"] = True
        self.state.save()
        told = {name: found[name] for name in ("Status", "Estimate") if name in found}
        return {"DomainName": domain, "EstimateId": params["EstimateId"], **told}


def members(profiles: Mapping[str, Fields], groups: Mapping[str, Any] | None) -> list[str]:
    """The keys of the profiles in a segment. Raises ServiceError for a condition the sandbox does not read."""
    if not groups or not groups.get("Groups"):
        raise ServiceError("BadRequestException", "the sandbox reads segments made of groups")
    conditions = [(group.get("Type", "ALL"), [_condition(one) for one in group.get("Dimensions", ())]) for group in groups["Groups"]]
    if any(group.get("SourceSegments") for group in groups["Groups"]):
        raise ServiceError("BadRequestException", "the sandbox reads no segments of segments")
    include = groups.get("Include", "ALL")
    return [key for key, fields in profiles.items() if _holds(include, (_holds(kind, (is_met(fields) for is_met in of_group)) for kind, of_group in conditions))]


def _holds(kind: str, met: Iterable[bool]) -> bool:
    return all(met) if kind == "ALL" else any(met) if kind == "ANY" else not any(met)


def _condition(dimension: Mapping[str, Any]) -> Callable[[Fields], bool]:
    attributes = dimension.get("ProfileAttributes", {}).get("Attributes", {})
    if not attributes or set(dimension.get("ProfileAttributes", {})) != {"Attributes"}:
        raise ServiceError("BadRequestException", "the sandbox reads conditions on ProfileAttributes.Attributes")
    for name, wanted in attributes.items():
        if wanted["DimensionType"] not in ("INCLUSIVE", "EXCLUSIVE"):
            raise ServiceError("BadRequestException", f"{name}: the sandbox reads INCLUSIVE and EXCLUSIVE")
        if not 1 <= len(wanted["Values"]) <= MOST_VALUES or any(not 1 <= len(value) <= VALUE_CHARACTERS for value in wanted["Values"]):
            raise ServiceError("BadRequestException", f"{name}: 1 to {MOST_VALUES} values of 1 to {VALUE_CHARACTERS} characters")

    def is_met(fields: Fields) -> bool:
        return all((fields.get(f"Attributes.{name}") in wanted["Values"]) == (wanted["DimensionType"] == "INCLUSIVE") for name, wanted in attributes.items())

    return is_met
