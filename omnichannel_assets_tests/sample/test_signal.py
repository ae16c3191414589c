"""Behaviour carries the signal that models are to find, measured from the files."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from omnichannel_assets_tests.sample.reading import read_truth


class History:
    """Who bought, returned, saved and subscribed when; persons by the truth."""

    def __init__(self, sample):
        owners = {(r["identifier_type"], r["value"]): r["person"] for r in read_truth(sample.truth, "identity.csv")}
        self.bought, self.returned, self.saved = defaultdict(list), defaultdict(list), defaultdict(list)
        self.subscribed: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        self.weekdays = defaultdict(int)
        for row in read_truth(sample.truth, "orders.csv"):
            at = _utc(row["ordered_at"])
            self.weekdays[at.weekday()] += 1
            if row["person"]:
                self.bought[row["person"]].append(at)
        for row in sample.landing.current("returns").values():
            if row["customer_id"] != r"\N":
                self.returned[owners["customer_ref", row["customer_id"]]].append(_utc(row["returned_at"]))
        for message in sample.landing.tracked("Order Refunded"):
            key = ("user_id", message["userId"]) if "userId" in message else ("anonymous_id", message["anonymousId"])
            self.returned[owners[key]].append(_utc(message["timestamp"]))
        for message in sample.landing.tracked("Product Added to Wishlist"):
            self.saved[owners.get(("user_id", message.get("userId")), "")].append(_utc(message["timestamp"]))
        for row in sample.landing.current("subscriptions").values():
            ended = None if row["ended_at"] == r"\N" else _utc(row["ended_at"])
            self.subscribed[owners["customer_ref", row["customer_id"]]].append((_utc(row["started_at"]), ended))

    def within(self, times: dict[str, list[datetime]], person: str, start: datetime, end: datetime) -> int:
        ordered = sorted(times.get(person, ()))
        return bisect_left(ordered, end) - bisect_left(ordered, start)

    def share_buying(self, people: Iterable[str], start: datetime, days: int) -> float:
        people = list(people)
        assert len(people) >= 20
        return sum(self.within(self.bought, p, start, start + timedelta(days=days)) > 0 for p in people) / len(people)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def history(sample) -> History:
    return History(sample)


@pytest.fixture(scope="module")
def cut_off(sample) -> datetime:
    return datetime.combine(sample.counts.last_day, datetime.min.time(), UTC) - timedelta(days=34)


@pytest.fixture(scope="module")
def eligible(history, cut_off) -> list[str]:
    return [p for p in history.bought if history.within(history.bought, p, cut_off - timedelta(days=365), cut_off)]


def test_people_who_returned_much_lately_buy_less_often_next(history, cut_off, eligible):
    many = [p for p in eligible if history.within(history.returned, p, cut_off - timedelta(days=90), cut_off) >= 2]
    few = [p for p in eligible if p not in set(many)]
    assert history.share_buying(many, cut_off, 30) < 0.8 * history.share_buying(few, cut_off, 30)


def test_people_who_saved_something_lately_buy_more_often_next(history, cut_off, eligible):
    savers = [p for p in eligible if history.within(history.saved, p, cut_off - timedelta(days=30), cut_off)]
    others = [p for p in eligible if p not in set(savers)]
    assert history.share_buying(savers, cut_off, 30) > 1.3 * history.share_buying(others, cut_off, 30)


def test_the_same_people_buy_more_in_the_month_after_they_save_something_than_in_the_month_before(history, sample):
    end = datetime.combine(sample.counts.last_day, datetime.min.time(), UTC)
    month, before, after = timedelta(days=30), 0, 0
    for person, saved in history.saved.items():
        if person and min(history.bought.get(person, [end])) + month < min(saved) < end - month:
            before += history.within(history.bought, person, min(saved) - month, min(saved))
            after += history.within(history.bought, person, min(saved), min(saved) + month)
    assert before > 50 and after > 1.5 * before, (before, after)


def test_running_subscribers_buy_more_often_next(history, cut_off, eligible):
    subscribers = [p for p in eligible if any(s < cut_off and (e is None or e >= cut_off) for s, e in history.subscribed.get(p, ()))]
    others = [p for p in eligible if p not in set(subscribers)]
    assert history.share_buying(subscribers, cut_off, 30) > 1.2 * history.share_buying(others, cut_off, 30)


def test_both_answers_of_each_label_are_common(history, cut_off, eligible):
    assert 0.2 < history.share_buying(eligible, cut_off, 30) < 0.8
    early = cut_off - timedelta(days=60)
    before = [p for p in history.bought if history.within(history.bought, p, early - timedelta(days=365), early)]
    assert 0.2 < 1 - history.share_buying(before, early, 90) < 0.7


def test_saturdays_sell_more_than_mondays(history):
    assert history.weekdays[5] > 1.3 * history.weekdays[0]


def test_what_was_saved_is_often_what_is_bought_next(sample):
    baskets = defaultdict(list)
    for message in sample.landing.tracked("Order Completed"):
        products = message["properties"]["products"]
        if "userId" in message and not isinstance(products, str):
            codes = {p["product_id"] for p in (products if isinstance(products, list) else [products])}
            baskets[message["userId"]].append((_utc(message["timestamp"]), codes))
    hits = []
    for message in sample.landing.tracked("Product Added to Wishlist"):
        at = _utc(message["timestamp"])
        later = [codes for when, codes in baskets[message.get("userId")] if at < when < at + timedelta(days=30)]
        if later:
            hits.append(any(message["properties"]["product_id"] in codes for codes in later))
    assert len(hits) >= 20 and sum(hits) > 0.4 * len(hits)
