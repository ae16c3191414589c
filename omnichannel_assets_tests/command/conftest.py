"""One small landing zone, its lake, and what the command printed while making it. Read-only for the tests that share it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from omnichannel_assets.settings import Settings
from omnichannel_assets_tests.project.sources import ROOT

OURS = {name.upper() for name in Settings.model_fields} | {"DAGSTER_HOME"}


@dataclass(frozen=True)
class Said:
    """What a command left behind: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of a refusal: nothing on stdout, one line and no traceback on stderr."""
        assert self.code == 1, self
        assert self.out == "", self
        assert "Traceback" not in self.err, self
        (line,) = self.err.splitlines()
        return line


def surroundings(**environment: str) -> dict[str, str]:
    """The environment of a command: none of the settings of this machine, and models that cost little."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    return clean | {"SEARCH_TRIALS": "0", "EVALUATION_ORIGINS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}


def omnichannel(*arguments: str, folder: Path, **environment: str) -> Said:
    """Run the command in a process of its own, in a folder."""
    clean = surroundings(**environment)
    done = subprocess.run(
        [sys.executable, "-m", "omnichannel_assets.cli", *arguments], cwd=folder, env=clean, capture_output=True, text=True, encoding="utf-8", timeout=180
    )
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Shop:
    """Folders ``landing``, ``truth``, ``lake`` and ``dagster`` below ``folder``, and what sample and run said."""

    folder: Path
    sampled: Said
    ran: Said

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def ask(self, *arguments: str, **environment: str) -> Said:
        """Run the command over this shop's lake."""
        return omnichannel(*arguments, "--lake", "lake", folder=self.folder, **environment)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "dagster").mkdir()
    (folder / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    sampled = omnichannel("sample", "--out", "landing", "--truth", "truth", "--customers", "120", "--days", "6", folder=folder)
    ran = omnichannel("run", "--landing", "landing", "--lake", "lake", folder=folder, DAGSTER_HOME=str(folder / "dagster"))
    assert (sampled.code, ran.code) == (0, 0), (sampled, ran)
    return Shop(folder, sampled, ran)
