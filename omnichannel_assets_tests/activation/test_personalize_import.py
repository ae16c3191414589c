"""The import into Personalize: it completes from whatever state it finds, and says what it could not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.activation.personalize_resources import resource_name
from omnichannel_assets.activation.personalize_schemas import USERS
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.errors import UserError
from omnichannel_assets.sandbox import Inbox, Sandbox
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, files, put, running

HOW: dict[str, Any] = {"group_name": "shop", "job_suffix": "2026-01-01", "role_arn": ROLE, "poll": AT_ONCE}
LOADED = [Outcome(kind, "loaded", "FULL") for kind in ("Interactions", "Items", "Users")]


class _Killed(Exception):
    pass


def effect(inbox: Inbox) -> object:
    jobs = [(message["job"], message["rows"]) for message in inbox.messages("personalize")]
    return sorted(jobs), inbox.personalize_datasets(), inbox.rejected("personalize")


def test_everything_is_made_imported_and_found_again(sandbox: Sandbox, clients: Clients) -> None:
    assert import_datasets(clients.personalize, files(sandbox.folder), **HOW) == LOADED
    assert {name: len(rows) for name, rows in sandbox.inbox.personalize_datasets().items()} == {"shop/INTERACTIONS": 1_000, "shop/ITEMS": 2, "shop/USERS": 2}
    made = [request["operation"] for request in sandbox.inbox.requests() if request["operation"].startswith("Create")]
    assert sorted(made) == ["CreateDataset"] * 3 + ["CreateDatasetGroup"] + ["CreateDatasetImportJob"] * 3 + ["CreateSchema"] * 3
    assert import_datasets(clients.personalize, files(sandbox.folder), **HOW) == LOADED
    assert len([request for request in sandbox.inbox.requests() if request["operation"].startswith("Create")]) == len(made)


def test_another_suffix_is_another_import_into_the_same_datasets(sandbox: Sandbox, clients: Clients) -> None:
    place = files(sandbox.folder)
    import_datasets(clients.personalize, {"Users": place["Users"]}, **HOW)
    put(sandbox.folder, "import/Users/part-0.csv", b"USER_ID,CHURN_BAND,REPURCHASE_DECILE,FAVOURITE_CHANNEL\nc_7,,,\n")
    import_datasets(clients.personalize, {"Users": place["Users"]}, **HOW | {"job_suffix": "2026-01-02"})
    assert [row["USER_ID"] for row in sandbox.inbox.personalize_datasets()["shop/USERS"]] == ["c_7"]


def test_no_files_are_no_calls(sandbox: Sandbox, clients: Clients) -> None:
    assert import_datasets(clients.personalize, {}, **HOW) == [] and sandbox.inbox.requests() == []
    with pytest.raises(ValueError, match="no dataset type Actions"):
        import_datasets(clients.personalize, {"Actions": "s3://sandbox/x"}, **HOW)


def test_a_failed_job_is_rejected_with_personalizes_words_and_the_others_are_loaded(sandbox: Sandbox, clients: Clients) -> None:
    place = files(sandbox.folder)
    put(sandbox.folder, "import/Items/part-0.csv", b"ITEM_ID,PRICE,CATEGORY_L1,IN_STOCK\nP-1,dear,,True\n")
    outcomes = import_datasets(clients.personalize, place, **HOW)
    assert [outcome.state for outcome in outcomes] == ["loaded", "rejected", "loaded"]
    assert "part-0.csv, line 2, column PRICE: no number" in outcomes[1].words
    assert import_datasets(clients.personalize, place, **HOW) == outcomes


def test_a_dataset_with_another_schema_is_told_and_left_alone(sandbox: Sandbox, clients: Clients) -> None:
    client = clients.personalize
    group = client.create_dataset_group(name="shop")["datasetGroupArn"]
    for _ in range(2):
        client.describe_dataset_group(datasetGroupArn=group)
    other = client.create_schema(name="other", schema=USERS.document.replace("CHURN_BAND", "COLOUR"))["schemaArn"]
    client.create_dataset(name="d", schemaArn=other, datasetGroupArn=group, datasetType="Users")
    [outcome] = import_datasets(client, {"Users": files(sandbox.folder)["Users"]}, **HOW)
    assert outcome.state == "rejected" and "another schema" in outcome.words


def test_a_wait_that_is_too_long_goes_on_in_the_next_run(sandbox: Sandbox, clients: Clients) -> None:
    slept: list[float] = []
    place = {"Users": files(sandbox.folder)["Users"]}
    short = HOW | {"poll": Poll(every_seconds=3, most_times=1, sleep=slept.append)}
    first = import_datasets(clients.personalize, place, **short)
    assert first[0].state == "failed" and "still CREATE IN_PROGRESS" in first[0].words and slept == []
    states = [import_datasets(clients.personalize, place, **short)[0].state for _ in range(4)]
    assert states == ["failed", "failed", "loaded", "loaded"]
    import_datasets(clients.personalize, place, **HOW | {"job_suffix": "next", "poll": Poll(every_seconds=3, most_times=5, sleep=slept.append)})
    assert slept == [3]


@pytest.mark.parametrize("kind", ["throttle", "error", "reset"])
def test_what_passes_is_tried_again(sandbox: Sandbox, kind: Any) -> None:
    patient = Clients(sandbox.url, attempts=4)
    sandbox.faults.add("personalize", kind, operation="CreateDataset", count=1)
    assert import_datasets(patient.personalize, {"Users": files(sandbox.folder)["Users"]}, **HOW) == [Outcome("Users", "loaded", "FULL")]


def test_what_does_not_pass_is_left_to_a_later_run(sandbox: Sandbox, clients: Clients) -> None:
    place = files(sandbox.folder)
    sandbox.faults.add("personalize", "throttle", operation="CreateDatasetImportJob", nth=2, count=1)
    outcomes = import_datasets(clients.personalize, place, **HOW)
    assert [outcome.state for outcome in outcomes] == ["loaded", "failed", "loaded"] and "ThrottlingException" in outcomes[1].words
    assert import_datasets(clients.personalize, place, **HOW) == LOADED


def test_a_lost_answer_to_create_makes_nothing_twice(sandbox: Sandbox) -> None:
    quick = Clients(sandbox.url, attempts=3, read_seconds=0.3)
    for operation in ("CreateDatasetGroup", "CreateDatasetImportJob"):
        sandbox.faults.add("personalize", "timeout_after_acceptance", operation=operation)
    assert import_datasets(quick.personalize, {"Users": files(sandbox.folder)["Users"]}, **HOW) == [Outcome("Users", "loaded", "FULL")]
    assert len(sandbox.inbox.messages("personalize")) == 1


def test_missing_rights_are_the_persons_to_fix(sandbox: Sandbox, clients: Clients) -> None:
    clients.personalize.meta.events.register("before-send.personalize", lambda request, **_: request.headers.__delitem__("Authorization"))
    with pytest.raises(UserError, match="MissingAuthenticationToken"):
        import_datasets(clients.personalize, files(sandbox.folder), **HOW)


@pytest.mark.parametrize("shard", range(4))
def test_killed_at_any_call_a_second_run_has_the_same_effect_as_one(tmp_path: Path, shard: int) -> None:
    with running(tmp_path / "whole") as (sandbox, clients):
        place = files(sandbox.folder)
        place.pop("Items")
        calls: list[str] = []
        import_datasets(clients.personalize, place, **HOW, hook=calls.append)
        whole = effect(sandbox.inbox)
    assert len(calls) > 40 and calls[0] == "before personalize.list_dataset_groups"
    with running(tmp_path / "killed") as (sandbox, clients):
        files(sandbox.folder)
        for at in range(1 + shard, len(calls) + 1, 4):
            sandbox.clear()
            passed: list[str] = []

            def hook(name: str, at: int = at, passed: list[str] = passed) -> None:
                passed.append(name)
                if len(passed) == at:
                    raise _Killed

            with pytest.raises(_Killed):
                import_datasets(clients.personalize, place, **HOW, hook=hook)
            assert {outcome.state for outcome in import_datasets(clients.personalize, place, **HOW)} == {"loaded"}
            assert effect(sandbox.inbox) == whole, calls[at - 1]


def test_names_fit_and_differ() -> None:
    assert resource_name("shop", "users", "2026-01-01") == "shop-users-2026-01-01"
    long = [resource_name("g" * 70, kind) for kind in ("items", "users")]
    assert len(set(long)) == 2 and all(len(name) <= 63 for name in long)
    assert resource_name("a b") != resource_name("a-b") and " " not in resource_name("a b")
    assert resource_name("-_x")[0].isalnum() and resource_name("é!")[0].isalnum()


def test_an_address_nobody_listens_on_is_a_failure_to_try_again_and_no_refusal() -> None:
    from omnichannel_assets.activation.aws_clients import aws_client, call_aws
    from omnichannel_assets.activation.calls import no_hook
    from omnichannel_assets.errors import RetryableError

    client = aws_client("personalize", region="eu-west-1", endpoint_url="http://127.0.0.1:9", access_key_id="k", secret_access_key="s", attempts=1)
    with pytest.raises(RetryableError, match="list_dataset_groups"):
        call_aws(no_hook, "personalize", "list_dataset_groups", client.list_dataset_groups)
