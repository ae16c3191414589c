"""What a run tells the world around the lake holds counts and names of rules, and nothing about a person."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

from omnichannel_assets_tests.command.asking import rows
from omnichannel_assets_tests.command.conftest import Shop


@pytest.fixture
def personal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every e-mail, phone, login and full name the lake knows."""
    values = rows(shop, monkeypatch, "select distinct identifier_value as v from identities_history where identifier_type in ('email', 'phone', 'user_id')")
    names = rows(shop, monkeypatch, "select distinct first_name || ' ' || last_name as v from customers where first_name is not null and last_name is not null")
    phones = rows(shop, monkeypatch, "select distinct phone as v from dms_customers where phone is not null")
    found = {row["v"] for row in [*values, *names, *phones] if len(row["v"]) > 5}
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def instance(shop: Shop) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(shop.folder / "dagster"))


def told(personal: set[str], text: str) -> set[str]:
    """Personal values a text holds. A short number counts where it stands alone: inside longer ones (times, sizes) it is chance."""
    placeholder = {"someone@example.com"}
    held = {value for value in personal if value in text}
    held = {value for value in held if not (value.isdigit() and len(value) < 9) or re.search(rf"(?<!\d){value}(?!\d)", text)}
    return held | set(re.findall(r"[\w.+-]+@[\w-]+\.\w+", text)) - placeholder


def test_what_a_run_prints_names_nobody(shop: Shop, personal: set[str]) -> None:
    assert told(personal, shop.ran.out + shop.ran.err + shop.sampled.out) == set()


def test_what_dagster_stores_of_a_run_names_nobody(shop: Shop, personal: set[str]) -> None:
    """Every byte below DAGSTER_HOME: events, metadata, check results, logs."""
    files = [path for path in (shop.folder / "dagster").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 100_000
    found = {path.name: told(personal, path.read_bytes().decode(errors="replace")) for path in files}
    assert {name: values for name, values in found.items() if values} == {}


def test_the_report_names_nobody(shop: Shop, personal: set[str], tmp_path: Path) -> None:
    said = shop.ask("report", "--out", str(tmp_path / "report.html"))
    assert (said.code, said.out) == (0, f"Report: {tmp_path / 'report.html'}\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert told(personal, page) == set()


def test_manifests_name_nobody(shop: Shop, personal: set[str]) -> None:
    manifests = list(shop.lake.rglob("_manifest.json"))
    assert len(manifests) > 30
    assert told(personal, "".join(path.read_text(encoding="utf-8") for path in manifests)) == set()


def test_no_table_keeps_a_write_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """``writeKey`` is a password of the shop's Segment source."""
    for table in ("segment_events", "quarantine"):
        columns = {name for row in rows(shop, monkeypatch, f"select * from {table} limit 1") for name in row}
        text = " || ' ' || ".join(f"coalesce(cast({name} as varchar), '')" for name in sorted(columns & {"properties", "traits", "context", "payload"}))
        found = rows(shop, monkeypatch, f"""select count(*) filter (where kept <> 'dropped') as keys from
            (select unnest(regexp_extract_all({text}, '"write_?[Kk]ey"\\s*:\\s*"([^"]*)"', 1)) as kept from {table}) as found""")
        assert found == [{"keys": 0}]


def test_every_asset_of_a_run_reports_its_rows_and_where_they_are(shop: Shop, instance: dg.DagsterInstance) -> None:
    made = {}
    for run in instance.get_runs():
        for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            materialisation = event.asset_materialization
            made[materialisation.asset_key.to_user_string()] = materialisation.metadata
    assert {"customers", "orders", "interactions", "segment_events", "dms_orders"} <= set(made)
    assert [name for name, metadata in made.items() if not {"dagster/row_count", "dagster/uri"} <= set(metadata)] == []


def test_every_declared_check_of_a_run_was_made_on_something_and_passed(shop: Shop, instance: dg.DagsterInstance) -> None:
    """A check without an outcome would pass in silence."""
    found = {}
    for run in instance.get_runs():
        for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            check = event.dagster_event.asset_check_evaluation_data
            found[f"{check.asset_key.to_user_string()}:{check.check_name}"] = (check.passed, check.metadata["partitions_checked"].value)
    assert len(found) > 30
    nothing_yet = {"identity_corrections:contract", "identity_matches:contract"}  # a first run has nothing to correct, and matching is off
    nothing_yet |= {"campaign_event_log:contract", "campaign_event_log:conservation"}  # nobody has sent files of events
    assert {name: outcome for name, outcome in found.items() if not outcome[0] or (outcome[1] < 1 and name not in nothing_yet)} == {}
