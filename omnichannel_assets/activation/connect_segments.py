"""The segment of a campaign's members in Customer Profiles, and how many people the service counts in it.

Belongs here: finding or making the definition, the estimate. Not here: the condition (`connect`), what the segment is used for (`connect_campaigns`).
"""

from __future__ import annotations

from datetime import date

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.connect import segment_definition_request, segment_groups, segment_name
from omnichannel_assets.activation.connect_domain import Domain


def ensure_segment(domain: Domain, campaign: str, as_of: date) -> str:
    """The ARN of the campaign's segment of a date, found or made. Raises Refused when another segment has its name."""
    wanted = segment_definition_request(domain.name, campaign, as_of)
    named = {"DomainName": domain.name, "SegmentDefinitionName": segment_name(campaign, as_of)}
    found = domain.caller.found("GetSegmentDefinition", **named)
    if found is None:
        try:
            return str(domain.caller.call("CreateSegmentDefinition", **wanted)["SegmentDefinitionArn"])
        except Refused:
            # A call whose answer was lost may have made it after all.
            found = domain.caller.found("GetSegmentDefinition", **named)
            if found is None:
                raise
    if found.get("SegmentGroups") != wanted["SegmentGroups"]:
        raise Refused(f"the segment {wanted['SegmentDefinitionName']} has another condition. Fix: delete it in Customer Profiles, then run again")
    return str(found["SegmentDefinitionArn"])


def estimated_size(domain: Domain, campaign: str) -> int:
    """How many profiles the service counts as members. Raises Refused when it cannot say, RetryableError when it takes too long."""
    made = domain.call("CreateSegmentEstimate", SegmentQuery=segment_groups(campaign))
    seen = domain.caller.until(
        lambda: domain.call("GetSegmentEstimate", EstimateId=made["EstimateId"]), "Status", ("SUCCEEDED", "FAILED"), "the segment's estimate"
    )
    if seen["Status"] == "FAILED" or not str(seen.get("Estimate", "")).isdecimal():
        raise Refused(f"the segment's estimate {seen['Status']}: {seen.get('Message', 'no number given')}")
    return int(seen["Estimate"])


def size_problem(estimate: int, expected: int, tolerance: float) -> str:
    """What is wrong with a size, in words; empty when it differs by no more than a share of what is expected."""
    if abs(estimate - expected) <= tolerance * expected:
        return ""
    return f"Connect counts {estimate:,} members, {expected:,} were loaded: the campaign was left as it is"
