"""Crashes at any point and second writers: a re-run is always safe, a reader sees the old or the new table, nothing stays locked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from omnichannel_assets.errors import LockedError
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import Sample


class Crash(BaseException):
    """Not an Exception: nothing may catch it, as nothing catches a killed process."""


class CrashAt:
    """Counts writes and stops before the wanted one."""

    def __init__(self, number: int | None = None):
        self.number, self.keys = number, []

    def __call__(self, key: str) -> None:
        if len(self.keys) == self.number:
            raise Crash
        self.keys.append(key)


class CrashOnce:
    """Stops before each write point that no run before has stopped at."""

    def __init__(self):
        self.met: set[tuple[str, int]] = set()
        self.run: list[str] = []

    def start(self) -> CrashOnce:
        self.run = []
        return self

    def __call__(self, key: str) -> None:
        point = (key, self.run.count(key))
        if point not in self.met:
            self.met.add(point)
            raise Crash
        self.run.append(key)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A landing zone of few objects that still fills every trusted table."""
    landing = tmp_path_factory.mktemp("small") / "landing"
    refund = {"order_id": "o-2", "total": "5.00", "products": [{"product_id": "P-1", "price": "5.00", "quantity": 1}]}
    zone.put_segment(landing, "one", [zone.call("m1"), zone.order("m2", "o-2"), "no json", zone.call("m3", userId="u-2", anonymousId="a-2")])
    next_day = zone.DAY.replace(day=11)
    again = zone.call("m1", receivedAt=zone.moment(next_day, 60))
    zone.put_segment(landing, "two", [again, zone.call("m4", next_day, event="Order Refunded", properties=refund)], day=next_day)
    zone.put_table(landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1"), zone.customer("C2", email="c2@example.com"))
    zone.put_table(landing, "orders", "LOAD00000001.csv", zone.ORDERS, zone.shop_order("s-1", "C1"))
    zone.put_table(landing, "orders", "20250310-120000000.csv", zone.ORDERS, zone.shop_order("s-1", "C1", op="U", status="shipped", changed="2025-03-10 11:00:00", at="2025-03-10 11:00:00"))
    zone.put_table(landing, "products", "LOAD00000001.csv", zone.PRODUCTS, r"I,P-1,Mug,Home,5.00,GBP,active,2025-01-01 00:00:00,2025-01-01 00:00:00,2025-03-01 00:00:00")
    return landing


def grown(small: Path, folder: Path) -> Path:
    """The small landing zone after one more day and a correction: every kind of table changes."""
    for path in small.rglob("*"):
        if path.is_file():
            zone.put_bytes(folder, path.relative_to(small).as_posix(), path.read_bytes())
    late = [zone.call("m0", seconds=5, anonymousId="a-2"), zone.call("m4", seconds=5, userId="u-2", traits={"email": "c2@example.com"}, type="identify")]
    zone.put_segment(folder, "late", late)
    zone.put_table(folder, "customers", "20250312-120000000.csv", zone.CUSTOMERS, zone.customer("C1", op="U", name="Augusta", changed="2025-03-12 11:00:00", at="2025-03-12 11:00:00"))
    zone.put_table(folder, "orders", "20250312-120000000.csv", zone.ORDERS, zone.shop_order("s-2", "C2", changed="2025-03-12 11:00:00", at="2025-03-12 11:00:00"))
    return folder


def run_until_crash(landing: Path, lake: Path, number: int | None, **options) -> CrashAt:
    hook = CrashAt(number)
    running.run_steps(running.workspace(landing, lake, before_write=hook, **options))
    return hook


def chain_of_crashes(landing: Path, lake: Path, limit: int) -> Iterator[int]:
    """Runs that each crash before the next write point, until one completes; yields the number of crashes after each."""
    hook = CrashOnce()
    for crashes in range(1, limit + 2):
        try:
            running.run_steps(running.workspace(landing, lake, before_write=hook.start()))
            return
        except Crash:
            yield crashes


def data_of(lake: Path) -> dict[str, str]:
    return {path: digest for path, digest in running.lake_bytes(lake).items() if path.endswith(".parquet")}


def test_a_chain_of_runs_that_each_crash_one_write_later_ends_in_the_bytes_of_a_clean_run(small, tmp_path):
    clean = run_until_crash(small, tmp_path / "clean", None)
    finished = running.lake_bytes(tmp_path / "clean")
    complete = data_of(tmp_path / "clean")
    crashes = 0
    for crashes in chain_of_crashes(small, tmp_path / "lake", len(clean.keys)):
        held = data_of(tmp_path / "lake")
        assert held.items() <= complete.items(), f"after crash {crashes}"
        if crashes % 10 == 0:
            check_readable(small, tmp_path / "lake")
    assert crashes == len(clean.keys)
    assert running.differing(running.lake_bytes(tmp_path / "lake"), finished) == []


def check_readable(landing: Path, lake: Path) -> None:
    """Every stored file opens, and people can query what there is."""
    opened = running.workspace(landing, lake)
    for path in (lake / "tables").rglob("*.parquet"):
        pq.read_table(path, partitioning=None).validate(full=True)
    with public_engine(opened.lake, opened.tables) as engine:
        for name in ("segment_events", "orders", "customers", "interactions"):
            engine.rows(f"select count(*) from {name}")


def test_a_crash_before_any_write_of_an_update_leaves_each_table_old_or_new_and_a_re_run_repairs_it(small, tmp_path):
    landing = grown(small, tmp_path / "landing")
    run_until_crash(small, tmp_path / "old", None)
    old = data_of(tmp_path / "old")
    run_until_crash(small, tmp_path / "stepped", None)
    clean = run_until_crash(landing, tmp_path / "stepped", None)
    new, finished = data_of(tmp_path / "stepped"), running.lake_bytes(tmp_path / "stepped")
    assert {path.split("/")[0] for path in new if new[path] != old.get(path)} >= {"segment_events", "dms_orders", "customers", "orders", "identities", "interactions"}

    run_until_crash(small, tmp_path / "lake", None)
    crashes = 0
    for crashes in chain_of_crashes(landing, tmp_path / "lake", len(clean.keys)):  # noqa: B007 (its last value is the count)
        held = data_of(tmp_path / "lake")
        assert [path for path, digest in held.items() if digest not in (old.get(path), new.get(path))] == []
    assert crashes == len(clean.keys)
    assert running.differing(running.lake_bytes(tmp_path / "lake"), finished) == []


def test_a_run_that_crashed_on_its_way_to_another_as_of_never_passes_its_tables_off_as_the_first(small, tmp_path):
    """The dangerous place is between a data file and its manifest: the manifest must not vouch for bytes it does not describe."""
    earlier, later = {"as_of": "2025-03-11"}, {"as_of": "2025-03-13"}
    run_until_crash(small, tmp_path / "lake", None, **earlier)
    wanted = running.lake_bytes(tmp_path / "lake")
    number = 0
    while True:
        try:
            run_until_crash(small, tmp_path / "lake", number, **later)
            break
        except Crash:
            run_until_crash(small, tmp_path / "lake", None, **earlier)
            assert running.differing(running.lake_bytes(tmp_path / "lake"), wanted) == [], f"crash before write {number}"
            number += 1
    assert number > 10


KILLER = """
import os, signal, sys
from omnichannel_assets.cli import main

replace, wanted, seen = os.replace, int(sys.argv.pop(1)), []

def killing(source, target):
    if f"{os.sep}tables{os.sep}" in str(target):
        if len(seen) == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(target)
    replace(source, target)

os.replace = killing
main()
"""


def command(*arguments: str, code: str | None = None, folder: Path) -> subprocess.Popen:
    """The command, or a driver that calls it, in a folder of its own and without a person's settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR")}
    kept |= {"SEARCH_TRIALS": "0", "EVALUATION_ORIGINS": "1"}
    kept["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).resolve().parents[2]), kept.get("PYTHONPATH", "")])
    start = [sys.executable, "-c", code] if code else [sys.executable, "-m", "omnichannel_assets.cli"]
    return subprocess.Popen([*start, *arguments], cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_command_leaves_no_lock_and_running_it_again_gives_the_bytes_of_a_clean_run(small, tmp_path):
    clean = run_until_crash(small, tmp_path / "clean", None)
    arguments = ["run", "--landing", str(small), "--lake", str(tmp_path / "lake"), "--quiet"]
    for write in (3, len(clean.keys) // 3, len(clean.keys) // 3):
        killed = command(str(write), *arguments, code=KILLER, folder=tmp_path)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
    finished = command(*arguments, folder=tmp_path)
    out, errors = finished.communicate()
    assert (finished.returncode, errors) == (0, "")
    assert "rewritten" in out
    running.act(running.workspace(small, tmp_path / "clean"))
    assert running.differing(running.lake_bytes(tmp_path / "lake"), running.lake_bytes(tmp_path / "clean")) == []


def test_a_killed_run_leaves_no_unfinished_files_behind_once_the_next_run_is_done(small, tmp_path):
    """Files in the making live in a hidden folder; nobody else would ever clear them away."""
    arguments = ["run", "--landing", str(small), "--lake", str(tmp_path / "lake"), "--quiet"]
    killed = command("8", *arguments, code=KILLER, folder=tmp_path)
    killed.communicate()
    running.run_steps(running.workspace(small, tmp_path / "lake"))
    assert [path.name for path in (tmp_path / "lake" / ".scratch").iterdir() if path.is_file()] == ["lock"]


HOLDER = """
import sys
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.store import LocalStore
with Lake(LocalStore(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_gets_one_line_while_readers_go_on(tiny: Sample, tmp_path):
    for path in (tiny.lake / "tables").rglob("*"):
        if path.is_file():
            zone.put_bytes(tmp_path / "lake", path.relative_to(tiny.lake).as_posix(), path.read_bytes())
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lake")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        opened = running.workspace(tiny.landing, tmp_path / "lake", lock_wait_seconds=0)
        before = running.lake_bytes(tmp_path / "lake", without=())
        with pytest.raises(LockedError) as refused:
            running.run_steps(opened)
        assert str(refused.value).count("\n") == 0
        assert "LOCK_WAIT_SECONDS" in str(refused.value)
        assert running.lake_bytes(tmp_path / "lake", without=()) == before
        with public_engine(opened.lake, opened.tables) as engine:
            assert engine.rows("select count(*) from orders") == [(tiny.counts.orders,)]
    finally:
        holder.communicate("")
    assert running.run_steps(opened) == {}
