"""No model without a test, and no model or law that names inputs it does not have."""

import re
from pathlib import Path

import pytest

from omnichannel_assets.lake.engine import model_inputs, model_text

HERE = Path(__file__).parent
SQL = HERE.parents[1] / "omnichannel_assets" / "sql"
MODELS = sorted(path.stem for path in SQL.glob("*.sql"))
LAWS = sorted(f"conservation/{path.stem}" for path in (SQL / "conservation").glob("*.sql"))


def test_every_model_has_a_test_module_with_tests():
    missing = [name for name in MODELS if not (HERE / f"test_{name}.py").is_file() or "\ndef test_" not in (HERE / f"test_{name}.py").read_text(encoding="utf-8")]
    assert missing == []


def test_every_conservation_law_belongs_to_a_model():
    assert [law for law in LAWS if law.removeprefix("conservation/") not in MODELS] == []


@pytest.mark.parametrize("name", [name for name in [*MODELS, *LAWS] if name != "macros"])
def test_a_model_says_its_grain_and_reads_what_its_header_names(name):
    text = model_text(name)
    head = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    body = "\n".join(line.split(" -- ")[0] for line in text.splitlines() if not line.startswith("--"))
    assert re.search(r"^-- Grain: ", head, re.MULTILINE)
    steps = set(re.findall(r"(?:^with|^\),|,)\s*\n?([a-z_]+) as \(", body, re.MULTILINE)) | set(re.findall(r"([a-z_]+) as \(\n", body))
    read = set(re.findall(r"(?:(?<!distinct )from|join)\s+([a-z_]+)", body)) - steps
    assert set(model_inputs(name)) == read
