"""What becomes of proposals: thresholds, doubts, a person's word, limits, and the date from which a link counts."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.commands.matches import STATES as SHOWN_STATES
from omnichannel_assets.identity.match_states import STATES, decided, link_id, link_rows, with_blocked, with_new
from omnichannel_assets.identity.match_words import agreement, doubt, explanation

DAY, EARLIER = datetime.date(2025, 3, 10), datetime.date(2025, 3, 1)
ALONE = {ref: f"c_{ref}" for ref in "ABCDE"}


def pair(left: str, right: str, probability: float = 0.99, doubtful: str | None = None) -> dict[str, Any]:
    return {"left_ref": left, "right_ref": right, "probability": probability, "match_weight": 7.0, "explanation": "same last name", "doubt": doubtful}


def proposed(*pairs: dict[str, Any], as_of: datetime.date = EARLIER) -> list[dict[str, Any]]:
    return with_new([], pairs, ALONE, as_of)


def states(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["left_ref"] + row["right_ref"]: row["state"] for row in rows}


def test_the_states_the_command_offers_are_those_there_are() -> None:
    assert SHOWN_STATES == STATES


def test_a_probable_pair_without_doubt_becomes_a_link_and_the_others_wait_for_a_person() -> None:
    rows = proposed(pair("A", "B"), pair("C", "D", 0.9), pair("A", "E", 1.0, "first names differ"))

    found = decided(rows, {}, ALONE, 0.95, DAY)

    assert states(found) == {"AB": "accepted", "CD": "to_review", "AE": "to_review"}
    assert {row["left_ref"] + row["right_ref"]: row["linked_as_of"] for row in found} == {"AB": DAY, "CD": None, "AE": None}


def test_a_persons_word_beats_the_threshold_and_the_doubt_in_both_directions() -> None:
    rows = proposed(pair("A", "B"), pair("C", "D", 0.6, "birth dates differ"))

    found = decided(rows, {("A", "B"): "rejected", ("C", "D"): "accepted"}, ALONE, 0.95, DAY)

    assert states(found) == {"AB": "rejected", "CD": "accepted"}


def test_a_link_keeps_the_date_from_which_it_counts() -> None:
    first = decided(proposed(pair("A", "B")), {}, ALONE, 0.95, EARLIER)

    again = decided(first, {}, ALONE, 0.95, DAY)

    assert [row["linked_as_of"] for row in again] == [EARLIER]


def test_what_a_person_keeps_apart_is_not_joined_by_way_of_a_third_record() -> None:
    """A and C are B each, says the model; A and C are two people, says a person: the more probable of the two links stays."""
    rows = proposed(pair("A", "B", 0.999), pair("B", "C", 0.98), pair("A", "C", 0.97))

    found = decided(rows, {("A", "C"): "rejected"}, ALONE, 0.95, DAY)

    assert states(found) == {"AB": "accepted", "BC": "kept_apart", "AC": "rejected"}


def test_pairs_of_two_customers_that_were_asked_about_before_are_not_proposed_again() -> None:
    """A1 and A2 are one customer by exact links, as are B1 and B2."""
    customer_of = {"A1": "c_a", "A2": "c_a", "B1": "c_b", "B2": "c_b"}
    first = with_new([], [pair("A1", "B1", 0.9), pair("A2", "B2", 0.8), pair("A1", "A2", 1.0)], customer_of, EARLIER)
    assert states(first) == {"A1B1": "to_review"}

    assert with_new(first, [pair("A2", "B1", 0.97)], customer_of, DAY) == first


def test_a_record_whose_reference_is_no_identifier_is_not_proposed() -> None:
    assert with_new([], [pair("A", "-1")], ALONE, DAY) == []


def test_a_link_that_the_limits_do_not_let_through_is_told_as_blocked_and_stays_a_link() -> None:
    rows = decided(proposed(pair("A", "B"), pair("C", "D")), {}, ALONE, 0.95, DAY)

    found = with_blocked(rows, {"A": "c_1", "B": "c_1", "C": "c_2", "D": "c_3"})

    assert states(found) == {"AB": "accepted", "CD": "blocked"}
    assert len(link_rows(found)) == 4


def test_a_link_is_known_just_before_the_date_from_which_it_counts() -> None:
    (row,) = decided(proposed(pair("A", "B")), {}, ALONE, 0.95, DAY)

    assert link_rows([row]) == [
        {
            "source": "match",
            "link_id": "A|B",
            "known_at": datetime.datetime(2025, 3, 9, 23, 59, 59, 999999, datetime.UTC),
            "identifier_type": "customer_ref",
            "identifier_value": value,
        }
        for value in ("A", "B")
    ]


def test_a_bar_inside_a_reference_gives_no_two_pairs_one_name() -> None:
    assert link_id("a|b", "c") != link_id("a", "b|c")
    assert link_id("a%7Cb", "c") != link_id("a|b", "c")


def test_an_explanation_names_what_agrees_before_what_does_not() -> None:
    found = agreement({"first_name": 4, "last_name": 2, "birth_date": 3, "street": 0, "city": -1})

    assert explanation(found) == "same first name; same birth date; last name differs by one letter; other street"


def test_swapped_names_are_told_once() -> None:
    assert explanation(agreement({"first_name": 3, "last_name": 0, "postcode": 2})) == "same postcode; first and last name are swapped"


def test_twins_couples_and_fathers_with_sons_are_left_to_a_person_unless_a_number_settles_it() -> None:
    fields = ("first_name", "last_name", "birth_date", "street", "national_id")
    home = {"last_name": "same", "street": "same"}

    assert doubt({**home, "first_name": "other", "birth_date": "same"}, fields) == "first names differ"
    assert doubt({**home, "birth_date": "same"}, fields) == "a first name is missing"
    assert doubt({**home, "first_name": "same", "birth_date": "other"}, fields) == "birth dates differ"
    assert doubt({**home, "first_name": "same"}, fields) == "a birth date is missing"
    assert doubt({**home, "first_name": "other", "birth_date": "same", "national_id": "close"}, fields) is None
    assert doubt({**home, "first_name": "similar", "birth_date": "close"}, fields) is None
    assert doubt({"first_name": "same", "last_name": "same", "postcode": "same"}, ("first_name", "last_name", "postcode")) is None


refs = st.sampled_from("ABCDE")
pairs = st.tuples(refs, refs).filter(lambda two: two[0] < two[1])
proposals = st.lists(st.tuples(pairs, st.sampled_from([0.6, 0.96, 0.99, 1.0])), max_size=8, unique_by=lambda one: one[0])


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(proposals, st.dictionaries(pairs, st.sampled_from(["accepted", "rejected"]), max_size=4), st.randoms(use_true_random=False))
def test_no_two_records_a_person_rejected_end_together_and_the_order_of_rows_does_not_matter(found: Any, reviews: Any, rng: Any) -> None:
    rows = [row | {"proposed_as_of": EARLIER, "state": "to_review", "linked_as_of": None} for row in (pair(*two, probability) for two, probability in found)]

    settled = decided(rows, reviews, ALONE, 0.95, DAY)

    shuffled = decided(rng.sample(rows, len(rows)), reviews, ALONE, 0.95, DAY)
    assert states(settled) == states(shuffled)
    together = {ref: {ref} for ref in ALONE}
    for row in settled:
        if row["linked_as_of"]:
            joined = together[row["left_ref"]] | together[row["right_ref"]]
            together |= dict.fromkeys(joined, joined)
    rejected = [two for two, verdict in reviews.items() if verdict == "rejected"]
    assert [two for two in rejected if two[1] in together[two[0]]] == []
