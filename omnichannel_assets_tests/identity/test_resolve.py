"""Who is one customer: Segment's own scenarios (specs/segment.md 5.3 and 5.5), windows, day boundaries and the journal."""

import dataclasses
import hashlib

import pyarrow as pa
import pytest

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.compare import identities_at
from omnichannel_assets.identity.links import LINKS_SCHEMA
from omnichannel_assets.identity.normalise import normalise_identifiers
from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.identity.rules import Caps, Limit
from omnichannel_assets_tests.identity.link_rows import KEY, PLAIN_RULES, at, customers_of, day, groups_of, links_table

LATER = day("2030-01-01")


def groups(links):
    return groups_of(identities_at(resolve(links_table(links), PLAIN_RULES, KEY).identities, LATER))


def test_an_event_that_holds_identifiers_of_two_customers_merges_them_into_the_older():
    links = links_table(
        [
            ("1", "2024-03-01 09:00", {"user_id": "C-1", "anonymous_id": "a-1"}),
            ("2", "2024-03-02 09:00", {"anonymous_id": "a-2", "email": "x@example.com"}),
            ("3", "2024-03-03 09:00", {"user_id": "C-1", "email": "x@example.com"}),
        ]
    )
    identities = resolve(links, PLAIN_RULES, KEY).identities
    assert groups_of(identities_at(identities, LATER)) == {
        frozenset({"user_id:C-1", "anonymous_id:a-1", "anonymous_id:a-2", "email:x@example.com"})
    }
    before, after = (customers_of(identities_at(identities, day(text))) for text in ("2024-03-03", "2024-03-04"))
    assert before["anonymous_id:a-2"] != before["user_id:C-1"]
    assert after["anonymous_id:a-2"] == after["user_id:C-1"] == before["user_id:C-1"]


def test_a_second_user_id_does_not_join_through_a_shared_email():
    assert groups(
        [
            ("1", "2024-03-01 09:00", {"user_id": "C-1", "email": "fam@example.com"}),
            ("2", "2024-03-02 09:00", {"user_id": "C-2", "email": "fam@example.com"}),
        ]
    ) == {frozenset({"user_id:C-1", "email:fam@example.com"}), frozenset({"user_id:C-2"})}


def test_a_blocked_value_joins_nobody():
    raw = [("1", "user_id", "0"), ("2", "user_id", "0"), ("2", "anonymous_id", "a-3")]
    table = pa.table({"identifier_type": [r[1] for r in raw], "raw_value": [r[2] for r in raw], "country": pa.nulls(3, pa.string())})
    kept = [row for row in normalise_identifiers(table, PLAIN_RULES).to_pylist() if row["identifier_value"] and not row["is_blocked"]]
    assert groups([("2", "2024-03-01 09:00", {row["identifier_type"]: row["identifier_value"]}) for row in kept]) == {
        frozenset({"anonymous_id:a-3"})
    }


def test_a_kiosk_stays_with_the_first_customer_who_used_it():
    assert groups(
        [
            ("1", "2024-03-01 09:00", {"user_id": "C-1", "anonymous_id": "kiosk"}),
            ("2", "2024-03-01 10:00", {"user_id": "C-2", "anonymous_id": "kiosk"}),
            ("3", "2024-03-02 10:00", {"user_id": "C-3", "anonymous_id": "kiosk"}),
        ]
    ) == {frozenset({"user_id:C-1", "anonymous_id:kiosk"}), frozenset({"user_id:C-2"}), frozenset({"user_id:C-3"})}


def test_the_worked_case_of_the_docs_gives_the_second_person_a_profile_without_the_shared_email():
    assert groups(
        [
            ("1", "2024-03-01 09:00", {"user_id": "abc123", "email": "jane@example.com"}),
            ("2", "2024-03-02 09:00", {"user_id": "abc456", "email": "jane@example.com"}),
            ("3", "2024-03-03 09:00", {"user_id": "abc456", "anonymous_id": "a-1", "email": "jane@example.com"}),
        ]
    ) == {frozenset({"user_id:abc123", "email:jane@example.com"}), frozenset({"user_id:abc456"}), frozenset({"anonymous_id:a-1"})}


def test_identifiers_are_dropped_from_the_lowest_priority_up_so_a_later_good_one_is_dropped_too():
    # anonymous_id ranks below email: to get rid of the e-mail at fault, the rule drops the innocent device first.
    links = links_table(
        [
            ("1", "2024-03-01 09:00", {"user_id": "C-1", "email": "fam@example.com"}),
            ("2", "2024-03-02 09:00", {"user_id": "C-2", "email": "fam@example.com", "anonymous_id": "a-9"}),
            ("3", "2024-03-05 09:00", {"user_id": "C-2", "anonymous_id": "a-9"}),
        ]
    )
    identities = resolve(links, PLAIN_RULES, KEY).identities
    alone, attached = (customers_of(identities_at(identities, day(text))) for text in ("2024-03-05", "2024-03-06"))
    assert len(set(alone.values())) == 3
    assert attached["anonymous_id:a-9"] == attached["user_id:C-2"] == alone["user_id:C-2"]


def test_at_the_cap_of_merges_a_link_keeps_to_its_highest_priority_customer():
    """specs/segment.md 5.4: 100 merges a profile, with a window so wide that only the cap bites."""
    rules = dataclasses.replace(PLAIN_RULES, default_limit=Limit(1000, "ever"), caps=Caps(merges=100))
    strangers = [(f"s{n:03}", "2024-03-01 09:00", {"anonymous_id": f"a-{n:03}"}) for n in range(102)]
    logins = [(f"t{n:03}", "2024-03-02 09:00", {"user_id": "C-1", "anonymous_id": f"a-{n:03}"}) for n in range(102)]
    login = [("r", "2024-03-01 08:00", {"user_id": "C-1"})]
    found = groups_of(identities_at(resolve(links_table([*login, *strangers, *logins]), rules, KEY).identities, LATER))
    assert sorted(len(group) for group in found) == [1, 1, 101]
    assert frozenset({"anonymous_id:a-100"}) in found
    # what the link itself brings is no other customer: it attaches
    late = ("u", "2024-03-03 09:00", {"user_id": "C-1", "anonymous_id": "fresh"})
    found = groups_of(identities_at(resolve(links_table([*login, *strangers, *logins, late]), rules, KEY).identities, LATER))
    assert max(found, key=len) >= {"user_id:C-1", "anonymous_id:fresh"}


def test_at_the_cap_of_identifiers_no_further_one_is_attached_and_events_still_resolve():
    """specs/segment.md 5.4: 1,000 identifiers a profile."""
    rules = dataclasses.replace(PLAIN_RULES, default_limit=Limit(5000, "ever"), caps=Caps(identifiers=1000))
    links = [(f"{n:04}", "2024-03-01 09:00", {"user_id": "C-1", "anonymous_id": f"a-{n:04}"}) for n in range(1001)]
    found = groups_of(identities_at(resolve(links_table(links), rules, KEY).identities, LATER))
    assert sorted(len(group) for group in found) == [1, 1, 1000]
    assert {frozenset({"anonymous_id:a-0999"}), frozenset({"anonymous_id:a-1000"})} < found


def test_two_user_ids_in_one_event_keep_only_the_first():
    assert groups([("1", "2024-03-01 09:00", {"user_id": ["C-2", "C-1"], "email": "x@example.com"})]) == {
        frozenset({"user_id:C-1"}),
        frozenset({"user_id:C-2"}),
        frozenset({"email:x@example.com"}),
    }


def test_a_sixth_device_within_a_week_stays_alone_and_one_a_week_later_joins():
    week = [(str(n), f"2024-03-0{n} 09:00", {"user_id": "C-1", "anonymous_id": f"a-{n}"}) for n in range(1, 7)]
    assert frozenset({"anonymous_id:a-6"}) in groups(week)
    # a-1 was first known exactly seven days before: the window (t - 7 d, t] no longer holds it
    later = [*week[:5], ("6", "2024-03-08 09:00", {"user_id": "C-1", "anonymous_id": "a-6"})]
    assert len(groups(later)) == 1


def test_a_device_counts_from_when_it_was_first_known_even_if_that_event_could_not_attach_it():
    links = [(str(n), f"2024-03-0{n} 09:00", {"user_id": "C-1", "anonymous_id": f"a-{n}"}) for n in range(1, 7)]
    again = [*links, ("7", "2024-03-09 09:00", {"user_id": "C-1", "anonymous_id": "a-6"})]
    assert len(groups(again)) == 1


def test_a_fact_known_at_midnight_is_first_visible_at_the_next_dates_as_of():
    links = links_table([("1", "2024-03-01 00:00", {"email": "x@example.com"}), ("2", "2024-02-29 23:59", {"email": "y@example.com"})])
    rows = resolve(links, PLAIN_RULES, KEY).identities.to_pylist()
    assert [(row["identifier_value"], row["valid_from"], row["valid_to"]) for row in rows] == [
        ("x@example.com", day("2024-03-02"), None),
        ("y@example.com", day("2024-03-01"), None),
    ]


def test_changes_inside_one_day_collapse_into_the_state_at_its_end():
    links = links_table(
        [
            ("1", "2024-03-01 09:00", {"anonymous_id": "a-1"}),
            ("2", "2024-03-01 10:00", {"anonymous_id": "a-2"}),
            ("3", "2024-03-01 11:00", {"anonymous_id": ["a-1", "a-2"]}),
        ]
    )
    resolution = resolve(links, PLAIN_RULES, KEY)
    assert [(row["valid_from"], row["valid_to"]) for row in resolution.identities.to_pylist()] == [(day("2024-03-02"), None)] * 2
    assert [(row["change"], row["cause"]) for row in resolution.changes.to_pylist()] == [("new", "segment:1")]


def test_the_journal_names_who_ended_where_and_the_link_that_caused_it():
    links = links_table(
        [
            ("1", "2024-03-01 09:00", {"user_id": "C-1"}),
            ("2", "2024-03-02 09:00", {"anonymous_id": "a-2"}),
            ("3", "2024-03-03 09:00", {"anonymous_id": "a-3"}),
            ("4", "2024-03-05 09:00", {"anonymous_id": ["a-2", "a-3"]}),
            ("5", "2024-03-05 10:00", {"user_id": "C-1", "anonymous_id": "a-2"}),
        ]
    )
    resolution = resolve(links, PLAIN_RULES, KEY)
    one, two, three = (
        customers_of(identities_at(resolution.identities, day("2024-03-05")))[name]
        for name in ("user_id:C-1", "anonymous_id:a-2", "anonymous_id:a-3")
    )
    rows = [tuple(row.values()) for row in resolution.changes.to_pylist()]
    assert rows[:3] == [
        (day("2024-03-02"), "new", None, one, "segment:1"),
        (day("2024-03-03"), "new", None, two, "segment:2"),
        (day("2024-03-04"), "new", None, three, "segment:3"),
    ]
    # a-3 went into a-2 and a-2 into C-1 on the same day: both name the customer of that day's end
    assert sorted(rows[3:]) == sorted(
        [(day("2024-03-06"), "merge", two, one, "segment:5"), (day("2024-03-06"), "merge", three, one, "segment:4")]
    )


def test_a_late_link_changes_past_answers_but_the_arrival_order_of_rows_does_not_matter():
    on_time = [("1", "2024-03-01 09:00", {"anonymous_id": "a-1"}), ("2", "2024-03-05 09:00", {"user_id": "C-1", "anonymous_id": "a-1"})]
    late = ("0", "2024-02-20 09:00", {"user_id": "C-2", "anonymous_id": "a-1"})
    without, with_late = (resolve(links_table(links), PLAIN_RULES, KEY).identities for links in (on_time, [*on_time, late]))
    assert groups_of(identities_at(without, LATER)) == {frozenset({"user_id:C-1", "anonymous_id:a-1"})}
    assert groups_of(identities_at(with_late, LATER)) == {frozenset({"user_id:C-2", "anonymous_id:a-1"}), frozenset({"user_id:C-1"})}
    assert with_late.equals(resolve(links_table([late, *on_time]), PLAIN_RULES, KEY).identities)


def test_links_of_the_same_instant_are_taken_by_source_then_link_id():
    family = {"email": "fam@example.com"}
    dms = links_table([("9", "2024-03-01 09:00", {"user_id": "C-9", **family})], source="dms")
    segment = links_table(
        [("1", "2024-03-01 09:00", {"user_id": "C-1", **family}), ("0", "2024-03-01 09:00", {"user_id": "C-0", **family})]
    )
    mapping = identities_at(resolve(pa.concat_tables([segment, dms]), PLAIN_RULES, KEY).identities, LATER)
    assert frozenset({"user_id:C-9", "email:fam@example.com"}) in groups_of(mapping)
    only_segment = identities_at(resolve(segment, PLAIN_RULES, KEY).identities, LATER)
    assert frozenset({"user_id:C-0", "email:fam@example.com"}) in groups_of(only_segment)


def test_as_of_leaves_out_links_known_at_that_midnight_or_later():
    links = links_table([("1", "2024-03-01 23:59", {"email": "x@example.com"}), ("2", "2024-03-02 00:00", {"email": "y@example.com"})])
    assert resolve(links, PLAIN_RULES, KEY, day("2024-03-02")).identities["identifier_value"].to_pylist() == ["x@example.com"]


def test_the_customer_id_is_the_keyed_digest_of_the_oldest_identifier():
    links = links_table(
        [("1", "2024-03-01 09:00", {"email": "zoë@example.com", "user_id": "C-1"}), ("2", "2024-02-01 09:00", {"email": "zoë@example.com"})]
    )
    identities = resolve(links, PLAIN_RULES, KEY).identities
    spelled = "2024-02-01T09:00:00.000000|5:email|15:zoë@example.com".encode()
    assert set(identities["customer_id"].to_pylist()) == {"c_" + hashlib.blake2b(spelled, digest_size=8, key=KEY).hexdigest()}
    assert set(identities["first_known_at"].to_pylist()) == {at("2024-03-01 09:00"), at("2024-02-01 09:00")}
    assert set(resolve(links, PLAIN_RULES, b"another").identities["customer_id"].to_pylist()).isdisjoint(
        identities["customer_id"].to_pylist()
    )


def test_no_links_give_two_empty_tables():
    resolution = resolve(LINKS_SCHEMA.empty_table(), PLAIN_RULES, KEY)
    assert (resolution.identities.num_rows, resolution.changes.num_rows) == (0, 0)


@pytest.mark.parametrize("key", [b"", b"x" * 65])
def test_an_unusable_key_is_refused_without_being_shown(key):
    with pytest.raises(SettingError, match=r"^IDENTITY_KEY: expected 1 to 64 bytes, got a value that is not shown"):
        resolve(links_table([("1", "2024-03-01 09:00", {"email": "x@example.com"})]), PLAIN_RULES, key)


def test_a_link_with_two_known_at_is_the_callers_defect():
    links = links_table([("1", "2024-03-01 09:00", {"email": "x@example.com"}), ("1", "2024-03-02 09:00", {"user_id": "C-1"})])
    with pytest.raises(ValueError, match="different known_at"):
        resolve(links, PLAIN_RULES, KEY)


def test_an_absent_column_or_a_null_is_the_callers_defect():
    links = links_table([("1", "2024-03-01 09:00", {"email": "x@example.com"})])
    with pytest.raises(ValueError, match="known_at"):
        resolve(links.drop_columns(["known_at"]), PLAIN_RULES, KEY)
    with pytest.raises(ValueError, match="identifier_value"):
        resolve(links.set_column(4, "identifier_value", pa.nulls(1, pa.string())), PLAIN_RULES, KEY)
