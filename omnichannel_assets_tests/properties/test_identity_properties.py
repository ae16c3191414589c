"""Promises of identity on random graphs: the fast resolver equals the obvious one, at every date, in any order.

The obvious resolver below follows specs/segment.md 5.3 word by word and starts again for every date. Graphs are small but dense:
eleven identifiers, instants that tie, fall on midnight and lie just inside or outside each window.
"""

import datetime
import itertools
import random

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnichannel_assets.identity.compare import compare, identities_at
from omnichannel_assets.identity.links import LINKS_SCHEMA
from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.identity.rules import Caps, IdentityRules, Limit
from omnichannel_assets_tests.identity.link_rows import KEY, customers_of

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
IDENTIFIERS = [
    (kind, value) for kind, values in {"user_id": "abc", "email": "abc", "anonymous_id": "abc", "phone": "ab"}.items() for value in values
]
WINDOW_DAYS = {"year": 365, "month": 30, "week": 7}
RULES = [
    IdentityRules({"user_id": Limit(1, "ever")}, Limit(1, "week")),
    IdentityRules({"user_id": Limit(1, "ever"), "email": Limit(2, "year")}, Limit(2, "week")),
    IdentityRules({"user_id": Limit(2, "month"), "email": Limit(1, "month")}, Limit(1, "year")),
    IdentityRules({"anonymous_id": Limit(1, "ever")}, Limit(3, "ever"), priority=("phone", "anonymous_id")),
    IdentityRules({"user_id": Limit(1, "ever")}, Limit(9, "ever")),
    IdentityRules({}, Limit(9, "ever")),
    IdentityRules({"user_id": Limit(2, "ever")}, Limit(9, "ever"), caps=Caps(merges=1)),
    IdentityRules({"user_id": Limit(1, "ever")}, Limit(2, "week"), caps=Caps(merges=2, identifiers=4)),
    IdentityRules({}, Limit(9, "ever"), caps=Caps(identifiers=2)),
]

# A link: (day, hour, source, its identifiers); its link_id is its place in the list.
LINK = st.tuples(
    st.sampled_from([0, 0, 1, 2, 6, 7, 8, 9, 29, 30, 31, 37, 365, 366]),
    st.sampled_from([0, 0, 9, 23]),
    st.sampled_from(["dms", "segment"]),
    st.lists(st.sampled_from(IDENTIFIERS), min_size=1, max_size=4),
)
GRAPHS = st.lists(LINK, min_size=1, max_size=14)
ANY_RULES = st.sampled_from(RULES)

# A device dropped by the limit, known again once the window has passed, while its own customer existed in between.
DROPPED_THEN_JOINED = [
    (0, 9, "segment", [("user_id", "a"), ("anonymous_id", "a")]),
    (1, 9, "segment", [("user_id", "a"), ("anonymous_id", "b")]),
    (8, 9, "segment", [("user_id", "a"), ("anonymous_id", "b")]),
    (8, 9, "dms", [("user_id", "b"), ("anonymous_id", "a"), ("email", "a")]),
]
# Two merges of one day, the second into an older customer, and one whose loser was never seen at a midnight.
TWICE_IN_A_DAY = [
    (0, 0, "dms", [("user_id", "a")]),
    (1, 0, "dms", [("email", "a")]),
    (2, 0, "dms", [("phone", "a")]),
    (6, 0, "dms", [("email", "a"), ("phone", "a")]),
    (6, 9, "dms", [("email", "b")]),
    (6, 23, "dms", [("user_id", "a"), ("phone", "a"), ("email", "b")]),
]


def table_of(graph):
    rows = [
        {
            "source": source,
            "link_id": f"m{place}",
            "known_at": START + datetime.timedelta(days=days, hours=hours),
            "identifier_type": kind,
            "identifier_value": value,
        }
        for place, (days, hours, source, identifiers) in enumerate(graph)
        for kind, value in identifiers
    ]
    return pa.Table.from_pylist(rows, schema=LINKS_SCHEMA)


def boundaries_of(graph):
    """Every date at which something may change, and the dates just before and after."""
    days = {days + near for days, *_ in graph for near in (0, 1, 2)}
    return [(START + datetime.timedelta(days=number)).date() for number in sorted(days)]


def midnight(date):
    return datetime.datetime(date.year, date.month, date.day, tzinfo=datetime.UTC)


def obvious_customers(graph, rules, as_of):
    """{identifier: its customer as a frozenset of identifiers} as of a date, by rule 5.3 and the caps of 5.4 link by link."""
    links = [
        (START + datetime.timedelta(days=d, hours=h), source, f"m{place}", set(ids)) for place, (d, h, source, ids) in enumerate(graph)
    ]
    links = sorted((link for link in links if link[0] < midnight(as_of)), key=lambda link: link[:3])
    first = {}
    for known_at, _, _, identifiers in links:
        for identifier in identifiers:
            first.setdefault(identifier, known_at)
    profiles, merges, seen = [], {}, set()
    for known_at, _, _, identifiers in links:
        remaining = sorted(identifiers, key=lambda identifier: (rules.priority_key(identifier[0]), identifier[1]))
        while True:
            found = [profile for profile in profiles if profile & set(remaining)]
            tentative = frozenset(remaining).union(*found)
            # An identifier of an earlier link that attached it nowhere is a customer too.
            existed = len(found) + len({i for i in remaining if i in seen} - set().union(*found))
            merged = sum(merges[profile] for profile in found) + max(existed - 1, 0)
            if within_limits(tentative, first, known_at, rules) and within_caps(tentative, merged, rules.caps):
                break
            remaining.pop()
        profiles = [profile for profile in profiles if profile not in found] + [tentative]
        merges[tentative] = merged
        seen |= identifiers
    attached = set().union(*profiles)
    profiles += [{identifier} for identifier in first if identifier not in attached]
    return {identifier: frozenset(profile) for profile in profiles for identifier in profile}, first


def within_caps(profile, merged, caps):
    return (caps.merges is None or merged <= caps.merges) and (caps.identifiers is None or len(profile) <= caps.identifiers)


def within_limits(profile, first, known_at, rules):
    for kind in {kind for kind, _ in profile}:
        limit = rules.limit_of(kind)
        opens = None if limit.window == "ever" else known_at - datetime.timedelta(days=WINDOW_DAYS[limit.window])
        values = [i for i in profile if i[0] == kind and first[i] <= known_at and (opens is None or first[i] > opens)]
        if len(values) > limit.count:
            return False
    return True


def oldest_of(profile, first, rules):
    return min(profile, key=lambda identifier: (first[identifier], rules.priority_key(identifier[0]), identifier[1]))


def id_of_lone(identifier, known_at, rules):
    """The id a customer named after this identifier has: resolve a graph that holds nothing else."""
    row = {"source": "x", "link_id": "x", "known_at": known_at, "identifier_type": identifier[0], "identifier_value": identifier[1]}
    key = (identifier, known_at)
    if key not in _LONE_IDS:
        _LONE_IDS[key] = resolve(pa.Table.from_pylist([row], schema=LINKS_SCHEMA), rules, KEY).identities["customer_id"][0].as_py()
    return _LONE_IDS[key]


_LONE_IDS: dict = {}


def mapping_at(rows, as_of):
    valid = [row for row in rows if row["valid_from"] <= as_of and (row["valid_to"] is None or as_of < row["valid_to"])]
    mapping = {(row["identifier_type"], row["identifier_value"]): row["customer_id"] for row in valid}
    assert len(mapping) == len(valid)
    return mapping


def promise(count):
    """`count` graphs, the same ones every time."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


@promise(2500)
@given(GRAPHS, ANY_RULES)
@example(DROPPED_THEN_JOINED, RULES[0])
@example(TWICE_IN_A_DAY, RULES[5])
def test_union_then_replay_equals_replaying_every_link_at_every_date(graph, rules):
    rows = resolve(table_of(graph), rules, KEY).identities.to_pylist()
    for as_of in boundaries_of(graph):
        expected, first = obvious_customers(graph, rules, as_of)
        named = {identifier: oldest_of(profile, first, rules) for identifier, profile in expected.items()}
        ids = {identifier: id_of_lone(oldest, first[oldest], rules) for identifier, oldest in named.items()}
        assert mapping_at(rows, as_of) == ids
        known = {(row["identifier_type"], row["identifier_value"]): row["first_known_at"] for row in rows if row["valid_from"] <= as_of}
        assert known == first


@promise(700)
@given(GRAPHS, ANY_RULES, st.data())
@example(DROPPED_THEN_JOINED, RULES[0], None)
def test_what_was_true_at_a_date_never_depends_on_what_became_known_later(graph, rules, data):
    as_of = data.draw(st.sampled_from(boundaries_of(graph))) if data else boundaries_of(graph)[2]
    links = table_of(graph)
    known = pa.Table.from_pylist([row for row in links.to_pylist() if row["known_at"] < midnight(as_of)], schema=LINKS_SCHEMA)
    everything, limited, truncated = resolve(links, rules, KEY), resolve(links, rules, KEY, as_of), resolve(known, rules, KEY)
    assert limited.identities.equals(truncated.identities)
    assert limited.changes.equals(truncated.changes)
    assert mapping_at(everything.identities.to_pylist(), as_of) == mapping_at(truncated.identities.to_pylist(), as_of)
    # at its end, the truncated input has no other state: every open interval is the one read at T
    still_open = truncated.identities.filter(truncated.identities["valid_to"].is_null())
    assert customers_of(still_open) == customers_of(identities_at(everything.identities, as_of))
    past = [row for row in everything.changes.to_pylist() if row["as_of"] <= as_of]
    assert past == truncated.changes.to_pylist()


@promise(700)
@given(GRAPHS, ANY_RULES, st.integers(0, 2**32))
@example(TWICE_IN_A_DAY, RULES[5], 1)
def test_order_batching_and_repetition_of_rows_change_nothing(graph, rules, seed):
    links = table_of(graph)
    dice = random.Random(seed)
    rows = links.take(dice.sample(range(len(links)), len(links)))
    rows = pa.concat_tables([rows, rows.slice(0, dice.randrange(len(rows) + 1))])
    cut = dice.randrange(len(rows) + 1)
    batched = pa.concat_tables([rows.slice(cut), rows.slice(0, cut)])
    one, other = resolve(links, rules, KEY), resolve(batched, rules, KEY)
    assert one.identities.equals(other.identities)
    assert one.changes.equals(other.changes)
    assert is_sorted(one.identities, ["identifier_type", "identifier_value", "valid_from"])
    assert is_sorted(one.changes, ["as_of", "change", "to_customer_id", "from_customer_id"])


def is_sorted(table, names):
    keys = [tuple("" if row[name] is None else str(row[name]) for name in names) for row in table.to_pylist()]
    return keys == sorted(set(keys))


@promise(1000)
@given(GRAPHS, ANY_RULES)
@example(DROPPED_THEN_JOINED, RULES[0])
@example(TWICE_IN_A_DAY, RULES[5])
def test_every_identifier_has_exactly_one_customer_from_the_day_it_is_known_on(graph, rules):
    intervals = {}
    for row in resolve(table_of(graph), rules, KEY).identities.to_pylist():
        intervals.setdefault((row["identifier_type"], row["identifier_value"]), []).append(row)
    assert set(intervals) == {identifier for *_, identifiers in graph for identifier in identifiers}
    for rows in intervals.values():
        assert rows[0]["valid_from"] == rows[0]["first_known_at"].date() + datetime.timedelta(days=1)
        assert all(row["valid_from"] < row["valid_to"] for row in rows[:-1])
        assert rows[-1]["valid_to"] is None
        for earlier, later in itertools.pairwise(rows):
            assert earlier["valid_to"] == later["valid_from"]
            assert earlier["customer_id"] != later["customer_id"]


@promise(1000)
@given(GRAPHS, ANY_RULES)
@example(TWICE_IN_A_DAY, RULES[5])
def test_the_journal_replays_to_the_customers_that_live_at_every_date(graph, rules):
    resolution = resolve(table_of(graph), rules, KEY)
    rows, changes = resolution.identities.to_pylist(), resolution.changes.to_pylist()
    assert {change["change"] for change in changes} <= {"new", "merge"}
    days_of_links = {f"{source}:m{place}": days for place, (days, _, source, _) in enumerate(graph)}
    assert all(change["as_of"] == (START + datetime.timedelta(days=days_of_links[change["cause"]] + 1)).date() for change in changes)
    live, before = set(), {}
    for as_of in boundaries_of(graph):
        today = [change for change in changes if change["as_of"] == as_of]
        born = {change["to_customer_id"] for change in today if change["change"] == "new"}
        heirs = {change["from_customer_id"]: change["to_customer_id"] for change in today if change["change"] == "merge"}
        assert born.isdisjoint(live)
        assert set(heirs) <= live
        live = (live | born) - set(heirs)
        mapping = mapping_at(rows, as_of)
        assert live == set(mapping.values())
        assert all(mapping[identifier] == heirs.get(customer, customer) for identifier, customer in before.items())
        before = mapping


@promise(500)
@given(GRAPHS, GRAPHS, ANY_RULES, ANY_RULES)
def test_comparing_two_resolutions_leads_from_the_live_customers_of_one_to_those_of_the_other(graph, late, rules, other_rules):
    as_of = boundaries_of([*graph, *late])[-1]
    previous = resolve(table_of(graph), rules, KEY).identities
    current = resolve(table_of([*graph, *late]), other_rules, KEY).identities
    before, after = (mapping_at(table.to_pylist(), as_of) for table in (previous, current))
    changes = compare(previous, current, as_of, "late files").to_pylist()
    ended = {change["from_customer_id"] for change in changes} - {None}
    found = {change["to_customer_id"] for change in changes} - {None}
    assert (set(before.values()) - ended) | found == set(after.values())
    parts = {}
    for change in changes:
        parts.setdefault(change["from_customer_id"], set()).add(change["to_customer_id"])
    assert all(after[identifier] in parts.get(customer, {customer}) for identifier, customer in before.items())
