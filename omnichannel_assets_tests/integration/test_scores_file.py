"""Scores as a CSV file: the same rows as the table, repaired after a crash, cleaned when a person is erased."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.assets.erasure_files import OUR_FILES, purge_files
from omnichannel_assets.assets.scores_file import FILE, folder_of, write_scores_file
from omnichannel_assets.erasure.search import Needles
from omnichannel_assets.erasure.subject import Subject
from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.conftest import Sample
from omnichannel_assets_tests.integration.scored import give_scores

DAY = date(2025, 6, 30)


@pytest.fixture
def scored(tiny: Sample, tmp_path: Path) -> Workspace:
    """A lake of its own with scores of one date."""
    shutil.copytree(tiny.lake, tmp_path / "lake")
    opened = running.workspace(tiny.landing, tmp_path / "lake")
    give_scores(opened, DAY)
    return opened


def read(opened: Workspace) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(opened.lake.store.read(folder_of(DAY) + FILE).decode("utf-8"))))


def test_the_file_holds_the_rows_and_columns_of_the_table(scored):
    write_scores_file(scored, DAY)
    stored, told = running.rows(scored, "propensity_scores"), read(scored)
    assert stored and list(told[0]) == PROPENSITY_SCORES.names
    assert [row["customer_id"] for row in told] == [row["customer_id"] for row in stored]
    for row, line in zip(stored, told, strict=True):
        assert float(line["churn_score"]) == row["churn_score"] and line["churn_reasons"] == row["churn_reasons"] and line["subscription_churn_score"] == ""


def test_a_file_is_written_again_only_when_the_scores_are_others(scored):
    write_scores_file(scored, DAY)
    written = []
    scored.lake.store.before_write = written.append
    write_scores_file(scored, DAY)
    assert written == []
    give_scores(scored, DAY, seed=2)
    write_scores_file(scored, DAY)
    assert folder_of(DAY) + FILE in written
    assert [float(line["churn_score"]) for line in read(scored)] == [row["churn_score"] for row in running.rows(scored, "propensity_scores")]


def test_a_crash_between_scores_and_file_is_repaired(scored):
    write_scores_file(scored, DAY)
    give_scores(scored, DAY, seed=2)

    def crash(key: str) -> None:
        raise KeyboardInterrupt(key)

    scored.lake.store.before_write = crash
    with pytest.raises(KeyboardInterrupt):
        write_scores_file(scored, DAY)
    scored.lake.store.before_write = None
    write_scores_file(scored, DAY)
    assert [float(line["churn_score"]) for line in read(scored)] == [row["churn_score"] for row in running.rows(scored, "propensity_scores")]


def test_a_date_without_scores_has_no_file(scored):
    write_scores_file(scored, date(2025, 6, 1))
    assert not scored.lake.store.exists(folder_of(date(2025, 6, 1)) + FILE)


def test_an_erased_person_goes_from_the_file(scored):
    write_scores_file(scored, DAY)
    gone = read(scored)[0]["customer_id"]
    noted: dict[str, int] = {}
    purge_files(scored.lake, OUR_FILES, Needles(Subject("e_1", "2025-07-01", (), customer_ids=(gone,))), noted.__setitem__)
    assert noted == {folder_of(DAY) + FILE: 1} and gone not in [line["customer_id"] for line in read(scored)]
