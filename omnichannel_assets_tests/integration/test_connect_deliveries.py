"""Deliveries to Connect: by row, in the service's words; nobody in the segment who is not meant; the outbound campaign once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from omnichannel_assets.activation.aws_clients import aws_client
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.assets import streams
from omnichannel_assets.errors import UserError
from omnichannel_assets.resources.channels import Channels, sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.integration import running, scored
from omnichannel_assets_tests.integration import test_deliveries as base
from omnichannel_assets_tests.integration.test_deliveries import FIRST, NEXT, audience, copy_of, deliver, inbox, ledger, opt_out

SEGMENT = "win_back.segment"
LOW = {"churn_band": "low"}


@pytest.fixture
def copied(shop: base.Shop, tmp_path: Path) -> Workspace:
    return copy_of(shop, tmp_path / "lake")


@pytest.fixture
def shared(shop: base.Shop, tmp_path: Path) -> Iterator[tuple[Workspace, Sandbox]]:
    """A lake, and its sandbox, which runs before the delivery does: for faults."""
    opened = copy_of(shop, tmp_path / "lake")
    with Sandbox.start(sandbox_folder(opened)) as sandbox:
        yield running.workspace(shop.landing, tmp_path / "lake", sandbox_url=sandbox.url), sandbox


def connect(opened: Workspace, as_of=NEXT) -> dict[str, str]:
    return deliver(opened, as_of, channels=("connect",))["connect"]


def members(opened: Workspace) -> set[str]:
    """Whom Connect's segment holds."""
    return {key.partition("/")[2] for key, fields in inbox(opened).connect_profiles().items() if fields.get("Attributes.campaign_win_back") == "yes"}


def asked(opened: Workspace, operation: str) -> int:
    return sum(request["operation"] == operation for request in inbox(opened).requests())


def states(opened: Workspace, stream: str = "win_back") -> dict[str, tuple[str, str | None]]:
    return {row["destination_key"]: (row["state"], row["words"]) for row in base.newest(ledger(opened, "connect")) if row["stream"] == stream}


def treated(opened: Workspace, as_of=NEXT) -> list[str]:
    return sorted(audience(opened, as_of, "treatment"))


def test_the_segment_is_the_treatment_arm_and_its_campaign_is_made_once_and_not_started(copied):
    before = FIRST - timedelta(days=1)
    scored.give_scores(copied, before)
    told = connect(copied, before)
    assert members(copied) == set(treated(copied, before)) and "1 loaded" in told[SEGMENT]
    assert states(copied, SEGMENT)["win_back"][1].endswith("is Initialized; start it in Connect")
    assert "1 unchanged" in connect(copied, FIRST)[SEGMENT], "the same people need no other segment"
    assert (asked(copied, "CreateSegmentDefinition"), asked(copied, "UpdateCampaignSource")) == (1, 0)
    scored.give_scores(copied, NEXT, changed={treated(copied)[0]: LOW})
    connect(copied, NEXT)
    made = [asked(copied, name) for name in ("CreateCampaign", "CreateSegmentDefinition", "UpdateCampaignSource", "StartCampaign")]
    assert made == [1, 2, 1, 0] and members(copied) == set(treated(copied, NEXT))


def test_one_row_that_fails_is_named_and_the_segment_waits_for_it(shared):
    opened, sandbox = shared
    gone = treated(opened)[3]
    sandbox.faults.add("customer-profiles", "partial", messages=(gone,))
    told = connect(opened)
    found = states(opened)
    assert found[gone] == ("failed", "500: failing on demand")
    assert {state for key, (state, _) in found.items() if key != gone} == {"loaded"}
    assert "1 failed" in told["win_back"] and asked(opened, "CreateSegmentDefinition") == 0
    connect(opened)
    assert states(opened)[gone] == ("loaded", None) and members(opened) == set(treated(opened)) and asked(opened, "CreateSegmentDefinition") == 1
    assert asked(opened, "BatchPutProfileObject") == len(treated(opened)) // 10 + 1 + 1


def test_a_row_that_is_refused_is_kept_with_connects_words_and_counts_for_the_segment(shared):
    opened, sandbox = shared
    gone = treated(opened)[0]
    sandbox.faults.add("customer-profiles", "refuse", messages=(gone,))
    told = connect(opened)
    assert states(opened)[gone] == ("rejected", "400: failing on demand")
    assert members(opened) == set(treated(opened)) - {gone} and "1 loaded" in told[SEGMENT]


def test_of_an_upload_the_records_that_failed_are_found_row_by_row(shared):
    opened, sandbox = shared
    gone = treated(opened)[0]
    uploads = running.workspace(Path(opened.settings.landing_uri), opened.lake.store.root, sandbox_url=sandbox.url, connect_batch_rows=0, connect_tolerance=0.1)
    sandbox.faults.add("customer-profiles", "refuse", operation="StartUploadJob", messages=(gone,))
    sandbox.faults.add("customer-profiles", "refuse", operation="BatchPutProfileObject", messages=(gone,))
    connect(uploads)
    assert states(uploads)[gone] == ("rejected", "400: failing on demand")
    assert members(uploads) == set(treated(uploads)) - {gone} and asked(uploads, "CreateUploadJob") == 1


def test_an_upload_that_fails_more_than_is_tolerated_is_told_and_tried_again(shared):
    opened, sandbox = shared
    uploads = running.workspace(Path(opened.settings.landing_uri), opened.lake.store.root, sandbox_url=sandbox.url, connect_batch_rows=0)
    sandbox.faults.add("customer-profiles", "refuse", operation="StartUploadJob", messages=(treated(opened)[0],))
    told = connect(uploads)
    assert f"{len(treated(opened))} failed" in told["win_back"] and SEGMENT not in told
    assert {words for _, words in states(uploads).values()} == {
        f"the upload job ended PARTIALLY_SUCCEEDED: {len(treated(opened)) - 1} created, 0 updated, 1 failed"
    }
    connect(uploads)
    assert members(uploads) == set(treated(opened)) and asked(uploads, "CreateUploadJob") == 2


def test_who_opts_out_or_leaves_is_in_no_segment_any_more_those_of_earlier_dates_too(copied):
    connect(copied, FIRST)
    leaving, gone = treated(copied, FIRST)[:2]
    opt_out(copied, gone)
    scored.give_scores(copied, NEXT, changed={leaving: LOW})
    told = connect(copied, NEXT)
    assert members(copied) == set(treated(copied)) - {gone} and not {leaving, gone} & members(copied)
    assert "2 of these removals" in told["win_back"] and "1 loaded" in told[SEGMENT]


def test_somebody_in_the_segment_whom_nobody_put_there_stops_it_before_the_campaign(shared):
    opened, sandbox = shared
    connect(opened, FIRST)
    client = aws_client("customer-profiles", region="us-east-1", endpoint_url=sandbox.url, access_key_id="x", secret_access_key="x")
    client.put_profile_object(DomainName="omnichannel", ObjectTypeName="campaign_win_back", Object='{"customer_id":"c_stranger","member":"yes"}')
    scored.give_scores(opened, NEXT, changed={treated(opened, FIRST)[0]: LOW})
    told = connect(opened, NEXT)
    count = len(treated(opened))
    assert states(opened, SEGMENT)["win_back"] == ("failed", f"Connect counts {count + 1} members, {count} were loaded: the campaign was left as it is")
    assert "run again" in told[SEGMENT] and asked(opened, "UpdateCampaignSource") == 0
    found = client.search_profiles(DomainName="omnichannel", KeyName="customer_id", Values=["c_stranger"])["Items"]
    client.delete_profile(DomainName="omnichannel", ProfileId=found[0]["ProfileId"])
    connect(opened, NEXT)
    assert states(opened, SEGMENT)["win_back"][0] == "loaded" and asked(opened, "UpdateCampaignSource") == 1


def test_whose_new_row_connect_cannot_take_leaves_with_the_old_one(copied, monkeypatch):
    connect(copied, FIRST)
    spoilt = treated(copied, FIRST)[0]
    rows = streams.World.rows

    def without_address(self, model: str):
        found = rows(self, model)
        if model != "campaign_members":
            return found
        people = [row | ({"email": "none"} if row["customer_id"] == spoilt else {}) for row in found.to_pylist()]
        return type(found).from_pylist(people, schema=found.schema)

    monkeypatch.setattr(streams.World, "rows", without_address)
    told = connect(copied, NEXT)
    assert states(copied)[spoilt] == ("rejected", "email: no address")
    assert members(copied) == set(treated(copied)) - {spoilt} and "1 loaded" in told[SEGMENT]


def test_live_it_speaks_to_the_real_service_with_a_ledger_of_its_own_and_makes_nothing_unasked(copied, tmp_path, monkeypatch):
    connect(copied, FIRST)
    with Sandbox.start(tmp_path / "elsewhere") as real:
        for name in ("CUSTOMER_PROFILES", "CONNECTCAMPAIGNSV2"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", real.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        live = {"delivery_mode": "live", "live_channels": "connect"}
        opened = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, **live)
        with pytest.raises(UserError, match="CONNECT_DOMAIN: there is no Customer Profiles domain omnichannel"):
            connect(opened, FIRST)
        monkeypatch.setattr(Channels, "poll", lambda self: Poll(every_seconds=0))
        opened = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, connect_create_domain="on", **live)
        told = connect(opened, FIRST)
        assert "loaded" in told["win_back"]
        rows = {row["stream"]: row for row in ledger(opened, "connect_live")}
        assert rows[SEGMENT]["words"] == "no outbound campaign is named: choose the segment in Connect"
        assert [request["operation"] for request in real.inbox.requests() if request["service"] == "connectcampaignsv2"] == []
        assert real.inbox.connect_profiles() == inbox(copied).connect_profiles()
