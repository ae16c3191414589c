"""A shop's landing zone, `dagster dev` over it, and everything materialised once for all tests of this part.

New pictures for the docs: PICTURES=docs/images python -m pytest omnichannel_assets_tests/end_to_end/test_pages.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from omnichannel_assets.sample import sample_settings, write_sample
from omnichannel_assets_tests.end_to_end import dagster_dev
from omnichannel_assets_tests.end_to_end.browsing import Pages, missing_browser, open_browser
from omnichannel_assets_tests.end_to_end.dagster_dev import SENSORS, Site, wait_for

CUSTOMERS, DAYS = 120, 30


@dataclass(frozen=True)
class Materialised:
    """A site on which everything was materialised once, from a fresh lake: how that was asked for, and what the sensors were doing before."""

    site: Site
    truth: Path
    through: str
    sensors_at_start: dict[str, str]
    backfill: str


@pytest.fixture
def materialised(shared_site: Materialised) -> Iterator[Materialised]:
    """The one site, for one test at a time over all workers: a file dropped by one test would be a surprise to the others."""
    with FileLock(shared_site.site.folder.with_name("one-test.lock")):
        yield shared_site


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Materialised]:
    """The one site; parallel workers share it, and the last one to leave stops it."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    state, lock = shared / "site.json", FileLock(shared / "site.lock")
    with lock:
        found = json.loads(state.read_text()) if state.exists() else {"users": 0}
        if not found["users"]:
            found |= _prepare(tmp_path_factory.mktemp("end-to-end"), tmp_path_factory.mktemp("browser"))
        state.write_text(json.dumps(found | {"users": found["users"] + 1}))
    site = Site(Path(found["folder"]), found["port"], found["leader"])
    yield Materialised(site, Path(found["truth"]), found["through"], found["sensors_at_start"], found["backfill"])
    with lock:
        found = json.loads(state.read_text())
        state.write_text(json.dumps(found | {"users": found["users"] - 1}))
        if found["users"] == 1:
            dagster_dev.stop(site)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of the parallel worker; ``master`` without parallel workers."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture(scope="session")
def pages(shared_site: Materialised, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """A browser on the site; skips, and says why, where there is none."""
    if missing_browser():
        pytest.skip(missing_browser())
    with open_browser(shared_site.site, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def _prepare(folder: Path, profile: Path) -> dict[str, object]:
    """Start the site over an empty landing zone, put the files there while its sensors rest, and materialise everything."""
    root = folder / "root"
    landing, aside = root / "data" / "landing", folder / "aside"
    counts = write_sample(landing, folder / "truth", customers=CUSTOMERS, days=DAYS)
    bounds = "".join(f"{name}={value}\n" for name, value in sample_settings(counts).items())
    (landing / "sample.env").write_text(bounds, encoding="utf-8")
    parts = ("segment-logs", "dms")
    aside.mkdir()
    for part in parts:
        (landing / part).rename(aside / part)
    site = dagster_dev.start(root)
    try:
        status = {name: _status_after_a_tick(site, name) for name in SENSORS}
        for name in SENSORS:
            site.stop_sensor(name)
        for part in parts:
            (aside / part).rename(landing / part)
        through = _press_materialise_all(site, profile)
        backfill = _finished_backfill(site)
    except BaseException:
        dagster_dev.stop(site)
        raise
    return {k: str(v) if k == "folder" else v for k, v in asdict(site).items()} | {
        "truth": str(folder / "truth"),
        "through": through,
        "sensors_at_start": status,
        "backfill": backfill,
    }


def _status_after_a_tick(site: Site, name: str) -> str:
    state = wait_for(f"a tick of {name}", lambda: found if (found := site.sensor(name))["ticks"] else None)
    assert [tick["error"] for tick in state["ticks"] if tick["error"]] == []
    return state["status"]


def _press_materialise_all(site: Site, profile: Path) -> str:
    """What a person does for the whole graph, or the request that the page would send. Returns which of the two it was."""
    if not missing_browser():
        with open_browser(site, profile) as opened:
            opened.open("/asset-groups", "Materialize all", "trusted")
            opened.click("Materialize all")
            opened.wait_for_text("Partition selection", "All partitions")
            opened.click("Launch backfill")
            opened.wait_for_text("Created backfill")
        return "browser"
    keys = [{"path": [name]} for name in site.made()]
    mutation = "mutation($p: LaunchBackfillParams!){launchPartitionBackfill(backfillParams: $p){__typename ... on PythonError{message}}}"
    answer = site.ask(mutation, p={"assetSelection": keys, "allPartitions": True, "fromFailure": False})
    assert answer["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", answer
    return "graphql"


def _finished_backfill(site: Site) -> str:
    query = "{partitionBackfillsOrError{... on PartitionBackfills{results{status error{message}}}}}"

    def finished() -> str | None:
        failed = [run["runId"] for run in site.runs() if run["status"] == "FAILURE"]
        assert not failed, f"runs failed: {failed}\n{dagster_dev.log_of(site)[-8000:]}"
        (backfill,) = site.ask(query)["partitionBackfillsOrError"]["results"]
        return None if backfill["status"] in ("REQUESTED", "COMPLETING") else backfill["status"]

    return wait_for(f"the back-fill of {len(site.assets())} assets", finished, seconds=240)
