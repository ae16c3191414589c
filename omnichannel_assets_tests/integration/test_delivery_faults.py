"""Deliveries when things go wrong or people change their minds in between: removals, emptied audiences, refused imports, other destinations."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import requests

from omnichannel_assets.activation.ledger import Entry
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.assets import deliveries, streams
from omnichannel_assets.assets.campaign_streams import SCORE_TRAITS
from omnichannel_assets.errors import UserError
from omnichannel_assets.resources import channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox.inbox import Inbox
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.integration import landing_zone, running, scored
from omnichannel_assets_tests.integration import test_deliveries as base
from omnichannel_assets_tests.integration.test_deliveries import (
    FIRST,
    NEXT,
    Killed,
    audience,
    customers,
    deliver,
    inbox,
    ledger,
    opt_out,
    outbox,
    people,
    profile,
)


@pytest.fixture
def copied(shop: base.Shop, tmp_path: Path) -> Workspace:
    return base.copy_of(shop, tmp_path / "lake")


def member(opened: Workspace, as_of: date = FIRST) -> str:
    """Somebody of the treatment arm with a login."""
    logins = {c: row["user_id"] for c, row in customers(opened).items()}
    return sorted(c for c in audience(opened, as_of, "treatment") if logins[c])[0]


def login(opened: Workspace, customer: str) -> str:
    return customers(opened)[customer]["user_id"]


LOW = {"churn_band": "low"}


def alone(opened: Workspace, customer: str) -> dict[str, dict]:
    """Changes to scores that leave one customer in win-back."""
    return {other: LOW for other in scored.buyers(opened) if other != customer}


def members_at_segment(opened: Workspace, name: str = "win_back") -> set[str]:
    return {key for key, traits in inbox(opened).segment_profiles().items() if traits.get(name)}


# Removals.


def test_a_removal_cut_off_before_it_was_sent_is_sent_by_the_next_delivery(copied):
    deliver(copied, FIRST, channels=("segment",))
    leaving = member(copied)
    scored.give_scores(copied, NEXT, changed={leaving: LOW})
    batches = iter(range(10))

    def hook(call: str) -> None:
        if call == "before segment.batch" and next(batches) == 1:  # the first holds scores, the second the removal
            raise Killed

    with pytest.raises(Killed):
        deliver(copied, NEXT, channels=("segment",), hook=hook)
    deliver(copied, NEXT, channels=("segment",))
    assert profile(copied, login(copied, leaving))["win_back"] is False
    assert {row["state"] for row in base.newest(ledger(copied, "segment"))} == {"loaded"}


def test_the_last_member_of_an_audience_who_opts_out_is_removed_although_the_audience_is_empty_then(copied):
    gone = member(copied)
    scored.give_scores(copied, FIRST, changed=alone(copied, gone))
    deliver(copied, FIRST, channels=("segment",))
    assert members_at_segment(copied) == {login(copied, gone)}
    opt_out(copied, gone)
    scored.give_scores(copied, NEXT, changed=alone(copied, gone))
    assert audience(copied, NEXT, "treatment") == set()
    told = deliver(copied, NEXT, channels=("segment",))
    assert members_at_segment(copied) == set()
    assert "1 of these removals" in told["segment"]["win_back"]


def test_members_who_became_controls_are_removed_when_nobody_else_is_in_the_treatment_arm(shop, tmp_path):
    opened = base.copy_of(shop, tmp_path / "lake")
    deliver(opened, FIRST, channels=("segment",))
    assert members_at_segment(opened)
    forget_who_stays(opened)
    held_out = running.workspace(shop.landing, tmp_path / "lake", holdout_share=0.999999)
    scored.give_scores(held_out, NEXT)
    assert audience(held_out, NEXT, "treatment") == set()
    deliver(held_out, NEXT, channels=("segment",))
    assert members_at_segment(held_out) == set()


def forget_who_stays(opened: Workspace) -> None:
    """As if nobody were in an audience yet: whoever is stays in their arm, and then only a merge makes a control of them."""
    for table in ("audiences", "audience_entries"):
        shutil.rmtree(opened.lake.store.root / "tables" / table)


def test_who_the_shop_deletes_is_taken_out_of_every_campaign_and_of_the_scores(copied, tmp_path):
    deliver(copied, FIRST, channels=("segment", "connect"))
    gone = member(copied)
    name = login(copied, gone)
    delete_in_shop(copied, gone)
    deliver(copied, NEXT, channels=("segment", "connect"))
    held = profile(copied, name)
    assert held["win_back"] is False
    assert not any(held.get(trait) for trait in SCORE_TRAITS)
    assert gone not in people(outbox(copied)[f"connect/win_back/as_of={NEXT}/profiles.csv"], "customer_id")


def delete_in_shop(opened: Workspace, customer: str) -> None:
    """Every card of the customer is deleted on the last received day; the audiences stay as they are."""
    import shutil

    refs = [row["identifier_value"] for row in running.rows(opened, "identities") if row["customer_id"] == customer and row["identifier_type"] == "customer_ref" and row["valid_to"] is None]
    fresh = opened.lake.store.root.parent / "landing"
    shutil.copytree(opened.settings.landing_uri, fresh)
    rows = [landing_zone.customer(ref, op="D", changed="2025-06-30 20:00:00", at="2025-06-30 20:00:00.000000") for ref in refs]
    header = landing_zone.CUSTOMERS
    landing_zone.put_table(fresh, "customers", "20250630-210000000.csv", header, *rows)
    running.run_steps(running.workspace(fresh, opened.lake.store.root))
    object.__setattr__(opened, "settings", opened.settings.model_copy(update={"landing_uri": str(fresh)}))
    opened.__dict__.pop("landing", None)


def test_while_a_campaign_waits_for_approval_who_opted_out_is_removed_and_nothing_else_leaves(shop, tmp_path):
    opened = base.copy_of(shop, tmp_path / "lake")
    deliver(opened, FIRST, channels=("segment", "connect"))
    gone = member(opened)
    opt_out(opened, gone)
    before, members = len(inbox(opened).messages()), members_at_segment(opened)
    held = running.workspace(Path(opened.settings.landing_uri), tmp_path / "lake", audience_approval="required")
    scored.give_scores(held, NEXT, seed=3)
    told = deliver(held, NEXT, channels=("segment", "connect"))
    assert "waits for approval" in told["segment"]["win_back"]
    campaign = [message for message in inbox(held).messages()[before:] if "win_back" in message["traits"]]
    assert [(message["userId"], message["traits"]) for message in campaign] == [(login(held, gone), {"win_back": False})]
    assert members_at_segment(held) == members - {login(held, gone)}
    assert not [name for name in outbox(held) if f"as_of={NEXT}" in name]


def test_consent_is_that_of_all_the_lake_knows_also_when_an_earlier_date_is_asked_for(copied):
    gone = member(copied)
    opt_out(copied, gone)  # on 30 June, known before 1 July
    pinned = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, as_of=str(FIRST))
    deliver(pinned, FIRST, channels=("segment", "connect"))
    assert gone in audience(copied, FIRST, "treatment")
    assert login(copied, gone) not in members_at_segment(copied)
    assert gone not in people(outbox(copied)[f"connect/win_back/as_of={FIRST}/profiles.csv"], "customer_id")


# Inputs that are missing.


def test_a_model_without_an_answer_clears_nobodys_trait(copied):
    deliver(copied, FIRST, channels=("segment",))
    before = inbox(copied).segment_profiles()
    scored.give_scores(copied, NEXT, changed={customer: {"churn_score": None, "churn_band": None} for customer in scored.buyers(copied)})
    deliver(copied, NEXT, channels=("segment",))
    after = inbox(copied).segment_profiles()
    assert {key: traits["churn_score"] for key, traits in after.items()} == {key: traits["churn_score"] for key, traits in before.items()}


def test_an_empty_data_set_replaces_nothing(copied, monkeypatch):
    deliver(copied, FIRST, channels=("personalize",))
    before = inbox(copied).personalize_datasets()
    rows = streams.World.rows
    monkeypatch.setattr(streams.World, "rows", lambda self, model: rows(self, model).slice(0, 0 if model == "personalize_items" else None))
    told = deliver(copied, NEXT, channels=("personalize",))
    assert inbox(copied).personalize_datasets() == before
    assert "nothing sent" in told["personalize"]["Items"]


# Refusals and failures.


def test_a_refused_import_is_tried_again_on_the_next_date_under_a_new_name_though_the_file_is_the_same(copied, monkeypatch):
    real = channels.Channels.put_file
    monkeypatch.setattr(channels.Channels, "put_file", lambda self, key, data: "s3://sandbox/nowhere.csv" if "Items" in key else real(self, key, data))
    told = deliver(copied, FIRST, channels=("personalize",))
    assert "1 rejected" in told["personalize"]["Items"]
    assert "1 loaded" in told["personalize"]["Users"]
    requests = len(inbox(copied).requests())
    deliver(copied, FIRST, channels=("personalize",))
    assert len(inbox(copied).requests()) == requests, "the same date again asks nothing"
    monkeypatch.undo()
    told = deliver(copied, NEXT, channels=("personalize",))
    assert "1 loaded" in told["personalize"]["Items"]
    assert len(inbox(copied).personalize_datasets()["omnichannel/ITEMS"]) > 0


def test_fewer_interactions_than_personalize_takes_is_a_rejected_row_in_words_and_the_rest_goes_on(copied, monkeypatch):
    rows = streams.World.rows
    monkeypatch.setattr(streams.World, "rows", lambda self, model: rows(self, model).slice(0, 20 if model == "personalize_interactions" else None))
    told = deliver(copied, NEXT, channels=("personalize",))
    found = {row["stream"]: row for row in ledger(copied, "personalize")}
    assert found["Interactions"]["state"] == "rejected" and "20 interactions, at least 1000" in found["Interactions"]["words"]
    assert "rejected" in told["personalize"]["Interactions"]
    assert found["Items"]["state"] == found["Users"]["state"] == "loaded"


def test_a_destination_that_does_not_answer_is_left_alone_after_three_batches_whatever_the_rows(copied, tmp_path, monkeypatch):
    from omnichannel_assets.activation import segment

    monkeypatch.setattr(segment, "BATCH_MESSAGES", 5)
    monkeypatch.setattr(deliveries, "CHUNK", 10)
    real = channels.segment_of
    monkeypatch.setattr(channels, "segment_of", lambda settings, url, **limits: real(settings, url, sleep=lambda seconds: None, max_attempts=2, **limits))
    with Sandbox.start(channels.sandbox_folder(copied)) as sandbox:
        sandbox.faults.add("segment", "error", count=1_000)
        down = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, sandbox_url=sandbox.url)
        told = deliver(down, NEXT, channels=("segment",))
        streams = [words for name, words in told["segment"].items() if name not in ("as_of", "reactivation")]
        assert len(inbox(copied).requests()) <= segment.GIVE_UP_AFTER * 2 * len(streams)
        assert all("failed" in words and "run again" in words for words in streams)
        sandbox.faults.clear()
        told = deliver(down, NEXT, channels=("segment",))
        assert not any("failed" in words for words in told["segment"].values())


# Other destinations.


def test_what_the_sandbox_was_sent_is_not_taken_for_sent_when_the_delivery_goes_live(copied, tmp_path):
    deliver(copied, NEXT, channels=("segment",))
    with Sandbox.start(tmp_path / "elsewhere") as real:
        options = {"delivery_mode": "live", "live_channels": "segment", "segment_url": real.url, "segment_write_key": "wk"}
        live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, **options)
        deliver(live, NEXT, channels=("segment",))
        assert Inbox(tmp_path / "elsewhere").segment_profiles() == inbox(copied).segment_profiles()
        deliver(live, NEXT, channels=("segment",))
        assert len(Inbox(tmp_path / "elsewhere").messages()) == len(inbox(copied).messages())
    received = len(inbox(copied).messages())
    deliver(copied, NEXT, channels=("segment",))
    assert len(inbox(copied).messages()) == received


def test_neither_the_write_key_nor_an_address_of_a_person_is_in_the_lakes_tables_the_logs_or_the_report_of_a_delivery(copied, tmp_path, caplog):
    secret = "wk-secret-4711"
    caplog.set_level("DEBUG")
    with Sandbox.start(tmp_path / "elsewhere") as real:
        options = {"delivery_mode": "live", "live_channels": "segment", "segment_write_key": secret}
        live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, segment_url=f"{real.url}/nothing", **options)
        with pytest.raises(UserError) as refused:
            deliver(live, NEXT, channels=("segment",))
        live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, segment_url=real.url, **options)
        told = deliver(live, NEXT)
    emails = {row["email"] for row in customers(copied).values() if row["email"]}
    kept = {path: path.read_bytes() for folder in ("tables/delivery_ledger", "tables/audiences") for path in (copied.lake.store.root / folder).rglob("*") if path.is_file()}
    texts = [str(told), str(refused.value), caplog.text, *(data.decode("latin-1") for data in kept.values()), str(ledger(copied, "connect"))]
    assert len(kept) > 2 and emails
    assert not any(secret in text for text in texts)
    assert not any(email in text for email in emails for text in texts)
    assert secret not in str(Inbox(tmp_path / "elsewhere").messages())


def test_another_dataset_group_is_filled_though_the_files_are_the_same(copied):
    deliver(copied, FIRST, channels=("personalize",))
    other = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, personalize_group="second")
    deliver(other, NEXT, channels=("personalize",))
    found = inbox(copied).personalize_datasets()
    assert found["second/ITEMS"] == found["omnichannel/ITEMS"]


def test_live_nothing_is_reached_that_is_not_listed(copied):
    live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, delivery_mode="live", segment_url="http://127.0.0.1:9")
    called: list[str] = []
    told = deliver(live, NEXT, hook=called.append)
    assert {call.split()[1].partition(".")[0] for call in called} == {"pinpoint"}
    assert all("does not reach it" in told[channel]["outcome"] for channel in ("segment", "personalize", "connect"))
    assert not channels.sandbox_folder(copied).exists()


@pytest.fixture
def s3(monkeypatch):
    """A stand-in of S3 on this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    port = server.get_host_and_port()[1]
    host = "127.0.0.1"
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=5)
    for name, value in {"AWS_ENDPOINT_URL_PERSONALIZE": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    yield channels.aws_of(running.settings(Path("."), Path(".")), "s3", None)
    server.stop()


LIVE_PERSONALIZE = {"delivery_mode": "live", "live_channels": "personalize", "personalize_role_arn": "arn:aws:iam::000000000000:role/import", "personalize_s3_uri": "s3://sandbox/live/"}


def test_a_live_import_uploads_its_files_and_brings_personalize_there(copied, tmp_path, monkeypatch, s3):
    s3.create_bucket(Bucket="sandbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    folder = tmp_path / "personalize"
    monkeypatch.setattr("omnichannel_assets.activation.polling.Poll", lambda: Poll(0.01))

    def seen_by_personalize(call: str) -> None:
        for entry in s3.list_objects_v2(Bucket="sandbox").get("Contents", []) if call == "after s3.PutObject" else []:
            path = folder / "s3" / entry["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket="sandbox", Key=entry["Key"])["Body"].read())

    with Sandbox.start(folder) as sandbox:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PERSONALIZE", sandbox.url)
        live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, **LIVE_PERSONALIZE)
        told = deliver(live, NEXT, channels=("personalize",), hook=seen_by_personalize)
    assert [words for name, words in told["personalize"].items() if name != "as_of"] == ["1 loaded"] * 3
    assert {job["location"].rpartition("/")[0] for job in Inbox(folder).messages("personalize")} == {f"s3://sandbox/live/personalize/{name}" for name in deliveries.DATASETS}


def test_a_live_import_without_its_bucket_is_one_line_that_names_the_setting(copied, s3):
    live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, **LIVE_PERSONALIZE)
    with pytest.raises(UserError, match=r"PERSONALIZE_S3_URI.*NoSuchBucket.*Fix") as raised:
        deliver(live, NEXT, channels=("personalize",))
    assert "\n" not in str(raised.value)


def test_an_upload_that_may_work_later_is_a_failed_row(copied, monkeypatch, s3):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, **LIVE_PERSONALIZE)
    told = deliver(live, NEXT, channels=("personalize",))
    assert all("1 failed" in words for name, words in told["personalize"].items() if name != "as_of")


def test_the_ledger_follows_a_login_to_its_new_customer(copied):
    deliver(copied, FIRST, channels=("segment",))
    entry = next(Entry(**{name: row[name] for name in Entry.__dataclass_fields__}) for row in ledger(copied, "segment") if row["stream"] == "win_back")
    from omnichannel_assets.activation.ledger import Content, Ledger

    kept = Ledger([entry])
    assert kept.begin("win_back", [Content(entry.destination_key, "c_other", {"win_back": True})], NEXT) == []
    assert kept.newest("win_back")[entry.destination_key].customer_id == "c_other"
