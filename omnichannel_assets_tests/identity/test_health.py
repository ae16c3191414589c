"""Figures of identity's health on customers small enough to count by hand."""

from __future__ import annotations

import pyarrow as pa

from omnichannel_assets.identity.health import KeptApart, NearLimit, WeakCounts, customer_sizes, kept_apart, near_limits, weak_counts
from omnichannel_assets.identity.rules import IdentityRules, Limit
from omnichannel_assets_tests.identity.link_rows import at

KNOWN = ("user_id", "email", "phone", "customer_ref")
RULES = IdentityRules(limits={"user_id": Limit(1, "ever"), "email": Limit(3, "year")}, default_limit=Limit(2, "week"))
SETS = pa.schema([("source", pa.string()), ("members", pa.list_(pa.int64())), ("links", pa.int64())])
PAIRS = pa.schema([("customer_id", pa.string()), ("other_customer_id", pa.string())])


def identifiers(*rows: str) -> pa.Table:
    """``anna email 2024-03-01``: customer, type, and when it was first known; the row's number is its place."""
    parts = [row.split() for row in rows]
    columns = {"identifier_type": [p[1] for p in parts], "customer_id": [p[0] for p in parts], "first_known_at": [at(p[2]) for p in parts]}
    return pa.table(columns, schema=pa.schema([("identifier_type", pa.string()), ("customer_id", pa.string()), ("first_known_at", pa.timestamp("us", tz="UTC"))]))


def sets(*rows: tuple[str, list[int], int]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SETS.names, row, strict=True)) for row in rows], schema=SETS)


def pairs(*rows: tuple[str, str]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(PAIRS.names, row, strict=True)) for row in rows], schema=PAIRS)


def test_customers_are_counted_by_their_number_of_identifiers_visitors_apart():
    found = identifiers("anna user_id 2024-01-01", "anna email 2024-01-01", "anna anonymous_id 2024-01-02", "ben email 2024-01-01", "x anonymous_id 2024-01-01", "y anonymous_id 2024-01-01")
    assert customer_sizes(found, KNOWN) == {("known", 1): 1, ("known", 3): 1, ("visitor", 1): 2}


def test_nobody_has_no_size_and_no_limit():
    assert customer_sizes(identifiers(), KNOWN) == {}
    assert near_limits(identifiers(), RULES) == []


def test_customers_at_a_limit_and_one_below_it_are_counted_by_type_in_the_order_of_priority():
    found = identifiers(
        "anna user_id 2024-01-01", "anna email 2024-01-01", "anna email 2024-06-01", "anna email 2024-12-30",
        "ben email 2024-01-01", "ben email 2024-01-02",
        "eve email 2024-01-01",
    )  # fmt: skip
    assert near_limits(found, RULES) == [NearLimit("user_id", Limit(1, "ever"), 1, 1, 0), NearLimit("email", Limit(3, "year"), 3, 1, 1)]


def test_values_count_together_only_within_the_window_of_their_limit():
    """Three e-mails a year: the third came 365 days after the first, so two is the most that any year held. Devices: two a week."""
    found = identifiers(
        "anna email 2023-01-01", "anna email 2023-06-01", "anna email 2024-01-01",
        "anna ios.id 2024-01-01", "anna ios.id 2024-01-07",
        "ben ios.id 2024-01-01", "ben ios.id 2024-01-08",
    )  # fmt: skip
    assert near_limits(found, RULES) == [NearLimit("email", Limit(3, "year"), 1, 0, 1), NearLimit("ios.id", Limit(2, "week"), 2, 1, 1)]


def test_weak_links_are_counted_by_the_best_types_they_join_and_by_source():
    found = identifiers("anna user_id 2024-01-01", "anna anonymous_id 2024-01-01", "anna email 2024-01-02", "anna customer_ref 2024-01-03", "ben user_id 2024-01-01", "ben email 2024-01-01")
    tied = sets(("segment", [0, 1], 9), ("segment", [0, 1, 2], 1), ("dms", [2, 3], 1), ("dms", [3], 4), ("segment", [4, 5], 1), ("segment", [4], 2))
    assert weak_counts(found, tied, RULES, KNOWN) == WeakCounts({("email - customer_ref", "dms"): 1, ("user_id - email", "segment"): 1}, 1)


def test_without_links_nothing_is_weak():
    assert weak_counts(identifiers("anna user_id 2024-01-01"), sets(), RULES, KNOWN) == WeakCounts({}, 0)


def test_customers_that_links_tie_together_make_groups():
    assert kept_apart(pairs(("a", "b"), ("a", "c"), ("d", "e"))) == KeptApart(customers=5, groups=2, largest=3)
    assert kept_apart(pairs()) == KeptApart(0, 0, 0)
