"""Versions in a lake: made once, in force or kept, found again by the as-of date they may score."""

import json
import shutil
from datetime import date, timedelta

import pyarrow as pa
import pytest

from omnichannel_assets.assets.models import champions, train_repurchase
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_scores import REPURCHASE_MODEL, TRAINING_EXAMPLES
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.propensity.example_rows import LAST, examples

MONDAY = date(2026, 4, 6)
LATER = MONDAY + timedelta(days=70)


def opened(folder, as_of: date, **options) -> Workspace:
    return running.workspace(folder, folder / "lake", as_of=as_of, as_of_first=as_of, **options)


def given(workspace: Workspace, as_of: date, shift: int, cutoffs: int = 4) -> None:
    """Publish the examples of a training date by hand: known cut-offs, moved by some days."""
    known = examples(cutoffs, 300, seed=1 + shift)
    moved = [day + timedelta(days=shift) for day in known.column("cutoff").to_pylist()]
    known = known.set_column(0, "cutoff", pa.array(moved, pa.date32())).append_column("as_of", pa.array([as_of] * known.num_rows, pa.date32()))
    schema = TRAINING_EXAMPLES.arrow()
    columns = [known.column(field.name).cast(field.type) if field.name in known.column_names else pa.nulls(known.num_rows, field.type) for field in schema]
    with workspace.lake.writing():
        workspace.lake.publish(TRAINING_EXAMPLES, pa.table(columns, schema=schema), Provenance("by hand"), as_of.isoformat())


def trained(folder, as_of: date, **options) -> Workspace:
    """The versions of the training date of an as-of date, the Tuesday after its Monday."""
    workspace = opened(folder, as_of + timedelta(days=1), **options)
    with workspace.lake.writing():
        train_repurchase(workspace)
    return workspace


def rows(workspace: Workspace) -> dict[date, dict]:
    return {row["as_of"]: row for row in running.rows(workspace, "repurchase_model")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A version of one Monday, one of the next, and one ten weeks later, when two more cut-offs are closed."""
    folder = tmp_path_factory.mktemp("versions")
    for as_of, shift, cutoffs in ((MONDAY, 0, 4), (MONDAY + timedelta(days=7), 7, 4), (LATER, 70, 6)):
        given(opened(folder, as_of), as_of, shift, cutoffs)
        trained(folder, as_of)
    return folder


@pytest.fixture
def lake(made, tmp_path):
    return shutil.copytree(made, tmp_path / "site")


def test_the_champion_stays_until_it_is_beaten_and_its_row_says_so(lake):
    workspace = opened(lake, LATER + timedelta(days=1))
    found = rows(workspace)
    assert {as_of: row["in_force"] for as_of, row in found.items()} == {MONDAY: MONDAY, MONDAY + timedelta(days=7): MONDAY, LATER: MONDAY}
    assert found[MONDAY]["verdict"] == "champion: there was none before"
    assert found[MONDAY + timedelta(days=7)]["verdict"].startswith("kept: the version of 2026-04-06 stays; since then no cut-off has a closed horizon")
    assert found[LATER]["verdict"].startswith("kept: the version of 2026-04-06 stays; the challenger did not win by more than noise on ")
    assert json.loads(found[LATER]["data"])["rows"][(LAST + timedelta(days=70)).isoformat()] == 300

    for day, boosters in ((MONDAY, []), (MONDAY + timedelta(days=1), [found[MONDAY]["booster"]]), (LATER + timedelta(days=1), [found[MONDAY]["booster"]])):
        assert [model.booster for model in champions(workspace, day)[0].values()] == boosters, "only what was trained before the as-of date"


def test_a_version_made_again_finds_the_same_champion(lake):
    before = rows(opened(lake, LATER))
    for path in (lake / "lake" / "tables" / REPURCHASE_MODEL.name / f"as_of={MONDAY + timedelta(days=7)}").rglob("_manifest.json"):
        path.unlink()
    assert rows(trained(lake, MONDAY + timedelta(days=7))) == before


def test_an_old_champion_makes_way(lake):
    given(opened(lake, LATER + timedelta(days=119)), LATER + timedelta(days=119), 189)
    row = rows(trained(lake, LATER + timedelta(days=119)))[LATER + timedelta(days=119)]
    assert (row["in_force"], row["verdict"]) == (row["as_of"], "champion: the version of 2026-04-06 is 189 days old, and 180 is the most")
