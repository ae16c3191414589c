"""Which dates models learn from, and when a horizon is closed."""

from datetime import UTC, date, datetime, timedelta

import pytest

from omnichannel_assets.propensity import calendar

MONDAY = date(2026, 6, 29)


@pytest.mark.parametrize(("days", "expected"), [(0, MONDAY - timedelta(days=7)), (1, MONDAY), (6, MONDAY), (7, MONDAY), (8, MONDAY + timedelta(days=7))])
def test_a_date_uses_what_was_known_before_the_last_monday_strictly_before_it(days, expected):
    assert calendar.training_date(MONDAY + timedelta(days=days)) == expected


def test_the_week_before_is_trained_too_as_far_as_the_graph_has_it():
    as_of = date(2026, 7, 1)
    week = [MONDAY - timedelta(days=7), MONDAY]
    assert calendar.training_dates(as_of, date(2026, 6, 24)) == week
    assert calendar.training_dates(as_of, date(2026, 6, 30)) == [MONDAY]
    assert calendar.training_dates(as_of, date(2026, 8, 1)) == [MONDAY]


def test_orders_tell_until_midnight_after_the_last_one_and_never_beyond_the_training_date():
    assert calendar.orders_until(datetime(2026, 5, 3, 23, 59, tzinfo=UTC), MONDAY) == date(2026, 5, 4)
    assert calendar.orders_until(datetime(2026, 6, 28, 0, 0, tzinfo=UTC), MONDAY) == MONDAY
    assert calendar.orders_until(datetime(2026, 6, 29, 5, 0, tzinfo=UTC), MONDAY) == MONDAY


def test_a_silent_order_feed_closes_no_horizon():
    """Two months without any order: the cut-offs step back from the last order, not from today."""
    until = calendar.orders_until(datetime(2026, 4, 30, 12, tzinfo=UTC), MONDAY)
    days = calendar.cutoffs(datetime(2025, 1, 1, tzinfo=UTC), until, 30, 12)
    assert days[-1] == until - timedelta(days=30)
    assert calendar.closed(days, 30, until) == days
    assert calendar.closed(days, 90, until)[-1] == until - timedelta(days=90)


def test_cutoffs_have_sixty_days_of_orders_before_them_and_are_as_many_as_asked_for():
    until = date(2026, 6, 29)
    first = datetime(2026, 3, 31, 10, tzinfo=UTC)
    assert calendar.cutoffs(first, until, 30, 12) == [until - timedelta(days=30)]
    assert calendar.cutoffs(first + timedelta(days=1), until, 30, 12) == []
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert [len(calendar.cutoffs(long_ago, until, 30, most)) for most in (2, 12, 24)] == [2, 12, 24]
    assert calendar.cutoffs(long_ago, until, 45, 2) == [until - timedelta(days=75), until - timedelta(days=45)]


def test_a_monday_makes_the_version_that_the_days_after_it_use():
    monday = date(2026, 6, 29)
    assert calendar.training_dates(monday, date(2026, 6, 29)) == [monday - timedelta(days=7), monday]
    assert calendar.training_date(monday) == monday - timedelta(days=7)
    assert calendar.training_date(monday + timedelta(days=1)) == monday
