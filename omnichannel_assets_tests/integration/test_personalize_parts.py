"""Personalize beyond its data sets: only what is named is made, once, trained when there is reason to, and what it answers is in the lake to the row."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omnichannel_assets.activation import personalize_files
from omnichannel_assets.assets import deliveries, personalize_results
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.assets.streams import World
from omnichannel_assets.lake.tables_activation import PERSONALIZE_BATCH_ERRORS, PERSONALIZE_RECOMMENDATIONS, PERSONALIZE_SEGMENTS
from omnichannel_assets.resources import channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sandbox import import_files, personalize_models
from omnichannel_assets.settings import midnight
from omnichannel_assets_tests.integration import running, scored
from omnichannel_assets_tests.integration.killing import snapshots
from omnichannel_assets_tests.integration.test_deliveries import FIRST, NEXT, Shop, audience, copy_of, inbox, ledger, newest
from omnichannel_assets_tests.integration.test_delivery_faults import LIVE_PERSONALIZE, s3

__all__ = ["s3"]
EVERYTHING = "event_tracker,metric_attribution,solution,campaign,batch_inference,batch_segment"


@pytest.fixture(scope="module")
def imported(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop's lake with its data sets at Personalize, nothing else there; to be copied."""
    lake = tmp_path_factory.mktemp("imported") / "lake"
    deliver(copy_of(shop, lake), FIRST)
    return Shop(shop.landing, lake)


@pytest.fixture(scope="module")
def trained(imported: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same with everything that can be made, but nothing asked yet; to be copied."""
    lake = tmp_path_factory.mktemp("trained") / "lake"
    deliver(copy_of(imported, lake, personalize_create=EVERYTHING), FIRST)
    return Shop(imported.landing, lake)


def deliver(opened: Workspace, as_of: date, hook: Callable[[str], None] = deliveries.no_hook) -> StepReport:
    with opened.lake.writing():
        return deliveries.deliver_personalize(opened, [as_of], hook)


def ask(opened: Workspace, as_of: date, hook: Callable[[str], None] = deliveries.no_hook) -> list[StepReport]:
    return [ask_lists(opened, as_of, hook), ask_segments(opened, as_of, hook)]


def ask_lists(opened: Workspace, as_of: date, hook: Callable[[str], None] = deliveries.no_hook) -> StepReport:
    with opened.lake.writing():
        return personalize_results.ask_recommendations(opened, [as_of], hook)


def ask_segments(opened: Workspace, as_of: date, hook: Callable[[str], None] = deliveries.no_hook) -> StepReport:
    with opened.lake.writing():
        return personalize_results.ask_segments(opened, [as_of], hook)


def made(opened: Workspace) -> dict[str, int]:
    """Operations that make something, and how often they were asked for."""
    names = [request["operation"] for request in inbox(opened).requests() if request["operation"].startswith(("Create", "Update"))]
    return {name: names.count(name) for name in sorted(set(names))}


def states(opened: Workspace, stream: str) -> dict[str, str]:
    return {row["destination_key"]: row["state"] for row in newest(ledger(opened, "personalize")) if row["stream"] == stream}


def test_nothing_that_costs_is_made_unless_it_is_named_and_the_report_says_what_would_be(shop, tmp_path):
    opened = copy_of(shop, tmp_path / "lake")
    report = deliver(opened, FIRST)
    assert set(made(opened)) == {"CreateDatasetGroup", "CreateSchema", "CreateDataset", "CreateDatasetImportJob"}
    told = report.shown["Personalize at your cost"]
    assert told.count("not made: PERSONALIZE_CREATE does not name it") == 7 and "| campaign |" in told
    assert [asked.figures["outcome"] for asked in ask(opened, FIRST)] == [f"nothing asked: PERSONALIZE_CREATE does not name {part}" for part in ("batch_inference", "batch_segment")]


def test_everything_that_is_named_is_made_once_and_asked_once(imported, tmp_path):
    opened = copy_of(imported, tmp_path / "lake", personalize_create=EVERYTHING)
    report = deliver(opened, FIRST)
    lists, segments = ask(opened, FIRST)
    parts = dict.fromkeys(("CreateEventTracker", "CreateMetricAttribution", "CreateCampaign", "CreateBatchInferenceJob", "CreateBatchSegmentJob"), 1)
    assert {name: count for name, count in made(opened).items() if "Dataset" not in name and name != "CreateSchema"} == parts | {"CreateSolution": 2, "CreateSolutionVersion": 2}
    (tracker,) = inbox(opened).personalize_resources()["event-tracker"]
    (campaign,) = inbox(opened).personalize_resources()["campaign"]
    assert report.figures["PERSONALIZE_TRACKING_ID"] == tracker["trackingId"]
    assert report.figures["PERSONALIZE_RECOMMENDER_ARN"] == campaign["campaignArn"]
    rows = opened.lake.read(PERSONALIZE_RECOMMENDATIONS).to_pylist()
    asked = {row["USER_ID"] for row in inbox(opened).personalize_datasets()["omnichannel/USERS"]}
    assert {row["customer_id"] for row in rows} == asked and {row["as_of"] for row in rows} == {FIRST}
    assert lists.count("rows_in") == len(asked) == lists.count("with_results")
    assert segments.count("rows_in") == 50 and {row["subject_type"] for row in opened.lake.read(PERSONALIZE_SEGMENTS).to_pylist()} == {"item"}
    assert not [path for path in (channels.sandbox_folder(opened) / "s3").rglob("*.json*") if path.is_file()], "files that name customers are taken away again"
    requests, before = len(inbox(opened).requests()), running.lake_bytes(opened.lake.store.root)
    for as_of in (FIRST, NEXT):  # the next date has the same data: the same model would give the same answers
        deliver(opened, as_of)
        ask(opened, as_of)
    assert len(inbox(opened).requests()) == requests and running.lake_bytes(opened.lake.store.root) == before


def test_new_data_train_again_only_after_some_days_and_then_the_campaign_moves_and_is_asked_again(trained, tmp_path):
    opened = copy_of(trained, tmp_path / "lake", personalize_create=EVERYTHING)
    ask_lists(opened, FIRST)
    changed = sorted(audience(opened, FIRST, "treatment"))[0]
    scored.give_scores(opened, NEXT, changed={changed: {"churn_band": "low", "churn_score": 0.01}})
    before = made(opened)
    patient = running.workspace(trained.landing, tmp_path / "lake", personalize_create=EVERYTHING, personalize_train_days=2)
    shutil.copytree(tmp_path / "lake", tmp_path / "other")
    assert "1 loaded" in deliver(patient, NEXT).figures["Users"]
    assert made(opened) == before | {"CreateDatasetImportJob": before["CreateDatasetImportJob"] + 1}
    soon = running.workspace(trained.landing, tmp_path / "other", personalize_create=EVERYTHING, personalize_train_days=1)
    deliver(soon, NEXT)
    ask_lists(soon, NEXT)
    after = made(soon)
    assert (after["CreateSolutionVersion"], after["CreateSolution"], after["CreateCampaign"], after["UpdateCampaign"]) == (4, 2, 1, 1)
    assert after["CreateBatchInferenceJob"] == 2
    assert {row["as_of"] for row in soon.lake.read(PERSONALIZE_RECOMMENDATIONS).to_pylist()} == {FIRST, NEXT}


def test_recommenders_need_a_group_of_the_domain_and_are_made_there(imported, tmp_path, monkeypatch):
    monkeypatch.setitem(personalize_models.USE_CASES, "aws-ecomm-recommended-for-you", "")
    options = {"personalize_create": "recommender", "personalize_domain": "ECOMMERCE"}
    wrong = copy_of(imported, tmp_path / "wrong", **options)
    assert "1 rejected" in deliver(wrong, NEXT).figures["Interactions"]
    assert any("name another PERSONALIZE_GROUP" in (row["words"] or "") for row in ledger(wrong, "personalize"))
    right = copy_of(imported, tmp_path / "right", personalize_group="domain", **options)
    report = deliver(right, NEXT)
    assert report.figures["PERSONALIZE_RECOMMENDER_ARN"].endswith(":recommender/domain-recommended-for-you")
    assert {row["CATEGORY_L1"] for row in inbox(right).personalize_datasets()["domain/ITEMS"]} - {None}


def test_a_training_that_fails_is_told_in_personalizes_words_and_tried_again_on_the_next_date(imported, tmp_path, monkeypatch):
    opened = copy_of(imported, tmp_path / "lake", personalize_create="solution,campaign,batch_inference")
    monkeypatch.setattr(personalize_models, "LEAST_USERS", 10_000)
    report = deliver(opened, FIRST)
    assert states(opened, "training") == {"aws-user-personalization-v2": "rejected"}
    assert next(row["words"] for row in ledger(opened, "personalize") if row["stream"] == "training") == "SolutionVersion CREATE FAILED: fewer than 10000 users with at least 2 interactions each"
    assert "waits for a trained version" in report.figures["campaign"] and "no trained version" in ask_lists(opened, FIRST).figures["recommendations"]
    monkeypatch.undo()
    deliver(opened, NEXT)
    assert states(opened, "training") == {"aws-user-personalization-v2": "loaded"} and states(opened, "campaign") == {"aws-user-personalization-v2": "loaded"}


def test_one_bad_line_of_an_answer_is_one_row_with_its_words_and_all_others_are_published(trained, tmp_path):
    opened = copy_of(trained, tmp_path / "lake", personalize_create=EVERYTHING)

    def spoil(call: str) -> None:
        for path in (channels.sandbox_folder(opened) / "s3").rglob("part-0000.json.out") if call == "before s3.GetObject" and not spoilt else []:
            _, second, *others = path.read_text().splitlines()
            whose = json.loads(second)["input"]
            path.write_text("\n".join(["{broken", json.dumps({"input": whose, "output": None, "error": "too little history"}), *others, ""]))
            path.with_name("part-0000.json.errors").write_text('{"input":{},"error":"a whole record"}\n')
            spoilt.append(path.name)

    spoilt: list[str] = []
    lists = ask_lists(opened, FIRST, spoil)
    assert lists.count("rows_in") == lists.count("with_results") + 2
    assert (lists.count("bad"), lists.count("unanswered"), lists.count("bad_lines")) == (1, 1, 3)
    errors = [row for row in opened.lake.read(PERSONALIZE_BATCH_ERRORS).to_pylist() if row["batch"] == f"recommendations-{FIRST}"]
    assert [(row["file"], row["line"], row["words"]) for row in errors] == [
        ("part-0000.json.errors", 1, "does not say what was asked"),
        ("part-0000.json.out", 1, "not JSON"),
        ("part-0000.json.out", 2, "too little history"),
    ]


def test_a_job_that_leaves_no_answer_publishes_nothing(trained, tmp_path):
    opened = copy_of(trained, tmp_path / "lake", personalize_create=EVERYTHING)

    def lose(call: str) -> None:
        for path in (channels.sandbox_folder(opened) / "s3").rglob("*.out") if call == "before s3.GetObject" else []:
            path.unlink()

    assert "1 rejected" in ask_lists(opened, FIRST, lose).figures["recommendations"]
    assert opened.lake.read(PERSONALIZE_RECOMMENDATIONS).num_rows == 0


def test_categories_are_asked_for_when_the_recipe_says_so(imported, tmp_path):
    opened = copy_of(imported, tmp_path / "lake", personalize_create="solution,batch_segment", personalize_segment_recipe="aws-item-attribute-affinity")
    deliver(opened, FIRST)
    assert set(states(opened, "training")) == {"aws-item-attribute-affinity"}, "no solution for people is trained that nobody asks"
    report = ask_segments(opened, FIRST)
    rows = opened.lake.read(PERSONALIZE_SEGMENTS).to_pylist()
    assert rows and {row["subject_type"] for row in rows} == {"attribute"} and report.count("rows_in") <= 10
    assert all(row["subject"].startswith("ITEMS.CATEGORY_L1 = ") for row in rows)


# Killed anywhere.


def effect(opened: Workspace) -> dict:
    """What Personalize has, what the ledger says of it, and what is published; not how often anything was tried."""
    kept = ("stream", "destination_key", "content_hash", "state", "words", "as_of", "sequence")
    resources = inbox(opened).personalize_resources()
    tables = {table.name: opened.lake.read(table).to_pylist() for table in (PERSONALIZE_RECOMMENDATIONS, PERSONALIZE_SEGMENTS, PERSONALIZE_BATCH_ERRORS)}
    return {
        "resources": {kind: sorted(str(sorted(one.items())) for one in found) for kind, found in resources.items()},
        "datasets": inbox(opened).personalize_datasets(),
        "ledger": sorted(tuple(str(row[name]) for name in kept) for row in ledger(opened, "personalize")),
        "bucket": sorted(path.name for path in (channels.sandbox_folder(opened) / "s3").rglob("*.json*") if path.is_file()),
        **tables,
    }


@pytest.mark.parametrize("act", [deliver, ask_lists], ids=["everything that is made", "what is asked"])
def test_killed_at_any_call_a_re_run_ends_as_if_nothing_had_happened(imported, trained, tmp_path, act):
    start = imported if act is deliver else trained
    opened = copy_of(start, tmp_path / "clean", personalize_create=EVERYTHING)
    kept, hook = snapshots(opened, tmp_path)
    act(opened, FIRST, hook)
    expected = effect(opened)
    assert len(kept) >= 8
    for name, call in kept.items():
        killed = running.workspace(start.landing, tmp_path / name, personalize_create=EVERYTHING)
        act(killed, FIRST)
        assert effect(killed) == expected, call


# Only what was added.


@pytest.fixture
def few(monkeypatch):
    """Imports of a few interactions, so that a day's are enough."""
    monkeypatch.setattr(personalize_files, "LEAST_INTERACTIONS", 10)
    monkeypatch.setattr(import_files, "LEAST_INTERACTIONS", 10)


class Earlier(World):
    """A world that had not heard of the last two days. Who is who is as it is now: a merge in between would change earlier rows."""

    def __init__(self, workspace, engine, as_of):
        super().__init__(workspace, engine, as_of)
        self.now, self.in_force = self.in_force, date(2025, 6, 29)

    def rows(self, model):
        then, self.in_force = self.in_force, self.now
        rows = super().rows(model)
        self.in_force = then
        return rows.filter(pc.less(rows["known_at"], pa.scalar(midnight(then), rows["known_at"].type))) if "known_at" in rows.column_names else rows


@pytest.fixture
def earlier(shop, tmp_path, monkeypatch, few) -> Workspace:
    """A lake whose interactions were imported as they were known two days before."""
    opened = copy_of(shop, tmp_path / "lake")
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "World", Earlier)
        deliver(opened, FIRST)
    return opened


def imports(opened: Workspace) -> list[tuple[str, str]]:
    """(data set, mode) of every import that ended, in order."""
    return [(job["dataset"].rpartition("/")[2], job["mode"]) for job in inbox(opened).messages("personalize")]


def interactions(opened: Workspace) -> list[dict]:
    return inbox(opened).personalize_datasets()["omnichannel/INTERACTIONS"]


def test_interactions_that_were_only_added_to_are_imported_alone_and_the_data_set_is_that_of_a_whole_import(shop, tmp_path, earlier):
    before = len(interactions(earlier))
    kept, hook = snapshots(earlier, tmp_path)
    deliver(earlier, NEXT, hook)
    assert [mode for kind, mode in imports(earlier) if kind == "INTERACTIONS"] == ["FULL", "INCREMENTAL"]
    whole = copy_of(shop, tmp_path / "whole")
    deliver(whole, NEXT)
    assert interactions(earlier) == interactions(whole) and len(interactions(whole)) > before
    expected = effect(whole)["datasets"]
    assert len(kept) >= 5
    for name, call in kept.items():
        killed = running.workspace(shop.landing, tmp_path / name)
        deliver(killed, NEXT)
        assert inbox(killed).personalize_datasets() == expected, call


def test_everything_is_imported_when_an_earlier_row_changed(earlier, monkeypatch):
    rows = World.rows
    monkeypatch.setattr(World, "rows", lambda self, model: rows(self, model).slice(1) if model == "personalize_interactions" else rows(self, model))
    deliver(earlier, NEXT)
    assert [mode for kind, mode in imports(earlier) if kind == "INTERACTIONS"] == ["FULL", "FULL"]


# The bucket, live.


def test_a_file_of_the_bucket_is_read_and_one_that_is_not_there_is_nothing(imported, tmp_path, s3):
    s3.create_bucket(Bucket="sandbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    live = copy_of(imported, tmp_path / "lake", **LIVE_PERSONALIZE)
    with channels.open_channels(live, deliveries.no_hook) as opened:
        assert opened.get_file("a/b.out") is None
        assert opened.put_file("a/b.out", b"line\n") == opened.place_of("a/b.out") == "s3://sandbox/live/a/b.out"
        assert opened.get_file("a/b.out") == b"line\n"
