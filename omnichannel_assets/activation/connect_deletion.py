"""Deletion at Customer Profiles: each profile is found by our customer id, then deleted with everything on it.

Belongs here: the two calls and what they come to. Not here: who is deleted (``assets/deletions``).
"""

from __future__ import annotations

from collections.abc import Sequence

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.connect_domain import Domain
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.errors import RetryableError

KEY = "customer_id"


def delete_profiles(domain: Domain, customer_ids: Sequence[str]) -> list[Outcome]:
    """One outcome a customer (key: customer_id). ``loaded``: no profile has this id any more, or none ever had. Safe to repeat.

    Raises UserError when rights are missing.
    """
    return [_deleted(domain, customer_id) for customer_id in customer_ids]


def _deleted(domain: Domain, customer_id: str) -> Outcome:
    try:
        found = domain.caller.found("SearchProfiles", DomainName=domain.name, KeyName=KEY, Values=[customer_id])
        for profile in (found or {}).get("Items", []):
            # One that is gone by now was deleted by a call whose answer was lost.
            domain.caller.found("DeleteProfile", DomainName=domain.name, ProfileId=profile["ProfileId"])
    except RetryableError as error:
        return Outcome(customer_id, "failed", str(error))
    except Refused as error:
        return Outcome(customer_id, "rejected", str(error))
    return Outcome(customer_id, "loaded", f"there is no domain {domain.name}" if found is None else "")
