"""Promise 1: nothing is lost without a trace. Every line and row is counted here anew, with gzip, csv and json alone."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict

import pytest

from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import Sample


@pytest.fixture(scope="module")
def opened(tiny: Sample):
    return running.workspace(tiny.landing, tiny.lake)


def by_file(rows: list[dict], column: str) -> Counter:
    return Counter(row[column] for row in rows)


def test_the_sample_holds_the_kinds_of_objects_that_lose_lines_easily(tiny: Sample):
    objects = list(zone.segment_objects(tiny.landing))
    assert any(path.stat().st_size == 0 for path in objects)
    assert any(path.stat().st_size and not path.read_bytes().startswith(b"\x1f\x8b") for path in objects)
    assert any(zone.segment_lines(path)[1] for path in objects)
    assert any(b"\n\n" in gzip.decompress(path.read_bytes()) for path in objects if path.name not in ("cut-off.gz", "not-gzip.gz") and path.stat().st_size)


def test_every_line_of_every_object_is_a_call_a_copy_or_quarantined(tiny: Sample, opened):
    calls, set_aside = running.rows(opened, "segment_events"), by_file(running.rows(opened, "segment_quarantine"), "file")
    kept = {(row["received_day"], row["message_id"]) for row in calls}
    kept_by_file = by_file(calls, "file")
    days = {row["key"]: row["received_day"] for row in running.rows(opened, "landing_files")}
    for path in zone.segment_objects(tiny.landing):
        key = path.relative_to(tiny.landing).as_posix()
        lines, broken = zone.segment_lines(path)
        messages = Counter(message_id(line) for line in lines)
        readable = sum(number for message, number in messages.items() if (days[key], message) in kept)
        copies = readable - kept_by_file[key]
        assert copies >= 0
        assert len(lines) + broken == kept_by_file[key] + copies + set_aside[key], key


def message_id(line: bytes) -> str | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found.get("messageId") if isinstance(found, dict) else None


def test_each_day_accounts_for_its_lines_in_its_manifest(tiny: Sample, opened):
    lines_of: dict[str, int] = defaultdict(int)
    days = {row["key"]: row["received_day"] for row in running.rows(opened, "landing_files")}
    for path in zone.segment_objects(tiny.landing):
        lines, broken = zone.segment_lines(path)
        lines_of[days[path.relative_to(tiny.landing).as_posix()].isoformat()] += len(lines) + broken
    manifests = opened.lake.manifests(opened.tables["segment_events"])
    assert {day: manifest.counts["lines_in"] for day, manifest in manifests.items()} == dict(lines_of)
    stored, aside = running.rows(opened, "segment_events"), running.rows(opened, "segment_quarantine")
    for day, manifest in manifests.items():
        calls = sum(row["received_day"].isoformat() == day for row in stored)
        quarantined = sum(row["received_day"].isoformat() == day for row in aside)
        assert manifest.counts == {"lines_in": lines_of[day], "rows_out": calls, "duplicates": lines_of[day] - calls - quarantined, "quarantined": quarantined}


def test_every_row_of_every_shop_file_is_in_the_change_log_or_quarantined(tiny: Sample, opened):
    aside = by_file(running.rows(opened, "dms_quarantine"), "file")
    for name in opened.registry:
        logged = by_file(running.rows(opened, f"dms_{name}_log"), "object_key")
        files = [path for path in zone.table_objects(tiny.landing) if path.parent.name == name]
        for path in files:
            key = path.relative_to(tiny.landing).as_posix()
            assert zone.table_rows(path) == logged[key] + aside[key], key
        told = {(row["object_key"], row["row"]) for row in running.rows(opened, f"dms_{name}")}
        found = opened.lake.manifest(f"dms_{name}").counts
        rows = sum(map(zone.table_rows, files))
        assert (found["file_rows"], found["rows_in"], found["changes"]) == (rows, rows - found["quarantined"], len(told))
        assert found["rows_in"] == found["duplicates"] + found["changes"]


def test_counts_of_every_manifest_are_those_of_the_stored_rows(opened):
    checked = 0
    for table in opened.tables.values():
        stored = running.rows(opened, table.name)
        manifests = opened.lake.manifests(table)
        for value, manifest in manifests.items():
            of_partition = [row for row in stored if str(row[table.partition]) == value] if table.partition and table.partition in table.names else None
            if of_partition is not None:
                assert len(of_partition) == manifest.rows, (table.name, value)
            assert manifest.counts.get("rows_out", manifest.rows) == manifest.rows, (table.name, value)
            for check in manifest.checks:
                assert check["passed"], (table.name, value, check)
                if check["name"] == "conservation":
                    details = check["details"]
                    assert details["rows_in"] == sum(number for name, number in details.items() if name != "rows_in")
                    checked += 1
        assert len(stored) == sum(manifest.rows for manifest in manifests.values()), table.name
    assert checked > 50


def test_copies_over_days_are_what_is_missing_from_the_public_events(tiny: Sample, opened):
    calls = running.rows(opened, "segment_events")
    messages = {row["message_id"] for row in calls}
    losing = running.rows(opened, "segment_duplicates")
    assert len(calls) == len(messages) + len(losing)
    best: dict[str, dict] = {}
    for row in sorted(calls, key=lambda row: (row["known_at"], row["source_id"], row["file"], row["line"])):
        best.setdefault(row["message_id"], row)
    expected = {(row["message_id"], row["received_day"], best[row["message_id"]]["received_day"]) for row in calls if row is not best[row["message_id"]]}
    assert {(row["message_id"], row["received_day"], row["winning_day"]) for row in losing} == expected != set()


def test_links_account_for_every_identifier_that_was_carried(opened):
    found = running.counts(opened, "identifiers")
    carried = sum(
        len(row["identifiers"])
        for row in running.rows(opened, "segment_events")
        if not row["is_computed"] and row["type"] not in ("alias", "group") and (row["message_id"], row["received_day"]) not in losing_copies(opened)
    )
    for name, spec in opened.registry.items():
        versions = [row for row in running.rows(opened, f"dms_{name}") if not row["is_deleted"]]
        carried += sum(row[column] is not None for row in versions for column in spec.identifiers)
    assert carried == found["rows_out"] + found["blocked"] + found["unreadable"] + found["duplicates"]
    assert found["rows_out"] == len(running.rows(opened, "identifiers"))


def losing_copies(opened) -> set:
    return {(row["message_id"], row["received_day"]) for row in running.rows(opened, "segment_duplicates")}
