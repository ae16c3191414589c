"""Score traits of a million customers to Segment's stand-in (``python -m benchmarks.segment_delivery [PEOPLE [CASES]]``).

The same messages four ways: ready-made bytes over one connection (what the sandbox itself can take), our client alone, our whole stream with
its ledger in a lake (new customers, then all of them changed, then one in a hundred changed), and segment-analytics-python (SEGMENT_PEER names
a Python that has it, where this one has not). Each case is a process of its own and has a sandbox of its own in another process: wall and CPU
seconds, peak memory, requests. One round.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PEOPLE = 1_000_000
AS_OF = date(2026, 7, 1)
AT = datetime(2026, 7, 1, tzinfo=UTC)
KEY = "write-key"
SERVED = "import sys; from omnichannel_assets.sandbox import serve; serve(sys.argv[1], 0, lambda url: print(url, flush=True))"
WORDS = {
    "bytes": "ready-made bytes, 1,000 messages a request: the sandbox's own limit",
    "client": "ours: the client alone",
    "stream": "ours: the whole stream with its ledger, all customers new",
    "changed": "ours: the same customers, all of them changed",
    "hundredth": "ours: the same customers, one in a hundred changed",
    "peer": "segment-analytics-python, one consumer thread, 100 messages a request",
}
CASES = tuple(WORDS)
Clocks = tuple[float, float]


def clocks() -> Clocks:
    """Wall and CPU seconds so far."""
    return time.monotonic(), time.process_time()


def since(began: Clocks) -> Clocks:
    """Wall and CPU seconds since then."""
    now = clocks()
    return now[0] - began[0], now[1] - began[1]


def traits(number: int, day: int = 0, every: int = 1) -> dict[str, Any]:
    """Scores of one customer; those of ``day`` differ from the day before for one customer in ``every``."""
    score = (number * 7919 % 1_000_003 + (day if number % every == 0 else max(day - 1, 0))) / 1_000_100
    band = "high" if score > 0.8 else "medium" if score > 0.4 else "low"
    return {"churn_score": score, "churn_band": band, "repurchase_score": round(1 - score, 6), "repurchase_decile": number % 10 + 1, "subscription_churn_score": None}


def messages(people: int) -> Iterator[dict[str, Any]]:
    """Identify messages in our form."""
    from omnichannel_assets.activation.segment import identify

    for number in range(people):
        yield identify(user_id=f"U-{number:08d}", traits=traits(number), message_id=f"oa-{number:032x}", timestamp=AT)


def score_traits(people: int, day: int, every: int) -> Any:
    """The same customers as a table, as the model ``score_traits`` gives them."""
    import pyarrow as pa

    size, parts = 50_000, []
    for start in range(0, people, size):
        numbers = range(start, min(start + size, people))
        who = {"destination_type": ["user_id"] * len(numbers), "destination_key": [f"U-{number:08d}" for number in numbers], "customer_id": [f"c_{number:016x}" for number in numbers]}
        scores = pa.Table.from_pylist([traits(number, day, every) for number in numbers])
        parts.append(pa.table({**who, **dict(zip(scores.column_names, scores.columns, strict=True))}))
    return pa.concat_tables(parts)


def bodies(people: int) -> list[bytes]:
    """Requests that only have to be sent."""
    import json

    lines, made = [], []
    for message in messages(people):
        lines.append(json.dumps(message, separators=(",", ":")))
        if len(lines) == 1_000:
            made.append(('{"batch":[' + ",".join(lines) + "]}").encode())
            lines = []
    return [*made, ('{"batch":[' + ",".join(lines) + "]}").encode()] if lines else made


def send_bytes(url: str, folder: Path, people: int) -> Clocks:
    """Returns what sending alone took, as every case does: making up the customers is not counted."""
    import http.client
    from base64 import b64encode

    made = bodies(people)
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    headers = {"Content-Type": "application/json", "Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}
    began = clocks()
    for body in made:
        connection.request("POST", "/v1/batch", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    return since(began)


def send_client(url: str, folder: Path, people: int) -> Clocks:
    from omnichannel_assets.activation.segment import SegmentClient

    began = clocks()
    sent = sum(outcome.state == "loaded" for outcomes in SegmentClient(url, KEY).deliver(messages(people)) for outcome in outcomes)
    assert sent == people
    return since(began)


def send_stream(url: str, folder: Path, people: int, day: int = 0, every: int = 1) -> Clocks:
    """A stream as a delivery sends it, from a table of scores."""
    from omnichannel_assets.activation.calls import no_hook
    from omnichannel_assets.activation.contents import ContentTable
    from omnichannel_assets.assets.campaign_streams import SCORE_TRAITS, SCORES, Stream
    from omnichannel_assets.assets.deliveries import _send_contents
    from omnichannel_assets.assets.ledgers import StoredLedger
    from omnichannel_assets.assets.streams import Delivery
    from omnichannel_assets.resources.channels import open_channels
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.settings import Settings

    workspace = Workspace(Settings(landing_uri=str(folder), lake_uri=str(folder / "lake"), sandbox_url=url))
    rows = score_traits(people, day, every)
    began = clocks()
    wanted = ContentTable(rows, ("destination_type", "destination_key"), "customer_id", SCORE_TRAITS)
    del rows
    delivery = Delivery(workspace, "segment", AS_OF + timedelta(days=day), no_hook, StoredLedger(workspace, "segment"))
    delivery.wants(SCORES, is_campaign=False)
    with workspace.lake.writing(), open_channels(workspace, no_hook) as channels:
        _send_contents(delivery, channels, Stream(SCORES, wanted, delivery.leavers(SCORES, wanted, dict.fromkeys(SCORE_TRAITS))))
    print(delivery.results[SCORES], file=sys.stderr)
    return since(began)


def send_peer(url: str, folder: Path, people: int) -> Clocks:
    import logging

    import segment.analytics as peer

    logging.disable()  # it tells of every full queue
    peer.write_key, peer.host, peer.max_queue_size = KEY, url, 10_000
    peer.on_error = lambda error, items: sys.exit(f"refused: {error}")
    began = clocks()
    for number in range(people):
        while not peer.identify(f"U-{number:08d}", traits(number), timestamp=AT, message_id=f"oa-{number:032x}")[0]:
            time.sleep(0.01)  # its queue is full
    peer.flush()
    peer.shutdown()
    return since(began)


SENDERS = {
    "bytes": send_bytes,
    "client": send_client,
    "stream": send_stream,
    "changed": lambda url, folder, people: send_stream(url, folder, people, 1),
    "hundredth": lambda url, folder, people: send_stream(url, folder, people, 2, 100),
    "peer": send_peer,
}


def measured(case: str, folder: Path, people: int) -> str:
    """Wall seconds of sending, messages a second, CPU seconds of sender and sandbox, their peak MiB, requests: cells of a table's row."""
    inbox = folder / f"sandbox-{case}"
    served = subprocess.Popen([sys.executable, "-W", "ignore", "-c", SERVED, str(inbox)], stdout=subprocess.PIPE, text=True)
    url = served.stdout.readline().strip() if served.stdout else ""
    python = os.environ.get("SEGMENT_PEER", sys.executable) if case == "peer" else sys.executable
    process = subprocess.Popen([python, "-W", "ignore", "-m", "benchmarks.segment_delivery", "case", case, url, str(folder), str(people)], stdout=subprocess.PIPE, text=True)
    told = process.stdout.read().split() if process.stdout else []
    _, process.returncode, used = os.wait4(process.pid, 0)
    served.terminate()
    _, served.returncode, took = os.wait4(served.pid, 0)
    if process.returncode:
        return "failed | | | | |"
    with (inbox / "segment.jsonl").open("rb") as file:
        sent = sum(1 for _ in file)
    with (inbox / "requests.jsonl").open("rb") as file:
        requests = sum(1 for _ in file)
    wall, cpu = map(float, told)
    cells = [wall, sent / wall, cpu, took.ru_utime + took.ru_stime, used.ru_maxrss / 1024, took.ru_maxrss / 1024, requests]
    return " | ".join([f"{sent:,}", *(f"{cell:,.0f}" for cell in cells)])


def rows(people: int, cases: Iterable[str]) -> list[str]:
    """The measured rows of the benchmark's table, printed as they come."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for case in cases:
            if case == "peer" and not _has_peer():
                continue
            found.append(f"| {people:,} | {WORDS[case]} | {measured(case, Path(name), people)} |")
            print(found[-1], flush=True)
    return found


def section() -> str:
    """The part of docs/benchmarks.md about this."""
    return HEAD + "\n".join(rows(PEOPLE, CASES)) + "\n"


HEAD = """
## A million customers to Segment

Score traits to the [sandbox](sandbox.md), which runs in another process and checks every message (`python -m benchmarks.segment_delivery`). The stream is what a delivery does: compare
with the ledger, write ahead, send, note every outcome, four times saved. segment-analytics-python keeps no ledger and sends whatever it is given. CPU of the sender without making up
the customers, memory of its whole process. One round.

| Customers | What | sent | wall s | a second | CPU s, sender | CPU s, sandbox | peak MiB, sender | peak MiB, sandbox | requests |
|---|---|---|---|---|---|---|---|---|---|
"""


def _has_peer() -> bool:
    return "SEGMENT_PEER" in os.environ or find_spec("segment") is not None


if __name__ == "__main__":
    if sys.argv[1:2] == ["case"]:
        print(*SENDERS[sys.argv[2]](sys.argv[3], Path(sys.argv[4]), int(sys.argv[5])))
    else:
        rows(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE, sys.argv[2].split(",") if len(sys.argv) > 2 else CASES)
