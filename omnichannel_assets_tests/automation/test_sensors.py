"""Sensors and schedule on a real instance: what a dropped file starts, that the run does its work, and what is said when nothing starts."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from omnichannel_assets.automation.schedules import nightly_trusted_refresh
from omnichannel_assets.automation.sensors import RANGE_END, RANGE_START, RUNS_PER_TICK, new_dms_files, new_segment_files
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS, SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.automation.running import Site, checks, materialized
from omnichannel_assets_tests.segment.landing import call, key_of, order, put

DAY = date(2024, 3, 20)
"""In the past of every clock: partitions end with the day in progress."""


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path, first_day=date(2023, 1, 1))


def seen(message_id: str = "m-1", day: date = DAY, **fields) -> dict:
    return call(message_id, receivedAt=f"{day}T10:00:00Z", timestamp=f"{day}T10:00:00Z", **fields)


def put_day(site: Site, name: str, lines: list, day: date = DAY, prefix: str = "", source: str = "web") -> None:
    put(site.workspace, prefix + key_of(name, day, source), lines)


def selected(request) -> list[str]:
    return [key.to_user_string() for key in request.asset_selection]


def test_an_empty_landing_zone_starts_nothing_and_says_what_was_looked_at(site):
    segment, shop = site.tick(new_segment_files), site.tick(new_dms_files)
    assert (segment.run_requests, shop.run_requests) == ([], [])
    assert segment.skip_message == "Nothing new: 0 objects of 0 of 0 received days looked at."
    assert shop.skip_message == "Nothing new: 0 objects of 7 tables looked at."


def test_a_dropped_file_starts_its_day_once_and_the_run_really_stages_it(site):
    put_day(site, "a", [seen(), order("m-2", products=[{"sku": "S"}]), "{"])
    first = site.tick(new_segment_files)
    (request,) = first.run_requests
    assert request.partition_key == "2024-03-20"
    assert request.run_key.startswith("2024-03-20-")
    assert site.tick(new_segment_files, first.cursor).run_requests[0].run_key == request.run_key

    result = site.run("received_day", request)
    assert result.success
    assert materialized(result) == {"landing_files", "segment_events", "segment_duplicates", "event_facts", "order_facts"}
    assert all(checks(result).values())
    lake = site.workspace.lake
    assert [list(lake.manifests(table)) for table in (SEGMENT_EVENTS, EVENT_FACTS, ORDER_FACTS)] == [["2024-03-20"]] * 3
    assert (lake.read(SEGMENT_EVENTS).num_rows, lake.read(EVENT_FACTS).num_rows, lake.read(ORDER_FACTS).num_rows) == (2, 1, 1)

    after = site.tick(new_segment_files, first.cursor)
    assert after.run_requests == []
    assert after.skip_message == "Nothing new: 1 objects of 1 of 1 received days looked at."


def test_a_rewritten_file_starts_its_day_again_under_another_key(site):
    put_day(site, "a", [seen()])
    (before,) = site.tick(new_segment_files).run_requests
    assert site.run("received_day", before).success
    put_day(site, "a", [seen(), seen("m-2")])
    (after,) = site.tick(new_segment_files).run_requests
    assert (after.partition_key, after.run_key != before.run_key) == ("2024-03-20", True)
    assert site.run("received_day", after).success
    assert site.workspace.lake.read(SEGMENT_EVENTS).num_rows == 2


def test_a_copy_on_another_day_is_found_by_the_run_of_that_day(site):
    for day in (DAY, DAY - timedelta(days=1)):
        put_day(site, "a", [seen(day=day)], day)
        (request,) = [r for r in site.tick(new_segment_files).run_requests if r.partition_key == day.isoformat()]
        assert site.run("received_day", request).success
    assert site.workspace.lake.read(SEGMENT_DUPLICATES)["received_day"].to_pylist() == [DAY]


@pytest.mark.parametrize("count", [RUNS_PER_TICK, RUNS_PER_TICK + 1])
def test_a_backlog_is_one_run_over_its_range_and_a_few_days_are_a_run_each(site, count):
    waiting = [DAY - timedelta(days=2 * number) for number in range(count)]
    for day in waiting:
        put_day(site, "a", [seen(f"m-{day}", day)], day)
    requests = site.tick(new_segment_files).run_requests
    if count <= RUNS_PER_TICK:
        assert [request.partition_key for request in requests] == sorted(day.isoformat() for day in waiting)
        return
    (request,) = requests
    assert (request.partition_key, request.tags[RANGE_START], request.tags[RANGE_END]) == (None, min(waiting).isoformat(), max(waiting).isoformat())
    put_day(site, "b", [], waiting[5])
    assert site.tick(new_segment_files).run_requests[0].run_key != request.run_key
    assert site.run("received_day", request).success
    assert list(site.workspace.lake.manifests(SEGMENT_EVENTS)) == sorted(day.isoformat() for day in waiting)
    assert site.tick(new_segment_files).run_requests == []


def test_a_folder_of_a_day_still_to_come_or_outside_the_bounds_starts_nothing_and_stops_nobody(tmp_path):
    for name, last in (("open", None), ("bound", date(2300, 1, 1))):
        site = Site(tmp_path / name, first_day=date(2024, 3, 1))
        site.workspace = Workspace(site.workspace.settings.model_copy(update={"last_day": last}))
        for day in (date(2286, 11, 20), date(2024, 2, 29), DAY):
            put_day(site, "a", [seen()], day)
        assert [request.partition_key for request in site.tick(new_segment_files).run_requests] == ["2024-03-20"]


def test_the_exports_below_any_prefix_and_of_several_sources_are_seen(site):
    put_day(site, "a", [seen()], prefix="eu/shop/")
    put_day(site, "a", [seen()], source="other")
    found = site.tick(new_segment_files)
    assert [request.partition_key for request in found.run_requests] == ["2024-03-20"]
    assert site.run("received_day", found.run_requests[0]).success
    assert site.tick(new_segment_files).skip_message == "Nothing new: 2 objects of 1 of 1 received days looked at."


def test_a_garbage_cursor_and_a_lost_one_change_nothing_about_what_is_found(site):
    put_day(site, "a", [seen()])
    keys = {site.tick(new_segment_files, cursor).run_requests[0].run_key for cursor in (None, "", "garbage", '{"version": 1, "sweep_from": "x"}')}
    assert len(keys) == 1


def test_new_shop_files_start_their_tables_and_their_children_and_the_run_reads_them(site):
    site.put_shop("orders", "order_lines")
    (request,) = site.tick(new_dms_files).run_requests
    assert selected(request) == ["landing_files", "dms_order_lines", "dms_orders"]
    result = site.run("dms_tables", request)
    assert result.success
    assert [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()] == ["landing_files", "dms_orders", "dms_order_lines"]
    assert site.tick(new_dms_files).run_requests == []

    path = next((Path(site.workspace.settings.landing_uri) / "dms/retail/orders").glob("2026*.csv"))
    path.touch()
    (again,) = site.tick(new_dms_files).run_requests
    assert selected(again) == ["landing_files", "dms_order_lines", "dms_orders"]
    assert again.run_key != request.run_key


def test_shop_files_of_one_table_start_that_table_only(site):
    site.put_shop("products")
    (request,) = site.tick(new_dms_files).run_requests
    assert selected(request) == ["landing_files", "dms_products"]


def test_the_night_refreshes_from_the_first_staged_day_to_yesterday_and_the_run_works(site):
    for day in (DAY, DAY - timedelta(days=1)):
        put_day(site, "a", [seen(f"m-{day}", day, userId="u-1")], day)
    (early, _) = site.tick(new_segment_files).run_requests
    assert site.run("received_day", early).success
    (request,) = site.night(nightly_trusted_refresh, datetime(2024, 3, 22, 2, 30, tzinfo=UTC)).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2024-03-19", "2024-03-21")
    result = site.run("trusted_refresh", request)
    assert result.success
    assert {"customers", "orders", "interactions", "quarantine", "identities"} <= materialized(result)
    assert all(checks(result).values())
    tables = site.workspace.tables
    assert [site.workspace.lake.read(tables[name]).num_rows for name in ("segment_events", "customers", "interactions")] == [2, 1, 2]


@pytest.mark.parametrize(
    ("bounds", "staged", "expected"),
    [
        ({"first_day": date(2026, 11, 10)}, ["2026-11-01"], ("2026-11-10", "2026-11-21")),
        ({"last_day": date(2026, 11, 15)}, ["2026-11-01"], ("2026-11-01", "2026-11-15")),
        ({"last_day": date(2026, 12, 31)}, [], ("2026-11-21", "2026-11-21")),
        ({"last_day": None}, [], ("2026-11-21", "2026-11-21")),
        ({"first_day": date(2026, 11, 22)}, [], None),
    ],
    ids=str,
)
def test_the_nights_range_stays_inside_the_bounds_and_the_days_there_are(tmp_path, bounds, staged, expected):
    site = Site(tmp_path, first_day=date(2023, 1, 1))
    site.workspace = Workspace(site.workspace.settings.model_copy(update=bounds))
    for value in staged:
        site.workspace.lake.store.write(f"tables/segment_events/received_day={value}/data.parquet", b"")
    tick = site.night(nightly_trusted_refresh, datetime(2026, 11, 22, 2, 30, tzinfo=UTC))
    found = [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in tick.run_requests]
    assert found == ([expected] if expected else [])
    assert expected or tick.skip_message == "The first received day is still to come."
