"""Promises 2 and 3 for what is computed as of T: features, labels and the spend after a cut-off, models, scores, reasons, readings of scores, lists
and audiences need nothing known at T or later, and a past day made again has the same bytes.

A small sample is cut at T as in ``test_pipeline_properties``. The other lake holds everything later too, and facts made to tempt
(``temptations``).
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from omnichannel_assets.assets import audiences, features, propensity, recommendations, score_monitoring
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_activation import AUDIENCES, POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS
from omnichannel_assets.lake.tables_scores import (
    CHURN_MODEL,
    CUSTOMER_FEATURES,
    MODEL_EVALUATION,
    PROPENSITY_SCORES,
    REPURCHASE_MODEL,
    SCORE_MONITORING,
    SPEND_MODEL,
    TRAINING_EXAMPLES,
)
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.properties.temptations import tempt
from omnichannel_assets_tests.properties.test_pipeline_properties import known_before

LAST_DAY = date(2025, 6, 30)
DAYS = 8
T = LAST_DAY
TRAINED = T - timedelta(days=7)
"""T is a Monday: its models are those of the Monday before."""
OPTIONS = {"least_examples": 30, "as_of_first": T.isoformat(), "first_day": (LAST_DAY - timedelta(days=DAYS)).isoformat(), "last_day": (LAST_DAY + timedelta(days=2)).isoformat()}
OF_THE_DAY = (CUSTOMER_FEATURES, PROPENSITY_SCORES, SCORE_MONITORING, SIMILAR_ITEMS, POPULAR_ITEMS, RECOMMENDATIONS, AUDIENCES)
SCORED_TABLES = (*OF_THE_DAY, TRAINING_EXAMPLES, CHURN_MODEL, REPURCHASE_MODEL, SPEND_MODEL, MODEL_EVALUATION)


@cache
def sample() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="scores-as-of-"))
    write_sample(folder / "landing", None, customers=115, days=DAYS, seed=5, last_day=LAST_DAY)
    return folder / "landing"


def scored(landing: Path, lake: Path, as_of: date, *more: date) -> Workspace:
    """A lake with everything up to the scores of ``as_of``, and those of other days."""
    opened = running.workspace(landing, lake, as_of=as_of, **OPTIONS)
    running.run_steps(opened)
    with opened.lake.writing():
        score(opened, [as_of, *more])
    return opened


def score(opened: Workspace, days: list[date]) -> None:
    features.build_customer_features(opened, days)
    propensity.collect_training_examples(opened)
    propensity.train_churn(opened)
    propensity.train_repurchase(opened)
    propensity.train_spend(opened)
    propensity.evaluate_models(opened)
    propensity.score_customers(opened, days)
    score_monitoring.monitor_scores(opened)
    for step in recommendations.STEPS.values():
        step(opened, days)
    audiences.choose_audiences(opened, days)


def held(opened: Workspace) -> dict[str, str]:
    """Digest of the rows of T, and of the versions of its training date behind them."""
    found = {table.name: opened.lake.manifest(table.name, ("as_of", (T if table in OF_THE_DAY else TRAINED).isoformat())) for table in SCORED_TABLES}
    return {name: manifest.sha256 for name, manifest in found.items() if manifest}


@pytest.fixture(scope="module")
def then(tmp_path_factory) -> Workspace:
    """A lake that never heard of anything known at T or later."""
    folder = tmp_path_factory.mktemp("then")
    return scored(known_before(sample(), T, folder / "landing"), folder / "lake", T)


@pytest.fixture(scope="module")
def later(tmp_path_factory) -> Workspace:
    """A lake that heard of everything, and of facts made to tempt."""
    folder = tmp_path_factory.mktemp("later")
    return scored(tempt(sample(), T, folder / "landing"), folder / "lake", T + timedelta(days=1), T)


def test_nothing_as_of_t_changes_with_what_was_known_at_t_or_later(then, later):
    assert held(then) == held(later)
    assert len(held(then)) == len(SCORED_TABLES)
    changes = later.lake.read(later.tables["identity_changes"]).to_pylist()
    assert sum(row["change"] == "merge" and row["as_of"] > T for row in changes) > 5
    assert "late-0" in {row["order_id"] for row in running.rows(later, "orders")}

    rows = running.rows(then, "propensity_scores")
    assert len(rows) > 30
    assert all(row["repurchase_score"] is not None and row["churn_score"] is not None for row in rows)
    assert any(row["churn_reasons"] for row in rows)


def read_earlier_scores(opened: Workspace, lake: Path) -> list[dict]:
    """The outcomes, told before T, of scores that were given by hand 33 days before it, in a copy of a lake."""
    shutil.copytree(opened.settings.lake_uri, lake)
    copied, earlier = running.workspace(Path(opened.settings.landing_uri), lake, as_of=opened.as_of(), **OPTIONS), T - timedelta(days=33)
    known = {row["customer_id"]: row for row in running.rows(copied, "identities") if row["valid_from"] <= earlier and (row["valid_to"] is None or row["valid_to"] > earlier)}
    rows = [{"customer_id": customer, "as_of": earlier, "repurchase_score": n / len(known)} for n, customer in enumerate(sorted(known))]
    model = [row | {"as_of": earlier - timedelta(days=1)} for row in copied.lake.read(REPURCHASE_MODEL, [TRAINED.isoformat()]).to_pylist()]
    with copied.lake.writing():
        for table, day, data in ((PROPENSITY_SCORES, earlier, rows), (REPURCHASE_MODEL, earlier - timedelta(days=1), model)):
            copied.lake.publish(table, pa.Table.from_pylist(data, schema=table.arrow()), Provenance("by hand"), day.isoformat())
        score_monitoring.monitor_scores(copied)
    return [row for row in running.rows(copied, "score_monitoring") if row["measure"] == "outcome" and row["as_of"] < T]


def test_an_outcome_is_that_of_what_was_known_when_its_horizon_closed(then, later, tmp_path):
    found = read_earlier_scores(then, tmp_path / "then")
    assert found == read_earlier_scores(later, tmp_path / "later")
    (whole,) = [row for row in found if row["name"] == "all"]
    assert timedelta(days=30) <= whole["as_of"] - whole["scored_on"] < timedelta(days=33)
    assert whole["customers"] > 30
    assert 0 < whole["actual"] < 1


def test_a_past_day_scored_again_has_the_same_bytes_and_what_is_current_is_not_written(then):
    folder = Path(then.settings.lake_uri)
    files, before = running.lake_bytes(folder), held(then)
    with then.lake.writing():
        score(then, [T])
    assert running.lake_bytes(folder) == files
    for table in SCORED_TABLES:
        for path in (folder / "tables" / table.name).rglob("_manifest.json"):
            path.unlink()
    with then.lake.writing():
        score(then, [T])
    assert held(then) == before


def test_a_run_about_an_earlier_day_and_back_leaves_every_byte_as_it_was(then, tmp_path):
    landing, lake, earlier = Path(then.settings.landing_uri), tmp_path / "lake", T - timedelta(days=3)
    shutil.copytree(then.settings.lake_uri, lake)
    before = running.lake_bytes(lake)
    scored(landing, lake, earlier)
    of_the_day = {path: digest for path, digest in before.items() if f"as_of={T}" in path or f"as_of={TRAINED}" in path}
    assert of_the_day and running.lake_bytes(lake).items() >= of_the_day.items()
    after = running.lake_bytes(Path(scored(landing, lake, T).settings.lake_uri))
    assert running.differing({path: digest for path, digest in after.items() if f"as_of={earlier}" not in path}, before) == []


def test_a_version_is_kept_when_newer_data_arrive(then, tmp_path):
    shutil.copytree(then.settings.lake_uri, tmp_path / "lake")
    late = tempt(known_before(sample(), T, tmp_path / "earlier"), TRAINED - timedelta(days=1), tmp_path / "landing")
    again = scored(late, tmp_path / "lake", T)
    assert again.lake.manifests(CHURN_MODEL) == then.lake.manifests(CHURN_MODEL)
    assert held(again)[CUSTOMER_FEATURES.name] != held(then)[CUSTOMER_FEATURES.name]


def test_another_identity_key_makes_the_examples_again_under_the_new_ids(then, tmp_path):
    shutil.copytree(then.settings.lake_uri, tmp_path / "lake")
    opened = running.workspace(Path(then.settings.landing_uri), tmp_path / "lake", as_of=T, identity_key="another", **OPTIONS)
    running.run_steps(opened)
    with opened.lake.writing():
        propensity.collect_training_examples(opened)
    held_now = {row["customer_id"] for row in running.rows(opened, "identities")}
    assert {row["customer_id"] for row in running.rows(opened, "training_examples")} <= held_now


def test_a_version_without_any_model_is_made_again_when_there_is_more_to_learn_from(then, tmp_path):
    """Files that came in two batches end in the same versions and scores; until then a second run writes nothing."""
    landing = Path(then.settings.landing_uri)
    shutil.copytree(landing / "segment-logs", tmp_path / "landing" / "segment-logs")
    early = scored(tmp_path / "landing", tmp_path / "lake", T)
    assert all(row["refusal"] for row in running.rows(early, "churn_model"))
    files = running.lake_bytes(tmp_path / "lake")
    scored(tmp_path / "landing", tmp_path / "lake", T)
    assert running.lake_bytes(tmp_path / "lake") == files

    shutil.copytree(landing, tmp_path / "landing", dirs_exist_ok=True)
    assert held(scored(tmp_path / "landing", tmp_path / "lake", T)) == held(then)
