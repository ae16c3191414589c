"""Delivers messages to Segment's HTTP Tracking API, with one outcome per message.

Belongs here: the form of a message, local checks that mirror the server's, batching, bisection of a refused batch. Not here: one HTTP call and
its retries (`segment_calls`), who is sent what, the ledger.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.segment_calls import Answer, SegmentCalls

EVENT_BYTES = 32_768
BATCH_BYTES = 475_000
"""The service takes 500 KB; the reference client stays this far below."""
BATCH_MESSAGES = 1_000
MESSAGE_ID_CHARACTERS = 99
GIVE_UP_AFTER = 3
"""Batches in a row that got no answer after every attempt: the destination is down, and the rest is left to a later run."""

Message = Mapping[str, Any]


ALL = {"All": True}
"""Every destination that is connected to the source."""


class Packed(NamedTuple):
    """A message as it goes on the wire."""

    key: str
    body: bytes


def identify(
    *, traits: Mapping[str, Any], message_id: str, timestamp: datetime, user_id: object = None, anonymous_id: object = None
) -> dict[str, Any]:
    """An identify message. Ids are sent as text; ``timestamp`` needs a time zone."""
    return _message("identify", message_id, timestamp, user_id, anonymous_id) | {"traits": dict(traits)}


def track(
    *, event: str, properties: Mapping[str, Any], message_id: str, timestamp: datetime, user_id: object = None, anonymous_id: object = None
) -> dict[str, Any]:
    """A track message, in the form of `identify`."""
    return _message("track", message_id, timestamp, user_id, anonymous_id) | {"event": event, "properties": dict(properties)}


def _message(kind: str, message_id: str, timestamp: datetime, user_id: object, anonymous_id: object) -> dict[str, Any]:
    return {
        "type": kind,
        **({"userId": str(user_id)} if user_id is not None else {}),
        **({"anonymousId": str(anonymous_id)} if anonymous_id is not None else {}),
        "messageId": message_id,
        "timestamp": _instant(timestamp),
        "integrations": dict(ALL),
    }


@lru_cache(maxsize=16)
def _instant(timestamp: datetime) -> str:
    if timestamp.tzinfo is None:
        raise ValueError("a message's timestamp needs a time zone")
    return timestamp.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refusal(message: Message) -> str:
    """Why Segment would drop this message while answering 200, or empty. Size is looked at when the message is packed."""
    if not (_names_somebody(message.get("userId")) or _names_somebody(message.get("anonymousId"))):
        return "no_user_anon_id: neither userId nor anonymousId is a text that is not empty"
    if message.get("type") == "track" and not message.get("event"):
        return "track without event"
    message_id = message.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        return "no messageId: a retry would count twice"
    if len(message_id) > MESSAGE_ID_CHARACTERS:
        return f"messageId has {len(message_id)} characters, at most {MESSAGE_ID_CHARACTERS}"
    return ""


def _names_somebody(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


class SegmentClient:
    """Sends messages in their given order. Nothing it raises, returns or prints holds the write key."""

    def __init__(
        self,
        url: str,
        write_key: str,
        *,
        hook: CallHook = no_hook,
        timeout_seconds: float = 10,
        max_attempts: int = 10,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ):
        self._calls = SegmentCalls(url, write_key, hook=hook, timeout_seconds=timeout_seconds, max_attempts=max_attempts, sleep=sleep, seed=seed)
        self._unanswered = 0

    def __repr__(self) -> str:
        return f"SegmentClient({self._calls.shown_url!r})"

    def send(self, messages: Iterable[Message]) -> list[Outcome]:
        """One outcome per message, in order; its key is the messageId.

        Raises UserError when the write key is refused or the address is not Segment's.
        """
        return [outcome for outcomes in self.deliver(messages) for outcome in outcomes]

    def deliver(self, messages: Iterable[Message | Packed | Outcome]) -> Iterator[list[Outcome]]:
        """As `send`, batch by batch: outcomes can be recorded before the next batch leaves. Packed messages and refused ones may be among them."""
        self._unanswered = 0
        for batch, outcomes in _batches(messages):
            yield self._delivered(batch, outcomes)

    def _delivered(self, batch: list[Packed], outcomes: list[Outcome | None]) -> list[Outcome]:
        sent = iter(self._send_batch(batch) if batch else [])
        return [next(sent) if outcome is None else outcome for outcome in outcomes]

    def _send_batch(self, batch: Sequence[Packed]) -> list[Outcome]:
        if self._unanswered >= GIVE_UP_AFTER:
            return [Outcome(row.key, "failed", f"not sent: Segment did not answer {GIVE_UP_AFTER} batches in a row") for row in batch]
        answer: Answer = self._calls.post_batch(_OPEN + b",".join(row.body for row in batch) + _CLOSE)
        self._unanswered = self._unanswered + 1 if answer.state == "failed" else 0
        if answer.state != "rejected" or len(batch) == 1:
            return [Outcome(row.key, answer.state, answer.words) for row in batch]
        # One bad message has the whole batch refused: halve until it stands alone.
        middle = len(batch) // 2
        return [*self._send_batch(batch[:middle]), *self._send_batch(batch[middle:])]


def _batches(messages: Iterable[Message | Packed | Outcome]) -> Iterator[tuple[list[Packed], list[Outcome | None]]]:
    """Messages of one request each, with the refused ones at their place among them (None stands for one that is sent)."""
    batch: list[Packed] = []
    outcomes: list[Outcome | None] = []
    size = 0
    for message in messages:
        packed = message if type(message) is Packed or isinstance(message, Outcome) else pack(message)
        if type(packed) is not Packed:
            outcomes.append(packed)
            continue
        if batch and (len(batch) == BATCH_MESSAGES or size + len(packed.body) + 1 > BATCH_BYTES - _ENVELOPE):
            yield batch, outcomes
            batch, outcomes, size = [], [], 0
        batch.append(packed)
        outcomes.append(None)
        size += len(packed.body) + 1
    if outcomes:
        yield batch, outcomes


_OPEN, _CLOSE = b'{"batch":[', b"]}"
_ENVELOPE = len(_OPEN) + len(_CLOSE)


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_ID_NAMES = {"user_id": "userId", "anonymous_id": "anonymousId"}


def packed_identifies(rows: Iterable[tuple[str, str, str]], timestamp: datetime, integrations: Mapping[str, Any] = ALL) -> Iterator[Packed | Outcome]:
    """As `identify` and `pack`, of traits that are JSON text already, one after the other.

    Rows are ``user_id:<id>`` or ``anonymous_id:<id>``, the traits' text and the message id.
    """
    return _packed("identify", ((key, f'"traits":{traits}', message_id) for key, traits, message_id in rows), timestamp, integrations)


def packed_tracks(rows: Iterable[tuple[str, str, str]], timestamp: datetime, integrations: Mapping[str, Any] = ALL) -> Iterator[Packed | Outcome]:
    """As `packed_identifies`, of events: the text is a JSON object with ``event`` and ``properties``."""
    return _packed("track", ((key, event[1:-1], message_id) for key, event, message_id in rows), timestamp, integrations)


def _packed(kind: str, rows: Iterable[tuple[str, str, str]], timestamp: datetime, integrations: Mapping[str, Any]) -> Iterator[Packed | Outcome]:
    """Rows have the members of the message that are its kind's own as their second part."""
    begin, common = f'{{"type":"{kind}","', f',"timestamp":{_as_json(_instant(timestamp))},"integrations":{_as_json(integrations)},'
    for key, own, message_id in rows:
        id_type, _, value = key.partition(":")
        body = f'{begin}{_ID_NAMES[id_type]}":{quoted(value)},"messageId":{quoted(message_id)}{common}{own}}}'.encode()
        is_plain = value.strip() and 0 < len(message_id) <= MESSAGE_ID_CHARACTERS and "NaN" not in own and "Infinity" not in own
        if is_plain and len(body) <= EVENT_BYTES:
            yield Packed(message_id, body)
        else:  # perhaps refused, and then in the usual words
            yield pack(json.loads(body))


def pack(message: Message) -> Packed | Outcome:
    """The message as it goes on the wire, or its rejection."""
    key = str(message.get("messageId") or "")
    words = refusal(message)
    if words:
        return Outcome(key, "rejected", words)
    try:
        body = _as_json(message).encode()
    except UnicodeEncodeError:
        return Outcome(key, "rejected", "holds text that is not Unicode")
    except (TypeError, ValueError) as error:
        return Outcome(key, "rejected", f"is no JSON: {error}")
    if len(body) > EVENT_BYTES:
        return Outcome(key, "rejected", f"{len(body)} bytes of JSON, at most {EVENT_BYTES}")
    return Packed(key, body)
