"""Splink's proposals on made-up people whose true persons are known: right, explained, the same every time, whatever the records hold."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pytest

from omnichannel_assets.identity.match_records import FIELDS
from omnichannel_assets.identity.matching import PAIRS_SCHEMA, Proposals, propose
from omnichannel_assets.sample.labelled_people import TRUTH, labelled_people

PEOPLE = labelled_people(200, seed=5)
PERSON = {row["customer_id"]: row[TRUTH] for row in PEOPLE}


def proposals(rows: Sequence[dict[str, str]], fields: Sequence[str] = FIELDS) -> Proposals:
    columns = {name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in fields}
    with duckdb.connect() as connection:
        return propose(pa.table({"ref": pa.array([row["customer_id"] for row in rows], pa.string()), **columns}), connection)


@pytest.fixture(scope="module")
def found() -> Proposals:
    return proposals(PEOPLE)


def test_pairs_without_doubt_are_one_person_and_most_people_are_found_again(found: Proposals) -> None:
    sure = [row for row in found.pairs.to_pylist() if row["probability"] >= 0.95 and not row["doubt"]]
    right = [row for row in sure if PERSON[row["left_ref"]] == PERSON[row["right_ref"]]]
    refs = sorted(PERSON)
    true = sum(PERSON[one] == PERSON[other] for at, one in enumerate(refs) for other in refs[at + 1 :])

    assert len(right) == len(sure)
    assert len(right) >= 0.6 * true


def test_twins_and_families_are_probable_to_the_model_and_left_to_a_person_by_their_doubt(found: Proposals) -> None:
    wrong = [row for row in found.pairs.to_pylist() if PERSON[row["left_ref"]] != PERSON[row["right_ref"]]]

    assert len(wrong) > 20
    assert [row for row in wrong if not row["doubt"] and row["probability"] >= 0.95] == []


def test_an_explanation_tells_how_fields_agree_and_never_what_they_hold(found: Proposals) -> None:
    parts = {part for row in found.pairs.to_pylist() for part in row["explanation"].split("; ")}

    assert {"same birth date", "last name differs by one letter", "other street", "first and last name are swapped"} <= parts
    known = ("same ", "other ", "similar ", "first and last name are swapped")
    assert [part for part in parts if not part.startswith(known) and " differs by one " not in part] == []
    assert found.pairs.schema == PAIRS_SCHEMA


def test_the_order_of_the_records_changes_nothing() -> None:
    some = PEOPLE[:150]

    assert proposals(some[::-1]).pairs == proposals(some).pairs


def test_too_few_records_and_too_few_fields_propose_nothing_and_say_so() -> None:
    few, poor = proposals(PEOPLE[:40]), proposals(PEOPLE, ["last_name", "phone"])

    assert (few.pairs.num_rows, few.words) == (0, "nothing proposed: 40 records are too few to learn from (100 at least)")
    assert (poor.pairs.num_rows, poor.words) == (0, "nothing proposed: a name and two more fields are needed, the records tell last_name, phone")


def test_hostile_values_and_missing_columns_neither_fail_nor_match() -> None:
    """Texts that look like SQL, are huge, or stand in every record, in a table without birth dates, e-mails and phones."""
    strange = ["'; drop table records; --", "x" * 20_000, "\x1f\x00", "NULL", "{}", '"', "$1", "\u202e"]
    rows = [
        {"customer_id": f"H{n}", "first_name": strange[n % 8], "last_name": strange[n // 8 % 8] if n % 2 else "", "street": "unknown", "city": f"{strange[n % 5]}{n % 3}"}
        for n in range(150)
    ]

    made = proposals(rows, ["first_name", "last_name", "street", "city"])

    assert made.pairs.schema == PAIRS_SCHEMA


def test_people_who_are_all_different_are_not_matched() -> None:
    rows = [
        {"customer_id": f"D{n}", "first_name": f"F{n * 7919 % 1000:03}", "last_name": f"{n * 104729 % 99991:05}x", "birth_date": f"19{n % 90:02}-01-{n % 28 + 1:02}", "city": f"c{n % 7}"}
        for n in range(200)
    ]

    assert [row for row in proposals(rows).pairs.to_pylist() if row["probability"] >= 0.95 and not row["doubt"]] == []
