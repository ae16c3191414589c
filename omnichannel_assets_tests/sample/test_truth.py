"""The truth agrees with what the files say, worked out again from the files alone."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from omnichannel_assets_tests.sample.reading import Landing, pounds, read_truth

HEADERS = {
    "identity.csv": ["identifier_type", "value", "person"],
    "orders.csv": ["order_id", "person", "channel", "ordered_at", "total"],
    "consent.csv": ["person", "email_opt_in"],
    "behaviour.csv": ["person", "event_type", "count"],
}
COUNTED = {
    "Product Viewed": "View",
    "Viewed Product": "View",
    "Product Clicked": "Click",
    "Product Added": "AddToCart",
    "Product Added to Wishlist": "AddToWishlist",
}
PRIORITY = {"user_id": 0, "email": 1, "anonymous_id": 2, "customer_ref": 3, "phone": 4}
EVER = timedelta(days=36_500)
LIMITS = {
    "user_id": (1, EVER),
    "email": (5, timedelta(days=365)),
    "phone": (5, timedelta(days=365)),
    "customer_ref": (5, EVER),
    "anonymous_id": (5, timedelta(days=7)),
}


def _owners(sample) -> dict[tuple[str, str], str]:
    return {(r["identifier_type"], r["value"]): r["person"] for r in read_truth(sample.truth, "identity.csv")}


def _identifiers(message: dict) -> Iterable[tuple[str, str]]:
    if message["type"] in ("alias", "group") or "personas" in message["context"]:
        return
    for name, kind in (("userId", "user_id"), ("anonymousId", "anonymous_id")):
        value = str(message.get(name) or "").strip()
        if not re.fullmatch(r"[0-]*", value):
            yield kind, value
    for traits in (message.get("traits") or {}, message["context"].get("traits") or {}):
        if (traits.get("email") or "").strip():
            yield "email", traits["email"].strip().lower()
        if traits.get("loyalty_id"):
            yield "customer_ref", traits["loyalty_id"]


def _links(landing: Landing) -> list[tuple[datetime, frozenset[tuple[str, str]]]]:
    """Every link with the time it was known, from both systems, oldest first."""
    links = [(datetime.fromisoformat(m["receivedAt"]), frozenset(_identifiers(m))) for m in landing.first_copies()]
    for _, _, row in landing.rows["customers"]:
        found = {("customer_ref", row["customer_id"])}
        if row["email"] != r"\N":
            found.add(("email", row["email"].strip().lower()))
        digits = re.sub(r"\D", "", row["phone"])
        if digits.strip("0"):
            found.add(("phone", "+44" + digits[1:] if digits.startswith("0") else "+" + digits))
        links.append((datetime.fromisoformat(row["updated_at"]).replace(tzinfo=UTC), frozenset(found)))
    return sorted((link for link in links if link[1]), key=lambda link: (link[0], sorted(link[1])))


class Resolver:
    """Segment's merge rule, link by link: drop the lowest-priority identifier until no limit is broken."""

    def __init__(self, links: Iterable[tuple[datetime, frozenset[tuple[str, str]]]]):
        self.profile: dict[tuple[str, str], int] = {}
        self.members: dict[int, set[tuple[str, str]]] = {}
        self.first: dict[tuple[str, str], datetime] = {}
        self.dropped: list[tuple[str, str]] = []
        for number, (known, link) in enumerate(links):
            for identifier in link:
                self.first.setdefault(identifier, known)
            if len({self.profile.get(i, -1 - k) for k, i in enumerate(link)}) > 1 or len(link) == 1:
                self._apply(number, sorted(link, key=lambda i: (PRIORITY[i[0]], i[1])))
        for number, identifier in enumerate(self.first, 1):
            self.profile.setdefault(identifier, -number)

    def _apply(self, number: int, link: list[tuple[str, str]]) -> None:
        while link:
            found = {self.profile[i] for i in link if i in self.profile}
            union = set(link).union(*(self.members[p] for p in found))
            if not self._over(union):
                target = min(found, default=number)
                for old in found:
                    del self.members[old]
                self.members[target] = union
                self.profile.update(dict.fromkeys(union, target))
                return
            self.dropped.append(link.pop())

    def _over(self, identifiers: set[tuple[str, str]]) -> bool:
        times = defaultdict(list)
        for identifier in identifiers:
            times[identifier[0]].append(self.first[identifier])
        for kind, known in times.items():
            limit, window = LIMITS[kind]
            known.sort()
            if any(bisect_right(known, t + window) - n > limit for n, t in enumerate(known)):
                return True
        return False


def test_the_truth_files_have_their_columns(sample):
    for name, header in HEADERS.items():
        with (sample.truth / name).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert rows[0] == header and len(rows) > 100
        assert all(len(row) == len(header) for row in rows)


def test_replaying_every_link_with_segments_rule_finds_the_persons_of_the_truth(sample):
    resolver = Resolver(_links(sample.landing))
    persons_of, profiles_of = defaultdict(set), defaultdict(set)
    for identifier, person in _owners(sample).items():
        persons_of[resolver.profile[identifier]].add(person)
        profiles_of[person].add(resolver.profile[identifier])
    assert {p for p, owners in persons_of.items() if len(owners) > 1} == set()
    assert {p for p, profiles in profiles_of.items() if len(profiles) > 1} == set()
    assert set(resolver.dropped) == {("anonymous_id", "kiosk-shop-3")}


def test_cards_that_nothing_links_are_nobodys(sample):
    strays = {value: person for (kind, value), person in _owners(sample).items() if "?" in person and kind == "customer_ref"}
    assert len(strays) > 10
    for _, _, row in sample.landing.rows["customers"]:
        assert (row["customer_id"] in strays) == (row["email"] == r"\N" and row["phone"] in (r"\N", "000-0000"))


def test_shared_and_blocked_identifiers_belong_to_nobody(sample):
    values = {value for _, value in _owners(sample)}
    assert values.isdisjoint({"kiosk-shop-3", "00000000-0000-0000-0000-000000000000", "000-0000", "a-scraper"})
    assert not any(v.startswith("branch") for v in values)


def _segment_orders(landing: Landing) -> dict[str, list[dict]]:
    orders = {}
    for message in landing.tracked("Order Completed"):
        products = message["properties"]["products"]
        if not isinstance(products, str):
            orders[message["properties"]["order_id"]] = products if isinstance(products, list) else [products]
    return orders


def test_every_distinct_order_is_in_the_truth_once_and_nothing_else(sample):
    truth = [r["order_id"] for r in read_truth(sample.truth, "orders.csv")]
    written = {key[0] for key in sample.landing.current("orders")} | set(_segment_orders(sample.landing))
    assert len(truth) == len(set(truth)) and set(truth) == written


def test_totals_equal_the_sums_of_the_lines_in_both_systems(sample):
    totals = {r["order_id"]: Decimal(r["total"]) for r in read_truth(sample.truth, "orders.csv")}
    sums: Counter = Counter()
    for row in sample.landing.current("order_lines").values():
        sums[row["order_id"]] += Decimal(row["unit_price"]) * int(row["quantity"])
    for (order_id,), row in sample.landing.current("orders").items():
        assert sums[order_id] == totals[order_id] == Decimal(row["total"])
    segment = _segment_orders(sample.landing)
    for order_id, products in segment.items():
        assert sum(pounds(p["price"]) * p["quantity"] for p in products) == totals[order_id]
    both = set(segment) & {key[0] for key in sample.landing.current("orders")}
    assert len(both) == sample.counts.orders_in_both > 50


def test_orders_belong_to_who_the_files_say_at_the_channel_the_files_say(sample):
    owners = _owners(sample)
    truth = {r["order_id"]: r for r in read_truth(sample.truth, "orders.csv")}
    for (order_id,), row in sample.landing.current("orders").items():
        expected = truth[order_id]
        assert expected["channel"] == ("online" if row["store_id"] == "web" else "store")
        assert datetime.fromisoformat(row["ordered_at"]) == datetime.fromisoformat(expected["ordered_at"])
        if row["customer_id"] != r"\N":
            assert owners["customer_ref", row["customer_id"]] == expected["person"]
    for message in sample.landing.tracked("Order Completed"):
        order_id = message["properties"]["order_id"]
        if order_id in truth:
            assert {owners[i] for i in _identifiers(message)} == {truth[order_id]["person"]}
            assert truth[order_id]["channel"] == "online"


def test_behaviour_counts_each_message_of_identified_people_once(sample):
    owners, counted = _owners(sample), Counter()
    for message in sample.landing.first_copies():
        kind = COUNTED.get(message.get("event", ""))
        key = ("user_id", str(message["userId"])) if message.get("userId") else ("anonymous_id", message.get("anonymousId"))
        if kind and message["properties"].get("product_id") and key in owners:
            counted[owners[key], kind] += 1
    truth = {(r["person"], r["event_type"]): int(r["count"]) for r in read_truth(sample.truth, "behaviour.csv")}
    assert truth == counted
    assert {kind for _, kind in truth} == {"View", "Click", "AddToCart", "AddToWishlist"}


def test_consent_is_the_latest_explicit_choice(sample):
    owners, choices, flags = _owners(sample), defaultdict(list), {}
    for _, _, row in sample.landing.rows["customers"]:
        if flags.get(row["customer_id"]) != row["marketing_opt_in"]:
            flags[row["customer_id"]] = row["marketing_opt_in"]
            at = datetime.fromisoformat(row["updated_at"]).replace(tzinfo=UTC)
            choices[owners["customer_ref", row["customer_id"]]].append((at, row["marketing_opt_in"] == "t"))
    for message in sample.landing.tracked("Unsubscribed"):
        choices[owners["user_id", message["userId"]]].append((datetime.fromisoformat(message["timestamp"]), False))
    expected = {}
    for person, made in choices.items():
        latest = max(at for at, _ in made)
        expected[person] = str(all(opted_in for at, opted_in in made if at == latest)).lower()
    assert {r["person"]: r["email_opt_in"] for r in read_truth(sample.truth, "consent.csv")} == expected
    assert set(expected.values()) == {"true", "false"}
