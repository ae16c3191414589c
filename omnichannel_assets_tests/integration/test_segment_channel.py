"""What a delivery to Segment does where a setting asks for it: events of who entered and left, other destinations, files for the S3 source."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from omnichannel_assets.errors import UserError
from omnichannel_assets_tests.integration import running, scored
from omnichannel_assets_tests.integration import test_deliveries as base
from omnichannel_assets_tests.integration.test_deliveries import FIRST, NEXT, audience, customers, deliver, inbox, outbox
from omnichannel_assets_tests.integration.test_delivery_faults import LOW


def opened(shop: base.Shop, tmp_path: Path):
    return base.copy_of(shop, tmp_path / "lake", segment_audience_events="on", segment_integrations={"All": False, "Braze": True}, segment_s3_files="on")


def events(workspace) -> list[tuple[str, str]]:
    """Who Segment was told entered or left win-back, in order."""
    found = [message for message in inbox(workspace).messages() if message["type"] == "track"]
    assert all(not message["is_duplicate"] for message in found)
    return [(message["event"], message.get("userId") or message["anonymousId"]) for message in found if message["properties"] == {"audience": "win_back"}]


def test_who_enters_and_who_leaves_a_campaign_is_told_once_as_an_event_also_by_a_delivery_that_was_cut_off(shop, tmp_path):
    workspace = opened(shop, tmp_path)
    calls: list[str] = []

    def hook(call: str) -> None:
        calls.append(call)
        if calls.count("before segment.batch") == 3:  # scores, the first campaign, and then its events
            raise base.Killed

    with pytest.raises(base.Killed):
        deliver(workspace, FIRST, channels=("segment",), hook=hook)
    assert events(workspace) == []
    deliver(workspace, FIRST, channels=("segment",))
    logins = {customer: row["user_id"] for customer, row in customers(workspace).items()}
    members = {traits for traits in inbox(workspace).segment_profiles() if inbox(workspace).segment_profiles()[traits].get("win_back")}
    assert {event for event, _ in events(workspace)} == {"Audience Entered"}
    assert sorted(who for _, who in events(workspace)) == sorted(members)
    leaving = sorted(customer for customer in audience(workspace, FIRST, "treatment") if logins[customer])[0]
    before = len(events(workspace))
    scored.give_scores(workspace, NEXT, changed={leaving: LOW})
    told = deliver(workspace, NEXT, channels=("segment",))
    assert events(workspace)[before:] == [("Audience Exited", logins[leaving])]
    assert "1 of these removals" in told["segment"]["events of win_back"]


def test_messages_name_the_destinations_of_the_setting_and_the_scores_are_also_files_without_an_empty_cell(shop, tmp_path):
    workspace = opened(shop, tmp_path)
    deliver(workspace, NEXT, channels=("segment",))
    assert {str(message["integrations"]) for message in inbox(workspace).messages()} == {"{'All': False, 'Braze': True}"}
    files = {name.rpartition("/")[2]: data for name, data in outbox(workspace).items() if name.startswith("segment/")}
    assert list(files) == ["identify_20250701_scores.csv"]
    rows = list(csv.DictReader(io.StringIO(files["identify_20250701_scores.csv"].decode())))
    held = {key: traits for key, traits in inbox(workspace).segment_profiles().items() if key in {row["userId"] for row in rows}}
    assert rows and {row["userId"]: float(row["traits.churn_score"]) for row in rows} == {key: traits["churn_score"] for key, traits in held.items()}
    assert all(all(row.values()) and row["timestamp"] == "2025-07-01T00:00:00.000Z" for row in rows)


@pytest.mark.parametrize("wrong", ['{"Braze": "yes"}', "Braze", "[]", "{}"])
def test_destinations_that_make_no_sense_are_one_line_that_names_the_setting(tmp_path, wrong):
    with pytest.raises(UserError, match="SEGMENT_INTEGRATIONS") as raised:
        running.settings(tmp_path, tmp_path, segment_integrations=wrong)
    assert "\n" not in str(raised.value)
    assert running.settings(tmp_path, tmp_path, segment_integrations='{"All": false, "Braze": true}').segment_integrations["Braze"] is True
