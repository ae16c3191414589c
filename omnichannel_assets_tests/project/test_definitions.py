"""What the code location offers, held against a committed picture of it.

After a wanted change: ``UPDATE_SNAPSHOTS=1 python -m pytest omnichannel_assets_tests/project/test_definitions.py``, and read the diff.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from omnichannel_assets.definitions import build_definitions
from omnichannel_assets.settings import Settings
from omnichannel_assets_tests.project.sources import ROOT

SNAPSHOT = Path(__file__).with_name("definitions.json")
AGAIN = "UPDATE_SNAPSHOTS=1 python -m pytest omnichannel_assets_tests/project/test_definitions.py"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(first_day=date(2026, 1, 1), last_day=date(2026, 1, 31)))


def picture(definitions: dg.Definitions) -> dict[str, Any]:
    """The whole code location as plain values, in a fixed order."""
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key.to_user_string())
    return {
        "assets": {spec.key.to_user_string(): asset_picture(spec, definitions) for spec in specs},
        "jobs": {job.name: sorted(key.to_user_string() for key in selected(definitions, job.name)) for job in definitions.jobs or []},
        "schedules": {s.name: {"cron": s.cron_schedule, "timezone": s.execution_timezone, "job": s.job_name, "status": s.default_status.value} for s in definitions.schedules or []},
        "sensors": {s.name: {"job": s.job_name, "seconds": s.minimum_interval_seconds, "status": s.default_status.value} for s in definitions.sensors or []},
        "resources": sorted(definitions.resources or {}),
    }


def selected(definitions: dg.Definitions, job: str) -> set[dg.AssetKey]:
    return set(definitions.resolve_job_def(job).asset_layer.selected_asset_keys)


def asset_picture(spec: dg.AssetSpec, definitions: dg.Definitions) -> dict[str, Any]:
    checks = checks_of(definitions).get(spec.key, [])
    schema = spec.metadata.get("dagster/column_schema")
    return {
        "deps": ", ".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps)),
        "group": spec.group_name,
        "owners": ", ".join(spec.owners),
        "kinds": ", ".join(sorted(spec.kinds)),
        "partitioned": spec.partitions_def is not None,
        "checks": {check.name: "blocking" if check.blocking else "warning" for check in sorted(checks, key=lambda check: check.name)},
        "columns": [column.name for column in schema.columns] if schema else None,
    }


def checks_of(definitions: dg.Definitions) -> dict[dg.AssetKey, list[dg.AssetCheckSpec]]:
    found: dict[dg.AssetKey, list[dg.AssetCheckSpec]] = {}
    for asset in definitions.assets or []:
        for check in asset.check_specs if isinstance(asset, dg.AssetsDefinition) else []:
            found.setdefault(check.asset_key, []).append(check)
    return found


def test_the_graph_is_the_one_in_the_committed_picture(definitions: dg.Definitions) -> None:
    now = json.dumps(picture(definitions), indent=1) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    committed = SNAPSHOT.read_text(encoding="utf-8")
    changes = difflib.unified_diff(committed.splitlines(), now.splitlines(), SNAPSHOT.name, "the graph now", lineterm="", n=4)
    assert now == committed, "\n".join([*changes, "", f"Is this change wanted? Then: {AGAIN}"])


def test_every_asset_says_what_it_is_and_whose_it_is(definitions: dg.Definitions) -> None:
    wrong = []
    for spec in definitions.resolve_all_asset_specs():
        told = {"description": spec.description, "group": spec.group_name, "owners": spec.owners, "kinds": spec.kinds}
        wrong += [f"{spec.key.to_user_string()} has no {name}" for name, value in told.items() if not value or value == "default"]
    assert not wrong, "\n".join(wrong)


def test_every_table_asset_describes_each_of_its_columns(definitions: dg.Definitions) -> None:
    wrong = []
    for asset in definitions.assets or []:
        for spec in asset.specs if isinstance(asset, dg.AssetsDefinition) else []:
            schema = spec.metadata.get("dagster/column_schema")
            wrong += [f"{spec.key.to_user_string()} has no column schema"] if not schema or not schema.columns else []
            wrong += [f"{spec.key.to_user_string()}.{column.name} has no description" for column in (schema.columns if schema else []) if not column.description]
    assert not wrong, "\n".join(wrong)


def test_every_table_asset_has_a_blocking_contract_and_every_check_says_what_it_promises(definitions: dg.Definitions) -> None:
    checks = checks_of(definitions)
    tables = [key for asset in definitions.assets or [] if isinstance(asset, dg.AssetsDefinition) for key in asset.keys]
    without = [key.to_user_string() for key in tables if "contract" not in {check.name for check in checks.get(key, []) if check.blocking}]
    silent = [f"{check.asset_key.to_user_string()}:{check.name}" for found in checks.values() for check in found if not check.description]
    assert (without, silent) == ([], [])


def test_every_job_schedule_and_sensor_says_what_it_is_for(definitions: dg.Definitions) -> None:
    parts = [*(definitions.jobs or []), *(definitions.schedules or []), *(definitions.sensors or [])]
    assert [part.name for part in parts if not part.description] == []


def test_every_asset_but_the_exports_is_made_from_the_landing_zone(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    below = dg.AssetSelection.assets("segment_export", "dms_export", "campaign_export").downstream().resolve(graph)
    assert set(definitions.resolve_all_asset_keys()) == below


def test_the_definitions_load_whole(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_loading_warns_of_nothing_deprecated_superseded_or_experimental(tmp_path: Path) -> None:
    """In a fresh process: Dagster warns once a process, at the first use."""
    code = (
        "import dagster, warnings\n"
        "kinds = [DeprecationWarning, *(getattr(dagster, n) for n in ('BetaWarning', 'PreviewWarning', 'SupersessionWarning') if hasattr(dagster, n))]\n"
        "[warnings.simplefilter('error', kind) for kind in kinds]\n"
        "import omnichannel_assets.definitions as d\n"
        "d.dg.Definitions.validate_loadable(d.defs)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr, result.stderr
