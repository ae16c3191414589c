"""The import into Pinpoint's sandbox, and the refusal of the real service after its end."""

from __future__ import annotations

from datetime import date

import pytest

from omnichannel_assets.activation.connect_domain import Caller
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import endpoint_csv
from omnichannel_assets.activation.pinpoint_import import import_endpoints
from omnichannel_assets.errors import UserError
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.activation.test_file_channels import customers
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, put

APPLICATION = "a" * 32
PLACE = "s3://sandbox/pinpoint/part-0000.csv"
IDS = ("c_1", "c_2")


def imported(clients: Clients, *, today: date | None = None, segment: str = "win_back-2026-01-02", place: str = PLACE) -> list[Outcome]:
    caller = Caller(clients.pinpoint, "pinpoint", poll=AT_ONCE)
    return import_endpoints(caller, IDS, application_id=APPLICATION, role_arn=ROLE, s3_url=place, segment_name=segment, today=today)


def write(sandbox: Sandbox, **changes: object) -> None:
    data = endpoint_csv(customers({}, {"customer_id": "c_2"}))[0]
    for old, new in changes.items():
        data = data.replace(old.encode(), str(new).encode())
    put(sandbox.folder, "pinpoint/part-0000.csv", data)


def created(sandbox: Sandbox) -> int:
    return sum(request["operation"] == "CreateImportJob" for request in sandbox.inbox.requests())


def test_a_file_is_imported_once_and_makes_a_segment(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox)
    for _ in range(2):
        assert imported(clients) == [Outcome(customer, "loaded") for customer in IDS]
    assert created(sandbox) == 1
    (endpoints,) = sandbox.inbox.pinpoint_endpoints().values()
    assert [(one["Id"], one["Attributes.TopPicks"]) for one in endpoints] == [("email-c_1", ["P-9", "P-4"]), ("email-c_2", ["P-9", "P-4"])]
    imported(clients, segment="win_back-2026-01-03")
    assert created(sandbox) == 2 and list(sandbox.inbox.pinpoint_endpoints()) == ["win_back-2026-01-02", "win_back-2026-01-03"]


def test_a_job_passes_through_every_state(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox)
    imported(clients)
    looks = [request for request in sandbox.inbox.requests() if request["operation"] == "GetImportJob"]
    assert len(looks) == len(("CREATED", "PREPARING_FOR_INITIALIZATION", "INITIALIZING", "PROCESSING", "COMPLETING", "COMPLETED"))


def test_endpoints_that_pinpoint_names_are_rejected_with_its_words(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox, **{"EMAIL,ana@example.com,email-c_2": "EMAIL,nobody,email-c_2"})
    assert imported(clients) == [Outcome("c_1", "loaded"), Outcome("c_2", "rejected", "part-0000.csv, line 3, endpoint email-c_2: Address is no e-mail address")]


def test_failures_that_name_nobody_leave_everybody_to_be_tried_again(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox, **{"email-c_2": ""})
    write(sandbox, **{"ana@example.com,email-c_2": "nobody,"})
    assert {outcome.state for outcome in imported(clients)} == {"failed"}


def test_a_failed_job_fails_everybody_and_the_next_run_begins_anew(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox, ChannelType="Channel")
    outcomes = imported(clients)
    assert {outcome.state for outcome in outcomes} == {"failed"} and "1 of 1 pieces failed" in outcomes[0].words
    write(sandbox)
    assert {outcome.state for outcome in imported(clients)} == {"loaded"} and created(sandbox) == 2


def test_faults_that_pass_are_waited_for_and_others_told(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox)
    for kind in ("throttle", "error"):
        sandbox.faults.add("pinpoint", kind, operation="GetImportJob")
        assert {outcome.state for outcome in imported(clients)} == {"failed"}
    assert {outcome.state for outcome in imported(clients)} == {"loaded"} and created(sandbox) == 1
    assert {outcome.state for outcome in imported(clients, place="s3://elsewhere/x.csv", segment="s")} == {"failed"}


def test_the_real_service_is_refused_from_the_day_after_its_last(sandbox: Sandbox, clients: Clients) -> None:
    write(sandbox)
    assert {outcome.state for outcome in imported(clients, today=date(2026, 10, 30))} == {"loaded"}
    asked = len(sandbox.inbox.requests())
    with pytest.raises(UserError, match=r"^LIVE_CHANNELS: Amazon Pinpoint ended on 30 October 2026\. Fix: leave pinpoint out"):
        imported(clients, today=date(2026, 10, 31))
    assert len(sandbox.inbox.requests()) == asked
