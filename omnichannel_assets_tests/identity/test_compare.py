"""What became of each customer between two resolutions of the same date."""

import dataclasses

from omnichannel_assets.identity.compare import compare, identities_at
from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.identity.rules import Limit
from omnichannel_assets_tests.identity.link_rows import KEY, PLAIN_RULES, customers_of, day, links_table

AS_OF = day("2024-04-01")
LOGIN = ("1", "2024-03-01 09:00", {"user_id": "C-1", "anonymous_id": "a-1"})
OTHER = ("2", "2024-03-02 09:00", {"anonymous_id": "a-2", "email": "x@example.com"})
BRIDGE = ("3", "2024-03-03 09:00", {"user_id": "C-1", "email": "x@example.com"})


def resolved(*links, rules=PLAIN_RULES, key=KEY):
    return resolve(links_table(links), rules, key).identities


def journal(previous, current):
    return [tuple(row.values()) for row in compare(previous, current, AS_OF, "late files").to_pylist()]


def ids(identities):
    return customers_of(identities_at(identities, AS_OF))


def test_equal_tables_have_no_changes():
    assert journal(resolved(LOGIN, OTHER), resolved(OTHER, LOGIN)) == []


def test_a_late_bridge_is_a_merge_into_the_older_customer():
    previous = ids(resolved(LOGIN, OTHER))
    assert journal(resolved(LOGIN, OTHER), resolved(LOGIN, OTHER, BRIDGE)) == [
        (AS_OF, "merge", previous["email:x@example.com"], previous["user_id:C-1"], "late files")
    ]


def test_a_lost_bridge_is_a_split_that_lists_every_part_also_the_one_that_keeps_the_id():
    parts = ids(resolved(LOGIN, OTHER))
    whole = parts["user_id:C-1"]
    assert sorted(journal(resolved(LOGIN, OTHER, BRIDGE), resolved(LOGIN, OTHER))) == sorted(
        (AS_OF, "split", whole, part, "late files") for part in {whole, parts["email:x@example.com"]}
    )


def test_tightened_rules_split_customers():
    tight = dataclasses.replace(PLAIN_RULES, default_limit=Limit(1, "ever"))
    rows = journal(resolved(LOGIN, OTHER, BRIDGE), resolved(LOGIN, OTHER, BRIDGE, rules=tight))
    assert [row[1] for row in rows] == ["split", "split"]


def test_an_earlier_sighting_that_arrives_late_rekeys_the_customer():
    earlier = ("0", "2024-02-01 09:00", {"anonymous_id": "a-1"})
    previous, current = resolved(LOGIN), resolved(LOGIN, earlier)
    assert journal(previous, current) == [(AS_OF, "rekey", ids(previous)["user_id:C-1"], ids(current)["user_id:C-1"], "late files")]


def test_a_new_key_rekeys_everybody():
    assert [row[1] for row in journal(resolved(LOGIN, OTHER), resolved(LOGIN, OTHER, key=b"another"))] == ["rekey", "rekey"]


def test_a_customer_of_whom_nothing_is_left_is_rekeyed_to_nobody():
    previous = ids(resolved(LOGIN, OTHER))
    assert journal(resolved(LOGIN, OTHER), resolved(LOGIN)) == [(AS_OF, "rekey", previous["email:x@example.com"], None, "late files")]


def test_identifiers_never_seen_before_make_a_new_customer():
    current = resolved(LOGIN, OTHER)
    assert journal(resolved(LOGIN), current) == [(AS_OF, "new", None, ids(current)["email:x@example.com"], "late files")]


def test_differences_after_the_date_do_not_count():
    later = ("3", "2024-04-01 00:00", {"user_id": "C-1", "email": "x@example.com"})
    assert journal(resolved(LOGIN, OTHER), resolved(LOGIN, OTHER, later)) == []
