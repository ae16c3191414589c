"""One small sample with its lists, made once and only read; copies of it for tests that change a lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.assets import recommendations
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import running

LAST_DAY, AS_OF = date(2025, 6, 30), date(2025, 7, 1)
SECRET = "demo-secret"


@dataclass(frozen=True)
class Shop:
    """Where the landing zone and its lake are."""

    landing: Path
    lake: Path

    def workspace(self, **options: object) -> Workspace:
        return running.workspace(self.landing, self.lake, **({"segment_webhook_secret": SECRET} | options))


def build_lists(opened: Workspace, *as_ofs: date) -> None:
    """Bring the recommend group up to date."""
    with opened.lake.writing():
        for step in recommendations.STEPS.values():
            step(opened, as_ofs or [AS_OF])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    write_sample(folder / "landing", None, customers=60, days=10, last_day=LAST_DAY)
    made = Shop(folder / "landing", folder / "lake")
    opened = made.workspace()
    running.run_steps(opened)
    build_lists(opened)
    return made


@pytest.fixture
def own_shop(shop: Shop, tmp_path: Path) -> Shop:
    """A copy that a test may change."""
    shutil.copytree(shop.lake, tmp_path / "lake")
    return Shop(shop.landing, tmp_path / "lake")


@pytest.fixture
def look_always(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The service looks at the lake at every request."""
    monkeypatch.setattr("omnichannel_assets.serving.lake_lists.LOOK_AGAIN_SECONDS", 0.0)
