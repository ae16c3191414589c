"""Promise 3: same input, same output. Files that arrive in any order and batches, with a run after each, end in the same bytes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import Sample


def keys(sample: Sample) -> list[str]:
    return sorted(path.relative_to(sample.landing).as_posix() for path in sample.landing.rglob("*") if path.is_file())


def shuffled_batches(objects: list[str], seed: int) -> list[list[str]]:
    rng = random.Random(seed)
    order = list(objects)
    rng.shuffle(order)
    cuts = sorted(rng.sample(range(1, len(order)), 3))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def day_by_day(sample: Sample) -> list[list[str]]:
    """Segment's days in order, the last with the shop's change files, after a first batch of full loads."""
    days: dict[str, list[str]] = {}
    for key in keys(sample):
        day = key.split("/")[2] if key.startswith("segment-logs") else "0" if "/LOAD" in key else "9"
        days.setdefault(day, []).append(key)
    return [days[day] for day in sorted(days)]


def arrive(sample: Sample, batches: list[list[str]], folder: Path) -> dict[str, str]:
    """The lake's bytes after the batches came one after the other, with a run after each; objects are only added."""
    opened = running.workspace(folder / "landing", folder / "lake", as_of="2025-07-01", first_day=sample.counts.first_day.isoformat())
    for batch in batches:
        for key in batch:
            zone.put_bytes(folder / "landing", key, (sample.landing / key).read_bytes())
        running.run_steps(opened)
    return running.lake_bytes(folder / "lake")


@pytest.fixture(scope="module")
def whole(tiny: Sample, tmp_path_factory) -> dict[str, str]:
    """All files at once."""
    return arrive(tiny, [keys(tiny)], tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("seed", [1, 2])
def test_files_in_any_order_and_batches_end_in_the_bytes_of_one_run(tiny, whole, tmp_path, seed):
    assert running.differing(arrive(tiny, shuffled_batches(keys(tiny), seed), tmp_path), whole) == []


def test_days_that_arrive_one_by_one_end_in_the_bytes_of_one_run(tiny, whole, tmp_path):
    assert running.differing(arrive(tiny, day_by_day(tiny), tmp_path), whole) == []


@pytest.mark.parametrize("first", ["segment-logs", "dms"])
def test_one_export_may_come_wholly_before_the_other(tiny, whole, tmp_path, first):
    batches = [[key for key in keys(tiny) if key.startswith(first) is is_first] for is_first in (True, False)]
    assert running.differing(arrive(tiny, batches, tmp_path), whole) == []


def test_the_data_clock_follows_the_newest_file_whatever_came_first(tiny, tmp_path):
    """Without a given as-of each batch has its own; the last one is that of one run."""
    reached = running.workspace(tmp_path / "landing", tmp_path / "lake", first_day=tiny.counts.first_day.isoformat())
    ordered = [key for batch in reversed(day_by_day(tiny)) for key in batch]
    half = len(ordered) // 2
    for batch in (ordered[:half], ordered[half:]):
        for key in batch:
            zone.put_bytes(tmp_path / "landing", key, (tiny.landing / key).read_bytes())
        running.run_steps(reached)
    at_once = running.workspace(tiny.landing, tmp_path / "once", first_day=tiny.counts.first_day.isoformat())
    running.run_steps(at_once)
    assert running.differing(running.lake_bytes(tmp_path / "lake"), running.lake_bytes(tmp_path / "once")) == []


def test_copying_a_landing_zone_elsewhere_changes_no_byte(tiny, tmp_path):
    """Neither modification times nor the folder's own name reach the tables."""
    shutil.copytree(tiny.landing, tmp_path / "a copy's folder", copy_function=shutil.copyfile)
    running.run_steps(running.workspace(tmp_path / "a copy's folder", tmp_path / "lake"))
    assert running.differing(running.lake_bytes(tmp_path / "lake"), running.lake_bytes(tiny.lake)) == []


def test_threads_and_memory_of_the_engine_change_no_byte(tiny, tmp_path):
    running.run_steps(running.workspace(tiny.landing, tmp_path / "lake", engine_threads=1, engine_memory_mb=300))
    assert running.differing(running.lake_bytes(tmp_path / "lake"), running.lake_bytes(tiny.lake)) == []


def test_threads_and_memory_of_the_engine_change_no_feature_score_list_or_audience(tiny, tmp_path):
    lakes = []
    for name, limits in (("plain", {}), ("small", {"engine_threads": 1, "engine_memory_mb": 300})):
        shutil.copytree(tiny.lake, tmp_path / name)
        running.act(running.workspace(tiny.landing, tmp_path / name, **limits))
        lakes.append(running.lake_bytes(tmp_path / name))
    assert running.differing(*lakes) == []
    assert any(path.startswith("recommendations/") for path in lakes[0])
