"""Imports run one way, and loading the definitions loads no engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from omnichannel_assets_tests.project.sources import ROOT, modules

DOMAIN = {"segment", "dms", "identity", "sample", "propensity", "recommend", "activation", "erasure", "trials"}
BELOW_CHECKS = {"errors", "settings", "settings_personalize", "sql", "lake", "resources", *DOMAIN - {"sample"}}
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "devices": set(),
    "errors": set(),
    "settings": {"devices", "errors", "settings_checks", "settings_words", "settings_personalize"},
    "settings_checks": {"devices", "errors", "settings"},
    "settings_personalize": {"errors"},
    "settings_words": set(),
    "yaml_files": {"errors"},
    "segment": {"errors"},
    "dms": {"errors", "yaml_files"},
    "identity": {"errors", "yaml_files"},
    "propensity": {"errors", "sql"},
    "recommend": {"errors"},
    "activation": {"errors", "yaml_files"},
    "trials": {"errors"},
    "erasure": {"errors", "identity"},  # a hash is taken of what identity calls equal
    "sandbox": {"errors", "activation"},
    "serving": {"errors", "settings", "lake", "resources", "segment", "identity", "activation", "recommend", "erasure"},
    "sample": {"errors"},  # nothing else, so that the truth is never computed by the code it judges
    "sql": {"errors"},  # the reader of what customer_features.sql declares
    "lake": {"errors", "settings", "sql"},
    "resources": {"sandbox", *BELOW_CHECKS} - {"resources"},
    "checks": BELOW_CHECKS,
    "assets": {"checks", *BELOW_CHECKS},
    "automation": BELOW_CHECKS,
    "definitions": {"assets", "checks", "automation", *BELOW_CHECKS},
    "run": {"definitions", "assets", "checks", "automation", *BELOW_CHECKS},
    "summary": {"run", *BELOW_CHECKS},
    "portrait": BELOW_CHECKS,
    "explain": {"portrait", *BELOW_CHECKS},
    "report": {"summary", "assets", *BELOW_CHECKS},
    "labelled": {"assets", "sample", *BELOW_CHECKS},
    "transactions": {"assets", *BELOW_CHECKS},
    "commands": {"labelled", "transactions", "run", "summary", "portrait", "explain", "checks", "assets", *BELOW_CHECKS},
    "cli": {"commands", "run", "summary", "report", "portrait", "explain", "checks", "sample", "sandbox", "serving", "__version__", *BELOW_CHECKS},
}
WITHOUT_DAGSTER = DOMAIN | {"sql", "errors", "settings", "yaml_files", "lake", "checks", "portrait", "explain", "summary"}


def test_imports_run_one_way_from_settings_to_the_command() -> None:
    wrong = []
    for module in modules():
        for imported, line in module.imports():
            if not imported.startswith("omnichannel_assets."):
                continue
            part = imported.split(".")[1]
            if part != module.part and part not in MAY_IMPORT[module.part]:
                wrong.append(f"{module.shown}:{line} imports {imported}; {module.part or 'the package'} may import {sorted(MAY_IMPORT[module.part])}")
    assert not wrong, "\n".join(wrong)


def test_rules_and_tables_do_not_know_dagster() -> None:
    wrong = [
        f"{module.shown}:{line} imports {imported}"
        for module in modules()
        if module.part in WITHOUT_DAGSTER
        for imported, line in module.imports()
        if imported.split(".")[0] == "dagster"
    ]
    assert not wrong, "\n".join(wrong)


def test_dagster_is_used_through_its_public_names_only() -> None:
    wrong = [f"{module.shown}:{line} imports {imported}" for module in modules() for imported, line in module.imports() if imported.startswith("dagster._")]
    assert not wrong, "\n".join(wrong)


HEAVY = ("pandas", "sklearn", "xgboost", "great_expectations", "duckdb", "boto3", "pyarrow", "scipy", "numpy")
WATCHED_LOAD = """
import json, sys

HEAVY, chains = set(sys.argv[1].split(",")), {}

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in HEAVY and name not in chains:
            frame, chain = sys._getframe(1), [name]
            while frame:
                importer = frame.f_globals.get("__name__", "")
                if frame.f_code.co_name == "<module>" and not importer.startswith("importlib") and chain[-1] != importer:
                    chain.append(importer)
                frame = frame.f_back
            chains[name] = " <- ".join(chain)

sys.meta_path.insert(0, Watch())
import omnichannel_assets.definitions
print(json.dumps({name: chains.get(name, "?") for name in HEAVY if name in sys.modules}))
"""


def test_loading_the_definitions_imports_nothing_heavy() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    result = subprocess.run([sys.executable, "-c", WATCHED_LOAD, ",".join(HEAVY)], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stdout)
    assert not loaded, "imported while the definitions load, innermost first:\n" + "\n".join(loaded.values())


@pytest.mark.parametrize("module", ["omnichannel_assets.cli", "omnichannel_assets.settings"])
def test_asking_the_command_for_help_does_not_load_dagster(module: str) -> None:
    code = f"import sys, {module}; print('dagster' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.stdout.strip() == "False", result.stdout + result.stderr
