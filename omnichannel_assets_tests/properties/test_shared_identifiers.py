"""Promises of shared-identifier detection on random graphs: the layer equals the obvious way, at every date, and nothing looks ahead.

The obvious way starts again for every date: it replays the links known before it one by one, notes whom each identifier is tied to,
takes out the identifiers that have too many, and replays what is left.
"""

import dataclasses
import datetime
import itertools

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnichannel_assets.identity.graph import LINKS_SCHEMA
from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.identity.rules import DEFAULT_RULES, IdentityRules, Limit, SharedRules, SharedValue
from omnichannel_assets_tests.identity.link_rows import KEY
from omnichannel_assets_tests.properties.test_identity_properties import (
    START,
    boundaries_of,
    id_of_lone,
    mapping_at,
    midnight,
    obvious_customers,
    oldest_of,
    promise,
    table_of,
    within_limits,
)

IDENTIFIERS = [
    (kind, value) for kind, values in {"user_id": "abcd", "email": "ab", "anonymous_id": "kxy"}.items() for value in values
]
RULES = [
    IdentityRules({"user_id": Limit(1, "ever")}, Limit(5, "week"), shared=SharedRules(1)),
    IdentityRules({"user_id": Limit(1, "ever"), "email": Limit(1, "year")}, Limit(2, "week"), shared=SharedRules(2)),
    IdentityRules({"user_id": Limit(2, "month")}, Limit(9, "ever"), shared=SharedRules(1)),
    IdentityRules(
        {"user_id": Limit(1, "ever")},
        Limit(9, "ever"),
        shared=SharedRules(2, (SharedValue("anonymous_id", "x"), SharedValue("email", "a", datetime.date(2024, 1, 8)))),
    ),
    IdentityRules(
        {}, Limit(9, "ever"), shared=SharedRules(None, (SharedValue("user_id", "a"), SharedValue("anonymous_id", "k", datetime.date(2024, 1, 3))))
    ),
]
LINK = st.tuples(
    st.sampled_from([0, 1, 1, 2, 3, 6, 7, 8, 30]),
    st.sampled_from([0, 9, 9, 23]),
    st.sampled_from(["dms", "segment"]),
    st.lists(st.sampled_from(IDENTIFIERS), min_size=1, max_size=3),
)
GRAPHS = st.lists(LINK, min_size=2, max_size=14)
ANY_RULES = st.sampled_from(RULES)

# A visitor of the kiosk, three customers who sign in at it on two days, and one whose own device joins two of them before.
KIOSK = [
    (0, 9, "segment", [("anonymous_id", "k"), ("anonymous_id", "x")]),
    (1, 9, "segment", [("user_id", "a"), ("anonymous_id", "k")]),
    (2, 9, "segment", [("user_id", "b"), ("anonymous_id", "k")]),
    (2, 23, "segment", [("user_id", "c"), ("anonymous_id", "k")]),
    (3, 9, "segment", [("email", "a"), ("anonymous_id", "k"), ("user_id", "d")]),
    (7, 9, "segment", [("anonymous_id", "x"), ("user_id", "b")]),
]


def ties_of(graph, rules, as_of):
    """{identifier: (its user ids, the link of each new one in order)} of the links known before a date, by replaying them one by one."""
    links = [
        (START + datetime.timedelta(days=d, hours=h), source, f"m{place}", set(ids)) for place, (d, h, source, ids) in enumerate(graph)
    ]
    links = sorted((link for link in links if link[0] < midnight(as_of)), key=lambda link: link[:3])
    first = {}
    for known_at, _, _, identifiers in links:
        for identifier in identifiers:
            first.setdefault(identifier, known_at)
    profiles, waiting, users, causes = [], [], {}, {}
    for known_at, source, link_id, identifiers in links:
        remaining = sorted(identifiers, key=lambda identifier: (rules.priority_key(identifier[0]), identifier[1]))
        while True:
            found = [profile for profile in profiles if profile & set(remaining)]
            tentative = set(remaining).union(*found)
            if within_limits(tentative, first, known_at, rules):
                break
            remaining.pop()
        profiles = [profile for profile in profiles if profile not in found] + [tentative]
        waiting += [(one, other) for one, other in itertools.permutations(identifiers, 2) if one[0] != "user_id"]
        still = []
        for one, other in waiting:
            profile = next((profile for profile in profiles if other in profile), {other})
            held = [identifier for identifier in profile if identifier[0] == "user_id"]
            if not held:
                still.append((one, other))
                continue
            user = oldest_of(held, first, rules)
            if user not in users.setdefault(one, set()):
                users[one].add(user)
                causes.setdefault(one, []).append(f"{source}:{link_id}")
        waiting = still
    return users, causes, first


def obvious_shared(graph, rules):
    """{identifier: (shared_from, customers, cause)} by asking every date in turn."""
    found = {}
    for as_of in boundaries_of(graph) + [value.since for value in rules.shared.values if value.since]:
        users, causes, first = ties_of(graph, rules, as_of)
        for value in rules.shared.values:
            identifier = (value.identifier_type, value.identifier_value)
            since = max(first[identifier].date() + datetime.timedelta(days=1), value.since or datetime.date.min) if identifier in first else None
            if since and (identifier not in found or since <= found[identifier][0]):
                found[identifier] = (since, 0, "rule")
        for identifier, held in users.items():
            is_first = identifier not in found or as_of < found[identifier][0]
            if is_first and rules.shared.customers is not None and len(held) > rules.shared.customers:
                found[identifier] = (as_of, len(held), causes[identifier][rules.shared.customers])
    return found


def obvious_mapping(graph, rules, as_of, shared):
    """{identifier: customer_id} at a date: everything is replayed without what is shared by then."""
    gone = {identifier for identifier, (since, *_) in shared.items() if since <= as_of}
    left = [(days, hours, source, [i for i in ids if i not in gone]) for days, hours, source, ids in graph]
    expected, first = obvious_customers(left, rules, as_of)
    named = {identifier: oldest_of(profile, first, rules) for identifier, profile in expected.items()}
    return {identifier: id_of_lone(oldest, first[oldest], rules) for identifier, oldest in named.items()}


def dates_of(graph, rules):
    declared = [value.since + datetime.timedelta(days=near) for value in rules.shared.values if value.since for near in (-1, 0, 1)]
    return sorted({*boundaries_of(graph), *declared})


@promise(700)
@given(GRAPHS, ANY_RULES)
@example(KIOSK, RULES[0])
@example(KIOSK, RULES[1])
def test_the_layer_equals_replaying_every_date_without_what_is_shared_by_then(graph, rules):
    found = resolve(table_of(graph), rules, KEY)
    shared = obvious_shared(graph, rules)
    stored = {
        (row["identifier_type"], row["identifier_value"]): (row["shared_from"], row["customers"], row["cause"])
        for row in found.shared.to_pylist()
    }
    assert stored == shared
    rows = found.identities.to_pylist()
    for as_of in dates_of(graph, rules):
        assert mapping_at(rows, as_of) == obvious_mapping(graph, rules, as_of, shared)


@promise(250)
@given(GRAPHS, ANY_RULES, st.data())
@example(KIOSK, RULES[0], None)
def test_what_is_shared_at_a_date_never_depends_on_what_became_known_later(graph, rules, data):
    as_of = data.draw(st.sampled_from(boundaries_of(graph))) if data else boundaries_of(graph)[2]
    links = table_of(graph)
    known = pa.Table.from_pylist([row for row in links.to_pylist() if row["known_at"] < midnight(as_of)], schema=LINKS_SCHEMA)
    everything, limited, truncated = resolve(links, rules, KEY), resolve(links, rules, KEY, as_of), resolve(known, rules, KEY, as_of)
    assert limited == truncated
    assert mapping_at(everything.identities.to_pylist(), as_of) == mapping_at(truncated.identities.to_pylist(), as_of)
    assert [row for row in everything.changes.to_pylist() if row["as_of"] <= as_of] == truncated.changes.to_pylist()
    assert [row for row in everything.shared.to_pylist() if row["shared_from"] <= as_of] == truncated.shared.to_pylist()


@promise(350)
@given(GRAPHS, ANY_RULES)
@example(KIOSK, RULES[0])
@example(KIOSK, RULES[3])
def test_the_journal_replays_to_the_customers_of_every_date_and_the_table_keeps_its_shape(graph, rules):
    found = resolve(table_of(graph), rules, KEY)
    rows, changes = found.identities.to_pylist(), found.changes.to_pylist()
    live = set()
    for as_of in dates_of(graph, rules):
        today = [change for change in changes if change["as_of"] == as_of]
        ended, began = ({change[side] for change in today} - {None} for side in ("from_customer_id", "to_customer_id"))
        assert ended <= live
        live = (live - ended) | began
        assert live == set(mapping_at(rows, as_of).values())
    links = {f"{source}:m{place}" for place, (*_, source, _) in enumerate(graph)} | {"rule"}
    assert {change["cause"].removeprefix("shared:") for change in changes} <= links
    assert all(change["cause"].startswith("shared:") for change in changes if change["change"] in ("split", "rekey"))
    assert all(change["change"] == "rekey" for change in changes if change["to_customer_id"] is None)
    shared = {(row["identifier_type"], row["identifier_value"]): row["shared_from"] for row in found.shared.to_pylist()}
    intervals = {}
    for row in rows:
        intervals.setdefault((row["identifier_type"], row["identifier_value"]), []).append(row)
    for identifier, own in intervals.items():
        assert own[-1]["valid_to"] == shared.get(identifier)
        for earlier, later in itertools.pairwise(own):
            assert earlier["valid_to"] == later["valid_from"]
            assert earlier["customer_id"] != later["customer_id"]


@promise(100)
@given(GRAPHS, ANY_RULES, st.sampled_from(IDENTIFIERS))
@example(KIOSK, RULES[0], ("anonymous_id", "k"))
def test_a_value_declared_from_the_beginning_equals_links_that_never_carried_it(graph, rules, value):
    declared = dataclasses.replace(rules, shared=SharedRules(None, (SharedValue(*value),)))
    without = [(days, hours, source, [i for i in ids if i != value]) for days, hours, source, ids in graph]
    found = resolve(table_of(graph), declared, KEY).identities
    assert found.equals(resolve(table_of(without), dataclasses.replace(rules, shared=SharedRules()), KEY).identities)


def test_a_kiosk_ends_with_nobody_and_so_does_a_visitor_who_only_ever_used_it():
    detecting = dataclasses.replace(DEFAULT_RULES, shared=SharedRules(customers=2))
    graph = [(0, 9, "segment", [("anonymous_id", "k")]), *KIOSK[1:4]]
    found = resolve(table_of(graph), detecting, KEY)
    assert [(row["identifier_value"], str(row["shared_from"]), row["customers"], row["cause"]) for row in found.shared.to_pylist()] == [
        ("k", "2024-01-04", 3, "segment:m3")
    ]
    ends = {row["identifier_value"]: str(row["valid_to"]) for row in found.identities.to_pylist()}
    assert ends == {"a": "None", "b": "None", "c": "None", "k": "2024-01-04"}
    (visitor,) = {row["customer_id"] for row in found.identities.to_pylist() if row["identifier_value"] == "k"}
    told = [(str(c["as_of"]), c["change"], c["from_customer_id"], c["cause"]) for c in found.changes.to_pylist() if c["change"] in ("split", "rekey")]
    # The visitor's id was older than the login that took the kiosk over, so that customer goes on under its own name.
    assert told == [("2024-01-04", "rekey", visitor, "shared:segment:m3")]


def test_a_visitor_whose_only_device_turns_out_to_be_shared_ends_and_the_journal_says_so():
    ties = [(day, 9, "segment", [("user_id", user), ("email", user), ("anonymous_id", "k")]) for day, user in enumerate("abc", start=2)]
    owned = [(1, 9, "segment", [("user_id", user), ("email", user)]) for user in "abc"]
    visitor = [(0, 9, "segment", [("anonymous_id", "k")])]
    strict = IdentityRules({"user_id": Limit(1, "ever"), "anonymous_id": Limit(1, "ever")}, Limit(1, "ever"), shared=SharedRules(2))
    blocked = [(0, 8, "segment", [("user_id", user), ("anonymous_id", f"own-{user}")]) for user in "abc"]
    found = resolve(table_of([*blocked, *visitor, *owned, *ties]), strict, KEY)
    told = [(c["change"], c["to_customer_id"], c["cause"]) for c in found.changes.to_pylist() if c["cause"].startswith("shared:")]
    assert told == [("rekey", None, "shared:segment:m9")]


PEOPLE, RECORDS = 1500, 4
SHARED = {"phone": "+61299990000", "email": "till@shop.example", "anonymous_id": "kiosk-1"}


def records_of(kind, value):
    """Links of made-up people, four records each; on about every hundredth the till wrote its own value (kind None: on none)."""
    rows = []
    for number in range(PEOPLE * RECORDS):
        person, known_at = number % PEOPLE, START + datetime.timedelta(minutes=20 * number)
        carried = {"customer_ref": f"r-{number}", "loyalty_id": f"l-{person}"}
        carried |= {"user_id": f"u-{person}"} if (person + number // PEOPLE) % 3 else {}
        carried |= {kind: value} if kind and number % 97 == 7 else {}
        rows += [("dms", str(number), known_at, name, text) for name, text in carried.items()]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=LINKS_SCHEMA)


def precision_of(links, rules):
    """Of all pairs of records in one customer, the share that is of one person."""
    now = resolve(links, rules, KEY).identities
    sizes, right = {}, {}
    for row in now.filter(now["valid_to"].is_null()).to_pylist():
        if row["identifier_type"] == "customer_ref":
            customer, person = row["customer_id"], int(row["identifier_value"][2:]) % PEOPLE
            sizes[customer] = sizes.get(customer, 0) + 1
            right[customer, person] = right.get((customer, person), 0) + 1
    pairs, true = (sum(n * (n - 1) // 2 for n in counts.values()) for counts in (sizes, right))
    return true / pairs


@pytest.mark.parametrize("kind", SHARED)
def test_a_value_on_a_hundredth_of_the_records_costs_nothing_with_protection_and_everything_without(kind):
    open_rules = IdentityRules({}, Limit(10**6, "ever"), shared=SharedRules())
    guarded = dataclasses.replace(DEFAULT_RULES, shared=SharedRules(customers=3))
    clean, dirty = records_of(None, ""), records_of(kind, SHARED[kind])
    assert precision_of(clean, guarded) - precision_of(dirty, guarded) <= 0.001
    assert precision_of(dirty, open_rules) < 0.5 * precision_of(clean, open_rules)
