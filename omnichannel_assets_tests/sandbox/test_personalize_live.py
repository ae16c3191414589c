"""Events, users and items put in real time, and the recommendations that come of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from omnichannel_assets.activation.personalize import tracking_id
from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.activation.personalize_models import event_tracker
from omnichannel_assets.activation.personalize_resources import Resources
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import AT_ONCE, NOW, ROLE, Clients, files, running

CAMPAIGN = "arn:aws:personalize:us-east-1:000000000000:campaign/shop-main"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Clients]]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    with running(folder) as (sandbox, clients):
        import_datasets(clients.personalize, files(folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
        event_tracker(Resources(clients.personalize, "shop", poll=AT_ONCE))
        yield sandbox, clients


def items(clients: Clients, **asked: object) -> list[str]:
    return [entry["itemId"] for entry in clients.runtime.get_recommendations(campaignArn=CAMPAIGN, **asked)["itemList"]]


def test_people_get_what_people_like_them_have(imported: tuple[Sandbox, Clients]) -> None:
    clients = imported[1]
    even, odd = items(clients, userId="c_0", numResults=3), items(clients, userId="c_1", numResults=3)
    assert len(even) == len(odd) == 3
    assert {int(item[2:]) % 2 for item in items(clients, itemId="P-3", numResults=9)} == {1}


def test_an_unknown_person_gets_what_is_popular(imported: tuple[Sandbox, Clients]) -> None:
    clients = imported[1]
    assert items(clients, userId="nobody") == items(clients) and len(items(clients)) == 20


def test_the_same_question_has_the_same_answer_and_id_and_scores_only_for_a_person(imported: tuple[Sandbox, Clients]) -> None:
    runtime = imported[1].runtime
    first, second = (runtime.get_recommendations(campaignArn=CAMPAIGN, userId="c_0") for _ in range(2))
    assert (first["itemList"], first["recommendationId"]) == (second["itemList"], second["recommendationId"])
    assert len(first["recommendationId"]) <= 40
    assert all("score" in entry for entry in first["itemList"])
    assert sum(entry["score"] for entry in first["itemList"]) == pytest.approx(1, abs=1e-4)
    assert not any("score" in entry for entry in runtime.get_recommendations(campaignArn=CAMPAIGN, itemId="P-3")["itemList"])


def test_an_event_changes_the_next_answer(imported: tuple[Sandbox, Clients]) -> None:
    _, clients = imported
    tracker = tracking_id(clients.personalize, "shop")
    event = {"eventType": "View", "itemId": "P-3", "sentAt": NOW, "properties": '{"channel":"online"}', "eventId": "m:P-3"}
    clients.events.put_events(trackingId=tracker, userId="new", sessionId="s", eventList=[event])
    assert items(clients, userId="new", numResults=9) == items(clients, itemId="P-3", numResults=9)


def test_a_repeated_event_counts_once(imported: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = imported
    tracker = tracking_id(clients.personalize, "shop")
    for _ in range(2):
        clients.events.put_events(trackingId=tracker, sessionId="twice", eventList=[{"eventType": "View", "itemId": "P-1", "sentAt": NOW}])
    assert len([event for event in sandbox.inbox.personalize_events() if event["sessionId"] == "twice"]) == 1


def test_ranking_puts_unknown_items_last(imported: tuple[Sandbox, Clients]) -> None:
    runtime = imported[1].runtime
    best = items(imported[1], userId="c_0")
    ranking = runtime.get_personalized_ranking(campaignArn=CAMPAIGN, userId="c_0", inputList=["unknown", best[4], best[1]])["personalizedRanking"]
    assert [entry["itemId"] for entry in ranking] == [best[1], best[4], "unknown"]


def test_a_campaign_belongs_to_a_dataset_group(imported: tuple[Sandbox, Clients]) -> None:
    runtime = imported[1].runtime
    recommender = CAMPAIGN.replace("campaign/shop-main", "recommender/shop")
    assert runtime.get_recommendations(recommenderArn=recommender)["itemList"]
    for arn in (CAMPAIGN.replace("shop-main", "shopping"), CAMPAIGN.replace("campaign", "solution")):
        with pytest.raises(runtime.exceptions.ResourceNotFoundException):
            runtime.get_recommendations(campaignArn=arn)
    with pytest.raises(runtime.exceptions.InvalidInputException):
        runtime.get_recommendations(userId="c_0")
    with pytest.raises(runtime.exceptions.ResourceNotFoundException, match="no filters"):
        runtime.get_recommendations(campaignArn=CAMPAIGN, filterArn=CAMPAIGN.replace("campaign", "filter"))
    with pytest.raises(runtime.exceptions.InvalidInputException, match="at most 500"):
        runtime.get_recommendations(campaignArn=CAMPAIGN, numResults=501)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trackingId": "other"}, "no event tracker"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW}] * 11}, "11 entries, at most 10"),
        ({"sessionId": "s" * 257}, "257 characters"),
        ({"eventList": [{"eventType": "View", "sentAt": 150_000_000_000}]}, "epoch seconds"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "properties": "x" * 1_025}]}, "1025 characters"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "properties": "{"}]}, "not JSON"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "properties": '{"userId":"u"}'}]}, "must not hold userId"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "properties": '{"CHANNEL":"u"}'}]}, "schema has no CHANNEL"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "impression": ["i"] * 26}]}, "26 entries"),
        ({"eventList": [{"eventType": "View", "sentAt": NOW, "recommendationId": "r" * 41}]}, "41 characters"),
    ],
)
def test_events_over_a_limit_are_refused(imported: tuple[Sandbox, Clients], change: dict[str, object], words: str) -> None:
    sandbox, clients = imported
    before = len(sandbox.inbox.messages("personalize_events"))
    good = {"trackingId": tracking_id(clients.personalize, "shop"), "sessionId": "s", "eventList": [{"eventType": "View", "sentAt": NOW}]}
    with pytest.raises(clients.events.exceptions.InvalidInputException, match=words):
        clients.events.put_events(**good | change)
    assert len(sandbox.inbox.messages("personalize_events")) == before


def test_users_and_items_are_put_into_their_own_dataset(imported: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = imported
    arn = "arn:aws:personalize:us-east-1:000000000000:dataset/shop/"
    clients.events.put_users(datasetArn=arn + "USERS", users=[{"userId": "c_9", "properties": '{"churnBand":"low"}'}])
    clients.events.put_items(datasetArn=arn + "ITEMS", items=[{"itemId": "P-9", "properties": '{"price":1,"categoryL1":"a"}'}])
    kept = sandbox.inbox.messages("personalize_events")[-2:]
    assert [(record["kind"], record["properties"]) for record in kept] == [("user", {"churnBand": "low"}), ("item", {"price": 1, "categoryL1": "a"})]
    with pytest.raises(clients.events.exceptions.InvalidInputException, match="not USERS"):
        clients.events.put_users(datasetArn=arn + "ITEMS", users=[{"userId": "c_9"}])
    with pytest.raises(clients.events.exceptions.ResourceNotFoundException):
        clients.events.put_users(datasetArn=arn + "NONE", users=[{"userId": "c_9"}])


def test_throttling_of_the_rest_services_is_a_429(imported: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = imported
    sandbox.faults.add("personalize-runtime", "throttle")
    with pytest.raises(ClientError) as error:
        items(clients)
    assert (error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("ThrottlingException", 429)
