"""One tiny sample and its finished lake, made once and never changed by a test, and the guard against a person's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.sample import SampleCounts, write_sample
from omnichannel_assets.settings import Settings
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.test_deliveries import Shop, made_shop

LAST_DAY = date(2025, 6, 30)
"""In the past whatever the clock says: a run believes no received day that is still to come."""


@dataclass(frozen=True)
class Sample:
    """Where a sample and the lake of one full run over it are. To be read only."""

    landing: Path
    truth: Path
    lake: Path
    counts: SampleCounts


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("tiny")
    counts = write_sample(folder / "landing", folder / "truth", customers=40, days=6, last_day=LAST_DAY)
    running.run_steps(running.workspace(folder / "landing", folder / "lake"))
    return Sample(folder / "landing", folder / "truth", folder / "lake", counts)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A lake with scores and audiences of two dates, for the deliveries."""
    return made_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dagster's steps read the environment and ``.env`` of the current folder; tests give neither."""
    for name in [*Settings.model_fields, "dagster_home"]:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
