"""Segment's stand-in keeps Segment's limits, and its silence."""

from __future__ import annotations

import json

import pytest
import requests

from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import post


def event(number: int = 0, **more: object) -> dict[str, object]:
    return {"type": "identify", "userId": f"u{number}", "messageId": f"m{number}", "traits": {"n": number}, **more}


def sized(size: int) -> dict[str, object]:
    """An event of exactly ``size`` bytes of JSON."""
    empty = len(json.dumps(event(note=""), separators=(",", ":")).encode())
    return event(note="x" * (size - empty))


def test_a_batch_lands_in_the_inbox_in_order_with_what_the_batch_says_for_all(sandbox: Sandbox) -> None:
    body = {"batch": [event(0), event(1, context={"ip": "own"})], "context": {"ip": "shared", "app": "a"}, "integrations": {"All": False}, "writeKey": "k"}
    assert post(sandbox, "batch", body).json() == {"success": True}
    first, second = sandbox.inbox.messages("segment")
    assert (first["userId"], second["userId"]) == ("u0", "u1")
    assert (first["context"], second["context"]) == ({"ip": "shared", "app": "a"}, {"ip": "own", "app": "a"})
    assert first["integrations"] == {"All": False} and not first["is_duplicate"]


@pytest.mark.parametrize("operation", ["identify", "track", "page", "screen", "group", "alias"])
def test_single_calls_take_their_type_from_the_address(sandbox: Sandbox, operation: str) -> None:
    assert post(sandbox, operation, {"userId": "u", "event": "E", "messageId": "m"}).status_code == 200
    assert [message["type"] for message in sandbox.inbox.messages("segment")] == [operation]


def test_traits_of_a_person_merge_and_a_repeated_message_has_no_effect(sandbox: Sandbox) -> None:
    post(sandbox, "batch", {"batch": [event(1, traits={"a": 1, "b": 1}), event(1, traits={"a": 9})]})
    post(sandbox, "batch", {"batch": [event(1, messageId="later", traits={"b": 2})]})
    assert sandbox.inbox.segment_profiles() == {"u1": {"a": 1, "b": 2}}
    assert [message["is_duplicate"] for message in sandbox.inbox.messages("segment")] == [False, True, False]


def test_no_write_key_is_refused_and_none_is_kept(sandbox: Sandbox) -> None:
    assert post(sandbox, "batch", {"batch": [event()]}, key="").status_code == 401
    assert requests.post(f"{sandbox.url}/v1/batch", json={"batch": []}, headers={"Authorization": "Basic ???"}, timeout=5).status_code == 401
    assert post(sandbox, "batch", {"batch": [event(writeKey="hidden-2")], "writeKey": "hidden-1"}, key="hidden-0").status_code == 200
    assert all("hidden" not in path.read_text() and "Basic" not in path.read_text() for path in sandbox.folder.rglob("*.jsonl"))


def test_an_event_may_have_32768_bytes(sandbox: Sandbox) -> None:
    assert post(sandbox, "batch", {"batch": [sized(32_768)]}).status_code == 200
    assert post(sandbox, "batch", {"batch": [event(1), sized(32_769)]}).status_code == 400
    assert len(sandbox.inbox.messages("segment")) == 1


def test_a_request_may_have_500_kb(sandbox: Sandbox) -> None:
    full = json.dumps({"batch": [event()]}).encode()
    assert post(sandbox, "batch", full.ljust(512_000)).status_code == 200
    assert post(sandbox, "batch", full.ljust(512_001)).status_code == 400


def test_more_than_2500_events_are_answered_with_success_and_dropped(sandbox: Sandbox) -> None:
    batch = [{"type": "identify", "userId": "u", "messageId": str(number)} for number in range(2_501)]
    assert post(sandbox, "batch", {"batch": batch}).json() == {"success": True}
    assert (len(sandbox.inbox.messages("segment")), len(sandbox.inbox.rejected("segment"))) == (0, 2_501)
    post(sandbox, "batch", {"batch": batch[:2_500]})
    assert len(sandbox.inbox.messages("segment")) == 2_500


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"batch": 1}', b"\xff", b"[" * 50_000])
def test_what_is_no_batch_is_a_bad_request(sandbox: Sandbox, body: bytes) -> None:
    assert post(sandbox, "batch", body).status_code == 400


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"userId": ""}, "no_user_anon_id"),
        ({"userId": 7}, "no_user_anon_id"),
        ({"type": "track"}, "track without event"),
        ({"type": "delete"}, "unknown type"),
        ({"messageId": "m" * 100}, "messageId is no text of fewer than 100 characters"),
    ],
)
def test_a_bad_event_is_dropped_in_silence_beside_good_ones(sandbox: Sandbox, bad: dict[str, object], why: str) -> None:
    assert post(sandbox, "batch", {"batch": [event(1, messageId="m" * 99), event(2) | bad]}).json() == {"success": True}
    assert [rejected["why"] for rejected in sandbox.inbox.rejected("segment")] == [why]
    assert [message["userId"] for message in sandbox.inbox.messages("segment")] == ["u1"]


def test_an_event_without_a_message_id_gets_one(sandbox: Sandbox) -> None:
    post(sandbox, "identify", {"userId": "u"})
    post(sandbox, "identify", {"userId": "u"})
    assert [(message["messageId"], message["is_duplicate"]) for message in sandbox.inbox.messages("segment")] == [("sandbox-0", False), ("sandbox-1", False)]
