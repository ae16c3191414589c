"""A resource of Personalize: found again by its name or made, and waited for until its state is final.

Belongs here: names, lists, creation whose answer was lost, polling. Not here: which resources there are (`personalize_import`,
`personalize_models`, `personalize_batch`). Every name is a function of the arguments, so a second run finds what the first one made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, call_aws, error_code
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.errors import RetryableError

NAME_CHARACTERS = 63
ACTIVE, FAILED = "ACTIVE", "CREATE FAILED"
ENDED_BADLY = (FAILED, "CREATE STOPPED", "INACTIVE")
Entry = Mapping[str, Any]
"""A resource as a List or Describe operation tells it."""


class Resources:
    """The resources of one dataset group. Methods raise Refused for what never will work, RetryableError for what may work later.

    ``domain`` is the group's (``ECOMMERCE``), or empty for a custom group. UserError is raised when credentials or rights are missing.
    """

    def __init__(self, client: Any, group_name: str, *, domain: str = "", hook: CallHook = no_hook, poll: Poll | None = None):
        self.client, self.group_name, self.domain = client, group_name, domain
        self.hook, self.poll = hook, poll or Poll()
        self._group = ""

    def name(self, *parts: str) -> str:
        """The name of one of the group's resources."""
        return resource_name(self.group_name, *parts)

    def group(self) -> str:
        """The ARN of the dataset group, found or made, once it is ACTIVE. A group of another domain is Refused: that cannot be changed."""
        if not self._group:
            name = resource_name(self.group_name)
            make = {"name": name} | ({"domain": self.domain} if self.domain else {})
            found = self.found_or_made("DatasetGroup", "datasetGroups", "datasetGroupArn", {}, lambda entry: entry["name"] == name, make)
            described = self.wait("DatasetGroup", "datasetGroup", {"datasetGroupArn": found})
            if (described.get("domain") or "") != self.domain:
                is_of = described.get("domain") or "no domain"
                raise Refused(f"dataset group {name} is of {is_of}, not of {self.domain or 'no domain'}: name another PERSONALIZE_GROUP")
            self._group = found
        return self._group

    def found_or_made(
        self, noun: str, listed: str, arn: str, where: Mapping[str, str], is_it: Callable[[Entry], bool], make: Mapping[str, Any]
    ) -> str:
        """The ARN of what exists already, in whatever state, or of what was made now."""
        known = self.find(noun, listed, where, is_it)
        return str(known[arn]) if known is not None else self.made(noun, listed, arn, where, is_it, make)

    def made(
        self, noun: str, listed: str, arn: str, where: Mapping[str, str], is_it: Callable[[Entry], bool], make: Mapping[str, Any]
    ) -> str:
        """The ARN of what was made now; of what a call made whose answer was lost."""
        from botocore.exceptions import ClientError

        try:
            return str(self.call(f"Create{noun}", make)[arn])
        except ClientError as error:
            known = self.find(noun, listed, where, is_it) if error_code(error) == "ResourceAlreadyExistsException" else None
            if known is None:
                raise Refused(f"Create{noun}: {error_code(error)}: {make.get('name') or make.get('jobName')} is taken by something else") from error
            return str(known[arn])

    def find(self, noun: str, listed: str, where: Mapping[str, str], is_it: Callable[[Entry], bool]) -> Entry | None:
        """The first entry of a List operation that is meant."""
        return next((entry for entry in self.list(noun, listed, where) if is_it(entry)), None)

    def list(self, noun: str, listed: str, where: Mapping[str, str]) -> Iterator[Entry]:
        """Every entry of a List operation."""
        return pages(lambda params: self.call(f"List{noun}s", params), listed, where)

    def wait(self, noun: str, member: str, which: Mapping[str, str], *, latest: str = "") -> Entry:
        """The resource once it is ACTIVE; ``latest`` names the part that tells how an update of it goes.

        Raises Refused when it failed, RetryableError when it takes longer than we wait.
        """
        told: Entry = {}
        for turn in range(self.poll.most_times):
            if turn:
                self.poll.sleep(self.poll.every_seconds)
            described = self.call(f"Describe{noun}", which)[member]
            told = described.get(latest) or described
            if told["status"] == ACTIVE:
                return described
            if told["status"] in ENDED_BADLY:
                raise Refused(f"{noun} {told['status']}: {told.get('failureReason', 'no reason given')}")
        raise RetryableError(f"{noun} is still {told.get('status', 'unknown')} after {self.poll.most_times} looks; the next run goes on waiting")

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request."""
        method = getattr(self.client, _snake_case(operation))
        return call_aws(self.hook, "personalize", _snake_case(operation), lambda: method(**params))


def resource_name(*parts: str) -> str:
    """The parts as one valid resource name of at most 63 characters; what is cut or changed leaves a digest behind."""
    joined = "-".join(parts)
    plain = re.sub(r"[^a-zA-Z0-9_-]", "-", joined).lstrip("-_")
    if plain == joined and len(plain) <= NAME_CHARACTERS:
        return plain
    digest = hashlib.blake2b(joined.encode(), digest_size=4).hexdigest()
    return f"{plain[: NAME_CHARACTERS - 9]}-{digest}".lstrip("-")


def pages(call: Callable[[Mapping[str, Any]], Mapping[str, Any]], listed: str, where: Mapping[str, str]) -> Iterator[Entry]:
    """Every entry of a List operation."""
    token: Mapping[str, str] = {}
    while True:
        page = call({**where, **token})
        yield from page.get(listed, [])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def attempt(key: str, step: Callable[[], Any]) -> Any:
    """The step's result, or the outcome its failure amounts to."""
    from botocore.exceptions import ClientError

    try:
        return step()
    except RetryableError as error:
        return Outcome(key, "failed", str(error))
    except Refused as error:
        return Outcome(key, "rejected", str(error))
    except ClientError as error:
        # Something we just found is gone: someone deletes while we work.
        return Outcome(key, "failed", f"{error.operation_name}: {error_code(error)}")


def _snake_case(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
