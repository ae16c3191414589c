"""Deliveries over real HTTP to the sandbox: only what changed, once by effect, whatever happens on the way, and never to whom it must not."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from omnichannel_assets.activation.ledger import Entry
from omnichannel_assets.assets import deliveries
from omnichannel_assets.lake.tables_activation import AUDIENCES, DELIVERY_LEDGER
from omnichannel_assets.resources.approvals import approve_audiences
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets.sandbox.inbox import Inbox
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.integration import killing, running, scored

LAST_DAY = date(2025, 6, 30)
FIRST = date(2025, 6, 30)
NEXT = date(2025, 7, 1)
STEPS = deliveries.DELIVER
GIVEN_TRAITS = ("churn_score", "churn_band", "repurchase_score", "repurchase_decile")
"""What scores given by hand fill; nobody has a subscription in them."""


@dataclass(frozen=True)
class Shop:
    """A landing zone and a lake with trusted tables and scores of two as-of dates; to be copied, not written."""

    landing: Path
    lake: Path


def made_shop(folder: Path) -> Shop:
    write_sample(folder / "landing", folder / "truth", customers=110, days=8, last_day=LAST_DAY)
    opened = running.workspace(folder / "landing", folder / "lake")
    running.run_steps(opened)
    scored.give_scores(opened, FIRST)
    scored.give_scores(opened, NEXT)
    return Shop(folder / "landing", folder / "lake")


@pytest.fixture
def copied(shop: Shop, tmp_path: Path) -> Workspace:
    return copy_of(shop, tmp_path / "lake")


def copy_of(shop: Shop, lake: Path, **options) -> Workspace:
    shutil.copytree(shop.lake, lake)
    return running.workspace(shop.landing, lake, **options)


def deliver(opened: Workspace, *as_ofs: date, channels: tuple[str, ...] = tuple(STEPS), hook=deliveries.no_hook) -> dict[str, dict]:
    with opened.lake.writing():
        return {channel: STEPS[channel](opened, as_ofs, hook).figures for channel in channels}


def inbox(opened: Workspace) -> Inbox:
    return Inbox(sandbox_folder(opened))


def ledger(opened: Workspace, channel: str) -> list[dict]:
    return [row for row in opened.lake.read(DELIVERY_LEDGER).to_pylist() if row["channel"] == channel]


def newest(rows: list[dict]) -> Iterator[dict]:
    """The entry that tells what each destination key of each stream holds."""
    found: dict[tuple, dict] = {}
    for row in rows:
        key = (row["stream"], row["destination_key"])
        if key not in found or found[key]["sequence"] < row["sequence"]:
            found[key] = row
    return iter(found.values())


def outbox(opened: Workspace) -> dict[str, bytes]:
    root = opened.lake.store.root / "outbox"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()} if root.is_dir() else {}


def people(data: bytes, column: str) -> set[str]:
    return {row[column] for row in csv.DictReader(io.StringIO(data.decode()))}


def audience(opened: Workspace, as_of: date, arm: str, name: str = "win_back") -> set[str]:
    rows = opened.lake.read(AUDIENCES).to_pylist()
    return {row["customer_id"] for row in rows if row["as_of"] == as_of and row["arm"] == arm and row["audience"] == name}


def customers(opened: Workspace) -> dict[str, dict]:
    return {row["customer_id"]: row for row in running.rows(opened, "customers")}


def test_a_second_delivery_of_a_date_sends_nothing_and_rewrites_nothing(copied):
    deliver(copied, NEXT)
    before, received = running.lake_bytes(copied.lake.store.root), len(inbox(copied).requests())
    told = deliver(copied, NEXT)
    assert len(inbox(copied).requests()) == received
    assert running.lake_bytes(copied.lake.store.root) == before
    empty = "nothing sent: the audience is empty"  # nobody has bought nothing for a year in a shop of eight days
    assert {text for figures in told.values() for name, text in figures.items() if name not in ("as_of", "reactivation")} == {f"nothing sent: {NEXT} is delivered already"}
    assert told["segment"]["reactivation"] == empty


def test_of_a_range_only_the_newest_date_is_delivered_and_an_older_one_is_a_noted_no_op(copied):
    assert {figures["as_of"] for figures in deliver(copied, FIRST, NEXT).values()} == {str(NEXT)}
    received = len(inbox(copied).requests())
    told = deliver(copied, FIRST)
    assert len(inbox(copied).requests()) == received
    assert all("is older" in text for figures in told.values() for name, text in figures.items() if name not in ("as_of", "reactivation"))


def test_the_next_date_with_the_same_scores_sends_no_trait_and_no_membership_again(copied):
    deliver(copied, FIRST, channels=("segment",))
    received = len(inbox(copied).messages())
    deliver(copied, NEXT, channels=("segment",))
    assert len(inbox(copied).messages()) == received > 0


def test_only_changed_rows_are_sent_and_leavers_are_told_to_leave(copied):
    deliver(copied, FIRST, channels=("segment", "connect"))
    logins = {c: row["user_id"] for c, row in customers(copied).items()}
    leaving = sorted(c for c in audience(copied, FIRST, "treatment") if logins[c])[0]
    received = len(inbox(copied).messages())
    scored.give_scores(copied, NEXT, changed={leaving: {"churn_band": "low", "churn_score": 0.01}})
    deliver(copied, NEXT, channels=("segment", "connect"))
    sent = inbox(copied).messages()[received:]
    assert sorted((message["userId"], sorted(message["traits"])) for message in sent) == sorted(
        [(logins[leaving], sorted(GIVEN_TRAITS)), (logins[leaving], ["win_back"])]
    )
    assert profile(copied, logins[leaving])["win_back"] is False
    assert leaving not in people(outbox(copied)[f"connect/win_back/as_of={NEXT}/profiles.csv"], "customer_id")


def test_scores_that_come_back_to_an_earlier_value_are_sent_again(shop, tmp_path):
    opened = copy_of(shop, tmp_path / "lake")
    customer, login = next((c, row["user_id"]) for c, row in sorted(customers(opened).items()) if row["user_id"] and c in scored.buyers(opened))
    held = []
    for day, changed in ((2, {}), (1, {customer: {"churn_score": 0.123456}}), (0, {})):
        as_of = NEXT - timedelta(days=day)
        scored.give_scores(opened, as_of, changed=changed)
        deliver(opened, as_of, channels=("segment",))
        held.append(profile(opened, login)["churn_score"])
    assert held[1] == 0.123456
    assert held[0] == held[2] != held[1]


def profile(opened: Workspace, login: str) -> dict:
    """What Segment holds of a login."""
    return inbox(opened).segment_profiles()[login]


def test_an_audience_that_is_suddenly_empty_removes_nobody(copied):
    deliver(copied, FIRST)
    members = {key for key, traits in inbox(copied).segment_profiles().items() if traits.get("win_back")}
    scored.give_scores(copied, NEXT, changed={customer: {"churn_band": "low"} for customer in scored.buyers(copied)})
    told = deliver(copied, NEXT)
    assert members and {key for key, traits in inbox(copied).segment_profiles().items() if traits.get("win_back")} == members
    assert "nobody was removed" in told["segment"]["win_back"]
    assert f"connect/win_back/as_of={NEXT}/profiles.csv" not in outbox(copied)


def test_campaigns_wait_for_approval_of_exactly_these_audiences_and_data_does_not(shop, tmp_path):
    opened = copy_of(shop, tmp_path / "lake", audience_approval="required")
    told = deliver(opened, NEXT)
    assert "waits for approval" in told["segment"]["win_back"]
    assert "loaded" in told["segment"]["scores"]
    assert outbox(opened) == {}
    with opened.lake.writing():
        assert approve_audiences(opened, NEXT)["win_back"]["treatment"] > 0
    scored.give_scores(opened, NEXT, seed=2)  # not what was approved
    assert "waits for approval" in deliver(opened, NEXT)["segment"]["win_back"]
    with opened.lake.writing():
        approve_audiences(opened, NEXT)
    assert "loaded" in deliver(opened, NEXT)["segment"]["win_back"]
    assert outbox(opened) != {}


def test_when_off_nothing_is_sent_and_nothing_is_written(shop, tmp_path):
    opened = copy_of(shop, tmp_path / "lake", delivery_mode="off")
    deliver(opened, NEXT)
    assert not sandbox_folder(opened).exists()
    assert outbox(opened) == {}
    assert opened.lake.read(DELIVERY_LEDGER).num_rows == 0


def test_no_campaign_holds_a_control_or_anybody_who_did_not_opt_in_and_no_data_stream_an_arm(copied):
    deliver(copied, NEXT)
    by_login = {row["user_id"]: c for c, row in customers(copied).items() if row["user_id"]}
    devices = {row["identifier_value"]: row["customer_id"] for row in running.rows(copied, "identities") if row["identifier_type"] == "anonymous_id"}
    reached = {name: {(by_login | devices)[key] for key, traits in inbox(copied).segment_profiles().items() if traits.get(name)} for name in ("win_back", "repurchase_lookalike")}
    files = outbox(copied)
    for column, name in (("customer_id", f"connect/win_back/as_of={NEXT}/profiles.csv"), ("User.UserId", f"pinpoint/win_back/as_of={NEXT}/part-0000.csv")):
        assert people(files[name], column) == audience(copied, NEXT, "treatment")
    for name, found in reached.items():
        assert found and found <= audience(copied, NEXT, "treatment", name)
        assert all(customers(copied)[customer]["email_opt_in"] for customer in found)
    assert audience(copied, NEXT, "control"), "a test without controls proves nothing"
    everything = json.dumps(inbox(copied).messages()) + "".join(data.decode() for data in files.values())
    everything += "".join(path.read_text() for path in sandbox_folder(copied).rglob("*.csv"))
    assert "treatment" not in everything and "control" not in everything and '"arm"' not in everything
    for path in (sandbox_folder(copied) / "s3").rglob("*.csv"):
        assert "win_back" not in path.read_text()


def test_who_opted_out_after_the_audience_was_chosen_is_not_sent_and_told_to_leave_if_sent_before(copied):
    deliver(copied, FIRST, channels=("segment", "connect"))
    logins = {c: row["user_id"] for c, row in customers(copied).items()}
    gone = sorted(c for c in audience(copied, FIRST, "treatment") if logins[c])[0]
    opt_out(copied, gone)
    deliver(copied, NEXT, channels=("segment", "connect"))
    assert gone in audience(copied, NEXT, "treatment"), "the audience is older than the choice"
    assert profile(copied, logins[gone])["win_back"] is False
    assert gone not in people(outbox(copied)[f"connect/win_back/as_of={NEXT}/profiles.csv"], "customer_id")


def opt_out(opened: Workspace, customer: str) -> None:
    """The person unsubscribes on the last received day: one more Segment line, staged; the audiences stay as they are."""
    import gzip

    login = customers(opened)[customer]["user_id"]
    fresh = opened.lake.store.root.parent / "landing"
    shutil.copytree(opened.settings.landing_uri, fresh)
    folder = sorted((fresh / "segment-logs").glob("*/*"), key=lambda path: path.name)[-1]
    at = "2025-06-30T20:00:00.000Z"
    call = {"type": "track", "event": "Unsubscribed", "messageId": "opt-out-1", "userId": login, "timestamp": at, "receivedAt": at, "properties": {}}
    (folder / "late.gz").write_bytes(gzip.compress((json.dumps(call) + "\n").encode()))
    running.run_steps(running.workspace(fresh, opened.lake.store.root))
    object.__setattr__(opened, "settings", opened.settings.model_copy(update={"landing_uri": str(fresh)}))
    opened.__dict__.pop("landing", None)


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


def kill_at(number: int):
    """A hook that kills at the given external call's beginning or end (counted from 0)."""
    counted = iter(range(10_000))

    def hook(_call: str) -> None:
        if next(counted) == number:
            raise Killed

    return hook


def effect(opened: Workspace) -> dict:
    """What the destinations hold, and what the ledger says of it."""
    seen = {message["messageId"]: message["traits"] for message in inbox(opened).messages()}
    kept = ("channel", "stream", "destination_key", "customer_id", "content_hash", "state", "as_of", "sequence")
    rows = sorted(tuple(row[name] for name in kept) for row in opened.lake.read(DELIVERY_LEDGER).to_pylist())
    found = inbox(opened)
    held = {"profiles": found.segment_profiles(), "datasets": found.personalize_datasets(), "connect": found.connect_profiles(), "endpoints": found.pinpoint_endpoints()}
    return {"messages": seen, **held, "made": made(found), "outbox": outbox(opened), "ledger": rows}


def made(received: Inbox) -> dict[str, int]:
    """How often each thing was made that must not be made twice. An estimate holds nothing."""
    requests = [request["operation"] for request in received.requests() if request["status"] == 200]
    return {name: requests.count(name) for name in sorted(set(requests)) if name.startswith("Create") and name != "CreateSegmentEstimate"}


@pytest.mark.parametrize("channel", STEPS)
def test_killed_at_any_external_call_a_re_run_ends_as_if_nothing_had_happened(shop, tmp_path, channel):
    """Every call of every channel, enumerated (``killing``)."""
    assert killed_at_each(shop, tmp_path, channel) >= 3


def test_killed_at_any_call_of_an_upload_a_re_run_ends_as_if_nothing_had_happened(shop, tmp_path):
    """The same for what only many changed profiles are sent by."""
    assert killed_at_each(shop, tmp_path, "connect", connect_batch_rows=0) >= 8


def killed_at_each(shop: Shop, folder: Path, channel: str, **options) -> int:
    """How many different states kills leave; from each of them a re-run must end alike."""
    clean = copy_of(shop, folder / "clean", **options)
    kept, hook = killing.snapshots(clean, folder)
    deliver(clean, NEXT, channels=(channel,), hook=hook)
    expected = effect(clean)
    for name, call in kept.items():
        opened = running.workspace(shop.landing, folder / name, **options)
        deliver(opened, NEXT, channels=(channel,))
        assert effect(opened) == expected, call
        shutil.rmtree(folder / name)
    return len(kept)


@pytest.mark.parametrize("channel", STEPS)
def test_a_process_killed_with_sigkill_leaves_what_its_disk_held(shop, tmp_path, channel):
    """At the beginning and at the end of the first call that another place answers, and in the middle of all."""
    clean = copy_of(shop, tmp_path / "clean")
    calls: list[str] = []
    deliver(clean, NEXT, channels=(channel,), hook=calls.append)
    expected = effect(clean)
    for number in sorted({0, 1, len(calls) // 2}):
        opened = copy_of(shop, tmp_path / str(number))
        with Sandbox.start(sandbox_folder(opened)):
            assert killing.deliver_and_die(opened, channel, NEXT, number) == -signal.SIGKILL
            deliver(opened, NEXT, channels=(channel,))
        assert effect(opened) == expected, calls[number]


def test_ledger_and_inbox_agree_to_the_row(copied):
    deliver(copied, FIRST, channels=("segment",))
    scored.give_scores(copied, NEXT, seed=5)
    deliver(copied, NEXT, channels=("segment",))
    accepted = {message["messageId"] for message in inbox(copied).messages()}
    rows = ledger(copied, "segment")
    entries = {Entry(**{name: row[name] for name in Entry.__dataclass_fields__}).message_id for row in rows if row["state"] == "loaded"}
    assert entries == accepted
    assert {row["state"] for row in rows} == {"loaded"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle", "seconds": 1},
        {"kind": "error"},
        {"kind": "reset", "when": "before"},
        {"kind": "reset", "when": "after"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_what_a_retry_can_cure_is_cured_without_a_second_effect(shop, tmp_path, fault):
    clean = copy_of(shop, tmp_path / "clean")
    deliver(clean, NEXT, channels=("segment",))
    with Sandbox.start(tmp_path / "lake" / "sandbox") as sandbox:
        sandbox.faults.add(service="segment", **fault)
        shutil.copytree(shop.lake, tmp_path / "lake", dirs_exist_ok=True)
        opened = running.workspace(shop.landing, tmp_path / "lake", sandbox_url=sandbox.url)
        deliver(opened, NEXT, channels=("segment",))
    assert effect(opened) == effect(clean)
