from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import Clients, running


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[Sandbox, Clients]]:
    with running(tmp_path / "sandbox") as both:
        yield both


@pytest.fixture
def sandbox(started: tuple[Sandbox, Clients]) -> Sandbox:
    return started[0]


@pytest.fixture
def clients(started: tuple[Sandbox, Clients]) -> Clients:
    return started[1]
