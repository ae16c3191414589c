"""Deletion at the stand-ins: requests move on with every look, delete for real, and leave nothing by which the person could be named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from omnichannel_assets.activation.personalize_schemas import INTERACTIONS, USERS
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import ROLE, Clients, post, put
from omnichannel_assets_tests.sandbox.test_personalize import HEADER, active_group, code, dataset, rows, run_job

AUTHORISED = {"Authorization": "Bearer token"}


def ask(sandbox: Sandbox, ids: list[str], *, kind: str = "SUPPRESS_WITH_DELETE", subject: str = "USER_ID", path: str = "/regulations", headers=AUTHORISED) -> requests.Response:
    body = {"regulationType": kind, "subjectType": subject, "subjectIds": ids}
    return requests.post(sandbox.url + path, json=body, headers=headers, timeout=5)


def look(sandbox: Sandbox, answer: requests.Response) -> str:
    name = answer.json()["data"]["regulateId"]
    told = requests.get(f"{sandbox.url}/regulations/{name}", headers=AUTHORISED, timeout=5).json()
    return str(told["data"]["regulation"]["overallStatus"])


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def identify(message: str, **ids: str) -> dict:
    return {"messageId": message, "traits": {"score": 1}, **ids}


def test_a_regulation_deletes_what_segment_holds_of_a_user_and_drops_what_comes_later(sandbox: Sandbox) -> None:
    for message, user in (("m1", "ana-1"), ("m2", "ben-2"), ("m3", "ana-1")):
        post(sandbox, "identify", identify(message, userId=user))
    answer = ask(sandbox, ["ana-1"])
    assert [look(sandbox, answer) for _ in range(3)] == ["RUNNING", "FINISHED", "FINISHED"]
    post(sandbox, "identify", identify("m4", userId="ana-1"))
    assert [message["messageId"] for message in sandbox.inbox.messages()] == ["m2"]
    assert list(sandbox.inbox.segment_profiles()) == ["ben-2"]
    assert "ana-1" not in everything(sandbox.folder)


def test_a_suppressed_user_stays_suppressed_when_the_sandbox_starts_again(tmp_path: Path) -> None:
    for turn in range(2):
        with Sandbox.start(tmp_path) as sandbox:
            if turn == 0:
                answer = ask(sandbox, ["ana-1"])
                assert [look(sandbox, answer) for _ in range(2)][-1] == "FINISHED"
            post(sandbox, "identify", identify(f"m{turn}", userId="ana-1"))
            assert sandbox.inbox.messages() == []


def test_anonymous_ids_are_cleaned_out_of_one_sources_archive_only(sandbox: Sandbox) -> None:
    post(sandbox, "identify", identify("m1", anonymousId="device-7"))
    assert ask(sandbox, ["device-7"], subject="ANONYMOUS_ID").status_code == 422
    assert ask(sandbox, ["device-7"], subject="ANONYMOUS_ID", path="/regulations/sources/s").status_code == 422
    answer = ask(sandbox, ["device-7"], subject="ANONYMOUS_ID", kind="DELETE_ARCHIVE_ONLY", path="/regulations/sources/s")
    assert [look(sandbox, answer) for _ in range(2)][-1] == "FINISHED"
    assert sandbox.inbox.messages() == []


@pytest.mark.parametrize("ids", [[], ["u"] * 5_001, [""], [7]])
def test_a_regulation_takes_one_to_five_thousand_ids(sandbox: Sandbox, ids: list) -> None:
    assert ask(sandbox, ids).status_code == 422


def test_a_regulation_needs_a_token(sandbox: Sandbox) -> None:
    assert ask(sandbox, ["u"], headers={}).status_code == 401


def started_job(client, group: str, location: str, name: str = "delete") -> str:
    return str(client.create_data_deletion_job(jobName=name, datasetGroupArn=group, dataSource={"dataLocation": location}, roleArn=ROLE)["dataDeletionJobArn"])


def test_a_deletion_job_takes_users_and_all_they_did_out_of_a_group(sandbox: Sandbox, clients: Clients) -> None:
    client = clients.personalize
    group = active_group(client)
    acts = dataset(client, group, INTERACTIONS)
    run_job(client, acts, put(sandbox.folder, "i.csv", (HEADER + rows()).encode()))
    users = dataset(client, group, USERS)
    run_job(client, users, put(sandbox.folder, "u.csv", b"USER_ID,CHURN_BAND,REPURCHASE_DECILE,FAVOURITE_CHANNEL\nu1,low,1,store\nu2,low,1,store\n"), name="users")
    tracker = client.create_event_tracker(name="events", datasetGroupArn=group)["trackingId"]
    for user in ("u1", "u2"):
        clients.events.put_events(trackingId=tracker, userId=user, sessionId="s", eventList=[{"eventType": "View", "itemId": "i1", "sentAt": 1_700_000_000}])
    job = started_job(client, group, put(sandbox.folder, "gone.csv", b"USER_ID\nu1\nnobody\n"))
    with pytest.raises(client.exceptions.LimitExceededException):
        started_job(client, group, "s3://sandbox/gone.csv", "second")
    with pytest.raises(client.exceptions.ResourceInUseException):
        run_job(client, users, "s3://sandbox/u.csv", name="meanwhile")
    seen = [client.describe_data_deletion_job(dataDeletionJobArn=job)["dataDeletionJob"] for _ in range(3)]
    assert [described["status"] for described in seen] == ["IN_PROGRESS", "COMPLETED", "COMPLETED"]
    assert seen[-1]["numDeleted"] == 1
    held = sandbox.inbox.personalize_datasets()
    assert [row["USER_ID"] for row in held["shop/USERS"]] == ["u2"]
    assert len(held["shop/INTERACTIONS"]) == 999
    assert [event["userId"] for event in sandbox.inbox.personalize_events()] == ["u2"]
    assert '"u1"' not in json.dumps(json.loads((sandbox.folder / "personalize_state.json").read_text()))


def test_a_deletion_job_without_its_file_fails_and_says_why(sandbox: Sandbox, clients: Clients) -> None:
    group = active_group(clients.personalize)
    job = started_job(clients.personalize, group, "s3://sandbox/missing.csv")
    described = [clients.personalize.describe_data_deletion_job(dataDeletionJobArn=job)["dataDeletionJob"] for _ in range(2)][-1]
    assert (described["status"], described["failureReason"]) == ("FAILED", "s3://sandbox/missing.csv: no CSV file there")
    listed = clients.personalize.list_data_deletion_jobs(datasetGroupArn=group)["dataDeletionJobs"]
    assert [entry["status"] for entry in listed] == ["FAILED"]


def test_a_deletion_waits_for_an_import_that_is_not_finished(sandbox: Sandbox, clients: Clients) -> None:
    client = clients.personalize
    group = active_group(client)
    acts = dataset(client, group, INTERACTIONS)
    client.create_dataset_import_job(jobName="i", datasetArn=acts, dataSource={"dataLocation": "s3://sandbox/i.csv"}, roleArn=ROLE)
    with pytest.raises(client.exceptions.ResourceInUseException) as error:
        started_job(client, group, "s3://sandbox/gone.csv")
    assert code(error) == "ResourceInUseException"
