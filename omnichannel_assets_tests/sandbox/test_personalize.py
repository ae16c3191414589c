"""Personalize's stand-in, asked through boto3: its checks, states, limits and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from omnichannel_assets.activation.personalize_schemas import INTERACTIONS, ITEMS, USERS
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import ROLE, Clients, put

HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,CHANNEL\n"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def active_group(client: Any, name: str = "shop") -> str:
    arn = client.create_dataset_group(name=name)["datasetGroupArn"]
    while client.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] != "ACTIVE":
        pass
    return str(arn)


def dataset(client: Any, group: str, schema: Any = INTERACTIONS) -> str:
    kind = schema.dataset_type
    made = client.create_schema(name=f"schema-{kind}", schema=schema.document)["schemaArn"]
    arn = client.create_dataset(name=kind, schemaArn=made, datasetGroupArn=group, datasetType=kind)["datasetArn"]
    while client.describe_dataset(datasetArn=arn)["dataset"]["status"] != "ACTIVE":
        pass
    return str(arn)


def run_job(client: Any, arn: str, location: str, name: str = "job", mode: str = "FULL") -> dict[str, Any]:
    job = client.create_dataset_import_job(jobName=name, datasetArn=arn, dataSource={"dataLocation": location}, roleArn=ROLE, importMode=mode)
    for _ in range(2):
        described = client.describe_dataset_import_job(datasetImportJobArn=job["datasetImportJobArn"])["datasetImportJob"]
    return dict(described)


def rows(count: int = 1_000, *, start: int = 0) -> str:
    return "".join(f"u{n},i{n % 7},{1_700_000_000 + n},View,,\n" for n in range(start, start + count))


def test_each_look_moves_a_resource_one_state_on(clients: Clients) -> None:
    arn = clients.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    assert clients.personalize.list_dataset_groups()["datasetGroups"][0]["status"] == "CREATE PENDING"
    states = [clients.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] for _ in range(3)]
    assert states == ["CREATE IN_PROGRESS", "ACTIVE", "ACTIVE"]


def test_errors_arrive_as_boto3s_own_exceptions(clients: Clients) -> None:
    client = clients.personalize
    group = client.create_dataset_group(name="shop")["datasetGroupArn"]
    with pytest.raises(client.exceptions.ResourceAlreadyExistsException):
        client.create_dataset_group(name="shop")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_dataset_group(datasetGroupArn=group + "-other")
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.create_event_tracker(name="events", datasetGroupArn=group)
    with pytest.raises(client.exceptions.InvalidInputException, match="does not match"):
        client.create_dataset_group(name="two words")
    with pytest.raises(client.exceptions.InvalidInputException, match="at most 63"):
        client.create_dataset_group(name="g" * 64)
    with pytest.raises(client.exceptions.InvalidNextTokenException):
        client.list_schemas(nextToken="77")
    with pytest.raises(ClientError) as error:
        client.list_filters()
    assert code(error) == "UnknownOperationException"


def test_a_region_holds_five_dataset_groups(clients: Clients) -> None:
    for number in range(5):
        clients.personalize.create_dataset_group(name=f"g{number}")
    with pytest.raises(clients.personalize.exceptions.LimitExceededException):
        clients.personalize.create_dataset_group(name="g5")
    with pytest.raises(clients.personalize.exceptions.ResourceAlreadyExistsException):
        clients.personalize.create_dataset_group(name="g4")


def test_lists_come_in_pages(clients: Clients) -> None:
    for number in range(5):
        clients.personalize.create_schema(name=f"s{number}", schema=USERS.document)
    pages = clients.personalize.get_paginator("list_schemas").paginate(PaginationConfig={"PageSize": 2})
    assert [[entry["name"] for entry in page["schemas"]] for page in pages] == [["s0", "s1"], ["s2", "s3"], ["s4"]]


def changed(document: str, change: Any) -> str:
    schema = json.loads(document)
    change(schema)
    return json.dumps(schema)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "not JSON"),
        ("[]", "no record"),
        (changed(USERS.document, lambda s: s.update(namespace="other")), "namespace"),
        (changed(USERS.document, lambda s: s["fields"].append({"name": "TAGS", "type": {"type": "array", "items": "string"}})), "TAGS must be one of"),
        (changed(USERS.document, lambda s: s["fields"].append({"name": "user_id", "type": "string"})), "must differ"),
        (changed(USERS.document, lambda s: s["fields"].append({"name": "A-B", "type": "string"})), "150 letters"),
        (changed(USERS.document, lambda s: s["fields"].append({"name": "N", "type": "int", "categorical": True})), "only strings"),
    ],
)
def test_a_schema_personalize_would_refuse_is_refused(clients: Clients, document: str, words: str) -> None:
    with pytest.raises(clients.personalize.exceptions.InvalidInputException, match=words):
        clients.personalize.create_schema(name="s", schema=document)


@pytest.mark.parametrize(
    ("kind", "schema", "words"),
    [
        ("Items", USERS, "ITEMS needs ITEM_ID"),
        ("Movies", USERS, "not one of the sandbox's"),
        ("Users", changed(USERS.document, lambda s: s["fields"].__delitem__(slice(1, None))), "needs a metadata field"),
        ("Users", changed(USERS.document, lambda s: s["fields"].extend({"name": f"F{n}", "type": "int"} for n in range(23))), "at most 25"),
        ("Interactions", changed(INTERACTIONS.document, lambda s: s["fields"][3].update(categorical=True)), "never categorical"),
        ("Interactions", changed(INTERACTIONS.document, lambda s: s["fields"][2].update(type="string")), "TIMESTAMP as long"),
        ("Interactions", changed(INTERACTIONS.document, lambda s: s["fields"][4].update(type="long")), "must be float"),
    ],
)
def test_a_schema_has_to_suit_its_dataset(clients: Clients, kind: str, schema: Any, words: str) -> None:
    group = active_group(clients.personalize)
    document = schema if isinstance(schema, str) else schema.document
    arn = clients.personalize.create_schema(name="s", schema=document)["schemaArn"]
    with pytest.raises(clients.personalize.exceptions.InvalidInputException, match=words):
        clients.personalize.create_dataset(name="d", schemaArn=arn, datasetGroupArn=group, datasetType=kind)


def test_jobs_need_a_role_a_ready_dataset_and_a_first_full_import(clients: Clients) -> None:
    client = clients.personalize
    group = active_group(client)
    arn = dataset(client, group)
    job = {"jobName": "j", "datasetArn": arn, "dataSource": {"dataLocation": "s3://sandbox/x.csv"}}
    with pytest.raises(client.exceptions.InvalidInputException, match="roleArn"):
        client.create_dataset_import_job(**job)
    with pytest.raises(client.exceptions.InvalidInputException, match="must be FULL"):
        client.create_dataset_import_job(**job, roleArn=ROLE, importMode="INCREMENTAL")
    made = client.create_schema(name="items", schema=ITEMS.document)["schemaArn"]
    pending = client.create_dataset(name="items", schemaArn=made, datasetGroupArn=group, datasetType="Items")["datasetArn"]
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.create_dataset_import_job(**job | {"datasetArn": pending}, roleArn=ROLE)
    with pytest.raises(client.exceptions.ResourceAlreadyExistsException):
        client.create_dataset(name="again", schemaArn=made, datasetGroupArn=group, datasetType="ITEMS")


def test_five_import_jobs_may_be_unfinished(clients: Clients) -> None:
    arn = dataset(clients.personalize, active_group(clients.personalize))
    job = {"datasetArn": arn, "dataSource": {"dataLocation": "s3://sandbox/x.csv"}, "roleArn": ROLE}
    for number in range(5):
        clients.personalize.create_dataset_import_job(jobName=f"j{number}", **job)
    with pytest.raises(clients.personalize.exceptions.LimitExceededException):
        clients.personalize.create_dataset_import_job(jobName="j5", **job)


LINE = "u,i,1700000000,View,,\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('"USER_ID",ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,CHANNEL\n', "line 1: the header must be"),
        ("ITEM_ID,USER_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,CHANNEL\n", "line 1: the header must be"),
        ("USER_ID,ITEM_ID,TIMESTAMP\n", "line 1: the header must be"),
        (HEADER + rows() + LINE.replace("1700000000", "1700000000000"), "line 1002, column TIMESTAMP: not in epoch seconds"),
        (HEADER + rows() + LINE.replace("1700000000", "yesterday"), "line 1002, column TIMESTAMP: no whole number"),
        (HEADER + rows() + LINE.replace(",View,", ",,"), "line 1002, column EVENT_TYPE: empty"),
        (HEADER + rows() + LINE.replace("u,", ","), "line 1002, column USER_ID: empty"),
        (HEADER + rows() + LINE.replace("u,", "u" * 257 + ","), "line 1002, column USER_ID: 257 characters"),
        (HEADER + rows() + LINE.replace("View,,", "View,," + "c" * 1_001), "line 1002, column CHANNEL: 1001 characters"),
        (HEADER + rows() + LINE.replace("View,,", "View,much,"), "line 1002, column EVENT_VALUE: no number"),
        (HEADER + rows() + LINE.replace("View,,", "View,nan,"), "line 1002, column EVENT_VALUE: no finite number"),
        (HEADER + rows() + "u,i,1700000000,View\n", "line 1002: 4 columns, 6 in the schema"),
        (HEADER + rows() + 'u,"i""x",1700000000,View,,\n', "line 1002: broken quoting"),
        (HEADER + rows(999), "999 interactions, at least 1000"),
        (HEADER + "".join(f"u{n},i,{n},E{n % 10},,\n" for n in range(1_000)), "10 event types and 1 metadata columns"),
    ],
)
def test_a_bad_file_fails_the_job_and_says_where(sandbox: Sandbox, clients: Clients, content: str, words: str) -> None:
    arn = dataset(clients.personalize, active_group(clients.personalize))
    job = run_job(clients.personalize, arn, put(sandbox.folder, "x.csv", content.encode()))
    assert (job["status"], words in job["failureReason"]) == ("CREATE FAILED", True), job["failureReason"]
    assert sandbox.inbox.personalize_datasets() == {}
    assert [rejected["why"] for rejected in sandbox.inbox.rejected("personalize")] == [job["failureReason"]]


@pytest.mark.parametrize("location", ["s3://other/x.csv", "s3://sandbox/none.csv", "s3://sandbox/../secret.csv", "s3://sandbox/empty"])
def test_a_place_without_files_fails_the_job(sandbox: Sandbox, clients: Clients, location: str, tmp_path: Path) -> None:
    (sandbox.folder / "s3" / "empty").mkdir(parents=True)
    (sandbox.folder / "secret.csv").write_text(HEADER + rows())
    job = run_job(clients.personalize, dataset(clients.personalize, active_group(clients.personalize)), location)
    assert job["status"] == "CREATE FAILED"


def test_full_replaces_and_incremental_adds_by_key(sandbox: Sandbox, clients: Clients) -> None:
    arn = dataset(clients.personalize, active_group(clients.personalize))
    put(sandbox.folder, "a/1.csv", (HEADER + rows(600)).encode())
    put(sandbox.folder, "a/2.csv", (HEADER + rows(600, start=600)).encode())
    assert run_job(clients.personalize, arn, "s3://sandbox/a", "one")["status"] == "ACTIVE"
    assert len(sandbox.inbox.personalize_datasets()["shop/INTERACTIONS"]) == 1_200
    later = put(sandbox.folder, "b.csv", (HEADER + rows(1_000, start=1_000)).encode())
    run_job(clients.personalize, arn, later, "two", "INCREMENTAL")
    assert len(sandbox.inbox.personalize_datasets()["shop/INTERACTIONS"]) == 2_000
    run_job(clients.personalize, arn, later, "three")
    assert len(sandbox.inbox.personalize_datasets()["shop/INTERACTIONS"]) == 1_000
    with pytest.raises(clients.personalize.exceptions.ResourceAlreadyExistsException):
        run_job(clients.personalize, arn, later, "three")
