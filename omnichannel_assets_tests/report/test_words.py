"""Sentences and tables of the page: what the numbers of a model mean, reasons without anybody's numbers, and HTML that stays text."""

from __future__ import annotations

import pytest

from omnichannel_assets.propensity.tasks import CHURN_INACTIVITY, REPURCHASE, spend_task
from omnichannel_assets.report.judgement import Judgement
from omnichannel_assets.report.markup import Share, label, percent, picture, table
from omnichannel_assets.report.scores import counted_reasons, reason_kind


def judged(**metrics: tuple[float | None, float | None]) -> Judgement:
    good = {
        "auc": (0.8, 0.7),
        "lift_at_10_percent": (2.0, 1.5),
        "forecast_count": (100.0, 90.0),
        "actual_count": (100.0, None),
        "calibration_error": (0.01, None),
    }
    return Judgement(CHURN_INACTIVITY, "somebody", {**good, **metrics})


def test_a_model_that_is_better_than_recency_and_keeps_its_word() -> None:
    ranking, top, forecast = judged().sentences()
    assert "80 times in 100 (a coin: 50; the time since the last order alone: 70): better than recency." in ranking
    assert "2.0 times as often as on average; recency alone 1.5 times." in top
    assert forecast.endswith("there were 100: the percentages can be taken at their word.")


@pytest.mark.parametrize(("auc", "verdict"), [(0.719, "no clear difference"), (0.681, "no clear difference"), (0.6, "worse than recency, which is the better guide")])
def test_a_model_that_is_no_better_than_recency_says_so(auc: float, verdict: str) -> None:
    assert judged(auc=(auc, 0.7)).sentences()[0].endswith(f"{verdict}.")


def test_recency_that_does_better_at_the_top_is_told() -> None:
    assert "recency alone 2.5 times, which did better in this small group" in judged(lift_at_10_percent=(2.0, 2.5)).sentences()[1]


@pytest.mark.parametrize(("forecast", "lean"), [(140.0, "ran too high"), (60.0, "ran too low"), (104.0, "were right in total and wrong by group")])
def test_percentages_that_were_off_are_not_to_be_taken_at_their_word(forecast: float, lean: str) -> None:
    sentence = judged(forecast_count=(forecast, None), calibration_error=(0.12, None)).sentences()[2]
    assert f"percentages {lean} (12 points off on average). Use the order of the customers" in sentence


def spent(**metrics: tuple[float | None, float | None]) -> Judgement:
    good = {"gini": (0.8, 0.7), "top_tenth_share": (0.63, 0.58), "forecast_total": (1900.0, 1800.0), "actual_total": (2000.0, 2000.0), "actual_count": (100.0, None)}
    return Judgement(spend_task(90), "somebody", {**good, **metrics})


def test_an_amount_is_told_by_who_made_the_money_and_by_its_total() -> None:
    order, total = spent().sentences()
    assert order == "The tenth with the largest forecasts made 63 % of what was spent (a coin: 10 %; the tenth that had spent most in the 90 days before: 58 %). Over the whole order: better than the last spend."
    assert total == "Expected were 1,900 in all; spent were 2,000: totals of groups can be taken at their word, the amount of one customer cannot."
    assert spent(forecast_total=(1300.0, None)).sentences()[1].endswith("the amounts ran too low. Use the order of the customers, not the amounts.")
    assert spent(gini=(0.6, 0.7)).sentences()[0].endswith("worse than the last spend, which is the better guide.")
    assert spent().heading == "Spending in the next 90 days" and not spent().is_drawn
    assert not spent(gini=(None, None)).is_judged


def test_few_cases_are_told_and_not_drawn() -> None:
    few = judged(actual_count=(12.0, None))
    assert few.sentences()[-1].startswith("Only 12 cases")
    assert not few.is_drawn
    assert judged().is_drawn


def test_a_refused_model_and_one_that_cannot_be_judged_say_why() -> None:
    refused = Judgement(REPURCHASE, "nobody", {"auc": (None, None)}, "Repurchase cannot be learned yet: 1 of the 2 needed cut-offs.")
    assert refused.sentences() == ["No scores: Repurchase cannot be learned yet: 1 of the 2 needed cut-offs."]
    unjudged = Judgement(REPURCHASE, "Not judged: all of them ended alike", {"auc": (None, None)})
    assert unjudged.sentences() == ["Cannot tell how good it is. Not judged: all of them ended alike"]
    assert not refused.is_judged
    assert not unjudged.is_judged


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("last order 96 days ago (usually 40)", ("last order … days ago", "more than 40")),
        ("last order 96 days ago (usually every 31)", ("last order … days ago", "more than the customer's own rhythm")),
        ("last order less than 1 day ago (usually 40)", ("last order … days ago", "less than 40")),
        ("1 order line in 90 days (usually 4)", ("… order lines in 90 days", "less than 4")),
        ("2 order lines in 90 days (usually 4)", ("… order lines in 90 days", "less than 4")),
        ("bought from 1 category in a year (usually 4)", ("bought from … categories in a year", "less than 4")),
        ("ordered on 4 days in 30 days (usually less than 1)", ("ordered on … days in 30 days", "more than less than 1")),
        ("spent 1,507 in 180 days (usually 345)", ("spent … in 180 days", "more than 345")),
        ("75 % of orders online (usually 30 %)", ("… % of orders online", "more than 30 %")),
        ("orders on 0.5 days a month (usually 1.2)", ("orders on … days a month", "less than 1.2")),
        ("unsubscribed from e-mail", ("unsubscribed from e-mail", "")),
    ],
)
def test_a_reason_loses_the_customers_own_number_and_keeps_what_is_usual(reason: str, kind: tuple[str, str]) -> None:
    assert reason_kind(reason) == kind


def test_reasons_are_counted_by_kind_the_most_frequent_first() -> None:
    rows = [("last order 96 days ago (usually 40)", 2), ("spent 0 in a year (usually 394)", 4), ("last order 7 days ago (usually 3)", 1)]
    rows.append(("last order 80 days ago (usually 40)", 3))
    found = counted_reasons(rows)
    assert found == [(("last order … days ago", "more than 40"), 5), (("spent … in a year", "less than 394"), 4), (("last order … days ago", "more than 3"), 1)]


def test_whatever_stands_in_a_cell_heading_or_picture_stays_text() -> None:
    bad = "\"><script>alert('x')</script>\n\x00"
    for phone in ("", "stacks", "lines"):
        page = table([bad, "n"], [[bad, 1]], phone) + picture(b"png", bad)
        assert "<script" not in page
        assert "&quot;&gt;&lt;script&gt;" in page
        assert "\x00" not in page


def test_numbers_stand_to_the_right_shares_are_bars_and_long_tables_say_what_is_hidden() -> None:
    page = table(["name", "number", ""], [[f"row {n}", n * 1000, Share(2.0)] for n in range(23)])
    assert page.count("<tr>") == 21
    assert '<td class="number">19,000</td>' in page
    assert "<td>row 19</td>" in page
    assert 'style="width:100.0%"' in page
    assert "3 more rows" in page


def test_small_shares_and_long_names() -> None:
    assert [percent(part) for part in (0, 0.001, 0.005, 0.126, 1)] == ["0 %", "under 1 %", "0 %", "13 %", "100 %"]
    assert len(label("x" * 500)) == 60
    assert label("a\n b") == "a b"
