"""Deliveries in a process of their own that is killed with SIGKILL at a chosen external call. No assertions here.

Processes are forked from a server that has loaded everything a delivery needs, so that hundreds of them are cheap; the server itself runs no thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import date
from typing import Any

from omnichannel_assets.assets.deliveries import DELIVER
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import SECRETS, Settings

LOADED = ("__main__", "omnichannel_assets_tests.integration.killing", "duckdb", "pandas", "pyarrow.dataset", "pyarrow.parquet", "pyarrow.compute", "boto3", "requests", "uvicorn", "starlette.applications", "omnichannel_assets.sandbox.server")
LONGEST_SECONDS = 60
_started = multiprocessing.get_context("forkserver")


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
