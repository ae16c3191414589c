"""Landing objects that are rewritten, removed or late: what follows is remade, what was known is never lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

NEXT = zone.DAY + timedelta(days=1)
AS_OF = {"as_of": "2025-03-20", "first_day": "2025-03-01", "last_day": "2025-03-31"}


class Shop:
    """A landing zone and its lake; ``run`` brings the lake up to date."""

    def __init__(self, folder: Path):
        self.landing, self.lake = folder / "landing", folder / "lake"
        self.landing.mkdir()
        self.opened = running.workspace(self.landing, self.lake, **AS_OF)

    def run(self) -> dict[str, list[str]]:
        return running.run_steps(self.opened)

    def rows(self, table: str) -> list[dict]:
        return running.rows(self.opened, table)

    def messages(self, table: str = "segment_events") -> list[tuple[str, str]]:
        return sorted((row["received_day"].isoformat(), row["message_id"]) for row in self.rows(table))


@pytest.fixture
def shop(tmp_path) -> Shop:
    return Shop(tmp_path)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_object_rewritten_under_its_key_remakes_its_day_and_no_other(shop):
    zone.put_segment(shop.landing, "a", [zone.call("m1"), zone.order("m2", "o-1", "10.00")])
    zone.put_segment(shop.landing, "b", [zone.call("m3", NEXT)], day=NEXT)
    shop.run()
    zone.put_segment(shop.landing, "a", [zone.call("m1"), zone.order("m2", "o-1", "12.50")])
    rewritten = shop.run()
    assert rewritten["segment_events"] == rewritten["order_facts"] == ["2025-03-10"]
    assert [(row["order_id"], str(row["total"])) for row in shop.rows("orders")] == [("o-1", "12.50")]
    assert Counter(row["state"] for row in shop.rows("landing_files")) == {"present": 2, "replaced": 1}


def test_objects_that_vanish_never_empty_a_day(shop):
    one, two = zone.put_segment(shop.landing, "a", [zone.call("m1")]), zone.put_segment(shop.landing, "b", [zone.call("m2")])
    zone.put_segment(shop.landing, "c", [zone.call("m3", NEXT)], day=NEXT)
    shop.run()
    before = running.lake_bytes(shop.lake)
    one.unlink()
    assert set(shop.run()) == {"landing_files"}
    two.unlink()
    assert set(shop.run()) == {"landing_files"}
    assert running.lake_bytes(shop.lake) == before
    assert shop.messages() == [("2025-03-10", "m1"), ("2025-03-10", "m2"), ("2025-03-11", "m3")]


def test_a_late_file_for_a_day_whose_first_objects_are_gone_adds_to_the_day(shop):
    """Retention takes objects by age: a late object of an old day outlives the others."""
    gone = zone.put_segment(shop.landing, "a", [zone.call("m1"), zone.call("m2", seconds=50), "no json"])
    shop.run()
    gone.unlink()
    zone.put_segment(shop.landing, "late", [zone.call("m2", seconds=70), zone.call("m3")])
    shop.run()
    assert shop.messages() == [("2025-03-10", "m1"), ("2025-03-10", "m2"), ("2025-03-10", "m3")]
    assert [(row["message_id"], row["file"].rsplit("/")[-1]) for row in shop.rows("segment_events")] == [("m1", "a.gz"), ("m2", "a.gz"), ("m3", "late.gz")]
    assert [row["payload"] for row in shop.rows("quarantine")] == ["no json"]
    ((_, manifest),) = shop.opened.lake.manifests(shop.opened.tables["segment_events"]).items()
    assert manifest.counts == {"lines_in": 5, "rows_out": 3, "duplicates": 1, "quarantined": 1}
    assert shop.run() == {}


def test_a_cleaned_copy_under_a_new_key_takes_away_what_only_the_removed_object_told(shop):
    old = zone.put_segment(shop.landing, "old", [zone.call("m1"), zone.call("m2"), zone.call("erased", userId="u-erased"), "no json u-erased"])
    shop.run()
    old.unlink()
    zone.put_segment(shop.landing, "cleaned", [zone.call("m1"), zone.call("m2")])
    shop.run()
    assert shop.messages() == [("2025-03-10", "m1"), ("2025-03-10", "m2")]
    assert "u-erased" not in {row["identifier_value"] for row in shop.rows("identities") if row["valid_to"] is None}
    assert shop.rows("quarantine") == []


def test_days_outside_narrowed_bounds_are_seen_by_no_table_and_come_back_with_the_bounds(shop):
    zone.put_segment(shop.landing, "a", [zone.order("m1", "o-1", "10.00")])
    zone.put_segment(shop.landing, "b", [zone.order("m2", "o-2", timestamp=zone.moment(NEXT, 60), receivedAt=zone.moment(NEXT, 60))], day=NEXT)
    shop.run()
    before = running.lake_bytes(shop.lake)
    narrow = running.workspace(shop.landing, shop.lake, **AS_OF | {"first_day": NEXT.isoformat()})
    running.run_steps(narrow)
    assert [row["order_id"] for row in running.rows(narrow, "orders")] == ["o-2"]
    shop.run()
    assert running.lake_bytes(shop.lake) == before


def test_a_vanished_object_that_comes_back_changes_nothing(shop):
    path = zone.put_segment(shop.landing, "a", [zone.call("m1")])
    zone.put_segment(shop.landing, "b", [zone.call("m2")])
    shop.run()
    content = path.read_bytes()
    path.unlink()
    shop.run()
    path.write_bytes(content)
    assert set(shop.run()) == {"landing_files"}
    assert [row["state"] for row in shop.rows("landing_files")] == ["present", "present"]


def test_a_late_file_remakes_its_day_its_facts_and_the_trusted_tables(shop):
    zone.put_segment(shop.landing, "a", [zone.call("m1")])
    zone.put_segment(shop.landing, "b", [zone.call("m2", NEXT)], day=NEXT)
    shop.run()
    zone.put_segment(shop.landing, "late", [zone.order("m3", "o-9", userId="u-9")])
    rewritten = shop.run()
    for table in ("segment_events", "event_facts", "order_facts"):
        assert rewritten[table] == ["2025-03-10"], table
    assert {"identifiers", "identities", "orders", "order_lines", "customers", "interactions"} <= set(rewritten)
    assert {row["user_id"]: row["orders"] for row in shop.rows("customers")} == {"u-1": 0, "u-9": 1}


def test_a_late_earlier_copy_of_a_message_moves_the_winning_copy_to_its_day(shop):
    zone.put_segment(shop.landing, "b", [zone.order("m1", "o-1", timestamp=zone.moment(NEXT), receivedAt=zone.moment(NEXT, 60))], day=NEXT)
    shop.run()
    assert [row["received_day"].isoformat() for row in shop.rows("order_facts")] == ["2025-03-11"]
    zone.put_segment(shop.landing, "late", [zone.order("m1", "o-1")])
    rewritten = shop.run()
    assert rewritten["order_facts"] == ["2025-03-10", "2025-03-11"]
    assert [(row["received_day"].isoformat(), row["winning_day"].isoformat()) for row in shop.rows("segment_duplicates")] == [("2025-03-11", "2025-03-10")]
    assert [row["received_day"].isoformat() for row in shop.rows("order_facts")] == ["2025-03-10"]
    assert [(row["order_id"], row["known_at"]) for row in shop.rows("orders")] == [("o-1", at("2025-03-10 01:00:00"))]
    assert len(shop.rows("interactions")) == 1


def test_a_reload_adds_versions_and_loses_none(shop):
    zone.put_segment(shop.landing, "a", [zone.call("m1")])
    first = [zone.customer("C1"), zone.customer("C2"), zone.customer("C3")]
    zone.put_table(shop.landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, *first)
    shop.run()
    before = shop.rows("dms_customers")
    reload = [zone.customer("C1", at="2025-03-15 00:00:00"), zone.customer("C2", name="Grace", changed="2025-03-12 00:00:00", at="2025-03-15 00:00:00")]
    zone.put_table(shop.landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, *reload)
    shop.run()
    after = shop.rows("dms_customers")
    told = [(row["customer_id"], row["version"], row["first_name"], row["valid_from"]) for row in after]
    assert {(row["customer_id"], row["version"], row["first_name"], row["valid_from"]) for row in before} < set(told)
    assert set(told) - {(row["customer_id"], row["version"], row["first_name"], row["valid_from"]) for row in before} == {("C2", 3, "Grace", at("2025-03-12"))}
    counts = shop.opened.lake.manifest("dms_customers").counts
    assert (counts["rows_in"], counts["duplicates"], counts["changes"]) == (5, 1, 4)


def test_shop_objects_that_vanish_keep_their_rows(shop):
    zone.put_segment(shop.landing, "a", [zone.call("m1")])
    path = zone.put_table(shop.landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1"))
    shop.run()
    before = running.lake_bytes(shop.lake)
    path.unlink()
    assert set(shop.run()) == {"landing_files"}
    assert running.lake_bytes(shop.lake) == before


def test_counts_of_a_shop_table_still_add_up_after_an_object_was_replaced(shop):
    """The change log keeps both versions of the object, so both count as read."""
    zone.put_segment(shop.landing, "a", [zone.call("m1")])
    zone.put_table(shop.landing, "orders", "LOAD00000001.csv", zone.ORDERS, zone.shop_order("s-1", "C1"), "I,too,short")
    shop.run()
    zone.put_table(shop.landing, "orders", "LOAD00000001.csv", zone.ORDERS, zone.shop_order("s-1", "C1"), zone.shop_order("s-2", "C1", at="2025-03-15 00:00:00"))
    shop.run()
    counts = shop.opened.lake.manifest("dms_orders").counts
    assert counts["file_rows"] == counts["rows_in"] + counts["quarantined"] == 4
