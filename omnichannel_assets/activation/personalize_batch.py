"""Batch jobs over a trained version: lines of questions in the bucket, a job, lines of answers read back.

Belongs here: the JSON lines of both directions, creating a job and waiting for it. Not here: training (`personalize_models`), who is asked about
and where the answers are kept (``assets.personalize_results``).
A bad line spoils no other: it is told with its place and words. Answers may come in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_resources import Resources, attempt

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["BatchInference", "BatchSegment"]
OUTPUT_ENDING, ERRORS_ENDING = ".out", ".errors"
"""The answers to a file stand beside each other under its name and this ending; the second, of whole failures, may be missing."""
LINES_PER_FILE = 100_000
MOST_FILES = 1_000
MOST_QUERIES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
PAYLOAD_CHARACTERS = 1_000
Question = Mapping[str, str]


@dataclass(frozen=True)
class BatchJob:
    """One job: its name's last part, the version it asks, how many results a question gets, and the folders of questions and answers.

    ``questions`` puts the files there and returns the folder; it is asked only when the job is made, so that what was asked stays as it is.
    """

    kind: Kind
    suffix: str
    version_arn: str
    results: int
    questions: Callable[[], str]
    answers: str


@dataclass(frozen=True)
class BadLine:
    """A line that holds no answer: its number in the file, whom it is about where that can be read, why, and its text."""

    line: int
    subject: str
    words: str
    payload: str


@dataclass
class Answers:
    """Answers of one file in columns, one entry a result, ranks from 1; ``empty`` counts questions without any result."""

    subjects: list[str] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    subjects_answered: set[str] = field(default_factory=set)
    empty: int = 0

    @property
    def answered(self) -> int:
        """Questions with an answer, be it an empty one."""
        return len(self.subjects_answered)

    def table(self, subject: str, result: str) -> pa.Table:
        """The answers as a table; ``subject`` and ``result`` name the columns of what was asked about and what was found."""
        import pyarrow as pa

        return pa.table(
            {
                subject: pa.array(self.subjects, pa.string()),
                "rank": pa.array(self.ranks, pa.int64()),
                result: pa.array(self.results, pa.string()),
                "score": pa.array(self.scores, pa.float64()),
            }
        )


def user_questions(ids: Iterable[str]) -> Iterator[Question]:
    """What a user-personalisation recipe is asked, in order of the ids."""
    return ({"userId": user} for user in sorted(ids))


def item_questions(ids: Iterable[str]) -> Iterator[Question]:
    """What Item-Affinity is asked: who cares for an item."""
    return ({"itemId": item} for item in sorted(ids))


def category_questions(categories: Iterable[str]) -> Iterator[Question]:
    """What Item-Attribute-Affinity is asked: who cares for a category. One that cannot be written in an expression is left out."""
    plain = sorted(category for category in categories if category and not set(category) & set('"\\'))
    return ({"itemAttributes": f'ITEMS.CATEGORY_L1 = "{category}"'} for category in plain)


def question_files(questions: Iterable[Question]) -> dict[str, bytes]:
    """Files of JSON lines by name, the same for the same questions. Raises ValueError for more than a job may have."""
    lines = [json.dumps(question, ensure_ascii=False, separators=(",", ":")) for question in questions]
    parts = [lines[start : start + LINES_PER_FILE] for start in range(0, len(lines), LINES_PER_FILE)]
    if len(parts) > MOST_FILES:
        raise ValueError(f"{len(lines):,} questions are more than {MOST_FILES} files of {LINES_PER_FILE:,}")
    return {file_name(number): ("\n".join(part) + "\n").encode() for number, part in enumerate(parts)}


def file_name(number: int) -> str:
    """The name of a file of questions, from 0."""
    return f"part-{number:04}.json"


def subjects_of(questions: bytes) -> set[str]:
    """Whom or what a file of ours asks about."""
    return {str(next(iter(json.loads(line).values()))) for line in questions.splitlines()}


def run_batch_job(resources: Resources, job: BatchJob, role_arn: str) -> Outcome:
    """A batch job once it has ended, made when there is none of this name; ``words`` of what is loaded are its ARN."""

    def bring() -> Outcome:
        name, noun = resources.name(job.suffix), f"{job.kind}Job"
        member = noun[0].lower() + noun[1:]
        where, is_it = {"solutionVersionArn": job.version_arn}, lambda entry: entry["jobName"] == name
        known = resources.find(noun, f"{member}s", where, is_it)
        if known is None:
            make = {
                "jobName": name,
                "solutionVersionArn": job.version_arn,
                "numResults": job.results,
                "jobInput": {"s3DataSource": {"path": job.questions()}},
                "jobOutput": {"s3DataDestination": {"path": job.answers}},
                "roleArn": role_arn,
            }
            found = resources.made(noun, f"{member}s", f"{member}Arn", where, is_it, make)
        else:
            found = str(known[f"{member}Arn"])
        resources.wait(noun, member, {f"{member}Arn": found})
        return Outcome(job.suffix, "loaded", found)

    return attempt(job.suffix, bring)


def read_answers(data: bytes, fields: Sequence[str], asked: set[str]) -> Answers:
    """The answers of one output file. ``fields`` may tell what a line is about (``userId``, ``itemId``, ``itemAttributes``); ``asked`` are the subjects."""
    answers = Answers()
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        subject, found = "", ""
        try:
            subject, results, scores = _answer(line, fields)
            found = "answered twice" if subject in answers.subjects_answered else "" if subject in asked else "nobody asked about it"
        except _Bad as error:
            subject, found = error.subject, str(error)
        if found:
            answers.bad.append(BadLine(number, subject, found, line.decode("utf-8", "replace")[:PAYLOAD_CHARACTERS]))
            continue
        answers.subjects_answered.add(subject)
        answers.empty += not results
        answers.subjects += [subject] * len(results)
        answers.ranks += range(1, len(results) + 1)
        answers.results += results
        answers.scores += scores
    return answers


class _Bad(Exception):
    def __init__(self, words: str, subject: str = ""):
        super().__init__(words)
        self.subject = subject


def _answer(line: bytes, fields: Sequence[str]) -> tuple[str, list[str], list[float | None]]:
    """Whom or what a line is about, its results without repetitions, and their scores (NULL where the recipe gives none)."""
    try:
        record = json.loads(line)
    except ValueError:
        raise _Bad("not JSON") from None
    if not isinstance(record, dict):
        raise _Bad("no JSON object")
    echo = record["input"] if isinstance(record.get("input"), dict) else record
    subject = next((str(echo[name]) for name in fields if echo.get(name)), "")
    if not subject:
        raise _Bad("does not say what was asked")
    if record.get("error"):
        raise _Bad(" ".join(str(record["error"]).split())[:300], subject)
    output = record.get("output")
    lists = [output[name] for name in ("recommendedItems", "usersList", "recommendedUsers") if name in output] if isinstance(output, dict) else []
    if not lists or not isinstance(lists[0], list) or not all(isinstance(entry, str) and entry for entry in lists[0]):
        raise _Bad("no list of results", subject)
    return subject, *_scored(lists[0], output, subject)


def _scored(results: list[str], output: Mapping[str, Any], subject: str) -> tuple[list[str], list[float | None]]:
    scores = output.get("scores")
    if scores is None:
        scores = [None] * len(results)
    if not isinstance(scores, list) or len(scores) != len(results):
        raise _Bad("not as many scores as results", subject)
    if not all(score is None or (isinstance(score, int | float) and abs(score) < 1e30) for score in scores):
        raise _Bad("a score that is no number", subject)
    first = dict(reversed(list(zip(results, scores, strict=True))))
    unique = list(dict.fromkeys(results))
    return unique, [None if first[result] is None else float(first[result]) for result in unique]
