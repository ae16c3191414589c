"""A Customer Profiles domain: how it is called, that it is there, and the object type of a campaign in it.

Belongs here: finding or making domain and object type, waiting for a state. Not here: what is put into it (`connect_objects`, `connect_uploads`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, call_aws, error_code
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import EXPIRY_DAYS, object_type, object_type_request
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.activation.validation import InvalidRequest, validate
from omnichannel_assets.errors import RetryableError, UserError

NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class Caller:
    """One AWS service, called by the names of its model. Every request is checked against the model first."""

    client: Any
    service: str
    hook: CallHook = no_hook
    poll: Poll = field(default_factory=Poll)

    def call(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """The answer. Raises as `call_aws`, and Refused for a request the model refuses or for something that is not there."""
        found = self.found(operation, **params)
        if found is None:
            raise Refused(f"{operation}: {NOT_FOUND}")
        return found

    def found(self, operation: str, **params: Any) -> Mapping[str, Any] | None:
        """The answer, or None where there is no such thing."""
        from botocore import xform_name
        from botocore.exceptions import ClientError

        try:
            validate(self.service, operation, params)
        except InvalidRequest as error:
            raise Refused(str(error)) from error
        name = xform_name(operation)
        try:
            return call_aws(self.hook, self.service, name, lambda: getattr(self.client, name)(**params))
        except ClientError as error:
            if error_code(error) == NOT_FOUND:
                return None
            raise

    def pages(self, operation: str, listed: str, token: str = "NextToken", **params: Any) -> Iterator[Mapping[str, Any]]:
        """Every entry of a List operation."""
        at: dict[str, str] = {}
        while True:
            page = self.call(operation, **params, **at)
            yield from page.get(listed, [])
            if not page.get(token):
                return
            at = {token: page[token]}

    def until(self, look: Callable[[], Mapping[str, Any]], state: str, ended: tuple[str, ...], what: str) -> Mapping[str, Any]:
        """What ``look`` gives once its ``state`` is one of ``ended``. Raises RetryableError when that takes longer than we wait."""
        seen: Mapping[str, Any] = {}
        for turn in range(self.poll.most_times):
            if turn:
                self.poll.sleep(self.poll.every_seconds)
            seen = look()
            if seen[state] in ended:
                return seen
        raise RetryableError(f"{what} is still {seen.get(state, 'unknown')} after {self.poll.most_times} looks; the next run goes on waiting")


@dataclass(frozen=True)
class Domain:
    """A Customer Profiles domain."""

    caller: Caller
    name: str

    def call(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """As `Caller.call`, in this domain."""
        return self.caller.call(operation, DomainName=self.name, **params)


def ensure_domain(domain: Domain, *, may_create: bool) -> None:
    """Find the domain, or make it where that is allowed: profiles in it are billed. Raises UserError when it is not there and may not be made."""
    if domain.caller.found("GetDomain", DomainName=domain.name) is not None:
        return
    if not may_create:
        raise UserError(f"CONNECT_DOMAIN: there is no Customer Profiles domain {domain.name}. Fix: name one, or set CONNECT_CREATE_DOMAIN=on (profiles are billed).")
    try:
        domain.call("CreateDomain", DefaultExpirationDays=EXPIRY_DAYS)
    except Refused:
        # A call whose answer was lost may have made it after all.
        if domain.caller.found("GetDomain", DomainName=domain.name) is None:
            raise


def ensure_object_type(domain: Domain, campaign: Campaign) -> None:
    """Have the campaign's object type be as we mean it; one that differs is replaced, which changes no profile."""
    wanted = object_type_request(domain.name, campaign)
    found = domain.caller.found("GetProfileObjectType", DomainName=domain.name, ObjectTypeName=object_type(campaign.name))
    compared = ("AllowProfileCreation", "ExpirationDays", "Fields", "Keys")
    if found is None or any(found.get(name) != wanted[name] for name in compared):
        domain.caller.call("PutProfileObjectType", **wanted)
