"""Real-time events and recommendations through Personalize's clients."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.personalize import EVENT_TYPES, events_of, put_event, recommendations, tracking_id
from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.activation.personalize_models import event_tracker
from omnichannel_assets.activation.personalize_resources import Resources
from omnichannel_assets.errors import RetryableError
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets.segment.events import EVENT_TYPES as FILE_EVENT_TYPES
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, files, running

CAMPAIGN = "arn:aws:personalize:us-east-1:000000000000:campaign/shop"


def order(products: int = 2, **more: object) -> dict[str, Any]:
    lines = [{"product_id": f"P-{number}", "price": 2.5} for number in range(products)]
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m1",
        "anonymousId": "a1",
        "userId": "shop-user",
        "timestamp": "2026-01-02T03:04:05.600+01:00",
        "properties": {"products": lines},
        **more,
    }


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Clients, str]]:
    folder = tmp_path_factory.mktemp("sandbox")
    with running(folder) as (sandbox, clients):
        import_datasets(clients.personalize, files(folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
        assert tracking_id(clients.personalize, "shop") is None
        made = event_tracker(Resources(clients.personalize, "shop", poll=AT_ONCE))
        assert tracking_id(clients.personalize, "shop") == made.words
        yield sandbox, clients, made.words


def test_one_order_is_one_event_per_product_under_our_customer(ready: tuple[Sandbox, Clients, str]) -> None:
    sandbox, clients, tracker = ready
    calls: list[str] = []
    outcomes = put_event(clients.events, tracker, order(12), user_id="c_1", properties={"channel": "online"}, hook=calls.append)
    assert [(outcome.key, outcome.state) for outcome in outcomes] == [(f"m1:P-{number}", "loaded") for number in range(12)]
    assert calls == ["before personalize-events.put_events", "after personalize-events.put_events"] * 2
    event = sandbox.inbox.personalize_events()[0]
    assert (event["userId"], event["sessionId"], event["eventType"], event["itemId"], event["sentAt"]) == ("c_1", "a1", "Purchase", "P-0", 1_767_319_445)
    assert (event["eventValue"], event["properties"]) == (2.5, {"channel": "online"})
    before = len(sandbox.inbox.personalize_events())
    put_event(clients.events, tracker, order(12), user_id="c_1", properties={"channel": "online"})
    assert len(sandbox.inbox.personalize_events()) == before


def test_the_time_is_utc_whatever_zone_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert events_of(order(1, timestamp="2026-01-02T03:04:05"))[0]["sentAt"] == 1_767_323_045
        assert events_of(order(1, timestamp="2026-01-02T03:04:05Z"))[0]["sentAt"] == 1_767_323_045
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "Asia/Tokyo"


def test_item_events_have_the_types_the_files_use() -> None:
    item_types = {name.lower(): kind for name, kind in FILE_EVENT_TYPES.items() if kind in set(EVENT_TYPES.values())}
    assert {name: kind for name, kind in EVENT_TYPES.items() if name != "order completed"} == item_types


@pytest.mark.parametrize(("event", "kind"), [(" product viewed ", "View"), ("Product Added", "AddToCart")])
def test_one_product_stands_in_the_properties(event: str, kind: str) -> None:
    call = order(event=event, properties={"product_id": 7, "price": "oops"})
    assert [(e["eventType"], e["itemId"], "eventValue" in e) for e in events_of(call)] == [(kind, "7", False)]


@pytest.mark.parametrize("call", [order(event="Cart Viewed"), order(event=None), order(0), order(properties=None), order(properties={"products": [None, {"product_id": " "}]})])
def test_a_call_about_no_item_is_no_event(call: dict[str, Any]) -> None:
    assert events_of(call) == [] and put_event(None, "t", call) == []


def test_a_product_twice_in_an_order_is_one_event() -> None:
    assert len(events_of(order(properties={"products": [{"product_id": "P-1"}, {"sku": "P-1"}]}))) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timestamp": "yesterday"}, "no timestamp"),
        ({"timestamp": None}, "no timestamp"),
        ({"messageId": ""}, "no messageId"),
        ({"anonymousId": None, "userId": " "}, "neither anonymousId nor userId"),
        ({"anonymousId": "a" * 257}, "more than 256"),
    ],
)
def test_a_call_that_cannot_be_sent_is_rejected_with_words(change: dict[str, object], words: str) -> None:
    [outcome] = put_event(None, "t", order() | change)
    assert outcome.state == "rejected" and words in outcome.words


def test_properties_may_have_1024_characters() -> None:
    room = 1_024 - len(json.dumps({"channel": ""}, separators=(",", ":")))
    assert events_of(order(1), properties={"channel": "x" * room})
    with pytest.raises(Refused, match="1025 characters"):
        events_of(order(1), properties={"channel": "x" * (room + 1)})


def test_the_session_is_the_anonymous_id_else_the_user(ready: tuple[Sandbox, Clients, str]) -> None:
    sandbox, clients, tracker = ready
    put_event(clients.events, tracker, order(1, anonymousId=None, messageId="m2"), recommendation_id="RID-1")
    event = sandbox.inbox.personalize_events()[-1]
    assert (event["sessionId"], event["userId"], event["recommendationId"]) == ("shop-user", None, "RID-1")


def test_a_refused_chunk_is_rejected_and_a_throttled_one_failed(ready: tuple[Sandbox, Clients, str]) -> None:
    sandbox, clients, tracker = ready
    sandbox.faults.add("personalize-events", "throttle")
    states = [outcome.state for outcome in put_event(clients.events, tracker, order(11, messageId="m3"))]
    assert states == ["failed"] * 10 + ["loaded"]
    assert {outcome.state for outcome in put_event(clients.events, "other", order(messageId="m4"))} == {"rejected"}


def test_recommendations_come_with_their_id(ready: tuple[Sandbox, Clients, str]) -> None:
    sandbox, clients, _ = ready
    items, identifier = recommendations(clients.runtime, CAMPAIGN, user_id="c_0", limit=5)
    assert len(items) == 5 and identifier.startswith("RID-")
    assert recommendations(clients.runtime, CAMPAIGN.replace("campaign", "recommender"), item_id="P-1")[0]
    with pytest.raises(Refused, match="ResourceNotFound"):
        recommendations(clients.runtime, CAMPAIGN.replace("shop", "none"))
    sandbox.faults.add("personalize-runtime", "error")
    with pytest.raises(RetryableError):
        recommendations(clients.runtime, CAMPAIGN)
