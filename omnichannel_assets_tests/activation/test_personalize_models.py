"""Solutions, campaigns, recommenders, tracker and attribution: made once, found again, moved on, and told in Personalize's words when refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_batch import BatchJob, item_questions, question_files, run_batch_job, user_questions
from omnichannel_assets.activation.personalize_import import import_datasets
from omnichannel_assets.activation.personalize_models import (
    METRICS,
    campaign,
    event_tracker,
    metric_attribution,
    recommender,
    solution,
    solution_version,
)
from omnichannel_assets.activation.personalize_resources import Resources
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.activation.validation import validate
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, files, put, running

USER, SEGMENT, USE_CASE = "aws-user-personalization-v2", "aws-item-affinity", "aws-ecomm-popular-items-by-views"
ANSWERS = "s3://sandbox/answers/"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sandbox's folder with a group of the domain, all data sets imported, a version of each recipe trained; to be copied."""
    folder = tmp_path_factory.mktemp("imported")
    with running(folder) as (_, clients):
        how = {"group_name": "shop", "job_suffix": "1", "role_arn": ROLE, "domain": "ECOMMERCE", "poll": AT_ONCE}
        place = files(folder)
        put(folder, "import/Items/part-0.csv", b"ITEM_ID,PRICE,CATEGORY_L1,IN_STOCK\nP-0,1.0,shoes|sale,True\nP-1,2.5,other,False\n")
        put(folder, "import/Interactions/part-0.csv", _twice(folder / "s3" / "import" / "Interactions" / "part-0.csv"))
        assert {outcome.state for outcome in import_datasets(clients.personalize, place, **how)} == {"loaded"}
        for recipe in (USER, SEGMENT):
            assert solution_version(of(clients), recipe, "first").state == "loaded"
    yield folder


def _twice(path: Path) -> bytes:
    """The rows, and again as clicks of another second: enough views for a use case that wants 1,000 of them."""
    header, *rows = path.read_text().splitlines()
    views = [line.replace("Purchase", "View") for line in rows]
    return "\n".join([header, *views, *(line.replace(",View,", ",Click,") for line in views), ""]).encode()


@pytest.fixture
def ready(imported: Path, tmp_path: Path) -> Iterator[tuple[Sandbox, Clients]]:
    shutil.copytree(imported, tmp_path / "ready")
    with running(tmp_path / "ready") as both:
        yield both


def of(clients: Clients, **more: Any) -> Resources:
    return Resources(clients.personalize, "shop", **{"domain": "ECOMMERCE", "poll": AT_ONCE, **more})


def created(sandbox: Sandbox, operation: str) -> int:
    return sum(request["operation"] == operation for request in sandbox.inbox.requests())


def batch(kind: Any, suffix: str, version: str, lines: Any, folder: Path) -> BatchJob:
    def questions() -> str:
        for name, data in question_files(lines).items():
            put(folder, f"questions/{suffix}/{name}", data)
        return f"s3://sandbox/questions/{suffix}/"

    return BatchJob(kind, suffix, version, 5, questions, f"{ANSWERS}{suffix}/")


def parts(sandbox: Sandbox) -> dict[str, Callable[[Resources], Outcome]]:
    """Everything that can be made, by name."""

    trained = {one["recipeArn"].rpartition("/")[2]: one["solutionVersionArn"] for one in reversed(sandbox.inbox.personalize_resources()["solution-version"])}
    people, items = list(user_questions(["c_1", "c_0"])), list(item_questions(["P-0"]))
    return {
        "event_tracker": event_tracker,
        "metric_attribution": lambda r: metric_attribution(r, "s3://sandbox/metrics/", ROLE),
        "solution": lambda r: solution(r, "aws-popularity-count"),
        "solution_version": lambda r: solution_version(r, USER, "second"),
        "campaign": lambda r: campaign(r, USER, trained[USER]),
        "recommender": lambda r: recommender(r, USE_CASE),
        "batch_inference": lambda r: run_batch_job(r, batch("BatchInference", "people", trained[USER], people, sandbox.folder), ROLE),
        "batch_segment": lambda r: run_batch_job(r, batch("BatchSegment", "items", trained[SEGMENT], items, sandbox.folder), ROLE),
    }


def test_each_is_made_once_and_found_again(ready: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = ready
    first = {name: part(of(clients)) for name, part in parts(sandbox).items()}
    assert {name: outcome.state for name, outcome in first.items()} == dict.fromkeys(first, "loaded")
    made = {operation: created(sandbox, operation) for operation in {request["operation"] for request in sandbox.inbox.requests()} if operation.startswith("Create")}
    assert {name: part(of(clients)) for name, part in parts(sandbox).items()} == first
    assert {operation: created(sandbox, operation) for operation in made} == made
    (one,) = sandbox.inbox.personalize_resources()["solution"][-1:]
    assert one["performAutoTraining"] is False, "it would train, and cost, every week"
    assert sandbox.inbox.personalize_resources()["campaign"][0]["minProvisionedTPS"] == 1
    assert [metric["metricName"] for metric in sandbox.inbox.personalize_resources()["metric-attribution"][0]["metrics"]] == [metric.name for metric in METRICS]


def effect(sandbox: Sandbox) -> object:
    """What there is, in what state, and every answer; not how often it was looked at."""
    found = sandbox.inbox.personalize_resources()
    answers = {path.name: path.read_bytes() for path in sorted((sandbox.folder / "s3" / "answers").rglob("*.out"))}
    return {kind: sorted(str(sorted(one.items())) for one in ones) for kind, ones in found.items()}, answers


def moved(resources: Resources) -> Outcome:
    """A campaign, first over one version, then over another."""
    campaign(resources, USER, solution_version(resources, USER, "first").words)
    return campaign(resources, USER, solution_version(resources, USER, "second").words)


@pytest.mark.parametrize("bring", [moved, lambda resources: recommender(resources, USE_CASE)], ids=["a campaign that moves", "a recommender"])
def test_killed_at_any_call_a_second_run_has_the_same_effect_as_one(imported: Path, tmp_path: Path, bring: Callable[[Resources], Outcome]) -> None:
    """What is on disk at a call is what a kill there leaves; a second run starts from it. Everything else is killed in the deliveries' tests."""
    shutil.copytree(imported, tmp_path / "whole")
    kept: dict[bytes, str] = {}
    with running(tmp_path / "whole") as (sandbox, clients):

        def hook(call: str) -> None:
            state = (sandbox.folder / "personalize_state.json").read_bytes()
            if state not in kept:
                shutil.copytree(sandbox.folder, tmp_path / str(len(kept)), ignore=shutil.ignore_patterns(".lock", ".address"))
                kept[state] = call

        assert bring(of(clients, hook=hook)).state == "loaded"
        whole = effect(sandbox)
    assert len(kept) >= 3
    for at, call in enumerate(kept.values()):
        with running(tmp_path / str(at)) as (sandbox, clients):
            assert bring(of(clients)).state == "loaded"
            assert effect(sandbox) == whole, call


@pytest.mark.parametrize(
    ("name", "operation"),
    [("solution_version", "CreateSolutionVersion"), ("campaign", "CreateCampaign"), ("batch_inference", "CreateBatchInferenceJob"), ("event_tracker", "CreateEventTracker")],
)
def test_a_lost_answer_to_create_makes_nothing_twice(ready: tuple[Sandbox, Clients], name: str, operation: str) -> None:
    sandbox, _ = ready
    patient = Clients(sandbox.url, attempts=3)
    before = {kind: len(found) for kind, found in sandbox.inbox.personalize_resources().items()}
    sandbox.faults.add("personalize", "reset", operation=operation, when="after")
    assert parts(sandbox)[name](of(patient)).state == "loaded"
    after = {kind: len(found) for kind, found in sandbox.inbox.personalize_resources().items()}
    assert sum(after.values()) - sum(before.values()) == 1 and created(sandbox, operation) >= 2


def test_a_campaign_is_moved_to_the_version_it_is_given(ready: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = ready
    old, new = (solution_version(of(clients), USER, suffix).words for suffix in ("first", "second"))
    arn = campaign(of(clients), USER, old).words
    assert campaign(of(clients), USER, new) == Outcome(USER, "loaded", arn)
    assert sandbox.inbox.personalize_resources()["campaign"][0]["solutionVersionArn"] == new
    campaign(of(clients), USER, new)
    assert (created(sandbox, "UpdateCampaign"), created(sandbox, "CreateCampaign")) == (1, 1)


def test_a_move_under_way_is_waited_for_and_not_asked_for_again(ready: tuple[Sandbox, Clients]) -> None:
    sandbox, clients = ready
    old, new = (solution_version(of(clients), USER, suffix).words for suffix in ("first", "second"))
    campaign(of(clients), USER, old)
    short = campaign(of(clients, poll=Poll(most_times=1, sleep=lambda seconds: None)), USER, new)
    assert short.state == "failed" and "goes on waiting" in short.words
    assert campaign(of(clients), USER, new).state == "loaded" and created(sandbox, "UpdateCampaign") == 1


def test_what_personalize_refuses_is_told_in_its_words(sandbox: Sandbox, clients: Clients) -> None:
    """A custom group without any data set."""
    custom = of(clients, domain="")
    assert solution_version(custom, USER, "x").words == "SolutionVersion CREATE FAILED: 0 interactions, at least 1000 are needed to train"
    assert "need a domain dataset group" in recommender(custom, USE_CASE).words
    assert "numeric column" in metric_attribution(custom, "s3://sandbox/m/", ROLE).words
    refused = of(clients).group_name and solution(of(clients), USER)
    assert refused.state == "rejected" and "name another PERSONALIZE_GROUP" in refused.words


def test_a_group_has_one_tracker_whoever_made_it(sandbox: Sandbox, clients: Clients) -> None:
    custom = of(clients, domain="")
    by_hand = clients.personalize.create_event_tracker(name="mine", datasetGroupArn=custom.group())["trackingId"]
    assert event_tracker(custom).words == by_hand and created(sandbox, "CreateEventTracker") == 1


def test_a_resource_that_is_taken_away_while_we_wait_is_left_to_the_next_run(ready: tuple[Sandbox, Clients]) -> None:
    outcome = campaign(of(ready[1]), USER, "arn:aws:personalize:us-east-1:000000000000:solution/shop-user-personalization-v2/none")
    assert outcome.state in ("failed", "rejected") and "ResourceNotFoundException" in outcome.words


def test_every_request_suits_the_services_models(ready: tuple[Sandbox, Clients]) -> None:
    """The sandbox holds requests against the same models; here the ones that are made are held against them by themselves."""
    sandbox, clients = ready
    sent: list[tuple[str, dict]] = []
    clients.personalize.meta.events.register("provide-client-params.personalize.*", lambda params, model, **_: sent.append((model.name, dict(params))))
    for part in parts(sandbox).values():
        part(of(clients))
    assert {name for name, _ in sent} >= {"CreateSolution", "CreateSolutionVersion", "CreateCampaign", "CreateRecommender", "CreateMetricAttribution", "CreateBatchInferenceJob", "CreateBatchSegmentJob"}
    for name, params in sent:
        validate("personalize", name, params)
