"""The pages people read, held against the code: generated parts, commands, settings, links, and the lines they quote."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs import reference, sequences
from omnichannel_assets.cli import cli
from omnichannel_assets.definitions import build_definitions
from omnichannel_assets.serving.answers import Item, Received, Recommendations
from omnichannel_assets.serving.app import KNOWN_NAMES
from omnichannel_assets.settings import Settings
from omnichannel_assets_tests.project.sources import PACKAGE, ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
PICTURES = {"docs/images/graph.png", "docs/images/customers.png"}
"""Drawn from a running UI after the pages were written; a missing one is no broken link."""
CHANNELS = ("segment", "pinpoint", "connect", "personalize")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def test_the_settings_table_is_the_one_the_code_gives() -> None:
    readme = reference.README.read_text(encoding="utf-8")
    assert readme == reference.with_settings(readme), "run: make docs"


def test_the_tables_page_is_the_one_the_code_gives() -> None:
    assert reference.TABLES.read_text(encoding="utf-8") == reference.tables_page(), "run: make docs"


@pytest.mark.parametrize("name", sequences.RECORDINGS)
def test_a_sequence_diagram_is_the_one_a_run_records(name: str) -> None:
    recording = sequences.RECORDINGS[name]
    page = (ROOT / "docs" / recording.page).read_text(encoding="utf-8")
    assert page == sequences.with_diagram(page, name, sequences.recorded(recording)), "run: python -m docs.sequences"


def test_every_setting_is_explained_where_people_operate_the_graph() -> None:
    operate = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [name.upper() for name in Settings.model_fields if f"`{name.upper()}`" not in operate] == []


def test_every_command_and_its_arguments_are_in_the_readme() -> None:
    readme = reference.README.read_text(encoding="utf-8")
    assert [name for name in cli.commands if f"`omnichannel {name}" not in readme] == []


def test_every_make_target_is_in_the_readme_and_every_one_there_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()) - {"help"}
    readme = reference.README.read_text(encoding="utf-8")
    assert targets <= set(re.findall(r"`make (\w+)`", readme))
    assert set(re.findall(r"`make (\w+)`", TEXT)) <= targets


def test_every_option_a_page_uses_exists() -> None:
    commands = [part for command in cli.commands.values() for part in (command, *getattr(command, "commands", {}).values())]
    options = {name for command in commands for option in command.params for name in option.opts if name.startswith("--")}
    assert set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", TEXT)) - options == set()


def test_every_sensor_schedule_and_job_is_described_where_people_operate_the_graph() -> None:
    operate = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    definitions = build_definitions(Settings())
    parts = [*(definitions.jobs or []), *(definitions.schedules or []), *(definitions.sensors or [])]
    assert [part.name for part in parts if f"`{part.name}`" not in operate] == []


@every_page
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            broken += [target] if file.relative_to(ROOT).as_posix() not in PICTURES else []
        elif anchor and anchor not in anchors(file):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_page_and_no_code_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w.])/(?:home|Users|work|root|tmp|opt)/\w+")
    files = [*PAGES, *PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql"), *(ROOT / "benchmarks").rglob("*.py"), *ROOT.glob("*.toml"), *ROOT.glob("*.yaml"), ROOT / "Makefile"]
    assert [f"{file.relative_to(ROOT)}: {place}" for file in files for place in places.findall(file.read_text(encoding="utf-8"))] == []


ERROR_PARTS = re.compile(r"`error: (?P<where>[^:`]+): (?P<rest>[^`]+)`")


def test_the_error_lines_of_the_trouble_table_are_those_the_code_writes() -> None:
    """Word for word but for what stands in quotes or differs from case to case."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")).replace("`omnichannel", "omnichannel").replace("`\"", "\"")
    operate = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    quoted = ERROR_PARTS.findall(operate)
    assert len(quoted) >= 8
    missing = []
    for _, rest in quoted:
        for part in re.split(r"expected |, got '[^']*'|, got | \(from [^)]*\)|Fix: |did you mean \w+\?|\(\.\.\.\)|'[^']*'", rest):
            words = part.strip(" .,")
            if words and words not in source:
                missing.append(words)
    assert missing == []


def test_the_picture_of_a_customer_in_the_readme_has_the_layout_the_command_prints() -> None:
    readme = reference.README.read_text(encoding="utf-8")
    explain = (PACKAGE / "explain.py").read_text(encoding="utf-8")
    shown = re.search(r"\$ omnichannel explain .*?```", readme, re.DOTALL)[0]
    labels = re.findall(r"^  ([a-z][a-z -]+?)  ", shown, re.MULTILINE)
    assert labels
    assert [label for label in labels if f'"{label}"' not in explain and label not in CHANNELS] == []
    assert [heading for heading in ("Links that joined them", "How the customer came to be (as-of date, change, cause)") if heading not in shown or heading not in explain] == []


def test_the_answer_and_the_parameters_in_the_api_page_are_those_of_the_service() -> None:
    page = (ROOT / "docs" / "recommendations-api.md").read_text(encoding="utf-8")
    answer = json.loads(re.search(r"^\{\"items\".*?^ \"dropped\".*?$", page, re.DOTALL | re.MULTILINE)[0])
    assert set(answer) == set(Recommendations.model_fields)
    assert all(set(item) == set(Item.model_fields) for item in answer["items"])
    assert Recommendations.model_validate(answer).source == answer["source"]
    parameters = page[page.index("| Parameter |") : page.index("Nobody is refused")]
    assert set(re.findall(r"^\| `(\w+)` \|", parameters, re.MULTILINE)) == set(KNOWN_NAMES)
    assert set(json.loads(re.search(r"^\{\"relayed\".*$", page, re.MULTILINE)[0])) == set(Received.model_fields)
    assert [field for field in (*Recommendations.model_fields, *Item.model_fields) if f"{field}`" not in page and field not in ("item_id", "name", "category", "currency")] == []


def test_changelog_entries_are_one_sentence_of_at_most_300_characters() -> None:
    entries = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    assert entries
    assert [entry for entry in entries if len(entry) > 302 or not entry.endswith(".")] == []


def test_decisions_are_numbered_without_gaps_listed_and_say_what_would_reopen_them() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [record.name[:4] for record in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert record.name in index
        assert [part for part in ("**Question.**", "**Measured", "**Choice.**", "**Rejected.**", "**Reopens it.**") if part not in text] == []


def test_the_env_example_names_settings_only() -> None:
    names = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert names
    assert [name for name in names if name.lower() not in Settings.model_fields] == []
