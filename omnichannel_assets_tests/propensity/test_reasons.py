"""Reasons: every input has words, words show what is usual, and no reason points the wrong way."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.lake.tables_scores import FEATURES
from omnichannel_assets.propensity.reasons import FAMILIES, SEPARATOR, Scored, reasons, usual_values
from omnichannel_assets.sql import features

NAMES = tuple(column.name for column in FEATURES if column.kind != "text")
MANY = "|".join(sorted({feature.nouns[1] for feature in features.FEATURES if feature.nouns}))
FACTS = {fact.feature: fact for family in FAMILIES for fact in family.facts}


def scored(rows: list[dict], moves: list[dict], *, leaves: bool = True, names: tuple[str, ...] = NAMES) -> Scored:
    """Customers in the order of their score, the highest first."""
    values = np.array([[row.get(name, np.nan) for name in names] for row in rows], dtype=float)
    contributions = np.array([[move.get(name, 0.0) for name in names] for move in moves], dtype=float)
    return Scored(names, values, contributions, np.arange(len(rows)), leaves)


def first_of_four(row: dict, others: dict, move: dict, *, leaves: bool = True, last: bool = False) -> str | None:
    """Reasons of one customer beside three usual ones; the one has the highest score, or the lowest."""
    rows, moves = [row, others, others, others], [move, {}, {}, {}]
    found = reasons(scored(rows[::-1], moves[::-1], leaves=leaves)) if last else reasons(scored(rows, moves, leaves=leaves))
    return found[-1] if last else found[0]


def test_every_input_of_the_models_has_words_in_exactly_one_family():
    said = [name for family in FAMILIES for name in family.names]
    assert sorted(said) == sorted(NAMES)


@pytest.mark.parametrize("feature", NAMES)
def test_every_input_reads_as_words_with_its_number(feature):
    fact = FACTS[feature]
    for value in (0.0, 0.3, 1.0, 2.0, 1234.0):
        text = fact.say(value)
        assert text and "{" not in text and "nan" not in text and "_" not in text
        assert not re.search(rf"\b1 ({MANY})\b", text), text
        assert fact.usual is None or re.search(r"\d|every day", fact.usual(value))


@pytest.mark.parametrize(
    ("row", "others", "move", "expected"),
    [
        ({"recency_days": 96, "recency_over_gap": 3.1, "mean_gap_days": 31}, {"recency_days": 40}, {"recency_over_gap": 1.0}, "last order 96 days ago (usually every 31)"),
        ({"recency_days": 96}, {"recency_days": 40}, {"recency_days": 1.0}, "last order 96 days ago (usually 40)"),
        ({"returned_items_90_days": 3}, {"returned_items_90_days": 0}, {"returned_items_90_days": 1.0}, "3 returns in 90 days (usually 0)"),
        ({"views_30_days": 0}, {"views_30_days": 14}, {"views_30_days": 1.0}, "viewed 0 products in 30 days (usually 14)"),
        ({"has_unsubscribed": 1}, {"has_unsubscribed": 0}, {"has_unsubscribed": 1.0}, "unsubscribed from e-mail"),
        ({"order_days_per_month": 0.2}, {"order_days_per_month": 1.1}, {"order_days_per_month": 1.0}, "orders on 0.2 days a month (usually 1.1)"),
        ({"online_share": 1.0}, {"online_share": 0.2}, {"online_share": 1.0}, "100 % of orders online (usually 20 %)"),
        ({"ended_subscriptions": 1}, {"ended_subscriptions": 0}, {"ended_subscriptions": 1.0}, "1 subscription ended so far (usually 0)"),
        ({"recency_days": 40.2}, {"recency_days": 0.2}, {"recency_days": 1.0}, "last order 40 days ago (usually less than 1)"),
    ],
)
def test_reasons_for_leaving_read_well(row, others, move, expected):
    assert first_of_four(row, others, move) == expected


def test_a_low_score_is_explained_by_what_lowers_it():
    row, others = {"views_30_days": 14, "recency_days": 4}, {"views_30_days": 2, "recency_days": 40}
    told = first_of_four(row, others, {"views_30_days": -1.0, "recency_days": -2.0}, last=True)
    assert told == "last order 4 days ago (usually 40); viewed 14 products in 30 days (usually 2)"


def test_a_high_repurchase_score_is_explained_by_what_raises_it():
    row, others = {"wishes_30_days": 5}, {"wishes_30_days": 0}
    assert first_of_four(row, others, {"wishes_30_days": 1.0}, leaves=False) == "put 5 products on the wish list in 30 days (usually 0)"
    assert first_of_four(row, others, {"wishes_30_days": 1.0}, leaves=True) is None


def test_what_moves_the_score_the_other_way_or_is_usual_is_no_reason():
    row, others = {"recency_days": 96}, {"recency_days": 40}
    assert first_of_four(row, others, {"recency_days": -1.0}) is None
    assert first_of_four(row, others, {"recency_days": 0.01}) is None
    assert first_of_four({"recency_days": 44}, others, {"recency_days": 1.0}) is None
    assert first_of_four({"recency_days": 40.3}, {"recency_days": 40}, {"recency_days": 1.0}) is None
    assert first_of_four({}, others, {"recency_days": 1.0}) is None


def test_inputs_of_one_family_are_one_reason_told_by_the_strongest():
    row = {"spend_30_days": 0, "spend_90_days": 10, "recency_days": 96}
    others = {"spend_30_days": 50, "spend_90_days": 90, "recency_days": 40}
    assert first_of_four(row, others, {"spend_30_days": 0.5, "spend_90_days": 0.7, "recency_days": 1.0}) == "spent 10 in 90 days (usually 90); last order 96 days ago (usually 40)"


def test_a_family_that_moves_the_score_the_other_way_as_a_whole_is_no_reason():
    row, others = {"spend_30_days": 0, "spend_90_days": 10}, {"spend_30_days": 50, "spend_90_days": 90}
    assert first_of_four(row, others, {"spend_30_days": 0.5, "spend_90_days": -0.9}) is None


def test_three_reasons_at_most_and_none_without_customers():
    row = {"recency_days": 96, "spend_90_days": 0, "views_30_days": 0, "returned_items_90_days": 3, "wishes_30_days": 0}
    others = {"recency_days": 40, "spend_90_days": 90, "views_30_days": 9, "returned_items_90_days": 0, "wishes_30_days": 2}
    told = first_of_four(row, others, {"recency_days": 5.0, "spend_90_days": 4.0, "views_30_days": 3.0, "returned_items_90_days": 2.0, "wishes_30_days": 1.0})
    assert [text.split()[0] for text in told.split(SEPARATOR)] == ["last", "spent", "viewed"]
    assert reasons(scored([], [])) == []


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.booleans())
def test_whatever_a_model_says_no_reason_points_the_wrong_way(seed, leaves):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((40, len(NAMES))) < 0.1, np.nan, rng.integers(0, 50, (40, len(NAMES))).astype(float))
    population = Scored(NAMES, values, rng.normal(size=values.shape), np.arange(40), leaves)
    medians = usual_values(NAMES, values)
    texts = {fact.feature: fact for fact in FACTS.values() if fact.stays and fact.usual and not fact.told_by}
    for row, told in enumerate(reasons(population)):
        toward_staying = (row < 20) != leaves
        for text in (told or "").split(SEPARATOR):
            for name, fact in texts.items():
                value = values[row, NAMES.index(name)]
                if text == f"{fact.say(value)} ({fact.usual(medians[name])})":
                    assert ((value - medians[name]) * fact.stays > 0) == toward_staying, (text, leaves, row)
