"""The whole graph over a sample: the truth holds, and a second run leaves every file alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from omnichannel_assets.checks.truth import verify
from omnichannel_assets.run import run_graph
from omnichannel_assets.sample import write_sample
from omnichannel_assets.summary import summary_lines
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import LAST_DAY, Sample


def snapshot(lake: Path) -> dict[str, tuple[int, str]]:
    """Modification time and digest of every file readers can see."""
    return {
        path.relative_to(lake).as_posix(): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (lake / "tables").rglob("*")
        if path.is_file()
    }


def test_every_figure_of_the_truth_holds_after_one_run_of_the_graph(tmp_path):
    write_sample(tmp_path / "landing", tmp_path / "truth", customers=300, days=30, last_day=LAST_DAY)
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake")
    result = run_graph(opened)
    figures = verify(opened, tmp_path / "truth")
    assert [(figure.name, figure.value) for figure in figures if figure.holds is False] == []
    assert sum(figure.holds is True for figure in figures) >= 14
    assert result.rewritten["customers"] == result.rewritten["interactions"] == 1

    before = snapshot(tmp_path / "lake")
    again = run_graph(opened)
    assert again.rewritten == {}
    assert snapshot(tmp_path / "lake") == before
    assert "Nothing changed" in summary_lines(opened, again)[-1]


def test_the_plain_steps_give_the_bytes_of_the_graph(tiny: Sample, tmp_path):
    result = run_graph(running.workspace(tiny.landing, tmp_path / "lake"))
    shutil.copytree(tiny.lake, tmp_path / "steps")
    running.act(running.workspace(tiny.landing, tmp_path / "steps"))
    steps_gave, graph_gave = running.lake_bytes(tmp_path / "steps"), running.lake_bytes(tmp_path / "lake")
    assert running.differing(steps_gave, graph_gave) == []
    tell_of_runs = {"landing_files", "delivery_ledger", "destination_customers", "control_identifiers"}
    assert set(result.rewritten) == {path.split("/")[0] for path in graph_gave} | tell_of_runs
