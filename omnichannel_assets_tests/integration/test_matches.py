"""Matching in the graph: proposals become links that are marked, dated, reviewed and taken away again, and never pass a limit."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from omnichannel_assets.assets import dms, identity, matching, segment
from omnichannel_assets.assets import landing as landing_stage
from omnichannel_assets.cli import cli
from omnichannel_assets.errors import InputError
from omnichannel_assets.resources.match_reviews import review_match
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample.labelled_people import COLUMNS, labelled_people
from omnichannel_assets_tests.integration.landing_zone import DAY, call, csv_line, put_segment, put_table
from omnichannel_assets_tests.integration.running import lake_bytes, rows, workspace

AS_OF = DAY + timedelta(days=1)
PEOPLE = labelled_people(80, seed=11)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "landing"
    lines = [csv_line(["I", *(row[name] or r"\N" for name in COLUMNS)]) for row in PEOPLE]
    put_table(folder, "customers", "LOAD00000001.csv", ",".join(["Op", *COLUMNS]), *lines)
    put_segment(folder, "a", [call("m-1")])
    return folder


@pytest.fixture(scope="module")
def matched(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after one run with matching on. To be read only."""
    lake = tmp_path_factory.mktemp("matched") / "lake"
    settle(workspace(landing, lake, identity_matching="on"))
    return lake


@pytest.fixture
def opened(landing: Path, matched: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(matched, tmp_path / "lake")
    return workspace(landing, tmp_path / "lake", identity_matching="on")


def customer_of(opened: Workspace, ref: str, as_of: date = AS_OF) -> str:
    (found,) = [
        row["customer_id"]
        for row in rows(opened, "identities")
        if row["identifier_value"] == ref and row["valid_from"] <= as_of and (row["valid_to"] is None or as_of < row["valid_to"])
    ]
    return found


def pairs(opened: Workspace, state: str) -> list[dict[str, Any]]:
    return [row for row in rows(opened, "identity_matches") if row["state"] == state]


def settle(opened: Workspace) -> list[str]:
    """Run the steps up to the identities; the tables that were rewritten."""
    with opened.lake.writing():
        landing_stage.catalogue(opened)
        segment.stage_calls(opened)
        segment.find_duplicates(opened)
        dms.stage_table(opened, "customers")
        reports = [identity.collect_links(opened), matching.propose_matches(opened), identity.resolve_identities(opened)]
    return [report.table.name for report in reports if report.rewritten]


def test_an_accepted_pair_is_one_customer_from_the_date_of_the_proposal_on_and_the_journal_says_why(opened: Workspace) -> None:
    accepted = pairs(opened, "accepted")
    assert len(accepted) > 10
    causes = {row["cause"] for row in rows(opened, "identity_changes") if row["change"] == "merge"}

    for row in accepted:
        left, right = row["left_ref"], row["right_ref"]
        assert (row["proposed_as_of"], row["linked_as_of"]) == (AS_OF, AS_OF)
        assert customer_of(opened, left) == customer_of(opened, right)
    alone = [row for row in accepted if customer_of(opened, row["left_ref"], DAY) != customer_of(opened, row["right_ref"], DAY)]
    assert alone == accepted
    assert len([cause for cause in causes if cause.startswith("match:R") and "|R" in cause]) >= len(accepted) * 0.8


def test_a_second_run_proposes_nothing_new_and_rewrites_nothing(opened: Workspace) -> None:
    before = lake_bytes(Path(opened.settings.lake_uri), without=())

    assert settle(opened) == []
    assert lake_bytes(Path(opened.settings.lake_uri), without=()) == before


def test_a_rejected_link_splits_its_customer_at_the_next_run_with_a_correction_and_an_accepted_doubt_joins_two(opened: Workspace) -> None:
    wrong = next(row for row in pairs(opened, "accepted") if _is_only_link(opened, row))
    missed = next(row for row in pairs(opened, "to_review") if row["doubt"])
    before = customer_of(opened, wrong["left_ref"])

    review_match(opened, wrong["right_ref"], wrong["left_ref"], "rejected")
    review_match(opened, missed["left_ref"], missed["right_ref"], "accepted")
    settle(opened)

    assert customer_of(opened, wrong["left_ref"]) != customer_of(opened, wrong["right_ref"])
    assert customer_of(opened, missed["left_ref"]) == customer_of(opened, missed["right_ref"])
    corrections = {(row["change"], row["from_customer_id"], row["cause"]) for row in rows(opened, "identity_corrections")}
    assert ("split", before, "matches reviewed or switched") in corrections
    states = {(row["left_ref"], row["right_ref"]): row["state"] for row in rows(opened, "identity_matches")}
    assert states[wrong["left_ref"], wrong["right_ref"]] == "rejected"
    assert states[missed["left_ref"], missed["right_ref"]] == "accepted"


def _is_only_link(opened: Workspace, row: dict[str, Any]) -> bool:
    """Whether no other accepted pair touches the customer of a pair."""
    customer = customer_of(opened, row["left_ref"])
    return sum(customer_of(opened, other["left_ref"]) == customer for other in pairs(opened, "accepted")) == 1


def test_switched_off_again_matching_leaves_the_identities_as_if_it_had_never_been(opened: Workspace, landing: Path, tmp_path: Path) -> None:
    off, never = workspace(landing, Path(opened.settings.lake_uri)), workspace(landing, tmp_path / "never")
    settle(off)
    settle(never)

    report = matching.propose_matches(never)
    assert (report.rows, report.figures["outcome"]) == (0, "nothing done: IDENTITY_MATCHING is off")
    for table in ("identities", "identity_changes", "identifiers"):
        assert off.lake.content_digest(off.tables[table]) == never.lake.content_digest(never.tables[table])
    assert not [path for path in lake_bytes(tmp_path / "never", without=()) if path.startswith("identity_matches")]


def test_nothing_is_proposed_for_a_date_before_the_newest_proposal(opened: Workspace, landing: Path) -> None:
    earlier = workspace(landing, Path(opened.settings.lake_uri), identity_matching="on", as_of=DAY)
    stored = rows(opened, "identity_matches")

    with earlier.lake.writing():
        report = matching.propose_matches(earlier)
        identity.resolve_identities(earlier)

    assert report.figures["outcome"] == f"nothing done: matches were proposed as of {AS_OF}, after {DAY}"
    assert rows(earlier, "identity_matches") == stored
    assert not [row for row in rows(earlier, "identity_changes") if row["cause"].startswith("match:")]


def test_a_link_never_passes_a_limit_and_is_told_as_blocked(landing: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("limits:\n  customer_ref: 1 ever\n", encoding="utf-8")
    opened = workspace(landing, tmp_path / "lake", identity_matching="on", identity_rules=str(tmp_path / "rules.yaml"))

    settle(opened)

    assert pairs(opened, "accepted") == []
    assert len(pairs(opened, "blocked")) > 10
    holders = [row["customer_id"] for row in rows(opened, "identities") if row["identifier_type"] == "customer_ref" and row["valid_to"] is None]
    assert len(holders) == len(set(holders)) == len(PEOPLE)


def test_a_pair_that_was_never_proposed_cannot_be_reviewed(opened: Workspace) -> None:
    with pytest.raises(InputError, match=r"^matches: expected two customer numbers that were proposed as one person, got another pair"):
        review_match(opened, "R000001", "nobody", "accepted")


def test_the_command_lists_what_waits_for_a_person_first_and_notes_a_verdict_in_either_order(opened: Workspace) -> None:
    lake = ["--lake", opened.settings.lake_uri]
    listed = json.loads(CliRunner().invoke(cli, ["matches", "list", "--format", "json", *lake]).stdout)
    waiting = [row for row in listed if row["state"] == "to_review"]
    assert waiting == listed[: len(waiting)] != []
    assert [row["probability"] for row in waiting] == sorted(row["probability"] for row in waiting)
    only = json.loads(CliRunner().invoke(cli, ["matches", "list", "--state", "accepted", "--limit", "3", "--format", "json", *lake]).stdout)
    assert [row["state"] for row in only] == ["accepted"] * 3

    first = waiting[0]
    said = CliRunner().invoke(cli, ["matches", "accept", first["right_ref"], first["left_ref"], *lake])
    changed = CliRunner().invoke(cli, ["matches", "reject", first["left_ref"], first["right_ref"], *lake])

    assert said.stdout.splitlines() == [f"Accepted: {first['explanation']}.", "Next: omnichannel run honours it."]
    assert changed.exit_code == 0
    noted = {name: first[name] for name in ("left_ref", "right_ref")} | {"verdict": "rejected"}
    assert [{name: row[name] for name in noted} for row in rows(opened, "match_reviews")] == [noted]


def test_the_table_holds_references_and_words_and_no_value_of_any_record(opened: Workspace) -> None:
    said = " ".join(f"{row['explanation']} {row['doubt']}" for row in rows(opened, "identity_matches"))
    values = {row[name] for row in PEOPLE for name in ("email", "phone", "street", "postcode", "birth_date", "last_name") if len(row[name]) > 4}

    assert [value for value in values if value in said] == []
