"""A plan shows exactly what a delivery would send, sends nothing, and applies only while nothing has moved."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from omnichannel_assets.activation import guards
from omnichannel_assets.assets.delivery_plan import apply_plan, plan_delivery
from omnichannel_assets.errors import UserError
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.integration import running, scored
from omnichannel_assets_tests.integration.test_deliveries import FIRST, NEXT, audience, copy_of, deliver, inbox, ledger, outbox


@pytest.fixture
def copied(shop, tmp_path) -> Workspace:
    return copy_of(shop, tmp_path / "lake")


def streams(opened: Workspace, **options) -> dict[tuple[str, str], object]:
    return {(stream.channel, stream.stream): stream for stream in plan_delivery(opened, **options).streams}


def applied(opened: Workspace, plan_id: str) -> dict[str, str]:
    with opened.lake.writing():
        reports = apply_plan(opened, plan_id)
    return {name: text for report in reports for name, text in report.figures.items()}


def with_campaigns(shop, folder, text: str) -> Workspace:
    (folder / "campaigns.yaml").write_text(text)
    return copy_of(shop, folder / "lake", campaigns=str(folder / "campaigns.yaml"))


def test_what_is_planned_is_what_is_sent_to_the_message(copied):
    deliver(copied, FIRST)
    scored.give_scores(copied, NEXT, seed=5)
    before = running.lake_bytes(copied.lake.store.root)
    planned = streams(copied, payloads=100_000)
    assert running.lake_bytes(copied.lake.store.root) == before, "a plan writes nothing"
    received = len(inbox(copied).messages())
    told = applied(copied, plan_delivery(copied).id)
    assert "loaded" in told["scores"]
    sent = inbox(copied).messages()[received:]
    promised = [payload for (channel, _), stream in planned.items() if channel == "segment" for payload in stream.payloads]
    received = [{name: value for name, value in message.items() if name != "is_duplicate"} for message in sent]
    assert received and sorted(json.dumps(m, sort_keys=True) for m in received) == sorted(json.dumps(m, sort_keys=True) for m in promised)
    assert all(stream.sends == 0 for (channel, _), stream in streams(copied).items() if channel == "segment")


def test_it_tells_whom_pinpoint_and_connect_would_take(copied):
    people, found = len(audience(copied, NEXT, "treatment")), streams(copied)
    assert {found[channel, "win_back"].reach for channel in ("pinpoint", "connect")} == {f"{people} of {people}"}
    assert found["segment", "win_back"].reach == ""


def test_new_changed_leaving_and_unchanged_are_told_apart(copied):
    deliver(copied, FIRST)
    reached = sorted(audience(copied, FIRST, "treatment"))
    scored.give_scores(copied, NEXT, changed={reached[0]: {"churn_band": "low"}, reached[1]: {"churn_score": 0.999}})
    found = streams(copied)["connect", "win_back"]
    assert (found.new, found.changed, found.leaving, found.unchanged) == (0, 1, 1, len(reached) - 2)


def test_of_all_rows_the_one_that_segment_refuses_is_named_with_its_words_and_no_other_is_lost(copied):
    first = streams(copied, payloads=1)["segment", "scores"].payloads[0]
    with Sandbox.start(sandbox_folder(copied)) as sandbox:
        sandbox.faults.add("segment", "refuse", messages=(first["messageId"],), count=1_000)
        opened = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, sandbox_url=sandbox.url)
        told = deliver(opened, NEXT, channels=("segment",))
    rows = [row for row in ledger(opened, "segment") if row["stream"] == "scores"]
    rejected = [row for row in rows if row["state"] != "loaded"]
    assert [(row["destination_key"], row["state"], row["words"][:4]) for row in rejected] == [(f"user_id:{first['userId']}", "rejected", "400:")]
    assert f"{len(rows) - 1} loaded, 1 rejected" in told["segment"]["scores"] and len(rows) > 40


def test_a_plan_that_is_no_longer_the_plan_of_now_sends_nothing(copied):
    old = plan_delivery(copied).id
    scored.give_scores(copied, NEXT, seed=9)
    with pytest.raises(UserError, match=r"something has moved since\. Fix: look at omnichannel plan again"):
        applied(copied, old)
    assert inbox(copied).requests() == []


def test_an_empty_audience_after_a_filled_one_asks_and_apply_is_the_answer(copied):
    deliver(copied, FIRST)
    scored.give_scores(copied, NEXT, changed={customer: {"churn_band": "low"} for customer in scored.buyers(copied)})
    members = len(audience(copied, FIRST, "treatment"))
    told = deliver(copied, NEXT)
    assert "the audience is empty now; nobody was removed. If that is right: omnichannel plan, then omnichannel apply." in told["segment"]["win_back"]
    asked = streams(copied)["connect", "win_back"]
    assert (asked.leaving, bool(asked.question)) == (members, True)
    applied(copied, plan_delivery(copied).id)
    assert not any(traits.get("win_back") for traits in inbox(copied).segment_profiles().values())
    assert not plan_delivery(copied).questions


CAMPAIGN = """
guards: {removals: 0.4, growth: 1.2, stale_days: 3}
campaigns:
  spring: {rule: "%s", channels: {segment: [], connect: [churn_band]}, variants: {letter: 0.5, voucher: 0.5}}
"""


def test_too_many_removals_too_much_growth_and_old_scores_ask_before_the_first_call(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(guards, "LEAST", 10)
    opened = with_campaigns(shop, tmp_path, CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, FIRST)
    deliver(opened, FIRST)
    received = len(inbox(opened).messages())
    for rule, told in (("churn_score < 0.3", "people would be removed, more than 40%"), ("orders > 0", "it would grow from ")):
        (tmp_path / "campaigns.yaml").write_text(CAMPAIGN % rule)
        opened.__dict__.pop("campaigns", None)
        scored.give_scores(opened, NEXT)
        assert told in deliver(opened, NEXT)["segment"]["spring"]
    assert len(inbox(opened).messages()) == received
    later = running.workspace(shop.landing, opened.lake.store.root, campaigns=opened.settings.campaigns, as_of=NEXT + timedelta(days=4))
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, NEXT)
    assert "the scores are 4 days older than the newest data" in deliver(later, NEXT)["segment"]["spring"]


def test_sub_groups_reach_every_channel_and_a_trait_that_no_campaign_names_none(shop, tmp_path):
    opened = with_campaigns(shop, tmp_path, CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, NEXT)
    deliver(opened, NEXT)
    groups = {traits["spring_variant"] for traits in inbox(opened).segment_profiles().values() if traits.get("spring")}
    assert groups == {"letter", "voucher"}
    assert b"churn_band" in outbox(opened)[f"connect/spring/as_of={NEXT}/profiles.csv"]
    assert not any(key.startswith("pinpoint") for key in outbox(opened))


def test_a_mapping_change_sends_again_and_an_unmapped_change_does_not(shop, tmp_path):
    opened = with_campaigns(shop, tmp_path, CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, FIRST)
    deliver(opened, FIRST)
    people = len(audience(opened, FIRST, "treatment", "spring"))
    reached = sorted(audience(opened, FIRST, "treatment", "spring"))[0]
    scored.give_scores(opened, NEXT, changed={reached: {"repurchase_score": 0.111}})  # told to no channel of this campaign
    assert streams(opened)["connect", "spring"].sends == 0
    text = (CAMPAIGN % "churn_score < 0.8").replace("connect: [churn_band]", "connect: [churn_band, repurchase_score]")
    (tmp_path / "campaigns.yaml").write_text(text)
    opened.__dict__.pop("campaigns", None)
    assert streams(opened)["connect", "spring"].changed == people


def test_a_campaign_that_has_ended_lets_everybody_go_without_a_question(shop, tmp_path):
    opened = with_campaigns(shop, tmp_path, CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, FIRST)
    deliver(opened, FIRST)
    (tmp_path / "campaigns.yaml").write_text((CAMPAIGN % "churn_score < 0.8").replace("variants:", f"ends: {FIRST}, variants:"))
    opened.__dict__.pop("campaigns", None)
    scored.give_scores(opened, NEXT)
    deliver(opened, NEXT)
    left = [traits for traits in inbox(opened).segment_profiles().values() if "spring" in traits]
    assert left and all(traits["spring"] is False and traits["spring_variant"] is None for traits in left)


def test_a_campaign_that_is_in_the_file_no_more_asks_before_its_people_are_let_go(shop, tmp_path):
    opened = with_campaigns(shop, tmp_path, CAMPAIGN % "churn_score < 0.8")
    scored.give_scores(opened, FIRST)
    deliver(opened, FIRST)
    (tmp_path / "campaigns.yaml").write_text((CAMPAIGN % "churn_score < 0.8").replace("spring", "summer"))
    opened.__dict__.pop("campaigns", None)
    scored.give_scores(opened, NEXT)
    assert "the campaigns file does not send it here any more" in deliver(opened, NEXT)["segment"]["spring"]
    assert any(traits.get("spring") for traits in inbox(opened).segment_profiles().values())
    applied(opened, plan_delivery(opened).id)
    assert not any(traits.get("spring") for traits in inbox(opened).segment_profiles().values())
