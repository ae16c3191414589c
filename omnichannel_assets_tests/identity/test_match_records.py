"""Records made comparable: what counts as the same text, what is no evidence, and that no value makes the work explode."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.dms.registry import PersonRole
from omnichannel_assets.identity.match_records import FIELDS, MAX_CHARACTERS, Records, comparable


def records(*rows: dict[str, str | None]) -> pa.Table:
    names = sorted({name for row in rows for name in row})
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def pairs_of(made: Records) -> int:
    """How many pairs meet under some key, one counted under each of its keys."""
    total = 0
    for number in range(len(made.keys)):
        counted = made.table[made.key_column(number)].drop_null().value_counts().field("counts").to_pylist()
        total += sum(n * (n - 1) // 2 for n in counted)
    return total


def test_the_roles_of_the_registry_are_the_fields_that_matching_reads() -> None:
    assert get_args(PersonRole) == FIELDS


def test_case_accents_and_punctuation_do_not_count() -> None:
    made = comparable(
        records(
            {"ref": "1", "first_name": " Zoë ", "street": "Queen's  Road", "birth_date": "1980-02-01", "phone": "+44 20-1", "postcode": "ls1 4AB"},
            {"ref": "2", "first_name": "ZOE", "street": "QUEEN S ROAD", "birth_date": "19800201", "phone": "44201", "postcode": "LS14ab"},
            {"ref": "3", "first_name": "x", "street": "y", "birth_date": "1", "phone": "2", "postcode": "z"},
        ),
        1_000,
    )

    one, other, _ = made.table.select(list(made.fields)).to_pylist()
    assert one == other == {"first_name": "zoe", "street": "queen s road", "birth_date": "19800201", "phone": "44201", "postcode": "ls14ab"}


def test_blank_and_zero_values_absent_columns_and_records_without_a_reference_are_no_evidence() -> None:
    made = comparable(
        records({"ref": "1", "phone": "000 000", "city": "", "last_name": "A"}, {"ref": "2", "phone": None, "last_name": "B"}, {"ref": None, "last_name": "C"}), 1_000
    )

    assert made.table["ref"].to_pylist() == ["1", "2"]
    assert made.fields == ("last_name",)


def test_a_birth_date_that_many_records_share_was_typed_for_want_of_a_better_one() -> None:
    people = [{"ref": str(n), "birth_date": "1900-01-01" if n % 10 == 0 else f"{1950 + n % 50}-{n % 12 + 1}-{n % 28 + 1}"} for n in range(1_000)]

    made = comparable(records(*people), 10_000)

    assert "19000101" not in made.table["birth_date"].to_pylist()
    assert made.table["birth_date"].null_count == 100


def test_the_values_that_most_records_share_are_given_up_before_the_pairs_become_too_many() -> None:
    """A thousand Smiths of one first name would make half a million pairs by themselves."""
    smiths = [{"ref": f"s{n}", "first_name": "John", "last_name": "Smith"} for n in range(1_000)]
    others = [{"ref": f"o{n}", "first_name": "Ada", "last_name": f"Name{n // 2}"} for n in range(20)]

    made = comparable(records(*smiths, *others), 5_000)

    assert pairs_of(made) == 10
    assert made.left_out == 1


def test_one_record_of_a_reference_is_kept() -> None:
    assert comparable(records({"ref": "1", "city": "a"}, {"ref": "1", "city": "b"}, {"ref": "2", "city": "b"}), 10).table["ref"].to_pylist() == ["1", "2"]


texts = st.none() | st.text(max_size=200) | st.sampled_from(["", " ", "0", "'; drop table records; --", "é" * 9_000, "\x00", "\ud7ff", "\x1f"])


@settings(derandomize=True, database=None, max_examples=20, deadline=None)
@given(st.lists(st.fixed_dictionaries({"ref": st.sampled_from(["a", "b", "c", "d"]), **dict.fromkeys(FIELDS, texts)}), max_size=12), st.integers(0, 50))
def test_whatever_records_hold_the_pairs_stay_within_their_bound(rows: list[dict[str, str | None]], max_pairs: int) -> None:
    columns = ("ref", *FIELDS)
    made = comparable(pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in columns}), max_pairs)

    assert pairs_of(made) <= max_pairs
    assert made.table.num_rows == len({row["ref"] for row in rows})
    for name in made.fields:
        assert all(0 < len(text) <= MAX_CHARACTERS for text in made.table[name].drop_null().to_pylist())
