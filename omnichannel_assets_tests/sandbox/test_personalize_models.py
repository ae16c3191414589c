"""What Personalize's stand-in trains and answers: states, limits, what is in use, and answers that come from the imported rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.activation.personalize_models import RECIPES, solution_version
from omnichannel_assets.activation.personalize_resources import Resources
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, files, put, running

USER, SEGMENT = "aws-user-personalization-v2", "aws-item-affinity"


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """(name, words) of the error a call ends in."""
    with pytest.raises(ClientError) as error:
        call()
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


@pytest.fixture
def group(sandbox: Sandbox, clients: Clients) -> str:
    """A custom group with all three data sets."""
    import_datasets(clients.personalize, files(sandbox.folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
    return str(clients.personalize.list_dataset_groups()["datasetGroups"][0]["datasetGroupArn"])


def version(clients: Clients, recipe: str = USER, suffix: str = "first") -> str:
    """A trained version."""
    outcome = solution_version(Resources(clients.personalize, "shop", poll=AT_ONCE), recipe, suffix)
    assert outcome.state == "loaded", outcome.words
    return outcome.words


def batch(clients: Clients, kind: str, arn: str, location: str, name: str = "job", **more: Any) -> dict[str, Any]:
    """A batch job once it has ended."""
    make, describe = (getattr(clients.personalize, f"{verb}_batch_{kind}_job") for verb in ("create", "describe"))
    member = f"batch{kind.title()}Job"
    place = {"jobInput": {"s3DataSource": {"path": location}}, "jobOutput": {"s3DataDestination": {"path": "s3://sandbox/answers/"}}}
    made = make(jobName=name, solutionVersionArn=arn, roleArn=ROLE, **place, **more)
    for _ in range(2):
        described = describe(**{f"{member}Arn": made[f"{member}Arn"]})[member]
    return dict(described)


def answers(sandbox: Sandbox, name: str) -> list[dict]:
    return [json.loads(line) for line in (sandbox.folder / "s3" / "answers" / f"{name}.out").read_text().splitlines()]


def test_each_look_at_what_is_made_moves_it_one_state_on(clients: Clients, group: str) -> None:
    arn = clients.personalize.create_solution(name="s", datasetGroupArn=group, recipeArn=RECIPES + USER)["solutionArn"]
    assert refused(lambda: clients.personalize.create_solution_version(solutionArn=arn))[0] == "ResourceInUseException"
    assert [clients.personalize.describe_solution(solutionArn=arn)["solution"]["status"] for _ in range(3)] == ["CREATE IN_PROGRESS", "ACTIVE", "ACTIVE"]
    assert clients.personalize.describe_solution(solutionArn=arn)["solution"]["performAutoTraining"] is True, "the service's default, which costs"
    made = clients.personalize.create_solution_version(solutionArn=arn, name="v")["solutionVersionArn"]
    assert made.startswith(f"{arn}/") and clients.personalize.list_solution_versions(solutionArn=arn)["solutionVersions"][0]["status"] == "CREATE PENDING"
    assert refused(lambda: clients.personalize.create_solution_version(solutionArn=arn, name="v"))[0] == "ResourceAlreadyExistsException"
    assert refused(lambda: clients.personalize.create_campaign(name="c", solutionVersionArn=made))[0] == "ResourceInUseException"


def test_a_campaign_keeps_answering_from_its_version_until_it_has_moved(clients: Clients, group: str) -> None:
    first, second = version(clients), version(clients, suffix="second")
    client = clients.personalize
    arn = client.create_campaign(name="shop-c", solutionVersionArn=first)["campaignArn"]
    assert refused(lambda: clients.runtime.get_recommendations(campaignArn=arn))[0] == "ResourceNotFoundException"
    for _ in range(2):
        client.describe_campaign(campaignArn=arn)
    assert clients.runtime.get_recommendations(campaignArn=arn)["itemList"]
    client.update_campaign(campaignArn=arn, solutionVersionArn=second)
    assert refused(lambda: client.update_campaign(campaignArn=arn, solutionVersionArn=first))[0] == "ResourceInUseException"
    seen = [client.describe_campaign(campaignArn=arn)["campaign"] for _ in range(2)]
    assert [(one["status"], one["latestCampaignUpdate"]["status"], one["solutionVersionArn"]) for one in seen] == [
        ("ACTIVE", "CREATE IN_PROGRESS", first),
        ("ACTIVE", "ACTIVE", second),
    ]


def test_limits_are_those_of_the_service(clients: Clients, group: str) -> None:
    client, trained = clients.personalize, version(clients)
    for number in range(9):
        client.create_solution(name=f"s{number}", datasetGroupArn=group, recipeArn=RECIPES + USER)
    assert refused(lambda: client.create_solution(name="s10", datasetGroupArn=group, recipeArn=RECIPES + USER)) == ("LimitExceededException", "at most 10 solutions in a dataset group")
    for number in range(5):
        client.create_campaign(name=f"c{number}", solutionVersionArn=trained)
    assert refused(lambda: client.create_campaign(name="c5", solutionVersionArn=trained)) == ("LimitExceededException", "at most 5 campaigns in a dataset group")
    assert refused(lambda: client.create_campaign(name="c4", solutionVersionArn=trained))[0] == "ResourceAlreadyExistsException"
    assert "at most 500 requests a second" in refused(lambda: client.create_campaign(name="c", solutionVersionArn=trained, minProvisionedTPS=501))[1]
    metric = {"metricName": "m", "eventType": "View", "expression": "SAMPLECOUNT()"}
    output = {"s3DataDestination": {"path": "s3://sandbox/m/"}, "roleArn": ROLE}
    make = lambda name, **more: client.create_metric_attribution(name=name, datasetGroupArn=group, metricsOutputConfig=output, metrics=[{**metric, **more}])  # noqa: E731
    assert "numeric column" in refused(lambda: make("m", expression="SUM(Items.CATEGORY_L1)"))[1]
    assert "numeric column" in refused(lambda: make("m", expression="AVG(Items.PRICE)"))[1]
    make("m", expression="SUM(Items.PRICE)")
    assert refused(lambda: make("n"))[0] == "LimitExceededException"
    assert client.list_metric_attribution_metrics(metricAttributionArn=client.list_metric_attributions()["metricAttributions"][0]["metricAttributionArn"])["metrics"][0]["expression"] == "SUM(Items.PRICE)"


def test_recipes_and_domains_go_with_what_they_are_for(sandbox: Sandbox, clients: Clients, group: str) -> None:
    client = clients.personalize
    assert "no recipe of the sandbox's" in refused(lambda: client.create_solution(name="s", datasetGroupArn=group, recipeArn=RECIPES + "aws-none"))[1]
    assert "need a domain" in refused(lambda: client.create_recommender(name="r", datasetGroupArn=group, recipeArn=RECIPES + "aws-ecomm-recommended-for-you"))[1]
    place = put(sandbox.folder, "q/part.json", b'{"userId":"c_1"}\n')
    people, segments = version(clients), version(clients, SEGMENT)
    assert "makes no batch-segment-job" in refused(lambda: batch(clients, "segment", people, place))[1]
    assert "makes no batch-inference-job" in refused(lambda: batch(clients, "inference", segments, place))[1]
    schema = '{"type":"record","name":"Items","namespace":"com.amazonaws.personalize.schema","version":"1.0","fields":[{"name":"ITEM_ID","type":"string"},{"name":"PRICE","type":"float"}]}'
    assert "needs CATEGORY_L1" in refused(lambda: client.create_schema(name="d", schema=schema, domain="ECOMMERCE"))[1]
    domain = client.create_dataset_group(name="d", domain="ECOMMERCE")["datasetGroupArn"]
    for _ in range(2):
        client.describe_dataset_group(datasetGroupArn=domain)
    plain = client.create_schema(name="plain", schema=schema)["schemaArn"]
    assert "the dataset group of ECOMMERCE" in refused(lambda: client.create_dataset(name="i", schemaArn=plain, datasetGroupArn=domain, datasetType="Items"))[1]


def test_training_and_deleting_wait_for_each_other(sandbox: Sandbox, clients: Clients, group: str) -> None:
    client = clients.personalize
    arn = version(clients).rpartition("/")[0]
    job = {"datasetGroupArn": group, "dataSource": {"dataLocation": put(sandbox.folder, "gone.csv", b"USER_ID\nc_1\n")}, "roleArn": ROLE}
    made = client.create_solution_version(solutionArn=arn, name="second")["solutionVersionArn"]
    assert "a training or a batch job" in refused(lambda: client.create_data_deletion_job(jobName="d", **job))[1]
    for _ in range(2):
        client.describe_solution_version(solutionVersionArn=made)
    client.create_data_deletion_job(jobName="d", **job)
    assert refused(lambda: client.create_solution_version(solutionArn=arn, name="third"))[0] == "ResourceInUseException"


def test_answers_of_a_batch_come_from_the_imported_rows_and_a_question_that_cannot_be_read_is_an_error_of_its_own(sandbox: Sandbox, clients: Clients, group: str) -> None:
    put(sandbox.folder, "people/part.json", b'{"userId":"c_1"}\n{"nobody":1}\nnot json\n{"userId":"unknown"}\n')
    assert batch(clients, "inference", version(clients), "s3://sandbox/people/", numResults=3)["status"] == "ACTIVE"
    first, second, third, unknown = answers(sandbox, "part.json")
    live = clients.runtime.get_recommendations(campaignArn="arn:aws:personalize:us-east-1:000000000000:campaign/shop-x", userId="c_1", numResults=3)["itemList"]
    assert first == {"input": {"userId": "c_1"}, "output": {"recommendedItems": [one["itemId"] for one in live], "scores": [one["score"] for one in live]}, "error": None}
    assert second["output"] is None and second["error"] == third["error"] == "the question cannot be read"
    assert len(unknown["output"]["recommendedItems"]) == 3
    put(sandbox.folder, "items/items.json", b'{"itemId":"P-3"}\n')
    assert batch(clients, "segment", version(clients, SEGMENT), "s3://sandbox/items/", numResults=5)["status"] == "ACTIVE"
    (segment,) = answers(sandbox, "items.json")
    having = [row["USER_ID"] for row in sandbox.inbox.personalize_datasets()["shop/INTERACTIONS"] if row["ITEM_ID"] == "P-3"]
    assert segment["output"]["usersList"] == sorted(set(having), key=lambda user: (-having.count(user), user))[:5]


def test_a_job_fails_in_words_and_may_not_ask_too_much(sandbox: Sandbox, clients: Clients, group: str) -> None:
    segments = version(clients, SEGMENT)
    assert batch(clients, "segment", segments, "s3://sandbox/none/")["failureReason"] == "s3://sandbox/none/: no file there"
    put(sandbox.folder, "many/q.json", b'{"itemId":"P-1"}\n' * 501)
    assert batch(clients, "segment", segments, "s3://sandbox/many/", name="many")["failureReason"] == "s3://sandbox/many/: 501 queries, at most 500"
    assert "no place of the bucket" in batch(clients, "segment", segments, "s3://sandbox/../x", name="out")["failureReason"]
    assert "numResults" in refused(lambda: batch(clients, "segment", segments, "s3://sandbox/many/", name="n", numResults=0))[1]
    assert "the bucket does not exist" in refused(lambda: batch(clients, "segment", segments, "s3://other/", name="o"))[1]


def test_what_was_made_survives_a_restart(tmp_path: Any) -> None:
    with running(tmp_path) as (_, clients):
        import_datasets(clients.personalize, files(tmp_path), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
        arn = clients.personalize.create_campaign(name="shop-c", solutionVersionArn=version(clients))["campaignArn"]
        clients.personalize.describe_campaign(campaignArn=arn)
    with running(tmp_path) as (_, clients):
        assert clients.personalize.describe_campaign(campaignArn=arn)["campaign"]["status"] == "ACTIVE"
