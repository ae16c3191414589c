"""Starting, stopping, surviving; the page; faults asked for from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.errors import InputError, LockedError
from omnichannel_assets.sandbox import Inbox, Sandbox, serve
from omnichannel_assets.sandbox.faults import Fault, fault_of
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, files, post, running

SERVED = "import sys; from omnichannel_assets.sandbox import serve; serve(sys.argv[1], 0, lambda url: print(url, flush=True))"


def identify(number: int) -> dict[str, object]:
    return {"batch": [{"type": "identify", "userId": f"u{number}", "messageId": f"m{number}", "traits": {"n": number}}]}


def test_it_is_up_and_down_quickly(tmp_path: Path) -> None:
    started = time.monotonic()
    with Sandbox.start(tmp_path) as sandbox:
        up = time.monotonic() - started
        assert requests.get(f"{sandbox.url}/_sandbox/inbox", timeout=5).status_code == 200
    assert up < 0.5
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=5)


def test_a_taken_port_is_told_in_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(InputError, match="a free port"):
        serve(tmp_path / "other", port)


def test_a_restart_keeps_what_was_received(tmp_path: Path) -> None:
    with running(tmp_path) as (sandbox, clients):
        post(sandbox, "batch", identify(1))
        arguments = {"group_name": "shop", "job_suffix": "1", "role_arn": ROLE, "poll": AT_ONCE}
        assert {outcome.state for outcome in import_datasets(clients.personalize, files(tmp_path), **arguments)} == {"loaded"}
        before = sandbox.inbox.personalize_datasets()
    with running(tmp_path) as (sandbox, clients):
        post(sandbox, "batch", identify(1))
        assert [message["is_duplicate"] for message in sandbox.inbox.messages("segment")] == [False, True]
        assert sandbox.inbox.personalize_datasets() == before
        created: list[str] = []
        import_datasets(clients.personalize, files(tmp_path), **arguments, hook=created.append)
        assert [name for name in created if "create" in name] == []


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip() if process.stdout else ""
    for number in range(20):
        assert requests.post(f"{url}/v1/batch", json=identify(number), auth=("k", ""), timeout=5).status_code == 200
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    with (tmp_path / "segment.jsonl").open("a") as file:
        file.write('{"half": ')
    with Sandbox.start(tmp_path) as sandbox:
        assert len(sandbox.inbox.segment_profiles()) == 20
        post(sandbox, "batch", identify(20))
        post(sandbox, "batch", identify(3))
        assert (len(sandbox.inbox.segment_profiles()), sandbox.inbox.messages("segment")[-1]["is_duplicate"]) == (21, True)


def test_an_interrupt_ends_it_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVED, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip() if process.stdout else ""
    assert requests.get(f"{url}/_sandbox/inbox", timeout=5).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "" and process.returncode == 0


def test_the_inbox_is_the_same_for_the_same_requests(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        with running(tmp_path / name) as (sandbox, clients):
            post(sandbox, "batch", identify(1))
            import_datasets(clients.personalize, files(sandbox.folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
        contents.append({path.relative_to(tmp_path / name): path.read_bytes() for path in sorted((tmp_path / name).rglob("*.json*"))})
    assert contents[0] == contents[1]


def test_the_page_shows_what_came_and_runs_none_of_it(sandbox: Sandbox) -> None:
    post(sandbox, "identify", {"userId": "<script>alert(1)</script>", "messageId": "m"})
    post(sandbox, "track", {"userId": "refused-person"})
    answer = requests.get(sandbox.url, timeout=5)
    assert "&lt;script&gt;alert(1)" in answer.text and "<script" not in answer.text
    assert "refused-person" in answer.text and "script" not in answer.headers["Content-Security-Policy"]
    summary = requests.get(f"{sandbox.url}/_sandbox/inbox", timeout=5).json()
    assert summary["segment"] == {"accepted": 1, "duplicates": 0, "rejected": 1, "profiles": 1}


def test_faults_can_be_asked_for_from_another_process(sandbox: Sandbox) -> None:
    faults = f"{sandbox.url}/_sandbox/faults"
    assert requests.post(faults, json={"service": "segment", "kind": "error", "nth": 2, "count": 2}, timeout=5).status_code == 201
    assert [post(sandbox, "batch", identify(n)).status_code for n in range(4)] == [200, 500, 500, 200]
    requests.post(faults, json={"service": "segment", "kind": "error", "count": 99}, timeout=5)
    requests.delete(faults, timeout=5)
    assert post(sandbox, "batch", identify(9)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"service": "x", "kind": "error"}, {"service": "personalize", "kind": "partial", "messages": ["m"]}, [], {"service": "segment", "kind": "error", "nth": 0}])
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, body: object) -> None:
    assert requests.post(f"{sandbox.url}/_sandbox/faults", json=body, timeout=5).status_code == 400


def test_throttling_says_how_long_in_both_headers(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "throttle", seconds=7)
    answer = post(sandbox, "batch", identify(1))
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"]) == (429, "7", "7")
    assert sandbox.inbox.messages("segment") == []


@pytest.mark.parametrize(("when", "taken"), [("before", 0), ("after", 1)])
def test_a_reset_closes_the_connection_without_an_answer(sandbox: Sandbox, when: str, taken: int) -> None:
    sandbox.faults.add("segment", "reset", when=when)
    with pytest.raises(requests.ConnectionError):
        post(sandbox, "batch", identify(1))
    assert len(sandbox.inbox.messages("segment")) == taken
    assert post(sandbox, "batch", identify(2)).status_code == 200


def test_a_fault_may_be_meant_for_one_operation(sandbox: Sandbox, clients: Clients) -> None:
    sandbox.faults.add("personalize", "throttle", operation="CreateDatasetGroup")
    assert clients.personalize.list_schemas()["schemas"] == []
    with pytest.raises(clients.personalize.exceptions.ClientError, match="ThrottlingException"):
        clients.personalize.create_dataset_group(name="shop")
    assert clients.personalize.create_dataset_group(name="shop")["datasetGroupArn"]


def test_two_sandboxes_do_not_share_a_folder(sandbox: Sandbox) -> None:
    with pytest.raises(LockedError, match="another sandbox"), Sandbox.start(sandbox.folder):
        pass


def test_it_can_forget_everything_but_the_bucket(sandbox: Sandbox, clients: Clients) -> None:
    post(sandbox, "batch", identify(1))
    import_datasets(clients.personalize, files(sandbox.folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
    requests.delete(f"{sandbox.url}/_sandbox/inbox", timeout=5)
    assert sandbox.inbox.summary()["datasets"] == {} and sandbox.inbox.messages("segment") == []
    post(sandbox, "batch", identify(1))
    outcomes = import_datasets(clients.personalize, files(sandbox.folder), group_name="shop", job_suffix="1", role_arn=ROLE, poll=AT_ONCE)
    assert [outcome.state for outcome in outcomes] == ["loaded"] * 3
    assert [message["is_duplicate"] for message in sandbox.inbox.messages("segment")] == [False]


def test_the_log_of_requests_tells_operation_status_and_counts(sandbox: Sandbox, clients: Clients) -> None:
    sandbox.faults.add("segment", "slow", seconds=0.01)
    post(sandbox, "batch", identify(1))
    clients.personalize.list_schemas()
    assert Inbox(sandbox.folder).requests() == [
        {"service": "segment", "operation": "batch", "status": 200, "accepted": 1, "rejected": 0, "fault": "slow"},
        {"service": "personalize", "operation": "ListSchemas", "status": 200, "accepted": 1, "rejected": 0},
    ]
    assert "Credential" not in json.dumps(Inbox(sandbox.folder).requests())


def test_a_fault_can_come_back_every_so_many_requests(sandbox: Sandbox) -> None:
    sandbox.faults.add("segment", "error", nth=2, every=3, count=2)
    assert [post(sandbox, "batch", identify(number)).status_code for number in range(9)] == [200, 500, 200, 200, 500, 200, 200, 200, 200]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("segment:throttle,seconds=3,count=2", Fault("segment", "throttle", seconds=3.0, count=2)),
        ("personalize.CreateDatasetImportJob:error,nth=2,every=5", Fault("personalize", "error", operation="CreateDatasetImportJob", nth=2, every=5)),
        ("segment:partial,messages=m1+m2", Fault("segment", "partial", messages=("m1", "m2"))),
        ("segment.batch:reset,when=after", Fault("segment", "reset", operation="batch", when="after")),
    ],
)
def test_a_fault_as_a_person_writes_it_is_told_in_the_same_words(sandbox: Sandbox, text: str, fault: Fault) -> None:
    assert fault_of(text) == fault
    sandbox.faults.put(fault_of(text))
    (told,) = requests.get(f"{sandbox.url}/_sandbox/faults", timeout=5).json()["faults"]
    assert fault_of(told.partition(" (")[0]) == fault


@pytest.mark.parametrize("text", ["", "segment", "segment:explode", "segmnt:error", "segment:error,nth", "segment:error,nth=x", "segment:error,often=2", "segment:error,nth=0"])
def test_a_fault_that_cannot_be_read_is_one_line_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"--fault.*Fix: write segment:throttle") as raised:
        fault_of(text)
    assert "\n" not in str(raised.value)
