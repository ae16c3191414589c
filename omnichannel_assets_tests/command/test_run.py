"""``omnichannel run``, ``sample`` and ``verify``: results on stdout, progress on stderr, refusals in one line."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.store import LocalStore
from omnichannel_assets.sandbox.server import Sandbox
from omnichannel_assets_tests.command.conftest import Shop, omnichannel, surroundings


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", text)]


def test_every_equation_of_the_summary_holds_to_the_row(shop: Shop) -> None:
    equations = [line for line in shop.ran.out.splitlines() if " = " in line]
    assert len(equations) >= 5
    for line in equations:
        left, right = line.split(" = ")
        assert numbers(left)[-1] == sum(numbers(right)), line


def test_the_summary_counts_what_the_sample_says_it_wrote(shop: Shop) -> None:
    orders = int(re.search(r"([\d,]+) orders", shop.sampled.out)[1].replace(",", ""))
    (line,) = [line for line in shop.ran.out.splitlines() if line.startswith("Orders")]
    assert numbers(line)[0] == orders


def test_the_result_goes_to_stdout_the_journey_to_stderr_and_the_end_names_the_next_step(shop: Shop) -> None:
    assert re.fullmatch(r"(\d\d:\d\d:\d\d  [^\n]+\n)+", shop.ran.err)
    assert "customers: " in shop.ran.err
    assert shop.ran.out.splitlines()[-1] == 'Next: omnichannel sql "select * from customers limit 5" --lake lake'


def test_a_second_run_rewrites_no_file_and_says_so(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "again")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "again" / "lake" / "tables").rglob("*") if path.is_file()}
    assert len(files) > 60
    said = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=tmp_path / "again")
    # copying the landing zone kept the files' times, so its listing is the same
    assert (said.code, said.err) == (0, "")
    assert "Nothing changed: the lake already holds what the landing zone gives; no file was rewritten." in said.out
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_channel_that_cannot_be_delivered_fails_the_run_with_one_line_and_stops_no_other(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "down"
    shutil.copytree(shop.folder, folder)
    for left in ("tables/delivery_ledger", "outbox", "sandbox"):
        shutil.rmtree(folder / "lake" / left)
    with Sandbox.start(tmp_path / "sandbox") as sandbox:
        said = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=folder, SANDBOX_URL=f"{sandbox.url}/nothing")
    assert said.code == 1
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert {"segment:", "pinpoint:", "connect:"} <= {line.split()[1] for line in lines} and all("Fix: " in line for line in lines)
    assert any(line.startswith("error: segment: Segment's address") for line in lines)
    assert "Traceback" not in said.err
    assert re.search(r"segment +failed: ", said.out) and re.search(r"connect +win_back +.*\d+ failed", said.out)
    again = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=folder)
    assert (again.code, again.err) == (0, "")
    for channel, stream in (("segment", "scores"), ("connect", "win_back"), ("pinpoint", "win_back")):
        assert re.search(rf"{channel} +{stream} +\d+ loaded", again.out), again.out


def test_the_lake_equals_the_truth_and_verify_says_so_in_every_form(shop: Shop) -> None:
    as_csv = shop.ask("verify", "--truth", "truth", "--format", "csv")
    figures = {row["figure"]: row for row in csv.DictReader(io.StringIO(as_csv.out))}
    assert (as_csv.code, as_csv.err) == (0, "")
    assert {row["holds"] for row in figures.values()} == {"yes", ""}
    as_json = shop.ask("verify", "--truth", "truth", "--format", "json")
    assert [row["figure"] for row in json.loads(as_json.out)] == list(figures)


def test_verify_fails_with_1_and_still_prints_when_the_truth_differs(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder / "truth", tmp_path / "truth")
    orders = (tmp_path / "truth" / "orders.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "truth" / "orders.csv").write_text("".join(orders[:-1]), encoding="utf-8")
    said = shop.ask("verify", "--truth", str(tmp_path / "truth"), "--format", "csv")
    assert said.code == 1
    assert "orders that are none,1,NO" in said.out
    assert said.err == "error: verify: the lake differs from the truth where `holds` says NO\n"


def test_a_folder_that_is_no_truth_is_refused(shop: Shop) -> None:
    assert shop.ask("verify", "--truth", "landing").line.startswith("error: --truth: expected a truth folder, got landing without identity.csv. ")


def test_a_missing_landing_zone_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    said = omnichannel("run", "--landing", "nowhere", "--lake", "lake", folder=tmp_path)
    assert said.line == "error: LANDING_URI: expected an existing folder, got 'nowhere'. Fix: name the folder Segment and DMS write to, or make one with `omnichannel sample`."
    assert list(tmp_path.iterdir()) == []


def test_an_empty_landing_zone_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    said = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=tmp_path)
    assert said.line == (
        "error: data clock: expected at least one file with a received day in the landing zone, got an empty catalogue. Fix: check LANDING_URI, or set AS_OF."
    )


@pytest.mark.parametrize("arguments", [("sql", "select 1"), ("explain", "x"), ("verify", "--truth", "t")])
def test_a_folder_that_is_no_lake_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    said = omnichannel(*arguments, "--lake", "nowhere", folder=tmp_path)
    assert said.line == "error: LAKE_URI: expected a lake, got 'nowhere'. Fix: name one with --lake, or make it with `omnichannel run`."
    assert list(tmp_path.iterdir()) == []


def test_a_lake_that_another_run_is_writing_to_is_left_alone(shop: Shop) -> None:
    with Lake(LocalStore(shop.lake)).writing():
        said = omnichannel("run", "--landing", "landing", "--lake", "lake", folder=shop.folder, LOCK_WAIT_SECONDS="0")
    assert (said.code, said.out) == (1, "")
    waits, refused = said.err.splitlines()
    assert waits.endswith("  another run is writing to this lake; waiting up to 0 s")
    assert refused == f"error: {shop.lake}: another run is writing to this lake. Fix: wait for it to end, or raise LOCK_WAIT_SECONDS"


def test_an_interrupted_run_exits_with_130_and_running_again_finishes_it(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder / "landing", tmp_path / "landing")
    command = [sys.executable, "-m", "omnichannel_assets.cli", "run", "--landing", "landing", "--lake", "lake"]
    running = subprocess.Popen(command, cwd=tmp_path, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "dms_customers" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err.splitlines()[-1]) == (130, "", "interrupted; running again is safe")
    assert "Traceback" not in err
    again = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=tmp_path)
    assert again.code == 0
    assert again.out.splitlines()[2:-3] == shop.ran.out.splitlines()[2:-3]


def test_a_locked_lake_can_still_be_read(shop: Shop) -> None:
    with Lake(LocalStore(shop.lake)).writing():
        assert shop.ask("sql", "select count(*) as n from customers", "--format", "csv").code == 0


def test_a_wrong_setting_stops_the_command_with_one_line_each(shop: Shop) -> None:
    said = shop.ask("sql", "select 1", ENGINE_THREADS="0", AS_OF="soon")
    assert said.code == 1
    assert [line.split(": ")[1] for line in said.err.splitlines()] == ["AS_OF", "ENGINE_THREADS"]
    assert "Traceback" not in said.err


def test_a_sample_is_never_mixed_into_a_folder_that_holds_something(shop: Shop) -> None:
    said = omnichannel("sample", "--out", "landing", "--truth", "truth2", folder=shop.folder)
    assert said.line == "error: --out: expected a new or empty folder, got 'landing'. Fix: name another one, or remove it."


def test_a_sample_writes_its_bounds_beside_its_files(shop: Shop) -> None:
    assert (shop.folder / "landing" / "sample.env").read_text(encoding="utf-8").splitlines()[1:] == ["FIRST_DAY=2026-06-25", "LAST_DAY=2026-06-30"]


@pytest.mark.parametrize("command", ["run", "sql", "explain", "sample", "verify"])
def test_every_command_has_help_that_opens_with_what_it_does(command: str, tmp_path: Path) -> None:
    said = omnichannel(command, "--help", folder=tmp_path)
    assert said.code == 0
    assert re.search(r"^Usage: omnichannel [a-z]+ [^.]+\n\n  [A-Z][^.]+\.", said.out), said.out


def test_every_option_says_what_it_is_for() -> None:
    from omnichannel_assets.cli import cli

    silent = [f"{name} {option.opts[0]}" for name, command in cli.commands.items() for option in command.params if option.param_type_name == "option" and not option.help]
    assert silent == []
