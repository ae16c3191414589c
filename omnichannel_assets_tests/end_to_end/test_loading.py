"""The other ways to load the project from its root tell the same and say nothing worrying."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omnichannel_assets.definitions import build_definitions
from omnichannel_assets_tests.end_to_end.dagster_dev import PROJECT_FILES, ROOT, own_environment


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's root without its data and settings."""
    (tmp_path / "omnichannel_assets").symlink_to(ROOT / "omnichannel_assets")
    for name in (*PROJECT_FILES, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_dg_checks_the_definitions_without_a_warning(copy: Path) -> None:
    done = _dg(copy, "check", "defs")
    assert "All definitions loaded successfully" in done.stdout
    assert _worries(done) == []
    assert _left_behind(copy) == set()


def test_dg_lists_the_same_definitions_as_the_code(copy: Path) -> None:
    done = _dg(copy, "list", "defs", "--json")
    listed = json.loads(done.stdout)
    ours = build_definitions().resolve_all_asset_specs()
    assert {asset["asset_key"] for asset in listed["assets"]} == {spec.key.to_user_string() for spec in ours}
    assert {job["name"] for job in listed["jobs"]} == {"received_day", "dms_tables", "trusted_refresh", "scores_refresh", "model_training", "delivery", "approve_audiences"}
    assert {sensor["name"] for sensor in listed["sensors"]} == {"new_segment_files", "new_dms_files", "new_as_of_date", "fresh_scores"}
    assert _worries(done) == []
    assert _left_behind(copy) == set()


def _dg(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from dagster_dg_cli.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, env=own_environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _worries(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in (done.stdout + done.stderr).splitlines() if "warning" in line.lower() or "traceback" in line.lower()]


def _left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {*PROJECT_FILES, "pyproject.toml", "omnichannel_assets", "data"}
