"""Lines of batch jobs: what is asked, and what is made of every kind of answer Personalize is known to give."""

from __future__ import annotations

import json

import pytest

from omnichannel_assets.activation import personalize_batch
from omnichannel_assets.activation.personalize_batch import (
    category_questions,
    item_questions,
    question_files,
    read_answers,
    subjects_of,
    user_questions,
)


def lines(*records: object) -> bytes:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records).encode()


def test_questions_are_json_lines_in_order_and_say_whom_they_are_about() -> None:
    assert question_files(user_questions(["c_2", "c_1"])) == {"part-0000.json": b'{"userId":"c_1"}\n{"userId":"c_2"}\n'}
    (data,) = question_files(item_questions(["P-1"])).values()
    assert data == b'{"itemId":"P-1"}\n' and subjects_of(data) == {"P-1"}
    (data,) = question_files(category_questions(["shoes", 'a"b', ""])).values()
    assert data == b'{"itemAttributes":"ITEMS.CATEGORY_L1 = \\"shoes\\""}\n'
    assert subjects_of(data) == {'ITEMS.CATEGORY_L1 = "shoes"'}
    assert question_files([]) == {}


def test_many_questions_are_several_files_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personalize_batch, "LINES_PER_FILE", 2)
    assert list(question_files(user_questions(map(str, range(5))))) == ["part-0000.json", "part-0001.json", "part-0002.json"]
    monkeypatch.setattr(personalize_batch, "MOST_FILES", 2)
    with pytest.raises(ValueError, match="5 questions are more than 2 files of 2"):
        question_files(user_questions(map(str, range(5))))


def test_scores_may_be_missing_and_a_list_may_be_empty() -> None:
    data = lines(
        {"input": {"userId": "c_1"}, "output": {"recommendedItems": ["P-9", "P-4"], "scores": [0.04, 0.03]}, "error": None},
        {"input": {"userId": "c_2"}, "output": {"recommendedItems": ["P-1"]}},
        {"input": {"userId": "c_3"}, "output": {"recommendedItems": [], "scores": []}, "error": None},
    )
    found = read_answers(data, ("userId",), {"c_1", "c_2", "c_3"})
    assert found.table("customer_id", "item_id").to_pylist() == [
        {"customer_id": "c_1", "rank": 1, "item_id": "P-9", "score": 0.04},
        {"customer_id": "c_1", "rank": 2, "item_id": "P-4", "score": 0.03},
        {"customer_id": "c_2", "rank": 1, "item_id": "P-1", "score": None},
    ]
    assert (found.answered, found.empty, found.bad) == (3, 1, [])


@pytest.mark.parametrize(
    "record",
    [
        {"input": {"itemId": "P-1"}, "output": {"usersList": ["c_1"]}, "error": None},
        {"input": {"itemId": "P-1"}, "output": {"recommendedUsers": ["c_1"]}},
        {"itemId": "P-1", "output": {"usersList": ["c_1"]}},
    ],
    ids=["as the samples have it", "as the guide has it", "question at top level"],
)
def test_segments_are_read_in_every_form_that_was_seen(record: dict) -> None:
    found = read_answers(lines(record), ("itemId", "itemAttributes"), {"P-1"})
    assert (found.subjects, found.results, found.bad) == (["P-1"], ["c_1"], [])


@pytest.mark.parametrize(
    ("line", "subject", "words"),
    [
        ("{not json", "", "not JSON"),
        ("[1]", "", "no JSON object"),
        ({"output": {"recommendedItems": ["P-1"]}}, "", "does not say what was asked"),
        ({"input": {"userId": "c_2"}, "output": None, "error": "no such user\nhere"}, "c_2", "no such user here"),
        ({"input": {"userId": "c_2"}, "output": {"items": []}}, "c_2", "no list of results"),
        ({"input": {"userId": "c_2"}, "output": {"recommendedItems": ["P-1", 7]}}, "c_2", "no list of results"),
        ({"input": {"userId": "c_2"}, "output": {"recommendedItems": ["P-1"], "scores": [1, 2]}}, "c_2", "not as many scores as results"),
        ({"input": {"userId": "c_2"}, "output": {"recommendedItems": ["P-1"], "scores": ["high"]}}, "c_2", "a score that is no number"),
        ('{"input":{"userId":"c_2"},"output":{"recommendedItems":["P-1"],"scores":[NaN]}}', "c_2", "a score that is no number"),
        ({"input": {"userId": "c_9"}, "output": {"recommendedItems": ["P-1"]}}, "c_9", "nobody asked about it"),
        ({"input": {"userId": "c_1"}, "output": {"recommendedItems": ["P-1"]}}, "c_1", "answered twice"),
    ],
)
def test_a_bad_line_spoils_no_other_and_is_told_with_its_place(line: object, subject: str, words: str) -> None:
    good = {"input": {"userId": "c_1"}, "output": {"recommendedItems": ["P-1"]}}
    found = read_answers(lines(good, line), ("userId",), {"c_1", "c_2"})
    assert (found.subjects, found.results) == (["c_1"], ["P-1"])
    (bad,) = found.bad
    assert (bad.line, bad.subject, bad.words) == (2, subject, words) and bad.payload


def test_an_item_that_comes_twice_in_a_list_counts_where_it_came_first() -> None:
    record = {"input": {"userId": "c_1"}, "output": {"recommendedItems": ["A", "B", "A"], "scores": [0.3, 0.2, 0.1]}}
    found = read_answers(lines(record), ("userId",), {"c_1"})
    assert (found.results, found.scores, found.ranks) == (["A", "B"], [0.3, 0.2], [1, 2])
