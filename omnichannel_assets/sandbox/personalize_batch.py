"""Personalize's batch jobs: files of questions in the bucket, files of answers beside them, worked out from what is imported.

Belongs here: what a job refuses, reads and writes. Not here: states (`personalize`), what is trained (`personalize_models`). A question that
cannot be read becomes an answer with an error; it fails no job.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.import_files import BUCKET
from omnichannel_assets.sandbox.inbox import replace
from omnichannel_assets.sandbox.personalize_deletion import refuse_during_deletion
from omnichannel_assets.sandbox.personalize_models import RECIPE, RELATED_RECIPES, SEGMENT_RECIPES
from omnichannel_assets.sandbox.personalize_runtime import LATEST_ITEMS, Learned, learned_from, recommended
from omnichannel_assets.sandbox.personalize_state import (
    ACTIVE,
    ARN,
    FAILED,
    PENDING,
    PersonalizeState,
    Resource,
    is_unfinished,
    limit,
    without_tags,
)

BATCH_ARNS = {"batch-inference-job": "batchInferenceJobArn", "batch-segment-job": "batchSegmentJobArn"}
MOST_UNFINISHED_JOBS, MOST_FILES, MOST_BYTES = 5, 1_000, 2**30
MOST_RESULTS = {"batch-inference-job": 500, "batch-segment-job": 5_000_000}
DEFAULT_RESULTS = {"batch-inference-job": 25, "batch-segment-job": 100}
MOST_QUERIES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
NOT_IN_BATCH = {"aws-trending-now"}
EXPRESSION = re.compile(r'ITEMS\.([A-Z0-9_]+) = "([^"]*)"', re.IGNORECASE)
Params = Mapping[str, Any]


class _Failure(Exception):
    """Why a job fails."""


class BatchPlane:
    """Answers the operations on batch jobs; ``runs`` work them out."""

    def __init__(self, state: PersonalizeState):
        self.state = state
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateBatchInferenceJob": lambda p: self._create("batch-inference-job", p),
            "CreateBatchSegmentJob": lambda p: self._create("batch-segment-job", p),
        }
        self.runs: dict[str, Callable[[Resource], str]] = {kind: self._runner(kind) for kind in BATCH_ARNS}

    def _create(self, kind: str, params: Params) -> dict[str, Any]:
        version = self.state.active("solution-version", params["solutionVersionArn"])
        refuse_during_deletion(self.state, version["datasetGroupArn"])
        recipe = version["recipeArn"].removeprefix(RECIPE)
        if (recipe in SEGMENT_RECIPES) != (kind == "batch-segment-job") or recipe in NOT_IN_BATCH:
            raise ServiceError("InvalidInputException", f"recipe {recipe} makes no {kind}")
        if not 1 <= params.get("numResults", 1) <= MOST_RESULTS[kind]:
            raise ServiceError("InvalidInputException", f"numResults: 1 to {MOST_RESULTS[kind]}")
        for place in (params["jobInput"]["s3DataSource"]["path"], params["jobOutput"]["s3DataDestination"]["path"]):
            if not place.startswith(BUCKET):
                raise ServiceError("InvalidInputException", f"{place}: the bucket does not exist; the sandbox's is {BUCKET}")
        arn = f"{ARN}{kind}/{params['jobName']}"
        others = [job for job in self.state.all(kind) if is_unfinished(job) and job[BATCH_ARNS[kind]] != arn]
        limit(len(others), MOST_UNFINISHED_JOBS, "pending or running batch jobs")
        known = {name: version[name] for name in ("datasetGroupArn", "recipeArn")}
        self.state.add(kind, arn, {**without_tags(params), **known, BATCH_ARNS[kind]: arn, "status": PENDING})
        return {BATCH_ARNS[kind]: arn}

    def _runner(self, kind: str) -> Callable[[Resource], str]:
        def run(job: Resource) -> str:
            try:
                for path in self._questions(job, job["recipeArn"].removeprefix(RECIPE)):
                    data = "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in self._answers(kind, job, path))
                    replace(self._path(job["jobOutput"]["s3DataDestination"]["path"]) / f"{path.name}.out", data.encode())
            except _Failure as failure:
                job["failureReason"] = str(failure)
                return FAILED
            return ACTIVE

        return run

    def _path(self, place: str) -> Path:
        root = (self.state.folder / "s3").resolve()
        path = (root / place.removeprefix(BUCKET)).resolve()
        if not path.is_relative_to(root):
            raise _Failure(f"{place}: no place of the bucket")
        return path

    def _questions(self, job: Resource, recipe: str) -> list[Path]:
        place = job["jobInput"]["s3DataSource"]["path"]
        path = self._path(place)
        found = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file() and one.name[0] != ".") if path.is_dir() else []
        if not found:
            raise _Failure(f"{place}: no file there")
        if len(found) > MOST_FILES or any(one.stat().st_size > MOST_BYTES for one in found):
            raise _Failure(f"{place}: more than {MOST_FILES} files, or one of more than {MOST_BYTES} bytes")
        queries = sum(one.read_bytes().count(b"\n") for one in found)
        if queries > MOST_QUERIES.get(recipe, queries):
            raise _Failure(f"{place}: {queries} queries, at most {MOST_QUERIES[recipe]}")
        return found

    def _answers(self, kind: str, job: Resource, path: Path) -> list[dict[str, Any]]:
        group = job["datasetGroupArn"].rsplit("/", 1)[1]
        rows = self.state.rows(group, "INTERACTIONS")
        learned = learned_from([(row["TIMESTAMP"], row["USER_ID"], row["ITEM_ID"]) for row in rows])
        recipe, most = job["recipeArn"].removeprefix(RECIPE), job.get("numResults", DEFAULT_RESULTS[kind])
        items = self.state.rows(group, "ITEMS") if recipe == "aws-item-attribute-affinity" else []
        answers = []
        for line in path.read_bytes().splitlines():
            question = _question(line)
            output = _output(recipe, question, learned, rows, items, most)
            error = None if output else "the question cannot be read"
            answers.append({"input": question, "output": output, "error": error})
        return answers


def _question(line: bytes) -> dict[str, Any]:
    try:
        question = json.loads(line)
    except ValueError:
        return {}
    return question if isinstance(question, dict) else {}


def _output(recipe: str, question: Params, learned: Learned, rows: list[Resource], items: list[Resource], most: int) -> dict[str, Any] | None:
    """The output of one question; None when it does not ask what the recipe answers."""
    if recipe in SEGMENT_RECIPES:
        wanted = _wanted_items(recipe, question, items)
        return None if wanted is None else {"usersList": _users(rows, wanted)[:most]}
    asked = "itemId" if recipe in RELATED_RECIPES else "userId"
    subject = question.get(asked)
    if not isinstance(subject, str):
        return None
    if recipe == "aws-popularity-count":
        return {"recommendedItems": learned.popular[:most]}
    own = [subject] if asked == "itemId" else learned.items_of.get(subject, [])[:LATEST_ITEMS]
    found = recommended(learned, own, {asked: subject})[:most]
    if "itemList" in question:
        found = [entry for entry in found if entry["itemId"] in question["itemList"]]
    scores = {"scores": [entry["score"] for entry in found]} if asked == "userId" else {}
    return {"recommendedItems": [entry["itemId"] for entry in found], **scores}


def _wanted_items(recipe: str, question: Params, items: list[Resource]) -> set[str] | None:
    if recipe == "aws-item-affinity":
        return {question["itemId"]} if isinstance(question.get("itemId"), str) else None
    found = EXPRESSION.fullmatch(str(question.get("itemAttributes")))
    if found is None:
        return None
    return {row["ITEM_ID"] for row in items if found[2] in str(row.get(found[1].upper()) or "").split("|")}


def _users(rows: list[Resource], wanted: set[str]) -> list[str]:
    """Users by how often they had to do with the items, then by name."""
    counts = Counter(row["USER_ID"] for row in rows if row["ITEM_ID"] in wanted)
    return sorted(counts, key=lambda user: (-counts[user], user))
