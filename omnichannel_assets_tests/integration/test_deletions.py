"""Deletion requests: queued once, sent until each has ended, and forgotten here as well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from omnichannel_assets.activation.deletions import subject_hash
from omnichannel_assets.assets.deletions import queue_deletions, send_deletions
from omnichannel_assets.assets.deliveries import DELIVER, deliver_personalize
from omnichannel_assets.assets.removals import held_customers
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS, DESTINATION_CUSTOMERS
from omnichannel_assets.resources.channels import sandbox_folder
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox.inbox import Inbox
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.test_deliveries import NEXT, Killed, Shop, copy_of, customers, kill_at

ALL = ("segment", "personalize", "connect", "pinpoint")


@pytest.fixture(scope="module")
def delivered(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A lake whose sandbox holds scores of people, what they bought, and who is in a campaign."""
    opened = copy_of(shop, tmp_path_factory.mktemp("delivered") / "lake")
    with opened.lake.writing():
        for deliver in DELIVER.values():
            deliver(opened, [NEXT])
    return Shop(shop.landing, opened.lake.store.root)


@pytest.fixture
def copied(delivered: Shop, tmp_path: Path) -> Workspace:
    return copy_of(delivered, tmp_path / "lake")


def somebody(opened: Workspace) -> tuple[str, str]:
    """A login and a customer id that the sandbox knows."""
    held = {row["USER_ID"] for row in Inbox(sandbox_folder(opened)).personalize_datasets()["omnichannel/USERS"]}
    profiles, members = Inbox(sandbox_folder(opened)).segment_profiles(), held_customers(opened, "connect")
    return next((row["user_id"], c) for c, row in sorted(customers(opened).items()) if row["user_id"] in profiles and c in held & members)


def rows_for(login: str, customer: str, reason: str = "erasure") -> list[dict]:
    segment = {"channel": "segment", "subject_type": "user_id", "subject": login, "reason": reason}
    return [segment, *({"channel": name, "subject_type": "customer_id", "subject": customer, "reason": reason} for name in ALL[1:])]


def stored(opened: Workspace) -> list[dict]:
    return sorted(opened.lake.read(DELETION_REQUESTS).to_pylist(), key=lambda row: (row["channel"], row["request_id"]))


def told(opened: Workspace) -> list[tuple]:
    """The requests without what differs from run to run."""
    return [tuple(value for name, value in row.items() if name != "requested_at") for row in stored(opened)]


def test_queueing_sends_nothing_and_queueing_again_adds_nothing(copied):
    login, customer = somebody(copied)
    received = len(Inbox(sandbox_folder(copied)).requests())
    assert len(queue_deletions(copied, rows_for(login, customer))) == 4
    assert queue_deletions(copied, rows_for(login, customer)) == []
    assert [(row["channel"], row["state"], row["subject"]) for row in stored(copied)] == [
        ("connect", "pending", customer),
        ("personalize", "pending", customer),
        ("pinpoint", "pending", customer),
        ("segment", "pending", login),
    ]
    assert len(Inbox(sandbox_folder(copied)).requests()) == received


def test_who_is_deleted_is_gone_from_every_channel_and_only_a_hash_tells_of_it(copied):
    login, customer = somebody(copied)
    queue_deletions(copied, rows_for(login, customer))
    inbox = Inbox(sandbox_folder(copied))
    assert f"omnichannel/{customer}" in inbox.connect_profiles() and f"email-{customer}" in str(inbox.pinpoint_endpoints())
    assert send_deletions(copied) == {"done": 4}
    assert login not in inbox.segment_profiles() and inbox.connect_profiles() and inbox.pinpoint_endpoints()
    held = inbox.personalize_datasets()
    assert customer not in {row["USER_ID"] for name in ("USERS", "INTERACTIONS") for row in held[f"omnichannel/{name}"]}
    kept = "".join(path.read_text() for path in sandbox_folder(copied).rglob("*") if path.is_file() and not path.name.startswith("."))
    assert login not in kept and customer not in kept
    key = copied.settings.identity_key.get_secret_value().encode()
    assert {row["subject_hash"] for row in stored(copied)} == {subject_hash("user_id", login, key), subject_hash("customer_id", customer, key)}
    assert login not in str(stored(copied)) and customer not in str(stored(copied))
    assert send_deletions(copied) == {}, "nothing is left to do"
    assert queue_deletions(copied, rows_for(login, customer)) == [], "who was erased is not erased again"


def test_in_live_use_a_person_gets_a_list_for_pinpoint_whose_service_has_ended(copied):
    _, customer = somebody(copied)
    live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, delivery_mode="live")
    queue_deletions(live, rows_for("nobody", customer, "removed")[2:])
    assert send_deletions(live) == {"pending": 1, "done": 1}
    lists = {path.parents[2].name: json.loads(path.read_text()) for path in (live.lake.store.root / "outbox").rglob("deletions/*/*.json")}
    assert lists == {"pinpoint": [{"ApplicationId": "0" * 32, "EndpointId": f"email-{customer}"}]}
    assert [row["words"].partition("/")[0] for row in stored(live)] == ["DELIVERY_MODE is live and does not reach it", "listed in outbox"]


def test_what_a_channel_cannot_delete_by_is_not_needed_there(copied):
    queue_deletions(copied, [{"channel": "personalize", "subject_type": "user_id", "subject": "ana", "reason": "erasure"}])
    assert [(row["state"], row["subject"], row["words"]) for row in stored(copied)] == [("not_needed", None, "personalize knows nobody by user_id")]


def test_a_channel_that_is_off_leaves_its_requests_pending_and_a_later_run_sends_them(delivered, tmp_path):
    off = copy_of(delivered, tmp_path / "lake", delivery_mode="off")
    login, customer = somebody(off)
    queue_deletions(off, rows_for(login, customer))
    assert send_deletions(off) == {"pending": 4}
    assert {row["words"] for row in stored(off)} == {"DELIVERY_MODE is off and does not reach it"}
    assert send_deletions(running.workspace(delivered.landing, tmp_path / "lake")) == {"done": 4}


def test_without_a_token_segment_waits_and_says_which_setting_is_missing(copied):
    live = running.workspace(Path(copied.settings.landing_uri), copied.lake.store.root, delivery_mode="live", live_channels="segment", segment_write_key="k")
    queue_deletions(live, rows_for("ana", "c_1")[:1])
    assert send_deletions(live) == {"pending": 1}
    (row,) = stored(live)
    assert row["channel"] == "segment_live" and row["words"].startswith("SEGMENT_PUBLIC_API_TOKEN: expected")


def sandboxed(delivered: Shop, lake: Path, sandbox: Sandbox) -> Workspace:
    shutil.copytree(delivered.lake / "tables", lake / "tables")
    return running.workspace(delivered.landing, lake, sandbox_url=sandbox.url)


def test_a_service_that_is_down_leaves_the_others_to_go_on(delivered, tmp_path, monkeypatch):
    monkeypatch.setattr("omnichannel_assets.activation.segment_regulations.ATTEMPTS", 1)
    with Sandbox.start(tmp_path / "sandbox") as sandbox:
        opened = sandboxed(delivered, tmp_path / "lake", sandbox)
        sandbox.faults.add("segment-public-api", "error")
        queue_deletions(opened, rows_for("ana", "c_1"))
        assert send_deletions(opened) == {"pending": 1, "done": 3}
        assert [row["words"] for row in stored(opened) if row["channel"] == "segment"] == ["create_regulation: 500 (after 1 attempts)"]
        assert send_deletions(opened) == {"done": 1}


def test_a_refused_request_keeps_its_subject_and_is_tried_again(delivered, tmp_path):
    live = copy_of(delivered, tmp_path / "lake")
    queue_deletions(live, [{"channel": "personalize", "subject_type": "customer_id", "subject": "c_1", "reason": "removed"}])
    missing = lambda call: (sandbox_folder(live) / "s3" / "personalize" / "deletions").exists() and call == "after s3.PutObject" and shutil.rmtree(sandbox_folder(live) / "s3" / "personalize" / "deletions")  # noqa: E731
    assert send_deletions(live, missing) == {"failed": 1}
    assert [(row["subject"], row["state"]) for row in stored(live)] == [("c_1", "failed")]
    assert send_deletions(live) == {"done": 1}


def effect(opened: Workspace) -> dict:
    inbox = Inbox(sandbox_folder(opened))
    outbox = {path.relative_to(opened.lake.store.root).as_posix(): path.read_bytes() for path in (opened.lake.store.root / "outbox").rglob("deletions/*/*") if path.is_file()}
    files = sorted(path.name for path in (sandbox_folder(opened) / "s3").rglob("*.csv"))
    return {"profiles": inbox.segment_profiles(), "messages": inbox.messages(), "datasets": inbox.personalize_datasets(), "connect": inbox.connect_profiles(), "endpoints": inbox.pinpoint_endpoints(), "outbox": outbox, "requests": told(opened), "files": files}


def small_copy(delivered: Shop, lake: Path) -> Workspace:
    """A copy of what deletions read: they are many."""
    shutil.copytree(delivered.lake / "sandbox", lake / "sandbox")
    shutil.copytree(delivered.lake / "tables" / "delivery_ledger", lake / "tables" / "delivery_ledger")
    return running.workspace(delivered.landing, lake)


def test_killed_at_any_external_call_a_re_run_ends_as_if_nothing_had_happened(delivered, tmp_path):
    calls: list[str] = []
    clean = copy_of(delivered, tmp_path / "clean")
    login, customer = somebody(clean)
    rows = [rows_for(login, customer)[0], *rows_for(login, customer, "removed")[1:]]
    queue_deletions(clean, rows)
    send_deletions(clean, calls.append)
    expected = effect(clean)
    assert len({call.split()[1] for call in calls}) > 8
    for number in sorted({call: number for number, call in reversed(list(enumerate(calls)))}.values()):  # each call's first time
        opened = small_copy(delivered, tmp_path / str(number))
        queue_deletions(opened, rows)
        with pytest.raises(Killed):
            send_deletions(opened, kill_at(number))
        send_deletions(opened)
        assert effect(opened) == expected, calls[number]
        shutil.rmtree(opened.lake.store.root)


def test_an_erasure_in_the_sandbox_writes_no_list_that_would_name_the_person(copied):
    queue_deletions(copied, rows_for("ana", "c_1")[2:])
    assert send_deletions(copied) == {"done": 2}
    assert not list((copied.lake.store.root / "outbox").rglob("deletions")) and "c_1" not in str(stored(copied))


def test_a_row_may_bring_its_own_name_and_hash(copied):
    row = rows_for("ana", "c_1")[0] | {"request_id": "d_of_an_erasure", "subject_hash": "salted"}
    assert [queue_deletions(copied, [row]) for _ in range(2)] == [["d_of_an_erasure"], []]
    assert [(kept["request_id"], kept["subject_hash"], kept["subject"]) for kept in stored(copied)] == [("d_of_an_erasure", "salted", "ana")]


def with_ended_id(delivered: Shop, lake: Path) -> Workspace:
    """A copy in which Personalize holds an id that nobody has any more."""
    opened = copy_of(delivered, lake)
    held = held_customers(opened, "personalize")
    rows = pa.table({"channel": ["personalize"] * (len(held) + 1), "customer_id": [*held, "c_ended"]})
    opened.lake.publish(DESTINATION_CUSTOMERS, rows, Provenance("by hand"), "personalize")
    return opened


def test_an_id_that_ended_is_deleted_by_the_next_delivery_once_even_when_it_is_killed_on_the_way(delivered, tmp_path):
    clean, calls = with_ended_id(delivered, tmp_path / "clean"), []
    assert "1 done" in deliver_personalize(clean, [NEXT], calls.append).figures["deletions"]
    assert "c_ended" not in held_customers(clean, "personalize") and held_customers(clean, "personalize")
    expected = effect(clean)
    for number in (0, len(calls) // 2, len(calls) - 1):
        opened = with_ended_id(delivered, tmp_path / str(number))
        with pytest.raises(Killed):
            deliver_personalize(opened, [NEXT], kill_at(number))
        deliver_personalize(opened, [NEXT])
        assert effect(opened) == expected, calls[number]
        assert "deletions" not in deliver_personalize(opened, [NEXT]).figures


def test_a_removal_that_waits_becomes_an_erasure_when_the_person_asks(copied):
    queue_deletions(copied, rows_for("ana", "c_1", "removed"))
    assert len(queue_deletions(copied, rows_for("ana", "c_1", "erasure"))) == 4
    assert {(row["reason"], row["state"]) for row in stored(copied)} == {("erasure", "pending")}


def test_an_id_that_came_back_after_its_removal_and_ended_again_is_a_new_request(copied):
    row = {"channel": "personalize", "subject_type": "customer_id", "subject": "c_1", "reason": "removed"}
    for turn in (1, 2):
        assert len(queue_deletions(copied, [row])) == 1
        send_deletions(copied)
        assert [kept["state"] for kept in stored(copied)] == ["done"] * turn


@pytest.mark.parametrize("wrong", [{"channel": "mail"}, {"subject": ""}, {"reason": "why not"}, {"subject_type": "email"}])
def test_a_row_that_is_no_request_is_refused(copied, wrong):
    row = {"channel": "segment", "subject_type": "user_id", "subject": "ana", "reason": "erasure"}
    with pytest.raises(ValueError, match="a deletion needs"):
        queue_deletions(copied, [row | wrong])
    assert stored(copied) == []


def test_no_other_table_is_touched_by_deletions(copied):
    before = running.lake_bytes(copied.lake.store.root)
    queue_deletions(copied, rows_for(*somebody(copied)))
    send_deletions(copied)
    assert running.lake_bytes(copied.lake.store.root) == before
