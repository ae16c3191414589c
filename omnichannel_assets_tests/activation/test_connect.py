"""Connect over real HTTP: it completes from whatever state it finds, makes nothing twice, and says what it could not do, by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pytest
import requests

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import checked, leaving_object, profile_objects, segment_groups, upload_csv
from omnichannel_assets.activation.connect_campaigns import Outbound, point_campaign
from omnichannel_assets.activation.connect_domain import Caller, Domain, ensure_domain, ensure_object_type
from omnichannel_assets.activation.connect_objects import put_objects
from omnichannel_assets.activation.connect_segments import ensure_segment, estimated_size, size_problem
from omnichannel_assets.activation.connect_uploads import Upload, upload
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.errors import RetryableError, UserError
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import AT_ONCE, Clients

AS_OF = date(2026, 1, 2)
CAMPAIGN = Campaign("win_back", "Win back", "churn_band = 'high'", {"connect": ("churn_score", "churn_band", "pick_1")})
NAME = CAMPAIGN.name
TEMPLATE = "arn:aws:wisdom:us-east-1:000000000000:message-template/kb/t"
OUTBOUND = Outbound(instance_id="i-1", source_email="news@example.com", template_arn=TEMPLATE)


class _Killed(Exception):
    pass


def table(*numbers: int, **changes: object) -> pa.Table:
    row = {"email": "a@example.com", "first_name": "Ana", "churn_band": "high", "country": None, "churn_score": 0.5, "pick_1": "P-1", "entered_on": "2026-01-01"}
    names = {name: pa.float64() if name == "churn_score" else pa.string() for name in ("customer_id", *row)}
    return pa.Table.from_pylist([{"customer_id": f"c_{number}", **row, **changes} for number in numbers], schema=pa.schema(names.items()))


def people(*numbers: int, **changes: object) -> dict[str, str]:
    return profile_objects(checked(table(*numbers, **changes), CAMPAIGN)[0])


def file(*numbers: int) -> bytes:
    return upload_csv(table(*numbers), CAMPAIGN)[0]


@pytest.fixture
def domain(clients: Clients) -> Domain:
    """A domain that is there, with the campaign's object type."""
    made = over(clients)
    ensure_domain(made, may_create=True)
    ensure_object_type(made, CAMPAIGN)
    return made


def over(clients: Clients, hook: Callable[[str], None] = lambda call: None) -> Domain:
    return Domain(Caller(clients.profiles, "customer-profiles", hook, AT_ONCE), "shop")


def campaigns(clients: Clients, hook: Callable[[str], None] = lambda call: None) -> Caller:
    return Caller(clients.campaigns, "connectcampaignsv2", hook, AT_ONCE)


def sent(sandbox: Sandbox, operation: str) -> int:
    return sum(request["operation"] == operation for request in sandbox.inbox.requests())


def members(sandbox: Sandbox) -> list[str]:
    return [key.removeprefix("shop/") for key, fields in sandbox.inbox.connect_profiles().items() if fields.get(f"Attributes.campaign_{NAME}") == "yes"]


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.key: outcome.state for outcome in outcomes}


def put(domain: Domain, objects: dict[str, str]) -> list[Outcome]:
    return [outcome for batch in put_objects(domain, NAME, objects) for outcome in batch]


def test_a_domain_is_billed_and_so_made_only_when_that_is_allowed(sandbox: Sandbox, clients: Clients) -> None:
    with pytest.raises(UserError, match=r"CONNECT_DOMAIN: .*CONNECT_CREATE_DOMAIN=on"):
        ensure_domain(over(clients), may_create=False)
    for _ in range(2):
        ensure_domain(over(clients), may_create=True)
    ensure_domain(over(clients), may_create=False)
    assert sent(sandbox, "CreateDomain") == 1


def test_an_object_type_is_put_once_and_again_only_when_it_differs(sandbox: Sandbox, domain: Domain) -> None:
    ensure_object_type(domain, CAMPAIGN)
    assert sent(sandbox, "PutProfileObjectType") == 1
    kept = domain.call("GetProfileObjectType", ObjectTypeName="campaign_win_back")
    domain.call("PutProfileObjectType", ObjectTypeName="campaign_win_back", Description="other", Fields=dict(kept["Fields"]), Keys=dict(kept["Keys"]))
    ensure_object_type(domain, CAMPAIGN)
    assert domain.call("GetProfileObjectType", ObjectTypeName="campaign_win_back")["AllowProfileCreation"] is True


def test_objects_go_ten_a_call_and_a_leaver_is_no_member_any_more(sandbox: Sandbox, domain: Domain) -> None:
    assert set(states(put(domain, people(*range(12)))).values()) == {"loaded"}
    assert sent(sandbox, "BatchPutProfileObject") == 2 and len(members(sandbox)) == 12
    put(domain, {"c_3": leaving_object("c_3")})
    assert len(members(sandbox)) == 11 and "c_3" not in members(sandbox)


def test_the_rows_a_service_refuses_are_told_with_its_words_and_the_others_are_loaded(sandbox: Sandbox, domain: Domain) -> None:
    sandbox.faults.add("customer-profiles", "partial", operation="BatchPutProfileObject", messages=("c_2",))
    rows = people(*range(5)) | {"c_4": people(4)["c_4"].replace("P-1", "P" * 256)}
    outcomes = put(domain, rows)
    assert states(outcomes) == {"c_0": "loaded", "c_1": "loaded", "c_2": "failed", "c_3": "loaded", "c_4": "rejected"}
    assert [outcome.words for outcome in outcomes if outcome.words] == ["500: failing on demand", "400: pick_1: more than 255 characters"]
    assert members(sandbox) == ["c_0", "c_1", "c_3"]


def test_a_row_that_spoils_a_whole_request_is_found(sandbox: Sandbox, domain: Domain) -> None:
    rows = people(*range(7)) | {"c_5": "x" * 256_001}
    outcomes = put(domain, rows)
    assert states(outcomes) == {row: "rejected" if row == "c_5" else "loaded" for row in rows}
    assert "256001 characters" in next(outcome.words for outcome in outcomes if outcome.words)


def test_a_domain_that_is_not_there_refuses_every_row_in_words(clients: Clients) -> None:
    assert put(over(clients), people(1)) == [Outcome("c_1", "rejected", "BatchPutProfileObject: ResourceNotFoundException")]


def test_a_service_that_does_not_answer_is_not_asked_for_ever(sandbox: Sandbox, domain: Domain) -> None:
    sandbox.faults.add("customer-profiles", "error", operation="BatchPutProfileObject", count=1_000)
    assert set(states(put(domain, people(*range(55)))).values()) == {"failed"}
    assert sent(sandbox, "BatchPutProfileObject") == 3


def uploaded(domain: Domain, data: bytes, share: float = 0.0) -> Upload:
    return upload(domain, CAMPAIGN, "win_back 2026-01-02", data, most_failed_share=share)


def test_a_file_is_uploaded_once_under_its_name(sandbox: Sandbox, domain: Domain) -> None:
    for _ in range(2):
        assert uploaded(domain, file(*range(30))) == Upload("SUCCEEDED", created=30)
    assert (sent(sandbox, "CreateUploadJob"), sent(sandbox, "PutObject")) == (1, 1) and len(members(sandbox)) == 30


def test_an_upload_tells_how_many_records_failed_and_is_good_below_a_share(sandbox: Sandbox, domain: Domain) -> None:
    sandbox.faults.add("customer-profiles", "partial", operation="StartUploadJob", messages=("c_7",))
    ended = uploaded(domain, file(*range(100)), 0.01)
    assert ended == Upload("PARTIALLY_SUCCEEDED", created=99, failed=1)
    assert ended.is_good(0.01) and not ended.is_good(0.009) and "1 failed" in ended.in_words()
    assert sandbox.inbox.rejected("connect") == [{"why": "failing on demand", "message": {"job": "win_back 2026-01-02", "line": 69}}]  # the file is sorted by id


def test_what_ended_in_vain_is_begun_anew_by_the_next_run(sandbox: Sandbox, domain: Domain) -> None:
    assert uploaded(domain, b"customer_id\nc_1\n") == Upload("FAILED", "VALIDATION_FAILURE")
    assert uploaded(domain, file(1)).status == "SUCCEEDED"
    assert [job["DisplayName"] for job in domain.call("ListUploadJobs")["Items"]] == ["win_back 2026-01-02", "win_back 2026-01-02 2"]


def test_a_put_that_gets_no_answer_is_tried_again_and_bounded(sandbox: Sandbox, domain: Domain) -> None:
    sandbox.faults.add("s3", "error", count=2)
    assert uploaded(domain, file(1)).status == "SUCCEEDED"
    sandbox.faults.add("s3", "reset", count=100)
    with pytest.raises(RetryableError, match=r"did not take the file: no answer") as error:
        upload(domain, CAMPAIGN, "other", file(2), most_failed_share=0)
    assert "Signature" not in str(error.value) and "127.0.0.1" not in str(error.value)


def test_a_file_without_the_jobs_own_key_is_refused_as_s3_does(sandbox: Sandbox, domain: Domain) -> None:
    fields = {"customer_id": {"Source": "_source.customer_id", "Target": "_profile.Attributes.customer_id", "ContentType": "STRING"}}
    job = domain.call("CreateUploadJob", DisplayName="n", UniqueKey="customer_id", Fields=fields)["JobId"]
    place = domain.call("GetUploadJobPath", JobId=job)
    name = "x-amz-server-side-encryption-customer-"
    right = {f"{name}algorithm": "AES256", f"{name}key": place["ClientToken"], f"{name}key-MD5": "no digest"}
    assert requests.put(place["Url"], data=b"x", headers=right, timeout=5).status_code == 400
    assert requests.put(place["Url"], data=b"x", timeout=5).status_code == 400
    assert requests.put(place["Url"].partition("?")[0], data=b"x", headers=right, timeout=5).status_code == 403
    with pytest.raises(Refused, match="no file was uploaded"):
        domain.call("StartUploadJob", JobId=job)


def test_a_segment_is_made_once_and_counts_its_members(sandbox: Sandbox, domain: Domain) -> None:
    put(domain, people(*range(4)) | {"c_9": leaving_object("c_9")})
    assert ensure_segment(domain, NAME, AS_OF) == ensure_segment(domain, NAME, AS_OF)
    assert sent(sandbox, "CreateSegmentDefinition") == 1 and estimated_size(domain, NAME) == 4


def test_another_segment_of_the_same_name_is_not_taken_for_ours(domain: Domain) -> None:
    groups = segment_groups("other")
    domain.call("CreateSegmentDefinition", SegmentDefinitionName="win_back-2026-01-02", DisplayName="x", SegmentGroups=groups)
    with pytest.raises(Refused, match="has another condition"):
        ensure_segment(domain, NAME, AS_OF)


@pytest.mark.parametrize(("estimate", "expected", "is_wrong"), [(100, 100, False), (99, 100, False), (98, 100, True), (102, 100, True), (1, 0, True), (0, 0, False)])
def test_a_size_may_differ_by_a_share_of_what_was_loaded(estimate: int, expected: int, is_wrong: bool) -> None:
    assert bool(size_problem(estimate, expected, 0.01)) is is_wrong


def test_a_campaign_is_made_once_pointed_at_each_new_segment_and_not_started(sandbox: Sandbox, clients: Clients, domain: Domain) -> None:
    for day in (2, 2, 3):
        told = point_campaign(campaigns(clients), OUTBOUND, NAME, ensure_segment(domain, NAME, date(2026, 1, day)))
    assert told.endswith("is Initialized; start it in Connect")
    assert {name: sent(sandbox, name) for name in ("CreateCampaign", "UpdateCampaignSource", "StartCampaign")} == {
        "CreateCampaign": 1, "UpdateCampaignSource": 1, "StartCampaign": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("rests_days", "counted"), [(0, None), (14, 14), (90, 30)])
def test_who_stays_in_a_campaign_of_ours_gets_one_message_until_it_has_cooled_off(clients: Clients, domain: Domain, rests_days: int, counted: int | None) -> None:
    outbound = Outbound(**{**vars(OUTBOUND), "rests_days": rests_days})
    campaign = point_campaign(campaigns(clients), outbound, NAME, ensure_segment(domain, NAME, AS_OF)).split()[2]
    limits = campaigns(clients).call("DescribeCampaign", id=campaign)["campaign"].get("communicationLimitsOverride")
    kept = {"allChannelSubtypes": {"communicationLimitsList": [{"maxCountPerRecipient": 1, "frequency": counted, "unit": "DAY"}]}}
    assert limits == (kept if counted else None)


def test_a_campaign_that_somebody_named_is_pointed_and_started_where_a_setting_says_so(sandbox: Sandbox, clients: Clients, domain: Domain) -> None:
    segment = ensure_segment(domain, NAME, AS_OF)
    made = point_campaign(campaigns(clients), OUTBOUND, "by hand", segment).split()[2]
    named = Outbound(campaign_id=made, starts=True)
    assert point_campaign(campaigns(clients), named, NAME, ensure_segment(domain, NAME, date(2026, 1, 3))).endswith("is Running")
    assert point_campaign(campaigns(clients), named, NAME, segment).endswith("is Running")
    assert sent(sandbox, "CreateCampaign") == sent(sandbox, "StartCampaign") == 1


def test_a_named_campaign_that_is_not_there_or_has_ended_is_refused(sandbox: Sandbox, clients: Clients, domain: Domain) -> None:
    segment = ensure_segment(domain, NAME, AS_OF)
    with pytest.raises(Refused, match="CONNECT_CAMPAIGNS: there is no campaign none"):
        point_campaign(campaigns(clients), Outbound(campaign_id="none"), NAME, segment)
    with pytest.raises(Refused, match="there is no such segment"):
        point_campaign(campaigns(clients), OUTBOUND, NAME, segment + "x")


def everything(clients: Clients, hook: Callable[[str], None]) -> str:
    """The whole sequence of a delivery."""
    domain = over(clients, hook)
    ensure_domain(domain, may_create=True)
    ensure_object_type(domain, CAMPAIGN)
    put(domain, {"c_1": leaving_object("c_1")})
    uploaded(domain, file(2, 3))
    segment = ensure_segment(domain, NAME, AS_OF)
    return f"{estimated_size(domain, NAME)}; " + point_campaign(campaigns(clients, hook), Outbound(**{**vars(OUTBOUND), "starts": True}), NAME, segment)


@pytest.mark.parametrize("kind", ["reset", "error"])
def test_answers_lost_after_acceptance_change_nothing(sandbox: Sandbox, clients: Clients, kind: str) -> None:
    patient = Clients(clients.url, attempts=3)
    expected = everything(patient, lambda call: None)
    profiles = sandbox.inbox.connect_profiles()
    operations = list(dict.fromkeys((r["service"], r["operation"]) for r in sandbox.inbox.requests()))
    assert len(operations) > 15
    sandbox.clear()
    for service, operation in operations:
        sandbox.faults.add(service, kind, operation=operation, **({"when": "after"} if kind == "reset" else {}))
    assert everything(patient, lambda call: None) == expected
    assert sandbox.inbox.connect_profiles() == profiles
    assert len([job for job in over(patient).call("ListUploadJobs")["Items"] if job["Status"] == "SUCCEEDED"]) == 1


def test_killed_before_or_after_any_call_a_second_run_goes_on(sandbox: Sandbox, clients: Clients) -> None:
    calls: list[str] = []
    expected = everything(clients, calls.append)
    profiles = sandbox.inbox.connect_profiles()
    for number in range(len(calls)):
        sandbox.clear()
        seen = iter(range(len(calls)))

        def hook(call: str, number: int = number, seen=seen) -> None:
            if next(seen) == number:
                raise _Killed

        with pytest.raises(_Killed):
            everything(clients, hook)
        assert everything(clients, lambda call: None) == expected, calls[number]
        assert sandbox.inbox.connect_profiles() == profiles
        assert len(over(clients).call("ListUploadJobs")["Items"]) == sent(sandbox, "CreateCampaign") == 1, calls[number]
