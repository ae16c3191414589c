"""Deletion clients against the stand-ins: what is retried, what is refused, and how a job is found again."""

from __future__ import annotations

import pytest

from omnichannel_assets.activation import segment_regulations
from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.connect_deletion import delete_profiles
from omnichannel_assets.activation.connect_domain import Caller, Domain
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_deletion import USERS_PER_JOB, delete_users, users_csv
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.activation.segment_regulations import SegmentRegulations
from omnichannel_assets.errors import RetryableError, UserError
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import ROLE, Clients, put
from omnichannel_assets_tests.sandbox.test_personalize import active_group

SECRET = "a-token-of-the-public-api"


def client(sandbox: Sandbox, slept: list[float] | None = None, **options) -> SegmentRegulations:
    return SegmentRegulations(sandbox.url, SECRET, sleep=(slept if slept is not None else []).append, **options)


@pytest.mark.parametrize("kind", ["error", "throttle"])
def test_a_regulation_is_asked_for_again_with_growing_waits(sandbox: Sandbox, kind: str) -> None:
    slept: list[float] = []
    sandbox.faults.add("segment-public-api", kind, count=2)
    asked = client(sandbox, slept)
    regulation = asked.create("user_id", ["ana"])
    assert slept == [0.5, 1.0]
    assert [asked.status(regulation) for _ in range(2)] == ["RUNNING", "FINISHED"]


def test_a_lost_answer_is_asked_for_again_and_deletes_nobody_else(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment-public-api", "reset", when="after")
    assert client(sandbox).create("user_id", ["ana"]) == "regulation-2"


def test_after_the_last_attempt_it_is_left_to_a_later_run(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment-public-api", "error", count=segment_regulations.ATTEMPTS)
    with pytest.raises(RetryableError, match="create_regulation: 500"):
        client(sandbox).create("user_id", ["ana"])


def test_a_refused_token_is_one_line_that_names_the_setting_and_not_the_token(sandbox: Sandbox) -> None:
    with pytest.raises(UserError, match=r"^SEGMENT_PUBLIC_API_TOKEN: .*401.*Fix: ") as raised:
        SegmentRegulations(sandbox.url, " ").create("user_id", ["ana"])
    assert SECRET not in str(raised.value) + repr(client(sandbox)) and "ana" not in str(raised.value)


def test_what_segment_refuses_is_not_asked_again_and_tells_no_id(sandbox: Sandbox) -> None:
    slept: list[float] = []
    with pytest.raises(Refused) as refused:
        client(sandbox, slept).create("user_id", ["ana@example.com", ""])
    assert str(refused.value) == "create_regulation: 422" and slept == []
    with pytest.raises(Refused, match="SEGMENT_SOURCE_ID"):
        client(sandbox).create("anonymous_id", ["device-7"])
    with pytest.raises(Refused, match="404"):
        client(sandbox).status("never-made")


@pytest.mark.parametrize(("status", "state"), [("INITIALIZED", "pending"), ("RUNNING", "pending"), ("FINISHED", "done"), ("PARTIAL_SUCCESS", "failed"), ("INVALID", "failed")])
def test_only_a_finished_regulation_counts_as_done(status: str, state: str) -> None:
    assert segment_regulations.ended(status) == state


def delete(sandbox: Sandbox, clients: Clients, users: list[str], name: str = "request", looks: int = 10):
    put_file = lambda data: put(sandbox.folder, f"{name}.csv", data)  # noqa: E731
    return delete_users(clients.personalize, users, group_name="shop", name=name, put_file=put_file, role_arn=ROLE, poll=Poll(0, looks, lambda seconds: None))


def jobs(sandbox: Sandbox) -> list[str]:
    return [request["operation"] for request in sandbox.inbox.requests() if request["operation"] == "CreateDataDeletionJob"]


def test_the_same_request_finds_its_job_again(sandbox: Sandbox, clients: Clients) -> None:
    active_group(clients.personalize)
    assert delete(sandbox, clients, ["u1"], looks=1).state == "failed", "it is still at work"
    assert [delete(sandbox, clients, ["u1"]).state for _ in range(2)] == ["loaded", "loaded"]
    assert len(jobs(sandbox)) == 1


def test_a_job_waits_for_the_one_before_it(sandbox: Sandbox, clients: Clients) -> None:
    active_group(clients.personalize)
    delete(sandbox, clients, ["u1"], "first", looks=1)
    assert delete(sandbox, clients, ["u2"], "second").state == "loaded"


def test_without_a_dataset_group_nobody_is_in_it(sandbox: Sandbox, clients: Clients) -> None:
    outcome = delete(sandbox, clients, ["u1"])
    assert (outcome.state, outcome.words) == ("loaded", "there is no such dataset group, so nobody is in it")


def test_a_lost_answer_to_starting_a_job_starts_no_second_one(sandbox: Sandbox, clients: Clients) -> None:
    active_group(clients.personalize)
    sandbox.faults.add("personalize", "reset", operation="CreateDataDeletionJob", when="after")
    assert delete(sandbox, Clients(sandbox.url, attempts=2), ["u1"]).state == "loaded"


def test_the_file_of_a_job_is_one_sorted_column_below_its_limit() -> None:
    assert users_csv(["b", "a,1"]) == b'USER_ID\n"a,1"\nb\n'
    assert USERS_PER_JOB * (256 + 3) < 100 * 1024 * 1024


def test_profiles_are_found_by_our_id_and_deleted_and_who_is_not_there_is_gone_already(sandbox: Sandbox, clients: Clients) -> None:
    domain = Domain(Caller(clients.profiles, "customer-profiles"), "shop")
    assert delete_profiles(domain, ["c_1"]) == [Outcome("c_1", "loaded", "there is no domain shop")]
    fields = {"customer_id": {"Source": "_source.customer_id", "Target": "_profile.Attributes.customer_id", "ContentType": "STRING"}}
    keys = {"customer_id": [{"StandardIdentifiers": ["PROFILE", "UNIQUE"], "FieldNames": ["customer_id"]}]}
    domain.call("CreateDomain", DefaultExpirationDays=90)
    domain.call("PutProfileObjectType", ObjectTypeName="t", Description="d", Fields=fields, Keys=keys, AllowProfileCreation=True)
    for customer in ("c_1", "c_2"):
        domain.call("PutProfileObject", ObjectTypeName="t", Object=f'{{"customer_id":"{customer}"}}')
    sandbox.faults.add("customer-profiles", "error", operation="DeleteProfile")
    assert [outcome.state for outcome in delete_profiles(domain, ["c_1"])] == ["failed"]
    sandbox.faults.add("customer-profiles", "reset", operation="DeleteProfile", when="after")
    patient = Domain(Caller(Clients(sandbox.url, attempts=2).profiles, "customer-profiles"), "shop")
    assert delete_profiles(patient, ["c_1", "c_9"]) == [Outcome("c_1", "loaded"), Outcome("c_9", "loaded")]
    assert list(sandbox.inbox.connect_profiles()) == ["shop/c_2"]
