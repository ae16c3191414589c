"""Customer Profiles, outbound campaigns and Pinpoint in the sandbox: their states, their limits, and that they survive a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets.sandbox.server import STATES
from omnichannel_assets_tests.sandbox.running import ROLE, Clients, put, running

SHOP = {"DomainName": "shop"}
TYPE = {**SHOP, "ObjectTypeName": "scores"}
FIELDS = {
    "customer_id": {"Source": "_source.customer_id", "Target": "_profile.Attributes.customer_id", "ContentType": "STRING"},
    "score": {"Source": "_source.score", "Target": "_profile.Attributes.score", "ContentType": "NUMBER"},
}
KEYS = {"customer_id": [{"StandardIdentifiers": ["PROFILE", "UNIQUE"], "FieldNames": ["customer_id"]}]}


@pytest.fixture
def profiles(clients: Clients) -> Any:
    """Customer Profiles with a domain and an object type."""
    made = clients.profiles
    made.create_domain(**SHOP, DefaultExpirationDays=90)
    made.put_profile_object_type(**TYPE, Description="d", Fields=FIELDS, Keys=KEYS, AllowProfileCreation=True)
    return made


def put_object(profiles: Any, **values: object) -> str:
    return profiles.put_profile_object(**TYPE, Object=json.dumps(values))["ProfileObjectUniqueKey"]


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_replaces_the_earlier_one_of_its_key_and_an_equal_one_is_a_duplicate(sandbox: Sandbox, profiles: Any) -> None:
    keys = {put_object(profiles, customer_id="c_1", score=score) for score in (0.5, 0.5, 0.7)}
    assert len(keys) == 1 and [record["is_duplicate"] for record in sandbox.inbox.messages("connect")] == [False, True, False]
    (found,) = profiles.search_profiles(**SHOP, KeyName="customer_id", Values=["c_1", "c_2"])["Items"]
    assert found["Attributes"] == {"customer_id": "c_1", "score": "0.7"}
    profiles.delete_profile(**SHOP, ProfileId=found["ProfileId"])
    assert profiles.search_profiles(**SHOP, KeyName="customer_id", Values=["c_1"])["Items"] == []
    assert "c_1" not in (sandbox.folder / "connect.jsonl").read_text()


def test_what_the_model_or_the_service_refuses(profiles: Any, clients: Clients) -> None:
    bad = ("BadRequestException", 400)
    assert refusal(lambda: profiles.create_domain(**SHOP, DefaultExpirationDays=90)) == bad
    assert refusal(lambda: profiles.get_domain(DomainName="other")) == ("ResourceNotFoundException", 404)
    assert refusal(lambda: profiles.put_profile_object_type(**TYPE, Description="d", Fields=FIELDS, Keys={})) == bad
    assert refusal(lambda: put_object(profiles, score=1)) == bad
    assert refusal(lambda: put_object(profiles, customer_id="c" * 256)) == bad
    assert refusal(lambda: profiles.put_profile_object(**TYPE, Object="x" * 256_001)) == bad
    items = [{"Id": str(number), "Object": "{}"} for number in range(11)]
    assert refusal(lambda: profiles.batch_put_profile_object(**TYPE, Items=items)) == bad
    assert refusal(lambda: profiles.create_upload_job(**SHOP, DisplayName="n", UniqueKey="email", Fields=FIELDS)) == bad
    missing = "arn:aws:profile:us-east-1:000000000000:domains/shop/segment-definitions/none"
    create = {"name": "c", "connectInstanceId": "i", "source": {"customerProfilesSegmentArn": missing}}
    assert refusal(lambda: clients.campaigns.create_campaign(**create)) == ("ValidationException", 400)


def test_an_object_type_that_creates_no_profiles_needs_one(profiles: Any) -> None:
    profiles.put_profile_object_type(**TYPE, Description="d", Fields=FIELDS, Keys=KEYS)
    assert refusal(lambda: put_object(profiles, customer_id="c_1")) == ("ResourceNotFoundException", 404)


def test_a_batch_fails_by_row(sandbox: Sandbox, profiles: Any) -> None:
    items = [{"Id": "a", "Object": '{"customer_id":"c_1"}'}, {"Id": "b", "Object": "no json"}, {"Id": "c", "Object": '{"customer_id":"c_3","score":"high"}'}]
    answer = profiles.batch_put_profile_object(**TYPE, Items=items)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
    assert [(entry["Id"], entry["Code"], entry["Message"]) for entry in answer["Failed"]] == [("b", 400, "Object is not JSON"), ("c", 400, "score: no number")]
    assert sandbox.inbox.requests()[-1] | {"service": ""} == {
        "service": "", "operation": "BatchPutProfileObject", "status": 200, "accepted": 1, "rejected": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"customer_id,score\nc_1,0.5\n", "SUCCEEDED"),
        (b"customer_id,score\nc_1,0.5\n,0.5\nc_2,high\n", "PARTIALLY_SUCCEEDED"),
        (b"customer_id,score\n,0.5\n", "FAILED"),
        (b"customer_id\nc_1\n", "FAILED"),
        (b"customer_id,score\nc_1,\xff\n", "FAILED"),
        (b"customer_id,score\nc_1\n", "FAILED"),
        (b'customer_id,score\nc_1,"0\n', "FAILED"),
    ],
)
def test_an_upload_job_ends_as_its_file_is(sandbox: Sandbox, profiles: Any, data: bytes, status: str) -> None:
    job = profiles.create_upload_job(**SHOP, DisplayName="n", UniqueKey="customer_id", Fields=FIELDS)["JobId"]
    put_file(profiles.get_upload_job_path(**SHOP, JobId=job), data)
    profiles.start_upload_job(**SHOP, JobId=job)
    assert refusal(lambda: profiles.start_upload_job(**SHOP, JobId=job)) == ("BadRequestException", 400)
    assert [profiles.get_upload_job(**SHOP, JobId=job)["Status"] for _ in range(3)] == ["IN_PROGRESS", status, status]
    assert list((sandbox.folder / "connect").iterdir()) == []


def put_file(place: dict[str, Any], data: bytes) -> None:
    import base64
    import hashlib

    name, key = "x-amz-server-side-encryption-customer-", place["ClientToken"]
    digest = base64.b64encode(hashlib.md5(base64.b64decode(key)).digest()).decode()
    requests.put(place["Url"], data=data, headers={f"{name}algorithm": "AES256", f"{name}key": key, f"{name}key-MD5": digest}, timeout=5).raise_for_status()


def test_what_connect_and_pinpoint_hold_survives_a_restart_and_a_clearing_forgets_it(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with running(folder) as (_sandbox, clients):
        profiles = clients.profiles
        profiles.create_domain(**SHOP, DefaultExpirationDays=90)
        profiles.put_profile_object_type(**TYPE, Description="d", Fields=FIELDS, Keys=KEYS, AllowProfileCreation=True)
        put_object(profiles, customer_id="c_1", score=1)
        put(folder, "p.csv", b"ChannelType,Address,Id\nEMAIL,a@example.com,e_1\n")
        wanted = {"Format": "CSV", "RoleArn": ROLE, "S3Url": "s3://sandbox/p.csv", "DefineSegment": True, "SegmentName": "s"}
        job = clients.pinpoint.create_import_job(ApplicationId="a" * 32, ImportJobRequest=wanted)["ImportJobResponse"]["Id"]
    with running(folder) as (sandbox, clients):
        put_object(clients.profiles, customer_id="c_1", score=1)
        assert [record["is_duplicate"] for record in sandbox.inbox.messages("connect")] == [False, True]
        states = [clients.pinpoint.get_import_job(ApplicationId="a" * 32, JobId=job)["ImportJobResponse"]["JobStatus"] for _ in range(6)]
        assert states == ["CREATED", "PREPARING_FOR_INITIALIZATION", "INITIALIZING", "PROCESSING", "COMPLETING", "COMPLETED"]
        assert [endpoint["Id"] for endpoint in sandbox.inbox.pinpoint_endpoints()["s"]] == ["e_1"]
        clients.pinpoint.delete_endpoint(ApplicationId="a" * 32, EndpointId="e_1")
        assert sandbox.inbox.pinpoint_endpoints() == {}
        sandbox.clear()
        assert [name for name in STATES if (folder / name).exists()] == [] and sandbox.inbox.connect_profiles() == {}
        assert refusal(lambda: clients.profiles.get_domain(**SHOP))[1] == 404


def test_throttling_has_each_services_own_name(sandbox: Sandbox, clients: Clients) -> None:
    for service, call, code in (
        ("customer-profiles", lambda: clients.profiles.get_domain(**SHOP), "ThrottlingException"),
        ("pinpoint", lambda: clients.pinpoint.get_import_jobs(ApplicationId="a" * 32), "TooManyRequestsException"),
    ):
        sandbox.faults.add(service, "throttle")
        assert refusal(call) == (code, 429)
    assert requests.get(f"{sandbox.url}/domains/shop", timeout=5).status_code == 403, "without a signature nothing is answered"
