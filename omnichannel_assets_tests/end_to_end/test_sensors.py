"""A file dropped into the landing zone starts its partition through the daemon's sensor, once."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.store import LocalStore
from omnichannel_assets.settings import load_settings
from omnichannel_assets_tests.end_to_end.conftest import Materialised
from omnichannel_assets_tests.end_to_end.dagster_dev import Site, wait_for

CALLS = 3
QUIET_TICKS = 2
FIRST_TICKS = 1


def test_a_segment_object_starts_its_received_day_once(materialised: Materialised) -> None:
    site = materialised.site
    day = load_settings({"landing_uri": str(site.landing)}, environment={}, folder=site.folder).last_day
    before = _rows(site, "segment_events", ("received_day", day.isoformat()))
    with _ticking(site, "new_segment_files"):
        _drop(site, _folder_of(site, day) / "dropped-by-a-test.gz", gzip.compress(_calls(day)))
        (run,) = _finished_runs(site, "new_segment_files")
        _wait_for_quiet_ticks(site, "new_segment_files")
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/partition"] == day.isoformat()
    assert [found["runId"] for found in site.runs_of("new_segment_files")] == [run["runId"]]
    assert _rows(site, "segment_events", ("received_day", day.isoformat())) == before + CALLS


def test_a_dms_file_starts_its_table_once(materialised: Materialised) -> None:
    site = materialised.site
    before = _rows(site, "dms_products")
    with _ticking(site, "new_dms_files"):
        _drop(site, site.landing / "dms" / "retail" / "products" / "20260630-235900000.csv", _changed_price(site))
        (run,) = _finished_runs(site, "new_dms_files")
        _wait_for_quiet_ticks(site, "new_dms_files")
    assert run["status"] == "SUCCESS"
    assert {key["path"][0] for key in run["assetSelection"]} == {"landing_files", "dms_products"}
    assert [found["runId"] for found in site.runs_of("new_dms_files")] == [run["runId"]]
    assert _rows(site, "dms_products") == before + 1


@contextmanager
def _ticking(site: Site, sensor: str) -> Iterator[None]:
    """One sensor switched on, after it looked once and found that everything is staged."""
    site.start_sensor(sensor)
    try:
        _wait_for_quiet_ticks(site, sensor, FIRST_TICKS)
        assert site.runs_of(sensor) == []
        yield
    finally:
        site.stop_sensor(sensor)


def _wait_for_quiet_ticks(site: Site, sensor: str, ticks: int = QUIET_TICKS) -> None:
    """Until the sensor looked a few more times and found nothing."""
    seen = {tick["tickId"] for tick in site.sensor(sensor)["ticks"]}

    def looked() -> bool:
        newer = [tick for tick in site.sensor(sensor)["ticks"] if tick["tickId"] not in seen]
        assert [tick["error"] for tick in newer if tick["error"]] == []
        return sum(tick["status"] == "SKIPPED" for tick in newer) >= ticks

    wait_for(f"{ticks} ticks of {sensor} without anything new", looked, seconds=120)


def _finished_runs(site: Site, sensor: str) -> list[dict]:
    def finished() -> list[dict] | None:
        runs = site.runs_of(sensor)
        return runs if runs and all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in runs) else None

    return wait_for(f"a run of {sensor}", finished, seconds=120)


def _rows(site: Site, table: str, partition: tuple[str, str] | None = None) -> int:
    manifest = Lake(LocalStore(site.lake)).manifest(table, partition)
    return manifest.rows if manifest else 0


def _folder_of(site: Site, day: object) -> Path:
    """The folder of a received day, below whichever source has one or would have one."""
    (logs,) = site.landing.rglob("segment-logs")
    source = sorted(logs.iterdir())[0]
    return source / str(int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000))


def _calls(day: object) -> bytes:
    """Page views of a visitor nobody knows."""
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    times = [(noon + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z") for second in range(CALLS)]
    shared = {"type": "page", "anonymousId": "dropped-visitor", "context": {}, "properties": {}, "channel": "browser", "version": 1}
    calls = [shared | {"messageId": f"dropped-{n}", "timestamp": at, "originalTimestamp": at, "sentAt": at, "receivedAt": at} for n, at in enumerate(times)]
    return "".join(json.dumps(call) + "\n" for call in calls).encode()


def _changed_price(site: Site) -> bytes:
    """The newest change file of the products with its first row changed once more."""
    newest = sorted((site.landing / "dms" / "retail" / "products").glob("2026*.csv"))[-1].read_text(encoding="utf-8").splitlines()
    names, values = newest[0].split(","), newest[1].split(",")
    changed = dict(zip(names, values, strict=True)) | {"Op": "U", "price": "123.45", "updated_at": "2026-06-30 23:58:00.000000", "dms_ts": "2026-06-30 23:58:30.000000"}
    return (",".join(names) + "\n" + ",".join(changed.values()) + "\n").encode()


def _drop(site: Site, target: Path, data: bytes) -> None:
    """Put a file in place whole, as an object store shows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = site.folder.with_name(target.name)
    unfinished.write_bytes(data)
    os.replace(unfinished, target)
