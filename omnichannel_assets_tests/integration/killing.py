"""Killing deliveries: what a kill at each external call leaves on disk, and processes that are killed with SIGKILL. No assertions here.

A kill leaves what is on disk at that instant and nothing else: no memory, no cleaning up. So a copy of the disk at each call is each kill, and calls
at which the disk is the same are the same kill: every call is covered, at the cost of the different states only. That it is so is shown by real
processes, forked from a server that has loaded what a delivery needs.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from omnichannel_assets.assets.deliveries import DELIVER
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import SECRETS, Settings

LOADED = ("__main__", "omnichannel_assets_tests.integration.killing", "duckdb", "pandas", "pyarrow.dataset", "pyarrow.parquet", "pyarrow.compute", "boto3", "requests", "uvicorn", "starlette.applications", "omnichannel_assets.sandbox.server")
LONGEST_SECONDS = 60
_started = multiprocessing.get_context("forkserver")


NOT_STATE = ("requests.jsonl", ".address")
"""Files that no run reads: the sandbox's log of requests, and where it listens."""


def snapshots(opened: Workspace, folder: Path) -> tuple[dict[str, str], Callable[[str], None]]:
    """Folder -> the call it was kept at, and a hook that keeps what is on disk at each call. A state that was kept before is that kill again."""
    kept: dict[str, str] = {}
    seen: set[str] = set()
    root = opened.lake.store.root

    def hook(call: str) -> None:
        files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in NOT_STATE)
        state = hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()
        if state not in seen:
            seen.add(state)
            shutil.copytree(root, folder / str(len(kept)), ignore=shutil.ignore_patterns("*.lock", ".lock", ".address"))
            kept[str(len(kept))] = call

    return kept, hook


def deliver_and_die(opened: Workspace, channel: str, as_of: date, number: int) -> int:
    """Deliver a date to one channel and be killed at the beginning or end of an external call, counted from 0. The exit code: -9 when it was."""
    _started.set_forkserver_preload(list(LOADED))
    process = _started.Process(target=_deliver, args=(_told(opened.settings), channel, as_of, number))
    process.start()
    process.join(LONGEST_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{channel}: call {number} was not reached within {LONGEST_SECONDS} s")
    return int(process.exitcode)


def _told(settings: Settings) -> dict[str, Any]:
    """The settings as another process reads them; secrets in the open, for they are made up."""
    return {name: value.get_secret_value() if name in SECRETS else value for name, value in settings if value is not None}


def _deliver(settings: dict[str, Any], channel: str, as_of: date, number: int) -> None:
    counted = iter(range(10_000))

    def hook(_call: str) -> None:
        if next(counted) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    opened = Workspace(Settings(**settings))
    with opened.lake.writing():
        DELIVER[channel](opened, [as_of], hook)
