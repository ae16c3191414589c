"""Files and requests for Pinpoint and Connect, and the check of requests against AWS's models."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from omnichannel_assets.activation.connect import segment_definition_request, upload_csv, upload_job_request
from omnichannel_assets.activation.pinpoint import endpoint_csv, import_job_request
from omnichannel_assets.activation.validation import InvalidRequest, problems, validate

AS_OF = date(2026, 1, 2)
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


def test_the_upload_file_has_the_as_of_date_and_no_arm() -> None:
    data, rejected = upload_csv(customers({}), AS_OF)
    assert rejected == [] and records(data) == [
        ["customer_id", "email", "first_name", "churn_band", "churn_score", "win_back", "pick_1", "pick_2", "pick_3"],
        ["c_1", "ana@example.com", "Ana", "high", "0.8731", "2026-01-02", "P-9", "P-4", ""],
    ]


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
    data, rejected = upload_csv(customers({"customer_id": "c_0"}, change), AS_OF)
    assert [(outcome.state, outcome.words) for outcome in rejected] == [("rejected", words)]
    assert [record[0] for record in records(data)[1:]] == ["c_0"]


def test_a_customer_in_two_rows_is_in_no_file() -> None:
    twice = customers({}, {"first_name": "Other"}, {"customer_id": "c_2"})
    for data, rejected in (endpoint_csv(twice), upload_csv(twice, AS_OF)):
        assert [outcome.key for outcome in rejected] == ["c_1", "c_1"] and b"c_2" in data and b"c_1," not in data


def test_rejections_hold_no_address() -> None:
    _, rejected = endpoint_csv(customers({"email": "ana at example"}))
    assert "ana" not in rejected[0].key + rejected[0].words


def test_an_empty_audience_is_a_header() -> None:
    assert len(records(endpoint_csv(customers())[0])) == len(records(upload_csv(customers(), AS_OF)[0])) == 1


def test_a_missing_column_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no column email"):
        upload_csv(customers({}).drop_columns(["email"]), AS_OF)


def test_requests_pass_their_services_models() -> None:
    job = import_job_request("a" * 32, ROLE, "s3://bucket/winback/", "winback")
    assert job["ImportJobRequest"]["DefineSegment"] is True and job["ImportJobRequest"]["Format"] == "CSV"
    upload = upload_job_request("acme-retail", "winback-2026-01-02")
    assert (upload["UniqueKey"], upload["DataExpiry"]) == ("customer_id", 90)
    assert list(upload["Fields"]) == records(upload_csv(customers(), AS_OF)[0])[0]
    segment = segment_definition_request("acme-retail", "winback-2026-01-02", AS_OF)
    chosen = segment["SegmentGroups"]["Groups"][0]["Dimensions"][0]["ProfileAttributes"]["Attributes"]
    assert chosen == {"win_back": {"DimensionType": "INCLUSIVE", "Values": ["2026-01-02"]}}


def test_requests_a_service_would_refuse_are_refused_here() -> None:
    with pytest.raises(InvalidRequest, match="DomainName: does not match"):
        upload_job_request("acme retail", "winback")
    with pytest.raises(InvalidRequest, match="SegmentDefinitionName: 65 characters, at most 64"):
        segment_definition_request("acme", "s" * 65, AS_OF)


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
