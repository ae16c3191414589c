"""POST /segment/events: signed calls only, each sent on once, nothing swallowed."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from omnichannel_assets.errors import RetryableError
from omnichannel_assets.serving import relay as relaying
from omnichannel_assets.serving.app import create_app
from omnichannel_assets.serving.relay import Relaying, is_signed
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.serving.conftest import SECRET, Shop

ORDER = '{"type":"track","event":"Order Completed","messageId":"m-0001"}'
VIEW = '{"type":"track","event":"Product Viewed","messageId":"m-0002"}'
ORDER_SIGNATURE = "20431a4a70368a34255fa436ce3ecd07b8116c36"
LIST_SIGNATURE = "168e322480894e8144cf9db6aa52066372dce31c"


@dataclass
class Inbox:
    """A relay that keeps what it gets; ``fails_at`` makes the n-th call (from 1) fail once."""

    fails_at: dict[int, Exception] = field(default_factory=dict)
    events: list[tuple[str, str | None]] = field(default_factory=list)
    traits: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0

    def put_event(self, call: Any, customer_id: str | None) -> None:
        self._count()
        self.events.append((call["messageId"], customer_id))

    def send_trait(self, *, customer_id: str | None, user_id: str | None, anonymous_id: str | None, trait: str, value: Sequence[str], message_id: str) -> None:
        self._count()
        self.traits.append({"user_id": user_id, "anonymous_id": anonymous_id, "trait": trait, "value": list(value), "message_id": message_id})

    def _count(self) -> None:
        self.calls += 1
        if self.calls in self.fails_at:
            raise self.fails_at[self.calls]


def call(message: str, event: str = "Product Viewed", **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "messageId": message, "anonymousId": "a-1"} | more


def signed(text: bytes) -> str:
    return hmac.new(SECRET.encode(), text, hashlib.sha1).hexdigest()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def post(client: TestClient, body: Any, signature: str | None = None) -> Any:
    raw = body if isinstance(body, bytes) else compact(body)
    return client.post("/segment/events", content=raw, headers={"X-Signature": signature or signed(raw), "Content-Type": "application/json"})


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def client(shop: Shop, inbox: Inbox) -> Iterator[TestClient]:
    with TestClient(create_app(shop.workspace(), relay=inbox), raise_server_exceptions=False) as opened:
        yield opened


def test_the_signatures_of_the_specification():
    both = f"[{ORDER},{VIEW}]".encode()
    assert signed(ORDER.encode()) == ORDER_SIGNATURE
    assert signed(both) == LIST_SIGNATURE
    assert is_signed(ORDER.encode(), ORDER_SIGNATURE, SECRET)
    assert is_signed(both, ORDER_SIGNATURE, SECRET)
    assert is_signed(both, LIST_SIGNATURE, SECRET)
    assert not is_signed(f"[{VIEW},{ORDER}]".encode(), ORDER_SIGNATURE, SECRET)
    assert not is_signed(ORDER.encode(), ORDER_SIGNATURE, "another-secret")


@pytest.mark.parametrize("text", [f"  [ \n {ORDER} , {VIEW} ]", f"[{json.dumps(json.loads(ORDER), indent=2)}]"])
def test_the_first_element_is_written_again_compactly_in_the_order_of_its_keys(text):
    assert is_signed(text.encode(), ORDER_SIGNATURE, SECRET)
    turned = json.dumps([dict(reversed(json.loads(ORDER).items()))])
    assert not is_signed(turned.encode(), ORDER_SIGNATURE, SECRET)


@pytest.mark.parametrize("element", ['{"price":1.0,"name":"Crème \\ud83d\\ude00"}', '{"price":1e3}', '{"name":"\\ud800"}', '"text"', "1"])
def test_a_first_element_that_would_be_written_differently_is_also_taken_as_it_stands(element):
    assert is_signed(f"[{element},{VIEW}]".encode(), signed(element.encode()), SECRET)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"[" * 100_000, b"\xff\xfe", b"null", b"[1e999999", b"[" + b"9" * 5_000 + b"]"])
def test_a_body_that_is_no_json_is_judged_by_its_own_signature(body):
    assert is_signed(body, signed(body), SECRET)
    assert not is_signed(body, signed(b"other"), SECRET)


@pytest.mark.parametrize("signature", ["", "0" * 40, ORDER_SIGNATURE[:-1], "é" * 40, ORDER_SIGNATURE + "0"])
def test_a_missing_or_wrong_signature_is_refused_without_a_word_more(shop, inbox, signature):
    with TestClient(create_app(shop.workspace(), relay=inbox)) as client:
        headers = {"X-Signature": signature.encode()} if signature else {}
        answer = client.post("/segment/events", content=ORDER.encode(), headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized"})
    assert inbox.calls == 0


def test_without_a_secret_no_call_is_accepted(shop, inbox):
    with TestClient(create_app(shop.workspace(segment_webhook_secret=""), relay=inbox)) as client:
        empty_key = hmac.new(b"", ORDER.encode(), hashlib.sha1).hexdigest()
        for signature in (ORDER_SIGNATURE, empty_key):
            answer = post(client, ORDER.encode(), signature)
            assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized"})


def test_a_large_body_is_refused_before_it_is_read_to_its_end(client):
    assert post(client, b" " * 1_000_001).status_code == 413
    assert post(client, b" " * 999_000 + compact(call("m-1"))).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"7", b'"text"', b"[" * 100_000, b"\xff"])
def test_signed_nonsense_is_told_apart_from_a_wrong_signature(client, body):
    answer = post(client, body)
    assert (answer.status_code, answer.json()) == (400, {"message": "expected a JSON object or a list of them"})


def test_an_event_goes_on_with_its_customer_and_the_new_list_comes_back_as_item_ids(client, inbox, shop):
    opened = shop.workspace()
    listed = {row["customer_id"] for row in running.rows(opened, "recommendations")}
    user = next(row for row in running.rows(opened, "identities") if row["identifier_type"] == "user_id" and row["valid_to"] is None and row["customer_id"] in listed)
    answer = post(client, call("m-1", "Order Completed", userId=user["identifier_value"], properties={"order_id": "O-1", "products": [{"product_id": "P-1"}]}))
    assert (answer.status_code, answer.json()) == (200, {"relayed": 1, "duplicates": 0, "other": 0, "not_relayed": 0})
    assert inbox.events == [("m-1", user["customer_id"])]
    (trait,) = inbox.traits
    own = client.get("/recommendations", params={"page": "home", "user_id": user["identifier_value"], "limit": 20}).json()
    assert trait["value"] == [item["item_id"] for item in own["items"]]
    assert len(trait["value"]) == 20
    assert (trait["trait"], trait["user_id"], trait["anonymous_id"]) == ("recommended_items", user["identifier_value"], "a-1")


@pytest.mark.parametrize("event", ["Product Viewed", "viewed product", " ORDER COMPLETED ", "Completed Order", "Product Added", "Products Searched", "Order Refunded", "Wishlist Product Added to Cart"])
def test_both_spellings_of_an_event_are_sent_on(client, inbox, event):
    assert post(client, call("m-1", event)).json()["relayed"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"type": "delete", "userId": "u-1", "timestamp": "2026-11-20T10:00:00Z"}, {"type": "identify", "userId": "u-1", "messageId": "m-1"}, call("m-1", "Email Opened"), call("m-1", "Unsubscribed"),
        call("m-1", "Something Else"), call("m-1", event=None), call("m-1", event=7), call("m-1", anonymousId=None), call("m-1", anonymousId=""), call("m-1", anonymousId=True), {}, 7, None, "text", [call("m-1")],
    ],
)  # fmt: skip
def test_other_calls_are_acknowledged_and_counted(client, inbox, other):
    answer = post(client, [other])
    assert (answer.status_code, answer.json()) == (200, {"relayed": 0, "duplicates": 0, "other": 1, "not_relayed": 0})
    assert inbox.calls == 0


def test_a_message_delivered_twice_is_sent_on_once(client, inbox):
    assert post(client, call("m-1")).json()["relayed"] == 1
    assert post(client, call("m-1")).json() == {"relayed": 0, "duplicates": 1, "other": 0, "not_relayed": 0}
    assert post(client, [call("m-1"), call("m-2"), call("m-2")]).json() == {"relayed": 1, "duplicates": 2, "other": 0, "not_relayed": 0}
    assert [message for message, _ in inbox.events] == ["m-1", "m-2"]


def test_a_person_with_many_events_in_a_delivery_gets_one_list(client, inbox):
    post(client, [call("m-1"), call("m-2"), call("m-3", userId="u-1"), call("m-4")])
    assert [(trait["user_id"], trait["anonymous_id"]) for trait in inbox.traits] == [(None, "a-1"), ("u-1", "a-1")]


def test_the_id_of_the_answer_depends_on_the_event_only(shop):
    found = []
    for _ in range(2):
        inbox = Inbox()
        with TestClient(create_app(shop.workspace(), relay=inbox)) as client:
            post(client, call("m-1"))
        found.append(inbox.traits[0]["message_id"])
    assert found[0] == found[1]
    assert "m-1" not in found[0]


def test_ids_that_are_numbers_are_read_and_calls_without_a_message_id_are_told_apart(client, inbox):
    nameless = {name: value for name, value in call("x", userId=17).items() if name != "messageId"}
    inbox.put_event = lambda call, customer_id: inbox.events.append((call["event"], customer_id))
    assert post(client, [nameless, nameless, nameless | {"event": "Product Added"}]).json() == {"relayed": 2, "duplicates": 1, "other": 0, "not_relayed": 0}
    assert inbox.traits[0]["user_id"] == "17"


@pytest.mark.parametrize("error", [RetryableError("throttled"), ConnectionError(), TimeoutError()])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_failing_relay_makes_segment_deliver_again_and_nothing_is_sent_twice(shop, error, step):
    inbox = Inbox(fails_at={step: error})
    with TestClient(create_app(shop.workspace(), relay=inbox)) as client:
        answer = post(client, [call("m-1"), call("m-2")])
        assert (answer.status_code, answer.json()) == (503, {"message": "not everything could be sent on; deliver again"})
        assert post(client, [call("m-1"), call("m-2")]).status_code == 200
    assert [message for message, _ in inbox.events] == ["m-1", "m-2"]
    assert len(inbox.traits) == 1


def test_a_defect_of_the_relay_is_no_success_either(shop):
    inbox = Inbox(fails_at={1: KeyError("a detail")})
    with TestClient(create_app(shop.workspace(), relay=inbox), raise_server_exceptions=False) as client:
        answer = post(client, call("m-1"))
        assert (answer.status_code, answer.json()) == (500, {"message": "something went wrong on our side"})
        assert post(client, call("m-1")).json()["relayed"] == 1


def test_what_does_not_fit_into_the_time_is_left_for_the_next_delivery(client, inbox, monkeypatch):
    monkeypatch.setattr(relaying, "WORK_SECONDS", -1.0)
    assert post(client, call("m-1")).status_code == 503
    assert inbox.calls == 0
    monkeypatch.setattr(relaying, "WORK_SECONDS", 3.0)
    assert post(client, call("m-1")).json()["relayed"] == 1


def test_a_relay_that_hangs_is_answered_in_time_and_not_called_twice(shop, monkeypatch):
    monkeypatch.setattr("omnichannel_assets.serving.app.ANSWER_SECONDS", 0.2)
    inbox, released = Inbox(), threading.Event()
    slow = inbox.put_event
    inbox.put_event = lambda call, customer_id: (released.wait(10), slow(call, customer_id))
    with TestClient(create_app(shop.workspace(), relay=inbox)) as client:
        try:
            assert post(client, call("m-1")).status_code == 503
            assert post(client, call("m-1")).status_code == 503
        finally:
            released.set()
    assert len(inbox.events) <= 1


def test_without_a_relay_events_are_acknowledged_and_counted(shop):
    with TestClient(create_app(shop.workspace())) as client:
        assert post(client, [call("m-1"), call("m-1"), {"type": "delete"}]).json() == {"relayed": 0, "duplicates": 1, "other": 1, "not_relayed": 1}


def test_without_lists_events_go_on_and_no_empty_list_clears_the_trait(shop, tmp_path, inbox):
    with TestClient(create_app(running.workspace(shop.landing, tmp_path / "empty", segment_webhook_secret=SECRET), relay=inbox)) as client:
        assert post(client, call("m-1")).json()["relayed"] == 1
    assert (inbox.events, inbox.traits) == ([("m-1", None)], [])


def relayed_by(inbox: Inbox) -> Relaying:
    nobody: Callable[..., Any] = lambda user_id, anonymous_id: None  # noqa: E731
    return Relaying(inbox, nobody, lambda user_id, anonymous_id: ["P-1"])


def test_what_is_remembered_is_bounded_and_the_oldest_is_forgotten_first(inbox, monkeypatch):
    monkeypatch.setattr(relaying, "REMEMBERED", 2)
    relayed = relayed_by(inbox)
    for message in ("m-1", "m-2", "m-3", "m-3", "m-1"):
        relayed.relay_calls([call(message)])
    assert [message for message, _ in inbox.events] == ["m-1", "m-2", "m-3", "m-1"]


def test_at_most_twenty_items_go_back(inbox):
    Relaying(inbox, lambda *_: None, lambda *_: [f"P-{n}" for n in range(30)]).relay_calls([call("m-1")])
    assert len(inbox.traits[0]["value"]) == 20


def test_nobody_is_named_in_the_log(shop, caplog):
    caplog.set_level(logging.INFO)
    inbox = Inbox(fails_at={1: RetryableError("u-secret was refused")})
    with TestClient(create_app(shop.workspace(), relay=inbox)) as client:
        post(client, call("m-secret", userId="u-secret", anonymousId="a-secret"))
    ours = [record.getMessage() for record in caplog.records if record.name == "omnichannel_assets"]
    assert ours
    assert "secret" not in "".join(ours)
