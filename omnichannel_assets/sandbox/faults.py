"""Failures on demand: which request of which service meets what.

Belongs here: the list of faults and which of them a request meets. Not here: how a fault is acted out over HTTP (`server`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from omnichannel_assets.errors import InputError

Kind = Literal["throttle", "error", "timeout_after_acceptance", "reset", "partial", "refuse", "slow"]
Service = Literal[
    "segment", "segment-public-api", "personalize", "personalize-events", "personalize-runtime", "customer-profiles", "connectcampaignsv2", "pinpoint", "s3"
]
NAMES_ROWS = ("partial", "refuse")
TAKES_ROWS = ("segment", "customer-profiles")


@dataclass
class Fault:
    """``count`` requests from the ``nth`` matching one on, each ``every``-th of them, counted from when the fault was added.

    throttle: 429 with ``seconds`` as Retry-After, AWS: ThrottlingException. error: 500. reset: the connection closes without an answer, before
    or after acceptance (``when``). timeout_after_acceptance: taken, then silence. slow: answers after ``seconds``. partial: Segment drops
    ``messages`` (messageIds) and answers 200. refuse: Segment answers 400 to a request that holds one of ``messages``. Customer Profiles fails the
    rows that ``messages`` names (an item's Id; in an upload, the value of its key): partial as what may work later, refuse as what will not.
    """

    service: Service
    kind: Kind
    nth: int = 1
    count: int = 1
    every: int = 1
    operation: str = ""
    seconds: float = 1.0
    when: Literal["before", "after"] = "before"
    messages: tuple[str, ...] = ()
    seen: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.service not in get_args(Service) or self.kind not in get_args(Kind) or self.when not in ("before", "after"):
            raise ValueError(f"a fault needs a service of {get_args(Service)}, a kind of {get_args(Kind)} and when before or after")
        if self.kind in NAMES_ROWS and (self.service not in TAKES_ROWS or not self.messages):
            raise ValueError(f"{self.kind} is for {' or '.join(TAKES_ROWS)} and names the messages")
        if self.nth < 1 or self.count < 1 or self.every < 1 or not 0 <= self.seconds <= 3_600:
            raise ValueError("nth, count and every start at 1, seconds lie between 0 and 3600")
        self.messages = tuple(self.messages)

    def meets(self, service: str, operation: str, message_ids: Iterable[str]) -> bool:
        """Whether this request is one of those meant; counts it."""
        if service != self.service or (self.operation and operation != self.operation):
            return False
        if self.messages and not set(self.messages) & set(message_ids):
            return False
        self.seen += 1
        times, rest = divmod(self.seen - self.nth, self.every)
        return rest == 0 and 0 <= times < self.count

    @property
    def words(self) -> str:
        """The fault as `fault_of` reads it, and how often it was looked for."""
        differing = {one.name: getattr(self, one.name) for one in fields(self)[2:] if one.name != "seen" and getattr(self, one.name) != one.default}
        operation = "." + differing.pop("operation") if self.operation else ""
        told = "".join(f",{name}={'+'.join(value) if name == 'messages' else value}" for name, value in differing.items())
        return f"{self.service}{operation}:{self.kind}{told} ({self.seen} requests so far)"


def fault_of(text: str) -> Fault:
    """A fault as a person writes it: ``service[.operation]:kind[,nth=2][,count=3][,every=2][,seconds=5][,when=after][,messages=a+b]``.

    Raises InputError.
    """
    try:
        target, _, rest = text.partition(":")
        kind, *details = rest.split(",")
        service, _, operation = target.partition(".")
        given: dict[str, Any] = dict(detail.split("=", 1) for detail in details)
        numbers = {name: (float if name == "seconds" else int)(given.pop(name)) for name in ("nth", "count", "every", "seconds") if name in given}
        messages = {"messages": tuple(given.pop("messages").split("+"))} if "messages" in given else {}
        return Fault(service, kind, operation=operation, **numbers, **messages, **given)
    except (ValueError, TypeError) as error:
        example = "segment:throttle,seconds=3,count=2 or personalize.CreateDatasetImportJob:error,nth=2"
        raise InputError("--fault", repr(text), expected=f"service[.operation]:kind[,nth=..][,count=..][,every=..][,seconds=..][,when=..] ({error})", fix=f"write {example}") from error


class Faults:
    """The faults in force. Used by one server, and by a test in the same process."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, service: Service, kind: Kind, **details: Any) -> Fault:
        """One more fault; ``details`` are fields of `Fault`. Raises ValueError or TypeError for what makes none."""
        return self.put(Fault(service, kind, **details))

    def put(self, fault: Fault) -> Fault:
        """One more fault."""
        self._faults.append(fault)
        return fault

    def told(self) -> list[str]:
        """The faults in words."""
        return [fault.words for fault in self._faults]

    def clear(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def met(self, service: str, operation: str, message_ids: Callable[[], Iterable[str]] = tuple) -> Fault | None:
        """The first fault this request meets. Every fault counts the request, met or not. ``message_ids`` is asked only when a fault names some."""
        ids = list(message_ids()) if any(fault.messages for fault in self._faults) else []
        return next(iter([fault for fault in self._faults if fault.meets(service, operation, ids)]), None)
