"""A card says what was measured and warns where the figures are bad; its picture shows the panels there are figures for."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import date

import pytest

from omnichannel_assets.assets.card_picture import CardFigures, card_picture
from omnichannel_assets.propensity.card import Card, Figure, card_text, not_for
from omnichannel_assets.propensity.tasks import TASKS, spend_task

REPURCHASE = next(task for task in TASKS if task.model == "repurchase")
SUBSCRIPTION = next(task for task in TASKS if task.population == "subscribers")
GOOD = {"auc": Figure(0.81, 0.79, 0.83), "calibration_error": Figure(0.02, 0.01, 0.03)}
CARD = Card(
    REPURCHASE,
    date(2011, 12, 5),
    "known customers with a purchase in the 365 days before",
    cutoffs=(date(2011, 1, 1), date(2011, 9, 1)),
    origins=(date(2011, 8, 1), date(2011, 9, 1)),
    examples=4000,
    positives=1000,
    learning={"Search": "20 trials"},
    means={"model": GOOD, "recency": {"auc": Figure(0.74)}},
    segments={"store_only": {"auc": Figure(0.7)}},
    families={"recency": 0.6, "spend": 0.4},
)


def test_a_card_tells_whom_how_and_how_good():
    text = card_text(CARD)
    assert "4,000 customers at 2 cut-offs from 2011-01-01 to 2011-09-01, of whom 1,000 (25%)" in text
    assert "- Search: 20 trials" in text and CARD.population in text
    assert "| the model | 0.810 (0.790 to 0.830) | 0.020 (0.010 to 0.030) |" in text
    assert "| recency alone | 0.740 |  |" in text and "| store only | 0.700 |" in text
    assert "recency 60%, spend 40%." in text


AMOUNTS = {"gini": Figure(0.7, 0.6, 0.8), "mean_absolute_error": Figure(212.0, 190.0, 250.0), "total_ratio": Figure(0.95), "top_tenth_share": Figure(0.5)}
SPEND_CARD = Card(spend_task(90), date(2011, 12, 5), "customers", origins=(date(2011, 9, 1),), examples=10, positives=5, means={"model": AMOUNTS, "last_spend": {"gini": Figure(0.6)}})


def test_a_card_of_an_amount_asks_how_much_and_repeats_how_it_was_judged():
    text = card_text(SPEND_CARD)
    assert "How much will customers spend in 90 days?" in text
    assert "| judge | Gini | off by, on average | forecast / actual total | spent by the top tenth |" in text
    assert "| the model | 0.700 (0.600 to 0.800) | 212.000 (190.000 to 250.000) | 0.950 | 0.500 |" in text
    assert "| the last 90 days' spend | 0.600 |" in text and "As amounts" not in text and "For one customer's amount" not in text and "Instead of" not in text
    worse = replace(SPEND_CARD, means={"model": AMOUNTS | {"total_ratio": Figure(0.61)}, "last_spend": {"gini": Figure(0.72), "mean_absolute_error": Figure(199.0)}})
    assert not_for(worse)[:3] == [
        "Instead of last spend: its Gini coefficient is -0.020 beside that of the spend of the 90 days before alone. The simple rule does as well.",
        "For one customer's amount: the last 90 days' spend was off by less on average. Use the order of the customers, and totals of groups.",
        "As amounts: together they were 61% of what was spent. Use the order of the customers.",
    ]


def test_a_season_seen_once_is_admitted():
    assert "it saw no season twice" in card_text(CARD)
    assert "it saw no season twice" not in card_text(replace(CARD, cutoffs=(date(2010, 1, 1), date(2011, 9, 1))))


@pytest.mark.parametrize(
    ("judge", "figures", "warning"),
    [
        ("model", GOOD | {"calibration_error": Figure(0.081)}, "As percentages: they were 8 points off"),
        ("recency", {"auc": Figure(0.80)}, "Instead of recency: its AUC is +0.010"),
        ("recency", {"auc": Figure(0.83)}, "Instead of recency: its AUC is -0.020"),
    ],
)
def test_bad_figures_become_warnings_and_good_ones_do_not(judge, figures, warning):
    assert not [text for text in not_for(CARD) if text.startswith(warning[:12])]
    assert [text for text in not_for(replace(CARD, means={**CARD.means, judge: figures})) if text.startswith(warning)]


def test_a_refusal_is_a_card_too():
    text = card_text(Card(SUBSCRIPTION, date(2011, 12, 5), "subscribers", refusal="42 ended; 100 are needed."))
    assert "There is no model. 42 ended; 100 are needed." in text
    assert "Not judged" in text and "an expired card and a decision look the same" in text


@pytest.mark.parametrize("figures", [CardFigures("nothing"), CardFigures("one", calibration=[(0.1, 0.2)], importance={"recency": 1.0}, auc={"model": {"2011-08-01": 0.8}})])
def test_a_picture_is_drawn_of_whatever_there_is(figures):
    png = card_picture(figures)
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG") and (width, height) == (814, 946)
    assert png == card_picture(figures)
