"""The real way of an event: a signed call to the service, PutEvents at the sandbox, the new list back at Segment as a trait."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from omnichannel_assets.assets import deliveries, recommendations
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets.sandbox import Inbox, Sandbox
from omnichannel_assets.serving.app import create_app
from omnichannel_assets.serving.channels_relay import ChannelsRelay, relay_of
from omnichannel_assets_tests.integration import running, scored

SECRET = "demo-secret"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A lake with lists and scores whose date was delivered, so that Personalize has an event tracker."""
    folder = tmp_path_factory.mktemp("relay")
    write_sample(folder / "landing", folder / "truth", customers=110, days=6, last_day=date(2025, 6, 30))
    opened = running.workspace(folder / "landing", folder / "lake", segment_webhook_secret=SECRET, personalize_create="event_tracker")
    running.run_steps(opened)
    scored.give_scores(opened, opened.as_of())
    with opened.lake.writing():
        for step in (recommendations.find_similar_items, recommendations.rank_popular, recommendations.recommend, deliveries.deliver_personalize):
            step(opened, [opened.as_of()])
    return opened


@pytest.fixture
def sandbox(shop: Workspace, tmp_path: Path) -> Iterator[Sandbox]:
    shutil.copytree(sandbox_folder(shop), tmp_path / "sandbox")
    with Sandbox.start(tmp_path / "sandbox") as started:
        yield started


def person(shop: Workspace) -> dict:
    """A customer with a login."""
    return next(row for row in running.rows(shop, "customers") if row["user_id"] and row["orders"])


def viewed(shop: Workspace, message_id: str = "m-1", user_id: str | None = None) -> dict:
    item = next(row["product_id"] for row in running.rows(shop, "products") if row["is_merchandise"])
    properties = {"product_id": item, "price": 3.5}
    who = {"userId": user_id or person(shop)["user_id"], "anonymousId": "a-browser"}
    return {"type": "track", "event": "Product Viewed", "messageId": message_id, **who, "timestamp": "2025-06-30T10:00:00.000Z", "properties": properties}


def post(client: TestClient, call: dict, secret: str = SECRET):
    body = json.dumps(call, separators=(",", ":")).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return client.post("/segment/events", content=body, headers={"X-Signature": signature})


def served(shop: Workspace, sandbox: Sandbox) -> TestClient:
    return TestClient(create_app(shop, relay=ChannelsRelay(shop, sandbox.url)))


def test_a_signed_event_reaches_put_events_and_comes_back_as_a_trait(shop, sandbox):
    known = person(shop)
    answer = post(served(shop, sandbox), viewed(shop))
    assert (answer.status_code, answer.json()["relayed"]) == (200, 1)
    (event,) = sandbox.inbox.personalize_events()
    assert (event["userId"], event["sessionId"], event["eventType"], event["sentAt"]) == (known["customer_id"], "a-browser", "View", 1751277600)
    trait = sandbox.inbox.segment_profiles()[known["user_id"]]["recommended_items"]
    assert 0 < len(trait) <= 20


def test_the_same_event_again_has_no_second_effect(shop, sandbox):
    for _ in range(2):
        assert post(served(shop, sandbox), viewed(shop)).status_code == 200  # a new service each time: it remembers nothing
    assert len(sandbox.inbox.personalize_events()) == 1
    assert len([message for message in sandbox.inbox.messages() if not message["is_duplicate"]]) == 1


def test_an_unsigned_event_gets_401_and_no_detail_and_reaches_nobody(shop, sandbox):
    client = served(shop, sandbox)
    for answer in (client.post("/segment/events", json=viewed(shop)), post(client, viewed(shop), secret="wrong")):
        assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized"})
    assert sandbox.inbox.personalize_events() == sandbox.inbox.messages() == []


@pytest.mark.parametrize(("service", "count"), [("personalize-events", 5), ("segment", 5)])
def test_when_a_channel_is_down_segment_is_asked_to_deliver_again_and_then_it_works(shop, sandbox, service, count):
    sandbox.faults.add(service, "error", count=count)
    client = served(shop, sandbox)
    assert post(client, viewed(shop)).status_code == 503
    sandbox.faults.clear()
    assert post(client, viewed(shop)).status_code == 200
    assert len(sandbox.inbox.personalize_events()) == 1
    assert person(shop)["user_id"] in sandbox.inbox.segment_profiles()


def test_whom_the_shop_deleted_is_not_relayed(shop, sandbox, monkeypatch):
    relay = ChannelsRelay(shop, sandbox.url)
    monkeypatch.setattr(relay, "_deleted", lambda: frozenset({person(shop)["customer_id"]}))
    assert post(TestClient(create_app(shop, relay=relay)), viewed(shop)).status_code == 200
    assert sandbox.inbox.personalize_events() == sandbox.inbox.messages() == []


def test_nothing_is_relayed_when_nothing_may_leave(shop):
    off = running.workspace(Path(shop.settings.landing_uri), shop.lake.store.root, delivery_mode="off")
    live = running.workspace(Path(shop.settings.landing_uri), shop.lake.store.root, delivery_mode="live")
    assert relay_of(off, None) is relay_of(live, None) is None


def test_the_inbox_of_a_delivery_is_the_one_of_the_service(shop, sandbox):
    assert Inbox(sandbox.folder).personalize_datasets() == Inbox(sandbox_folder(shop)).personalize_datasets() != {}
