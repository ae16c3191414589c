"""Segment's HTTP Tracking API as far as we use it: authorisation, limits, silent rejection, repeated messageIds.

Belongs here: what Segment does with a request's content. Not here: faults and HTTP (`server`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import Reply
from omnichannel_assets.sandbox.inbox import append, append_text, as_line, forget, lines, mend

EVENT_BYTES = 32_768
REQUEST_BYTES = 500 * 1024
BATCH_EVENTS = 2_500
MESSAGE_ID_LIMIT = 100
KINDS = ("identify", "track", "page", "screen", "group", "alias")
OPERATIONS = (*KINDS, "batch")

OVER_COUNT = f"more than {BATCH_EVENTS} events in one batch"


class SegmentService:
    """One Segment source, kept in a folder."""

    def __init__(self, folder: Path):
        self._accepted, self._rejected = folder / "segment.jsonl", folder / "segment_rejected.jsonl"
        mend(self._accepted)
        mend(self._rejected)
        self._ids: set[str] = set()
        self._count = 0
        for message in lines(self._accepted):
            self._ids.add(message["messageId"])
            self._count += 1
        self.is_suppressed: Callable[[Mapping[str, Any]], bool] = lambda event: False

    def answer(self, operation: str, body: bytes, authorization: str, dropped: tuple[str, ...] = ()) -> Reply:
        """Takes one request. ``dropped`` names messages that are refused without a word."""
        content, texts = _read(operation, body)
        if not write_key(authorization, content):
            return Reply(401, {"success": False, "message": "no write key"})
        if len(body) > REQUEST_BYTES:
            return Reply(400, {"success": False, "message": f"payload too large: {len(body)} bytes, at most {REQUEST_BYTES}"})
        if content is None or (operation == "batch" and not isinstance(content.get("batch"), list)):
            return Reply(400, {"success": False, "message": "invalid JSON"})
        events = list(events_of(operation, content))
        texts = texts or [as_line(event) for event in events]
        for position, (event, text) in enumerate(zip(events, texts, strict=True)):
            size = _size(event, text)
            if size > EVENT_BYTES:
                return Reply(400, {"success": False, "message": f"event {position} has {size} bytes, at most {EVENT_BYTES}"})
        return self._take(events, texts, is_too_many=len(events) > BATCH_EVENTS, dropped=dropped)

    def _take(self, events: list[Any], texts: list[str], *, is_too_many: bool, dropped: tuple[str, ...]) -> Reply:
        accepted, rejected = [], []
        suppressed = 0
        for event, text in zip(events, texts, strict=True):
            if isinstance(event, dict) and self.is_suppressed(event):
                suppressed += 1  # dropped without a trace, which would name who asked to be deleted
                continue
            why = OVER_COUNT if is_too_many else refusal(event) or ("refused on demand" if event.get("messageId") in dropped else "")
            if why:
                rejected.append({"why": why, "message": event})
            else:
                accepted.append(self._numbered(event, text))
        append(self._rejected, rejected)
        append_text(self._accepted, accepted)
        return Reply(200, {"success": True}, accepted=len(accepted), rejected=len(rejected) + suppressed)

    def forget(self, is_about: Callable[[Mapping[str, Any]], bool]) -> int:
        """Deletes the messages about somebody, refused ones too; returns how many."""
        refused = forget(self._rejected, lambda record: isinstance(record.get("message"), dict) and is_about(record["message"]))
        return refused + forget(self._accepted, is_about)

    def _numbered(self, event: Mapping[str, Any], text: str) -> str:
        """The event's line with a messageId, its own or one by position, and whether that id was seen before."""
        message_id = event.get("messageId") or f"sandbox-{self._count}"
        is_duplicate = message_id in self._ids
        self._ids.add(message_id)
        self._count += 1
        if event.get("messageId") and "is_duplicate" not in event:  # nearly all: the line is there and only wants its end
            return f'{text[:-1]},"is_duplicate":{"true" if is_duplicate else "false"}}}'
        return as_line({**event, "messageId": message_id, "is_duplicate": is_duplicate})


def _size(event: Any, text: str) -> int:
    """Bytes of the event as UTF-8, or an upper bound of them that is small enough: a character has four at most."""
    if 4 * len(text) <= EVENT_BYTES:
        return 4 * len(text)
    return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


_scan = json.JSONDecoder().raw_decode
_OPEN, _CLOSE = '{"batch":[', "]}"


def _read(operation: str, body: bytes) -> tuple[dict[str, Any] | None, list[str]]:
    """The request's JSON object, and the text of each event as it came, where that can be kept as its line.

    That is a batch of objects, written without blanks between them and with nothing said for all: what clients send.
    """
    try:
        text = body.decode()
        if operation != "batch" or not text.startswith(_OPEN) or not text.endswith(_CLOSE) or "\n" in text or '"writeKey"' in text:
            return parsed(body), []
        events, texts, at, end = [], [], len(_OPEN), len(text) - len(_CLOSE)
        while at < end:
            event, stop = _scan(text, at)
            if not isinstance(event, dict) or stop > end or (stop < end and (text[stop] != "," or stop + 1 == end)):
                return parsed(body), []
            events.append(event)
            texts.append(text[at:stop])
            at = stop + 1
    except (ValueError, RecursionError):
        return parsed(body), []
    return {"batch": events}, texts


def parsed(body: bytes) -> dict[str, Any] | None:
    """The request's JSON object; None when it is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def write_key(authorization: str, content: Mapping[str, Any] | None) -> str:
    """The key of Basic authorisation, else of the body; empty without one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    key = (content or {}).get("writeKey")
    return key if isinstance(key, str) else ""


def message_ids(operation: str, body: bytes) -> list[str]:
    """messageIds of a request, for faults that name messages."""
    content = parsed(body) or {}
    return [event["messageId"] for event in events_of(operation, content) if isinstance(event, dict) and isinstance(event.get("messageId"), str)]


def events_of(operation: str, content: Mapping[str, Any]) -> Iterator[Any]:
    """The single events of a request, each with what the batch says for all of them; the write key is not kept."""
    if operation != "batch":
        yield {**{name: value for name, value in content.items() if name != "writeKey"}, "type": operation}
        return
    entries = content.get("batch")
    shared = {name: content[name] for name in ("context", "integrations") if isinstance(content.get(name), dict)}
    for event in entries if isinstance(entries, list) else []:
        if not isinstance(event, dict) or (not shared and "writeKey" not in event):
            yield event
            continue
        own = {name: value for name, value in event.items() if name != "writeKey"}
        merged = {name: {**value, **own[name]} if isinstance(own.get(name), dict) else value for name, value in shared.items()}
        yield {**own, **merged}


def refusal(event: Any) -> str:
    """Why Segment drops the event although it answers 200; empty when it does not."""
    if not isinstance(event, dict):
        return "no JSON object"
    if event.get("type") not in KINDS:
        return "unknown type"
    if not (_names_somebody(event.get("userId")) or _names_somebody(event.get("anonymousId"))):
        return "no_user_anon_id"
    if event["type"] == "track" and not event.get("event"):
        return "track without event"
    message_id = event.get("messageId", "")
    if not isinstance(message_id, str) or len(message_id) >= MESSAGE_ID_LIMIT:
        return f"messageId is no text of fewer than {MESSAGE_ID_LIMIT} characters"
    return ""


def _names_somebody(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
