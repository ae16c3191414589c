"""After an erasure nothing names the person, nothing brings them back, and everybody else is as if they had never been there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from omnichannel_assets.assets import erasure
from omnichannel_assets.assets.deletions import send_deletions
from omnichannel_assets.errors import InputError, SettingError, UserError
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_activation import AUDIENCES, CONTROL_IDENTIFIERS
from omnichannel_assets.resources.approvals import approve_audiences, is_approved
from omnichannel_assets_tests.integration import erasing, running
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration.erasing import ADA, GONE, SPELLINGS

NAMES = (*ADA.values(), *SPELLINGS, "O-500001", "O-500002", "Lovelace, Ada")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``landing``, its ``lake`` before anybody asked, and ``erased``: the same lake after Ada did."""
    folder = tmp_path_factory.mktemp("erasure")
    erasing.write_zone(folder / "landing", with_ada=True)
    running.run_steps(running.workspace(folder / "landing", folder / "lake"))
    shutil.copytree(folder / "lake", folder / "erased")
    erasing.erase(running.workspace(folder / "landing", folder / "erased"))
    return folder


def opened(folder: Path, lake: str, landing: str = "landing"):
    return running.workspace(folder / landing, folder / lake)


def test_before_the_erasure_she_is_all_over_the_lake(made: Path) -> None:
    tables = {place.split("/")[1] for place in erasing.places(made / "lake", *NAMES) if place.startswith("tables/")}
    assert {"segment_events", "quarantine", "dms_customers_log", "dms_order_lines", "dms_quarantine", "identities", "customers", "orders", "event_facts"} <= tables


def test_after_it_no_file_of_the_lake_names_her(made: Path) -> None:
    her_id = erasing.customer_of(opened(made, "lake"), ADA["email"])
    assert erasing.places(made / "erased", *NAMES, her_id) == []


def test_what_mentioned_her_in_other_peoples_rows_says_erased(made: Path) -> None:
    calls = {row["message_id"]: row for row in running.rows(opened(made, "erased"), "segment_events")}
    assert sorted(calls) == ["b1", "b2", "b3", "b4"]
    assert calls["b2"]["properties"] == f'{{"product_id":"P-1","recipient":"{GONE}","note":"call {GONE}, or not"}}'
    assert (calls["b3"]["user_id"], calls["b3"]["anonymous_id"]) == ("u-bob-0002", None)
    assert calls["b4"]["query"] == f"gift for {GONE}"
    assert [row["reason"] for row in running.rows(opened(made, "erased"), "dms_returns")] == [f"asked by {GONE}"]


def test_every_line_is_still_accounted_for(made: Path) -> None:
    assert running.counts(opened(made, "erased"), "segment_events") == {"lines_in": 12, "rows_out": 4, "duplicates": 1, "quarantined": 0, "erased": 7}
    assert running.counts(opened(made, "erased"), "dms_customers_log") == {"rows_in": 3, "rows_out": 1, "quarantined": 0, "erased": 2}
    assert running.counts(opened(made, "erased"), "dms_order_lines_log") == {"rows_in": 3, "rows_out": 1, "quarantined": 0, "erased": 2}


def test_everybody_else_is_as_if_she_had_never_been_there(made: Path) -> None:
    erasing.write_zone(made / "without", with_ada=False)
    running.run_steps(opened(made, "never", "without"))
    never, erased = opened(made, "never", "without"), opened(made, "erased")
    compared = [name for name in erased.tables if name not in running.TELLS_OF_RUNS]
    assert len(compared) > 25
    assert [name for name in compared if told(never, name) != told(erased, name)] == []


def told(workspace, table: str) -> list[dict]:
    """Rows of a table but for the versions of the files: a file that mentions her is another one."""
    return [{name: value for name, value in row.items() if name != "object_etag"} for row in running.rows(workspace, table)]


def test_a_fresh_lake_that_keeps_the_list_stages_the_same_files_to_the_same_bytes(made: Path) -> None:
    keep_the_list(made / "erased", made / "fresh")
    running.run_steps(opened(made, "fresh"))
    fresh, erased = (running.lake_bytes(made / lake) for lake in ("fresh", "erased"))
    data = [path for path in running.differing(fresh, erased) if path.endswith("data.parquet")]
    assert data == []
    assert erasing.places(made / "fresh", *NAMES) == []


def test_files_sent_again_and_a_full_reload_bring_nothing_back(made: Path) -> None:
    shutil.copytree(made / "landing", made / "landing-again")
    shutil.copytree(made / "erased", made / "again")
    zone.put_segment(made / "landing-again", "ada-resent", erasing.ada_calls())
    zone.put_segment(made / "landing-again", "ada-new-phone", [zone.call("a9", type="identify", userId="u-new-0009", traits={"email": " ADA@example.com "})])
    erasing.put_ada_records(made / "landing-again", "LOAD00000003.csv")
    running.run_steps(opened(made, "again", "landing-again"))
    assert erasing.places(made / "again", *NAMES, "u-new-0009") == []
    assert running.counts(opened(made, "again"), "segment_events")["erased"] == 8 + 8 + 1


def test_a_second_run_rewrites_nothing(made: Path) -> None:
    assert running.run_steps(opened(made, "erased")) == {}


def test_the_certificate_says_where_and_what_is_left_and_names_nobody(made: Path) -> None:
    (path,) = (made / "erased" / "erasures").glob("*.md")
    text = path.read_text(encoding="utf-8")
    assert "| segment_events | 5 |" in text
    assert f"| segment-logs/{zone.SOURCE}/{zone.day_folder(zone.DAY)}/ada.gz | 8 |" in text
    assert f"| segment-logs/{zone.SOURCE}/{zone.day_folder(zone.DAY)}/bob.gz | 3 |" in text
    assert "| dms/retail/order_lines/LOAD00000002.csv | 2 |" in text


def test_she_can_be_asked_for_again_and_is_known_to_be_erased(made: Path) -> None:
    workspace = opened(made, "erased")
    assert erasure.erased_before(workspace, "ADA@example.com") == erasure.erased_before(workspace, "07700 900123") != []
    assert erasure.erased_before(workspace, "bob@example.com") == []
    with pytest.raises(InputError, match=r"erase: expected .* of the lake, got an identifier nobody has"):
        erasing.customer_of(workspace, ADA["email"])


def test_another_identity_key_is_refused_because_it_would_recognise_nobody(made: Path) -> None:
    workspace = running.workspace(made / "landing", made / "erased", identity_key="another one")
    with pytest.raises(SettingError, match=r"^IDENTITY_KEY: expected the key the list of erased people was made with"):
        erasure.erased_before(workspace, ADA["email"])


def test_a_channel_that_cannot_be_reached_waits_with_the_id_it_needs_and_is_asked_again(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "lake", tmp_path / "lake")
    off = running.workspace(made / "landing", tmp_path / "lake", delivery_mode="off")
    certificate = erasing.erase(off)
    assert certificate.waiting == ["segment"]
    assert ADA["user_id"] in {row["subject"] for row in running.rows(off, "deletion_requests") if row["state"] == "pending"}
    assert {place.split("/")[1] for place in erasing.places(tmp_path / "lake", *NAMES)} == {"deletion_requests"}
    reached = running.workspace(made / "landing", tmp_path / "lake")
    with reached.lake.writing():
        send_deletions(reached)
    assert erasing.places(tmp_path / "lake", *NAMES) == []


def test_an_audience_that_was_released_stays_released_without_her(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "lake", tmp_path / "lake")
    workspace = running.workspace(made / "landing", tmp_path / "lake", audience_approval="required")
    people, day = [erasing.customer_of(workspace, email) for email in (ADA["email"], "bob@example.com")], workspace.as_of()
    members = [{"audience": "win_back", "as_of": day, "customer_id": one, "arm": "treatment"} for one in people]
    workspace.lake.publish(AUDIENCES, pa.Table.from_pylist(members, schema=AUDIENCES.arrow()), Provenance("digest", {"rows_out": 2}), day.isoformat())
    approve_audiences(workspace, day)
    remembered = [{"audience": "win_back", "as_of": day, "identifier_hash": one} for one in (*hashes(workspace, ADA["email"]), "0" * 16)]
    data = pa.Table.from_pylist(remembered, schema=CONTROL_IDENTIFIERS.arrow())
    workspace.lake.publish(CONTROL_IDENTIFIERS, data, Provenance("digest", {"rows_out": data.num_rows}), day.isoformat())
    erasing.erase(workspace)
    assert [row["identifier_hash"] for row in running.rows(workspace, "control_identifiers")] == ["0" * 16]
    assert [row["customer_id"] for row in running.rows(workspace, "audiences")] == people[1:]
    assert is_approved(workspace, day)
    assert workspace.lake.is_current(AUDIENCES, "digest", day.isoformat())


def hashes(workspace, email: str) -> list[str]:
    """How control_identifiers names somebody, by the engine's own macro."""
    with workspace.lake.engine() as engine:
        return [value for (value,) in engine.rows("select identifier_hash($salt, 'email', $email)", {"salt": workspace.identifier_salt(), "email": email})]


def test_with_rules_that_nobody_applied_yet_an_erasure_does_not_begin(made: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("limits:\n  email: 1 ever\n", encoding="utf-8")
    workspace = running.workspace(made / "landing", made / "lake", identity_rules=str(tmp_path / "rules.yaml"))
    before = running.lake_bytes(made / "lake", without=())
    with pytest.raises(UserError, match=r"^IDENTITY_RULES: .* not applied"):
        erasing.erase(workspace)
    assert running.lake_bytes(made / "lake", without=()) == before
    assert erasure.unfinished(workspace) == []


class Killed(Exception):
    """Stands for a process that died."""


@pytest.mark.parametrize("write", [1, 3, 9, 20, 35, 50])
def test_an_erasure_killed_before_any_write_is_finished_by_the_next(made: Path, tmp_path: Path, write: int) -> None:
    shutil.copytree(made / "lake", tmp_path / "lake")
    left = [write]

    def dies(_key: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    with pytest.raises(Killed):
        erasing.erase(running.workspace(made / "landing", tmp_path / "lake", before_write=dies))
    again = running.workspace(made / "landing", tmp_path / "lake")
    with again.lake.writing():
        for erasure_id in erasure.unfinished(again):
            erasure.finish(again, erasure_id, erasing.refresh(again))
    if write == 1:  # nothing was noted yet: the person has to ask again
        erasing.erase(again)
    assert erasing.places(tmp_path / "lake", *NAMES) == []
    assert running.differing(running.lake_bytes(tmp_path / "lake"), running.lake_bytes(made / "erased")) == []


def keep_the_list(old: Path, new: Path) -> None:
    """A new lake that starts with the old one's list of erased people."""
    shutil.copytree(old / "tables" / "erasures", new / "tables" / "erasures")
