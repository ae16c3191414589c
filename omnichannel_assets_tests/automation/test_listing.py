"""What a listing asks for: nothing lost, nothing twice for the same content, bounded ticks, a cursor that may be garbage."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.automation.listing import LOOKBACK_DAYS, SWEPT_DAYS, new_dms_tables, new_segment_days, swept_days
from omnichannel_assets.lake.store import ListedObject
from omnichannel_assets.segment.keys import parse_key
from omnichannel_assets_tests.dms.running import REGISTRY
from omnichannel_assets_tests.segment.landing import key_of

PROFILE = settings(deadline=None, derandomize=True)
FIRST = date(2026, 11, 1)
days = st.integers(0, 9).map(lambda number: FIRST + timedelta(days=number))
segment_objects = st.builds(lambda day, name, token: ListedObject(key_of(name, day), 1, token), days, st.sampled_from("abc"), st.sampled_from(["t1", "t2"]))
others = st.builds(ListedObject, st.sampled_from(["x", "dms/retail/orders/LOAD00000001.csv", "segment-logs/s/1/f.gz"]), st.just(1), st.just("t1"))
listings = st.lists(st.one_of(segment_objects, segment_objects, others), max_size=12, unique_by=lambda listed: listed.key)
many_days = st.sets(st.integers(0, 900), max_size=700).map(lambda numbers: [date(2024, 1, 1) + timedelta(days=number) for number in sorted(numbers)])


def catalogue_of(listing: list[ListedObject]) -> dict[str, str]:
    return {listed.key: listed.token for listed in listing}


@PROFILE
@given(listings, listings)
def test_exactly_the_days_with_versions_the_catalogue_does_not_hold_are_asked_for(listing, catalogued):
    known = catalogue_of(catalogued)
    waiting = [listed for listed in listing if parse_key(listed.key) and known.get(listed.key) != listed.token]
    found = new_segment_days(listing, known, FIRST, None)
    assert [files.target for files in found] == sorted({parse_key(listed.key).received_day.isoformat() for listed in waiting})
    assert sum(files.files for files in found) == len(waiting)


@PROFILE
@given(listings)
def test_what_is_catalogued_is_never_asked_for_again(listing):
    assert new_segment_days(listing, catalogue_of(listing), FIRST, None) == []
    assert new_dms_tables(listing, catalogue_of(listing), REGISTRY) == []


@PROFILE
@given(listings, st.randoms(use_true_random=False))
def test_the_same_versions_in_any_order_give_the_same_run_keys_and_another_version_gives_another(listing, rng):
    found = new_segment_days(listing, {}, FIRST, None)
    assert new_segment_days(rng.sample(listing, len(listing)), {}, FIRST, None) == found
    if found:
        changed = [ListedObject(listed.key, listed.size, "t3" if listed == listing[0] else listed.token) for listed in listing]
        keys = [{files.run_key for files in new_segment_days(some, {}, FIRST, None)} for some in (listing, changed)]
        assert (keys[0] == keys[1]) == (parse_key(listing[0].key) is None)


@PROFILE
@given(listings, days, days)
def test_days_outside_the_bounds_are_never_asked_for(listing, first, last):
    assert all(first.isoformat() <= files.target <= last.isoformat() for files in new_segment_days(listing, {}, first, last))


def test_new_shop_files_ask_for_their_tables_once_each():
    keys = ["dms/retail/orders/LOAD00000001.csv", "dms/retail/orders/20261120-100000000.csv", "retail/products/LOAD00000001.csv", "retail/nothing/LOAD00000001.csv", "retail/orders/notes.txt"]
    found = new_dms_tables([ListedObject(key, 1, "t") for key in keys], {keys[0]: "t"}, REGISTRY)
    assert [(files.target, files.files) for files in found] == [("orders", 1), ("products", 1)]


@PROFILE
@given(many_days)
def test_a_tick_is_bounded_and_always_looks_at_the_newest_days(ordered):
    looked, cursor = swept_days(ordered, None)
    assert len(looked) <= SWEPT_DAYS + LOOKBACK_DAYS
    assert len(set(looked)) == len(looked)
    assert set(looked) <= set(ordered)
    if ordered:
        assert {day for day in ordered if day > ordered[-1] - timedelta(days=LOOKBACK_DAYS)} <= set(looked)
    assert len(cursor) < 100


@PROFILE
@given(many_days, st.integers(0, 5))
def test_the_sweep_reaches_every_day_within_a_bounded_number_of_ticks_from_wherever_it_stands(ordered, ticks_before):
    cursor = None
    for _ in range(ticks_before):
        _, cursor = swept_days(ordered, cursor)
    seen: set[date] = set()
    for _ in range(len(ordered) // SWEPT_DAYS + 2):
        looked, cursor = swept_days(ordered, cursor)
        seen |= set(looked)
    assert seen == set(ordered)


@PROFILE
@given(many_days, st.one_of(st.text(max_size=30), st.sampled_from(["null", "[]", "1", '"x"', "{}", '{"version":1}', '{"version":1,"sweep_from":5}', '{"version":1,"sweep_from":"soon"}', '{"version":2,"sweep_from":"2024-01-05"}'])))
def test_a_cursor_of_garbage_starts_the_sweep_anew(ordered, garbage):
    assert swept_days(ordered, garbage) == swept_days(ordered, None)


def test_a_cursor_beyond_the_last_old_day_starts_over_in_the_next_tick():
    ordered = [date(2024, 1, 1) + timedelta(days=number) for number in range(20)]
    looked, cursor = swept_days(ordered, '{"version": 1, "sweep_from": "2030-01-01"}')
    assert looked == ordered[-LOOKBACK_DAYS:]
    assert sorted(swept_days(ordered, cursor)[0]) == ordered


@pytest.mark.parametrize("cursor", [None, "x"])
def test_without_any_day_there_is_nothing_to_look_at(cursor):
    assert swept_days([], cursor)[0] == []


def test_a_rewritten_object_of_a_long_gone_day_is_found_within_one_sweep():
    ordered = [date(2024, 1, 1) + timedelta(days=number) for number in range(450)]
    listing = {day: ListedObject(key_of("f", day), 1, "old") for day in ordered}
    known = catalogue_of(list(listing.values()))
    listing[ordered[300]] = ListedObject(key_of("f", ordered[300]), 1, "new")
    found, cursor = [], None
    for _ in range(3):
        looked, cursor = swept_days(ordered, cursor)
        found += [files.target for files in new_segment_days([listing[day] for day in looked], known, date(2000, 1, 1), None)]
    assert found == [ordered[300].isoformat()]
