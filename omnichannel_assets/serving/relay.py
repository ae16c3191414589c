"""Events as they happen: Segment's signed calls in, the event to Personalize and the person's new list back to Segment.

Here: the signature, which calls are sent on, once each, within the time Segment waits. Not here: HTTP (``app``) and the calls to others (``Relay``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from omnichannel_assets.errors import RetryableError
from omnichannel_assets.segment.events import EVENT_TYPES, OLD_NAMES, ORDER_FACTS

TRAIT = "recommended_items"
TRAIT_ITEMS = 20
ID_CHARACTERS = 256
WORK_SECONDS = 3.5
"""Segment waits 5 s; what is left over is delivered again and goes on where this one stopped."""
REMEMBERED = 100_000
EMAIL_EVENTS = frozenset(name for name, kind in EVENT_TYPES.items() if kind.startswith("Email") or kind == "Unsubscribed")
RELAYED_NAMES = frozenset(name.lower() for name in (*EVENT_TYPES, *ORDER_FACTS) if name not in EMAIL_EVENTS)
RELAYED = RELAYED_NAMES | {old for old, name in OLD_NAMES.items() if name.lower() in RELAYED_NAMES}
"""E-commerce events that say something about an item or order, in today's and the older spelling, lower case."""

Call = Mapping[str, Any]


class Relay(Protocol):
    """Where events and lists go. Both raise RetryableError or OSError when the same call may work later, and have time-outs of a second or two;
    a call that the other side will never accept is theirs to log, not to raise."""

    def put_event(self, call: Call, customer_id: str | None) -> None:
        """Send one track call to Personalize; ``customer_id`` is the person, None for a new visitor."""
        ...

    def send_trait(self, *, customer_id: str | None, user_id: str | None, anonymous_id: str | None, trait: str, value: Sequence[str], message_id: str) -> None:
        """Set a trait of a person in Segment; the same message id means the same content, so sending twice does nothing."""
        ...


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether this is Segment's signature: hex HMAC-SHA1 of the body, or, for a list, of its first element alone, which is tried first.

    Segment writes the first element again in compact form, in the order of its keys. Compared in constant time. The rest of such a list is
    vouched for by nothing but the address it came to: that is Segment's format, and a reason to keep the address to oneself.
    """
    given = signature.strip().lower().encode()
    candidates = [*_first_element_texts(body), body]
    return any(hmac.compare_digest(hmac.new(secret.encode(), text, hashlib.sha1).hexdigest().encode(), given) for text in candidates)


def _first_element_texts(body: bytes) -> list[bytes]:
    """The first element of a JSON list as Segment may have written it: compact, and as it stands in the body."""
    try:
        text = body.decode().strip()
        if not text.startswith("["):
            return []
        start = len(text) - len(text[1:].lstrip())
        element, end = json.JSONDecoder().raw_decode(text, start)
        compact = json.dumps(element, separators=(",", ":"), ensure_ascii=False)
        return [compact.encode("utf-8", "surrogatepass"), text[start:end].encode()]
    except (ValueError, RecursionError):
        return []


def calls_of(body: bytes) -> list[Any]:
    """The calls of a body: one object, or a list. Raises ValueError when it is neither."""
    try:
        found = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict | list):
        raise ValueError("neither an object nor a list")
    return found if isinstance(found, list) else [found]


class OverdueError(Exception):
    """There was no time for all calls, or another delivery is working on the same ones; Segment is to deliver again."""


@dataclass
class RelayCounts:
    """What became of the calls of one delivery."""

    relayed: int = 0
    duplicates: int = 0
    other: int = 0
    not_relayed: int = 0


@dataclass(frozen=True)
class _Person:
    user_id: str | None
    anonymous_id: str | None


@dataclass
class _Work:
    """The calls of one person in one delivery, by message id, in order; ``fresh`` ones have not been sent on."""

    calls: dict[str, Call] = field(default_factory=dict)


class Relaying:
    """Sends each call on once. Remembers the newest message ids and how far each got, so that a repeated delivery goes on where one stopped."""

    def __init__(
        self,
        relay: Relay,
        customer_of: Callable[[str | None, str | None], str | None],
        items_for: Callable[[str | None, str | None], Sequence[str]],
    ):
        self.relay, self.customer_of, self.items_for = relay, customer_of, items_for
        self._lock = threading.Lock()
        self._done: OrderedDict[str, str] = OrderedDict()
        self._at_work: set[str] = set()

    def relay_calls(self, calls: Sequence[Any]) -> RelayCounts:
        """Send on what is to be sent on. Raises RetryableError or OSError from the relay, and OverdueError; nothing sent on is forgotten."""
        counts, people = _sorted_calls(calls)
        claimed = self._claim([message for work in people.values() for message in work.calls])
        try:
            overdue_at = time.monotonic() + WORK_SECONDS
            for person, work in people.items():
                self._relay_person(person, work, counts, overdue_at)
        finally:
            with self._lock:
                self._at_work -= claimed
        return counts

    def _relay_person(self, person: _Person, work: _Work, counts: RelayCounts, overdue_at: float) -> None:
        open_calls = {message: call for message, call in work.calls.items() if self._done.get(message) != "told"}
        counts.duplicates += len(work.calls) - len(open_calls)
        if not open_calls:
            return
        customer_id = self.customer_of(person.user_id, person.anonymous_id)
        for message, call in open_calls.items():
            if self._done.get(message) is None:
                _in_time(overdue_at)
                self.relay.put_event(call, customer_id)
                self._remember([message], "put")
        _in_time(overdue_at)
        items = list(self.items_for(person.user_id, person.anonymous_id))[:TRAIT_ITEMS]
        if items:  # an empty list would clear the trait
            answered = list(open_calls)[-1]
            self.relay.send_trait(
                customer_id=customer_id, user_id=person.user_id, anonymous_id=person.anonymous_id, trait=TRAIT, value=items, message_id=_answer_id(answered)
            )
        self._remember(open_calls, "told")
        counts.relayed += len(open_calls)

    def _claim(self, messages: Sequence[str]) -> set[str]:
        with self._lock:
            if self._at_work & set(messages):
                raise OverdueError("another delivery is working on the same calls")
            self._at_work |= set(messages)
        return set(messages)

    def _remember(self, messages: Sequence[str] | Mapping[str, Call], stage: str) -> None:
        with self._lock:
            for message in messages:
                self._done[message] = stage
                self._done.move_to_end(message)
            while len(self._done) > REMEMBERED:
                self._done.popitem(last=False)


def _in_time(overdue_at: float) -> None:
    if time.monotonic() > overdue_at:
        raise OverdueError("not all calls could be sent on in time")


def _answer_id(message_id: str) -> str:
    """Message id of the trait call that answers a message: the same for a repeated delivery."""
    return f"recommended-{hashlib.blake2b(message_id.encode(), digest_size=16).hexdigest()}"


def _sorted_calls(calls: Sequence[Any]) -> tuple[RelayCounts, dict[_Person, _Work]]:
    """Counts of what is not sent on, and the rest by person in the order of first appearance; copies inside one delivery are duplicates."""
    counts, people, seen = RelayCounts(), {}, set()
    for call in calls:
        person = _person_of(call) if is_relayed(call) else None
        if person is None:
            counts.other += 1
            continue
        message = _message_of(call)
        if message in seen:
            counts.duplicates += 1
            continue
        seen.add(message)
        people.setdefault(person, _Work()).calls[message] = call
    return counts, people


def count_only(calls: Sequence[Any]) -> RelayCounts:
    """What a delivery holds when there is no relay to send it on."""
    counts, people = _sorted_calls(calls)
    counts.not_relayed = sum(len(work.calls) for work in people.values())
    return counts


def is_relayed(call: Any) -> bool:
    """Whether this is a track call of an e-commerce event, in either spelling."""
    return (
        isinstance(call, dict)
        and call.get("type") == "track"
        and isinstance(call.get("event"), str)
        and call["event"].strip().lower() in RELAYED
    )


def _person_of(call: Call) -> _Person | None:
    person = _Person(_id(call.get("userId")), _id(call.get("anonymousId")))
    return person if person.user_id or person.anonymous_id else None


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= ID_CHARACTERS else None


def _message_of(call: Call) -> str:
    """The call's messageId; for one without, a digest of all of it."""
    text = call.get("messageId")
    content = text if isinstance(text, str) and text else json.dumps(call, sort_keys=True)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def failures() -> tuple[type[Exception], ...]:
    """What a relay raises when the same delivery may work later."""
    return (RetryableError, OSError, OverdueError)
