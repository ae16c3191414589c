"""Files and requests for Pinpoint and Connect, and the check of requests against AWS's models."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import (
    checked,
    columns,
    leaving_object,
    object_type_request,
    profile_objects,
    segment_definition_request,
    upload_csv,
    upload_job_request,
)
from omnichannel_assets.activation.pinpoint import endpoint_csv, import_job_request
from omnichannel_assets.activation.reach import Reach, reach
from omnichannel_assets.activation.validation import InvalidRequest, problems, validate

AS_OF = date(2026, 1, 2)
CAMPAIGN = Campaign("win_back", "Win back", "churn_band = 'high'", {"connect": ("churn_score", "churn_band", "pick_1", "pick_2", "pick_3")})
ROLE = "arn:aws:iam::000000000000:role/pinpoint"


def customers(*changes: dict[str, Any]) -> pa.Table:
    row = {
        "customer_id": "c_1",
        "email": "ana@example.com",
        "first_name": "Ana",
        "churn_band": "high",
        "churn_score": 0.8731,
        "country": "ES",
        "pick_1": "P-9",
        "pick_2": "P-4",
        "pick_3": None,
        "variant": None,
        "entered_on": "2026-01-01",
    }
    return pa.Table.from_pylist([row | change for change in changes], schema=pa.schema([(k, pa.float64() if k == "churn_score" else pa.string()) for k in row]))


def records(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_the_endpoint_file_is_pinpoints() -> None:
    data, rejected = endpoint_csv(customers({"customer_id": "c_2", "email": 'o"neil,jr@example.com', "churn_score": 0.031, "country": None}, {}))
    assert rejected == []
    assert data.decode() == (
        "ChannelType,Address,Id,User.UserId,User.UserAttributes.FirstName,User.UserAttributes.ChurnBand,"
        "Attributes.TopPicks,Attributes.TopPicks,Attributes.TopPicks,Metrics.ChurnScore,Location.Country,OptOut\n"
        "EMAIL,ana@example.com,email-c_1,c_1,Ana,high,P-9,P-4,,0.8731,ES,NONE\n"
        'EMAIL,"o""neil,jr@example.com",email-c_2,c_2,Ana,high,P-9,P-4,,0.031,,NONE\n'
    )


def test_an_endpoint_tells_what_its_campaign_names_and_its_sub_group() -> None:
    campaign = replace(CAMPAIGN, channels={"pinpoint": ("churn_band", "repurchase_decile")}, variants={"letter": 0.5, "voucher": 0.5})
    rows = customers({}).append_column("repurchase_decile", pa.array([3])).drop_columns(["variant"]).append_column("variant", pa.array(["letter"]))
    header, line = records(endpoint_csv(rows, campaign)[0])
    assert dict(zip(header[-2:], line[-2:], strict=True)) == {"Metrics.RepurchaseDecile": "3", "Attributes.Variant": "letter"}
    assert header[:-2] == records(endpoint_csv(rows)[0])[0]


def test_the_upload_file_says_who_is_a_member_and_no_arm() -> None:
    data, rejected = upload_csv(customers({}), CAMPAIGN)
    assert rejected == [] and records(data) == [
        ["customer_id", "email", "first_name", "country", "churn_score", "churn_band", "pick_1", "pick_2", "pick_3", "entered_on", "member"],
        ["c_1", "ana@example.com", "Ana", "ES", "0.8731", "high", "P-9", "P-4", "", "2026-01-01", "yes"],
    ]


def test_the_object_type_finds_profiles_by_customer_and_has_the_columns_of_the_file() -> None:
    made = object_type_request("acme-retail", CAMPAIGN)
    assert made["Keys"] == {"customer_id": [{"StandardIdentifiers": ["PROFILE", "UNIQUE"], "FieldNames": ["customer_id"]}]}
    assert list(made["Fields"]) == list(columns(CAMPAIGN)) and made["ObjectTypeName"] == "campaign_win_back"


def test_a_campaign_tells_what_it_names_and_its_sub_group_under_its_own_name() -> None:
    campaign = replace(CAMPAIGN, channels={"connect": ("repurchase_decile",)}, variants={"letter": 0.5, "voucher": 0.5})
    rows = customers({}).append_column("repurchase_decile", pa.array([3])).drop_columns(["variant"]).append_column("variant", pa.array(["letter"]))
    assert records(upload_csv(rows, campaign)[0]) == [[*columns(campaign)], ["c_1", "ana@example.com", "Ana", "ES", "3", "letter", "2026-01-01", "yes"]]
    targets = [field["Target"].removeprefix("_profile.") for field in upload_job_request("acme", campaign, "n")["Fields"].values()]
    assert targets == [
        "Attributes.customer_id", "EmailAddress", "FirstName", "Address.Country", "Attributes.win_back_repurchase_decile", "Attributes.win_back_variant",
        "Attributes.win_back_entered_on", "Attributes.campaign_win_back",
    ]  # fmt: skip


def test_an_object_holds_what_a_line_holds_and_a_leavers_nothing_but_that() -> None:
    good, _ = checked(customers({}), CAMPAIGN)
    put = json.loads(profile_objects(good)["c_1"])
    assert put == {
        "customer_id": "c_1", "email": "ana@example.com", "first_name": "Ana", "country": "ES", "churn_score": 0.8731, "churn_band": "high",
        "pick_1": "P-9", "pick_2": "P-4", "pick_3": "", "entered_on": "2026-01-01", "member": "yes",
    }  # fmt: skip
    assert json.loads(leaving_object("c_1")) == {"customer_id": "c_1", "member": "no"}


def test_of_one_audience_it_is_told_whom_each_of_pinpoint_and_connect_would_reach_and_why_not_the_others() -> None:
    audience = customers({}, {"customer_id": "c_2", "email": None}, {"customer_id": "c_3", "email": ""}, {"customer_id": "c_4", "country": "Spain"},
                         {"customer_id": "c_5", "first_name": "A" * 101}, {"customer_id": "c_6", "first_name": "A" * 256})  # fmt: skip
    both = reach(audience, CAMPAIGN)
    assert both["pinpoint"] == Reach(1, {"email: empty": 2, "first_name: more than 100 characters": 2, "country: no ISO 3166-1 alpha-2 code": 1})
    assert both["connect"] == Reach(3, {"email: empty": 2, "first_name: more than 255 characters": 1})
    assert {channel: told.rows for channel, told in both.items()} == {"pinpoint": 6, "connect": 6}
    assert both["connect"].in_words() == "3 of 6; left out: 2 email: empty, 1 first_name: more than 255 characters"


COMMON = [
    ({"email": ""}, "email: empty"),
    ({"email": None}, "email: empty"),
    ({"email": "no address"}, "email: no address"),
    ({"customer_id": "c 1"}, "customer_id: holds a blank"),
    ({"customer_id": "c\u00a01"}, "customer_id: holds a blank"),
    ({"customer_id": None}, "customer_id: empty"),
    ({"churn_score": float("nan")}, "churn_score: no finite number"),
]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *COMMON,
        ({"first_name": "A\tB"}, "first_name: holds a tab or line break"),
        ({"pick_2": "P\n9"}, "pick_2: holds a tab or line break"),
        ({"first_name": "A" * 101}, "first_name: more than 100 characters"),
        ({"country": "Spain"}, "country: no ISO 3166-1 alpha-2 code"),
    ],
)
def test_a_bad_endpoint_is_left_out_and_named(change: dict[str, Any], words: str) -> None:
    data, rejected = endpoint_csv(customers({"customer_id": "c_0"}, change))
    assert [(outcome.state, outcome.words) for outcome in rejected] == [("rejected", words)]
    assert [record[3] for record in records(data)[1:]] == ["c_0"]


@pytest.mark.parametrize(("change", "words"), [*COMMON, ({"pick_1": "P" * 256}, "pick_1: more than 255 characters")])
def test_a_bad_profile_is_left_out_and_named(change: dict[str, Any], words: str) -> None:
    data, rejected = upload_csv(customers({"customer_id": "c_0"}, change), CAMPAIGN)
    assert [(outcome.state, outcome.words) for outcome in rejected] == [("rejected", words)]
    assert [record[0] for record in records(data)[1:]] == ["c_0"]


def test_a_customer_in_two_rows_is_in_no_file() -> None:
    twice = customers({}, {"first_name": "Other"}, {"customer_id": "c_2"})
    for data, rejected in (endpoint_csv(twice), upload_csv(twice, CAMPAIGN)):
        assert [outcome.key for outcome in rejected] == ["c_1", "c_1"] and b"c_2" in data and b"c_1," not in data


def test_rejections_hold_no_address() -> None:
    _, rejected = endpoint_csv(customers({"email": "ana at example"}))
    assert "ana" not in rejected[0].key + rejected[0].words


def test_an_empty_audience_is_a_header() -> None:
    assert len(records(endpoint_csv(customers())[0])) == len(records(upload_csv(customers(), CAMPAIGN)[0])) == 1


def test_a_missing_column_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no column email"):
        upload_csv(customers({}).drop_columns(["email"]), CAMPAIGN)


def test_requests_pass_their_services_models() -> None:
    job = import_job_request("a" * 32, ROLE, "s3://bucket/winback/", "winback")
    assert job["ImportJobRequest"]["DefineSegment"] is True and job["ImportJobRequest"]["Format"] == "CSV"
    upload = upload_job_request("acme-retail", CAMPAIGN, "win_back 2026-01-02")
    assert (upload["UniqueKey"], upload["DataExpiry"]) == ("customer_id", 90)
    assert list(upload["Fields"]) == records(upload_csv(customers(), CAMPAIGN)[0])[0]
    segment = segment_definition_request("acme-retail", "win_back", AS_OF)
    chosen = segment["SegmentGroups"]["Groups"][0]["Dimensions"][0]["ProfileAttributes"]["Attributes"]
    assert chosen == {"campaign_win_back": {"DimensionType": "INCLUSIVE", "Values": ["yes"]}} and segment["SegmentDefinitionName"] == "win_back-2026-01-02"


def test_requests_a_service_would_refuse_are_refused_here() -> None:
    with pytest.raises(InvalidRequest, match="DomainName: does not match"):
        upload_job_request("acme retail", CAMPAIGN, "winback")
    with pytest.raises(InvalidRequest, match="SegmentDefinitionName: 65 characters, at most 64"):
        segment_definition_request("acme", "s" * 54, AS_OF)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "Missing required parameter in input"),
        ({"jobName": "j", "datasetArn": "arn:aws:personalize:::d", "dataSource": {}, "importMode": "HALF"}, "importMode: expected one of FULL, INCREMENTAL"),
        ({"jobName": "j", "datasetArn": "arn:aws:other:::d", "dataSource": {}}, "datasetArn: does not match"),
        ({"jobName": "j", "datasetArn": "arn:aws:personalize:::d", "dataSource": {"dataLocation": "s3://" + "x" * 252}}, "dataSource.dataLocation: 257 characters, at most 256"),
        ({"jobName": "j", "datasetArn": "arn:aws:personalize:::d", "dataSource": {}, "tags": [{"tagKey": "k", "tagValue": "v"}] * 201}, "tags: 201 entries, at most 200"),
        ({"jobName": 7, "datasetArn": "arn:aws:personalize:::d", "dataSource": {}}, "Invalid type for parameter jobName"),
    ],
)
def test_a_finding_names_the_field(params: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        validate("personalize", "CreateDatasetImportJob", params)


def test_a_finding_never_shows_the_value() -> None:
    found = problems("personalize-events", "PutEvents", {"trackingId": "t", "sessionId": ["ana@example.com"], "eventList": []})
    assert found and "ana@" not in " ".join(found)
