"""Lakes for the page: one that ends at the trusted tables, one with scores and audiences; a test gets a copy to write to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import running, scored

LAST_DAY = DAY = date(2025, 6, 30)


@dataclass(frozen=True)
class Lakes:
    """A landing zone, a lake that ends at the trusted tables, and one with scores and audiences. To be copied, not written."""

    landing: Path
    trusted: Path
    scored: Path


@pytest.fixture(scope="package")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    folder = tmp_path_factory.mktemp("report")
    write_sample(folder / "landing", folder / "truth", customers=110, days=8, last_day=LAST_DAY)
    running.run_steps(running.workspace(folder / "landing", folder / "trusted"))
    shutil.copytree(folder / "trusted", folder / "scored")
    scored.give_scores(running.workspace(folder / "landing", folder / "scored"), DAY)
    return Lakes(folder / "landing", folder / "trusted", folder / "scored")


@pytest.fixture
def opened(lakes: Lakes, tmp_path: Path) -> Callable[..., Workspace]:
    def copied(which: str = "scored", **options: object) -> Workspace:
        if not (tmp_path / "lake").exists():
            shutil.copytree(getattr(lakes, which), tmp_path / "lake")
        return running.workspace(lakes.landing, tmp_path / "lake", **options)

    return copied
