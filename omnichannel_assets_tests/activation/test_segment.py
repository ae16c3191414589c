"""The Segment client against the stand-in: batches, retries, waiting, bad rows, one effect per message."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from omnichannel_assets.activation.segment import SegmentClient, identify, track
from omnichannel_assets.errors import SettingError, UserError
from omnichannel_assets.sandbox import Sandbox

KEY = "wk-5ecret"
AT = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def messages(count: int, **traits: object) -> list[dict[str, Any]]:
    return [identify(user_id=f"u{number}", traits={"n": number, **traits}, message_id=f"m{number}", timestamp=AT) for number in range(count)]


def client(sandbox: Sandbox, slept: list[float] | None = None, **more: Any) -> SegmentClient:
    return SegmentClient(sandbox.url, KEY, sleep=(slept if slept is not None else []).append, **more)


def states(outcomes: list[Any]) -> list[str]:
    return [outcome.state for outcome in outcomes]


def test_a_message_carries_ids_as_text_and_time_in_utc_milliseconds() -> None:
    local = AT.astimezone(timezone(timedelta(hours=5)))
    assert identify(user_id=42, traits={"a": 1}, message_id="m", timestamp=local) == {
        "type": "identify",
        "userId": "42",
        "messageId": "m",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "integrations": {"All": True},
        "traits": {"a": 1},
    }
    assert track(anonymous_id="a", event="E", properties={}, message_id="m", timestamp=AT)["anonymousId"] == "a"
    with pytest.raises(ValueError, match="time zone"):
        identify(user_id=1, traits={}, message_id="m", timestamp=AT.replace(tzinfo=None))


def test_all_messages_arrive_in_order_in_batches_of_a_thousand(sandbox: Sandbox) -> None:
    assert states(client(sandbox).send(messages(2_001))) == ["loaded"] * 2_001
    assert [request["accepted"] for request in sandbox.inbox.requests()] == [1_000, 1_000, 1]
    assert [message["messageId"] for message in sandbox.inbox.messages("segment")] == [f"m{number}" for number in range(2_001)]


def test_batches_stay_below_475000_bytes(sandbox: Sandbox) -> None:
    assert states(client(sandbox).send(messages(50, text="é" * 15_000))) == ["loaded"] * 50
    sizes = [request["accepted"] for request in sandbox.inbox.requests()]
    one = len(json.dumps(messages(50, text="é" * 15_000)[49], ensure_ascii=False, separators=(",", ":")).encode()) + 1
    assert sizes == [475_000 // one] * 3 + [50 - 3 * (475_000 // one)]


def test_bad_rows_are_named_and_stop_no_others(sandbox: Sandbox) -> None:
    bad = [
        identify(traits={}, message_id="no-id", timestamp=AT),
        identify(user_id=" ", traits={}, message_id="blank-id", timestamp=AT),
        identify(user_id="u", traits={"t": "x" * 32_768}, message_id="large", timestamp=AT),
        identify(user_id="u", traits={}, message_id="m" * 100, timestamp=AT),
        identify(user_id="u", traits={"t": float("nan")}, message_id="nan", timestamp=AT),
        identify(user_id="u", traits={"t": AT}, message_id="date", timestamp=AT),
        identify(user_id="u", traits={"t": "\ud800"}, message_id="surrogate", timestamp=AT),
        track(user_id="u", event="", properties={}, message_id="nameless", timestamp=AT),
    ]
    outcomes = client(sandbox).send([*messages(1), *bad, identify(user_id="last", traits={}, message_id="last", timestamp=AT)])
    assert states(outcomes) == ["loaded", *["rejected"] * len(bad), "loaded"]
    assert [outcome.key for outcome in outcomes[1:-1]] == [message["messageId"] for message in bad]
    assert all(outcome.words for outcome in outcomes[1:-1])
    assert set(sandbox.inbox.segment_profiles()) == {"u0", "last"} and sandbox.inbox.rejected("segment") == []


def test_the_largest_message_and_id_that_pass_here_pass_there(sandbox: Sandbox) -> None:
    empty = identify(user_id="u", traits={"t": ""}, message_id="m" * 99, timestamp=AT)
    room = 32_768 - len(json.dumps(empty, separators=(",", ":")).encode())
    assert states(client(sandbox).send([empty | {"traits": {"t": "x" * room}}])) == ["loaded"]
    assert states(client(sandbox).send([empty | {"traits": {"t": "x" * (room + 1)}}])) == ["rejected"]


def test_nothing_is_sent_for_nothing(sandbox: Sandbox) -> None:
    assert client(sandbox).send([]) == [] and sandbox.inbox.requests() == []


def test_one_refused_message_is_found_and_the_others_are_loaded(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "refuse", messages=("m37",), count=100)
    outcomes = client(sandbox).send(messages(100))
    assert [(outcome.key, outcome.words[:3]) for outcome in outcomes if outcome.state != "loaded"] == [("m37", "400")]
    assert len(sandbox.inbox.segment_profiles()) == 99 and len(sandbox.inbox.requests()) < 20


def test_what_segment_drops_in_silence_shows_in_its_inbox_only(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "partial", messages=("m1",))
    assert states(client(sandbox).send(messages(3))) == ["loaded"] * 3
    assert [rejected["message"]["messageId"] for rejected in sandbox.inbox.rejected("segment")] == ["m1"]


def test_a_rate_limit_is_waited_for_as_asked_and_is_no_attempt(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "throttle", count=3, seconds=7)
    slept: list[float] = []
    assert states(client(sandbox, slept, max_attempts=1).send(messages(2))) == ["loaded"] * 2
    assert slept == [7, 7, 7]


def test_a_wait_is_at_most_300_seconds_and_all_waits_1800(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "throttle", count=99, seconds=3_600)
    slept: list[float] = []
    outcomes = client(sandbox, slept).send(messages(1))
    assert (states(outcomes), slept) == (["failed"], [300] * 6) and "429" in outcomes[0].words


def test_errors_are_retried_with_growing_pauses_then_left_to_a_later_run(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "error", count=99)
    slept: list[float] = []
    assert states(client(sandbox, slept, max_attempts=6).send(messages(2))) == ["failed"] * 2
    assert all(base <= pause <= base * 1.1 for base, pause in zip([0, 0.5, 1, 2, 4], slept, strict=True))
    again: list[float] = []
    client(sandbox, again, max_attempts=6).send(messages(2))
    assert again == slept
    sandbox.faults.clear()
    assert states(client(sandbox).send(messages(2))) == ["loaded"] * 2


def test_an_error_then_success(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "error", count=2)
    assert states(client(sandbox).send(messages(2))) == ["loaded"] * 2
    assert [request["status"] for request in sandbox.inbox.requests()] == [500, 500, 200]


def test_a_destination_that_is_down_is_not_asked_for_every_batch(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "error", count=999)
    outcomes = client(sandbox, max_attempts=2).send(messages(6_000))
    assert states(outcomes) == ["failed"] * 6_000 and len(sandbox.inbox.requests()) == 6
    assert "not sent" in outcomes[-1].words


@pytest.mark.parametrize(
    "fault",
    [{"kind": "timeout_after_acceptance"}, {"kind": "reset", "when": "before"}, {"kind": "reset", "when": "after"}],
    ids=lambda fault: "-".join(fault.values()),
)
def test_a_lost_answer_leaves_one_effect(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.faults.add("segment", **fault)
    assert states(client(sandbox, timeout_seconds=0.3).send(messages(5))) == ["loaded"] * 5
    assert sandbox.inbox.segment_profiles() == {f"u{number}": {"n": number} for number in range(5)}
    assert sum(not message["is_duplicate"] for message in sandbox.inbox.messages("segment")) == 5


def test_nobody_listening_is_a_failure_for_a_later_run() -> None:
    outcomes = SegmentClient("http://127.0.0.1:9", KEY, sleep=lambda seconds: None, max_attempts=3).send(messages(1))
    assert states(outcomes) == ["failed"] and "after 3 attempts" in outcomes[0].words


class _Killed(Exception):
    pass


def killing(at: int) -> Callable[[str], None]:
    """A hook that stops the process at its ``at``-th call."""
    calls: list[str] = []

    def hook(name: str) -> None:
        calls.append(name)
        if len(calls) == at:
            raise _Killed(name)

    return hook


def test_killed_at_any_call_a_second_run_has_the_same_effect_as_one(sandbox: Sandbox) -> None:
    calls: list[str] = []
    client(sandbox, hook=calls.append).send(messages(2_500, run="whole"))
    assert calls == ["before segment.batch", "after segment.batch"] * 3
    whole = sandbox.inbox.segment_profiles()
    for at in range(1, len(calls) + 1):
        sent = [message | {"messageId": f"{at}-{message['messageId']}", "userId": f"{at}-{message['userId']}"} for message in messages(2_500, run="whole")]
        with pytest.raises(_Killed):
            client(sandbox, hook=killing(at)).send(sent)
        client(sandbox).send(sent)
    profiles = sandbox.inbox.segment_profiles()
    for at in range(1, len(calls) + 1):
        assert {key.removeprefix(f"{at}-"): traits for key, traits in profiles.items() if key.startswith(f"{at}-")} == whole
    once = [message for message in sandbox.inbox.messages("segment") if not message["is_duplicate"]]
    assert len(once) == 2_500 * (len(calls) + 1)


def test_outcomes_come_batch_by_batch(sandbox: Sandbox) -> None:
    delivered = client(sandbox).deliver(messages(1_500))
    assert len(next(delivered)) == 1_000 and len(sandbox.inbox.requests()) == 1
    assert len(next(delivered)) == 500


class _Answering(HTTPServer):
    """A server with one answer for everything."""

    def __init__(self, status: int, body: str = "", headers: dict[str, str] | None = None):
        outer = self
        self.seen: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.seen.append(dict(self.headers))
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> _Answering:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()

    def send(self, slept: list[float], **more: Any) -> list[Any]:
        return SegmentClient(f"http://127.0.0.1:{self.server_port}", KEY, sleep=slept.append, **more).send(messages(1))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_write_key_is_the_persons_to_fix_and_is_never_shown(status: int) -> None:
    with _Answering(status, f"bad key {KEY} d2stNWVjcmV0Og==") as server, pytest.raises(UserError, match="SEGMENT_WRITE_KEY") as error:
        server.send([])
    assert KEY not in str(error.value) and KEY not in repr(error.value.__context__)


@pytest.mark.parametrize("status", [302, 404, 405])
def test_an_address_that_is_not_segments_is_the_persons_to_fix(status: int) -> None:
    with _Answering(status, headers={"Location": "http://127.0.0.1:1/"}) as server, pytest.raises(UserError, match=f"answered {status}"):
        server.send([])


@pytest.mark.parametrize("status", [408, 410, 460, 500, 502, 503, 511])
def test_what_may_pass_is_tried_again_and_counted_in_a_header(status: int) -> None:
    with _Answering(status) as server:
        assert states(server.send([], max_attempts=3)) == ["failed"]
        assert [seen.get("X-Retry-Count") for seen in server.seen] == [None, "1", "2"]


@pytest.mark.parametrize("status", [501, 505])
def test_what_a_server_cannot_do_is_not_asked_twice(status: int) -> None:
    with _Answering(status) as server:
        assert states(server.send([])) == ["failed"] and len(server.seen) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_message_has_the_destinations_words_but_not_our_key(status: int) -> None:
    with _Answering(status, f"no  such\nthing {KEY}") as server:
        outcomes = server.send([])
    assert states(outcomes) == ["rejected"] and outcomes[0].words == f"{status}: no such thing (not shown)"


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("Thu, 01 Jan 2026 00:00:42 GMT", [42]), ("Thu, 01 Jan 2026 02:00:00 GMT", [300] * 6), ("12", [12] * 150), ("soon", None), ("0", None), ("Wed, 31 Dec 2025 00:00:00 GMT", None)],
)
def test_a_date_is_measured_against_the_answers_own_clock(retry_after: str, waits: list[float] | None) -> None:
    slept: list[float] = []

    class Stop(Exception):
        pass

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if waits is not None and len(slept) == 1 and waits[0] == 42:
            raise Stop

    with _Answering(429, headers={"Retry-After": retry_after}) as server:
        BaseHTTPRequestHandler.date_time_string, kept = (lambda self, timestamp=None: "Thu, 01 Jan 2026 00:00:00 GMT"), BaseHTTPRequestHandler.date_time_string
        try:
            SegmentClient(f"http://127.0.0.1:{server.server_port}", KEY, sleep=sleep, max_attempts=3).send(messages(1))
        except Stop:
            pass
        finally:
            BaseHTTPRequestHandler.date_time_string = kept
    assert slept[0] < 1 if waits is None else slept == waits


def test_the_write_key_is_in_no_text(sandbox: Sandbox) -> None:
    sender = client(sandbox)
    assert KEY not in repr(sender) + str(sender) + repr(sender._calls)
    with pytest.raises(SettingError, match="SEGMENT_WRITE_KEY"):
        SegmentClient(sandbox.url, " ")
    with pytest.raises(UserError, match="without a user") as error:
        SegmentClient(f"http://{KEY}@127.0.0.1", KEY)
    assert KEY not in str(error.value)
