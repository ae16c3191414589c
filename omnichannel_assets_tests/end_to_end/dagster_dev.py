"""`dagster dev` as a process over a copy of the project's root, and its GraphQL. Started once, shared by parallel test workers, stopped with all its children."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from omnichannel_assets.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT_FILES = ("workspace.yaml", "dagster.yaml", "dg.toml")
SENSORS = ("new_segment_files", "new_dms_files", "new_as_of_date", "fresh_scores")
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "omnichannel-assets"}

HASTE = '''"""Loaded by every Python below `dagster dev` in the tests; makes the daemon wait 2 s where it waits 30 s, and lets sensors tick at each turn."""
import sys
if "dagster._daemon" in getattr(sys, "orig_argv", []):
    import dagster._daemon.controller, dagster._daemon.sensor
    dagster._daemon.controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
    dagster._daemon.sensor.is_under_min_interval = lambda *arguments: False
'''

Found = TypeVar("Found")


def wait_for(what: str, look: Callable[[], Found | None], seconds: float = 60, pause: float = 0.5) -> Found:
    """What ``look`` returns once it is not None or False. Raises TimeoutError that says what was waited for."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)


def own_environment(home: Path | None = None) -> dict[str, str]:
    """The environment for a command in the copy: no setting of this machine, no Dagster home but the given one, nothing sent, models that cost little."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours and not name.startswith(("DAGSTER_", "COV_"))}
    kept |= {"SEARCH_TRIALS": "0", "EVALUATION_ORIGINS": "1", "PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONWARNINGS": "ignore"}
    return kept | ({"DAGSTER_HOME": str(home)} if home else {})


@dataclass(frozen=True)
class Site:
    """A copy of the project's root with a running `dagster dev`: where it is, its port, and the leader of its processes."""

    folder: Path
    port: int
    leader: int = 0

    @property
    def landing(self) -> Path:
        return self.folder / "data" / "landing"

    @property
    def lake(self) -> Path:
        return self.folder / "data" / "lake"

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Data of a GraphQL query. Raises AssertionError with its errors."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url("/graphql"), body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def runs(self) -> list[dict[str, Any]]:
        """Every run, newest first, with its tags as a dictionary."""
        found = self.ask("{runsOrError{... on Runs{results{runId status jobName tags{key value} assetSelection{path}}}}}")["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def runs_of(self, sensor: str) -> list[dict[str, Any]]:
        """Runs that one sensor started."""
        return [run for run in self.runs() if run["tags"].get("dagster/sensor_name") == sensor]

    def sensor(self, name: str) -> dict[str, Any]:
        """Status of a sensor and its latest ticks, newest first."""
        query = """query($s: SensorSelector!){sensorOrError(sensorSelector: $s){... on Sensor{sensorState{
            id selectorId status ticks(limit: 20){tickId status skipReason error{message}}}}}}"""
        return self.ask(query, s=REPOSITORY | {"sensorName": name})["sensorOrError"]["sensorState"]

    def stop_sensor(self, name: str) -> None:
        self.ask("mutation($id: String!){stopSensor(id: $id){__typename}}", id=self.sensor(name)["id"])

    def start_sensor(self, name: str) -> None:
        self.ask("mutation($s: SensorSelector!){startSensor(sensorSelector: $s){__typename}}", s=REPOSITORY | {"sensorName": name})

    def assets(self) -> list[dict[str, Any]]:
        """Every asset of the code location, as its page shows it."""
        return self.ask(ASSETS)["assetNodes"]

    def made(self) -> dict[str, dict[str, Any]]:
        """The assets that runs make, by name."""
        return {"/".join(asset["assetKey"]["path"]): asset for asset in self.assets() if asset["isMaterializable"]}


ASSETS = """{assetNodes{assetKey{path} groupName description isMaterializable isPartitioned kinds owners{... on TeamAssetOwner{team}}
    metadataEntries{__typename label ... on TableSchemaMetadataEntry{schema{columns{name type description}}}}
    partitionStats{numMaterialized numPartitions numFailed}
    assetMaterializations(limit: 40){partition metadataEntries{__typename label
        ... on IntMetadataEntry{intValue} ... on MarkdownMetadataEntry{mdStr} ... on TextMetadataEntry{text} ... on PathMetadataEntry{path} ... on UrlMetadataEntry{url}
        ... on TableColumnLineageMetadataEntry{lineage{columnName columnDeps{assetKey{path} columnName}}}}}
    assetChecksOrError{... on AssetChecks{checks{name blocking description executionForLatestMaterialization{status evaluation{success metadataEntries{label}}}}}}}}"""


def start(folder: Path) -> Site:
    """Start `dagster dev` in a copy of the project's root; returns once it answers and both sensors have ticked."""
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, folder / name)
    haste = folder.with_name("haste")
    haste.mkdir(exist_ok=True)
    (haste / "sitecustomize.py").write_text(HASTE, encoding="utf-8")
    environment = own_environment(folder)
    environment["PYTHONPATH"] = os.pathsep.join([str(haste), str(ROOT)])
    port = _free_port()
    with (folder.with_name("dagster-dev.log")).open("wb") as log:
        command = [sys.executable, "-m", "dagster", "dev", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    site = Site(folder, port, process.pid)
    try:
        wait_for("dagster dev to answer", lambda: _answers(site, process), seconds=90)
    except BaseException:
        stop(site)
        raise
    return site


def _answers(site: Site, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, log_of(site)
    try:
        loaded = site.ask("{repositoriesOrError{... on RepositoryConnection{nodes{name}}}}")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return bool(loaded["repositoriesOrError"].get("nodes"))


def log_of(site: Site) -> str:
    """What `dagster dev` and the runs below it printed."""
    return site.folder.with_name("dagster-dev.log").read_text(encoding="utf-8", errors="replace")


def stop(site: Site) -> None:
    """End `dagster dev` and everything it started: asked first, then killed."""
    for sent, seconds in ((signal.SIGINT, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.kill(site.leader, sent) if sent == signal.SIGINT else os.killpg(site.leader, sent)
        except ProcessLookupError:
            if not _alive(site.leader):
                return
            continue
        try:
            wait_for("dagster dev to end", lambda: not _alive(site.leader), seconds)
        except TimeoutError:
            continue
        return


def _alive(group: int) -> bool:
    """Whether any process of the group still runs; a child of this process that has ended is taken away."""
    with contextlib.suppress(ChildProcessError):  # then another test worker started it
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
