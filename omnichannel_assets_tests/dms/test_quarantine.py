"""Which objects have a quarantine partition, and which of them a re-run reads again."""

import re

import pyarrow as pa
import pytest

from omnichannel_assets.assets import dms, landing
from omnichannel_assets.dms.files import ParsedObject, read_changes
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

GOOD, BAD = zone.shop_order("s-1", "C1"), "I,too,short"


class Orders:
    """A landing zone with one table and its lake; ``code`` and ``sees`` stand for other versions of the code."""

    def __init__(self, folder, monkeypatch):
        self.landing, self.lake, self.monkeypatch = folder / "landing", folder / "lake", monkeypatch
        self.opened = running.workspace(self.landing, self.lake)

    def put(self, *lines, name="LOAD00000001.csv"):
        zone.put_table(self.landing, "orders", name, zone.ORDERS, *lines)

    def run(self, code: str = "") -> list[str]:
        """Brings the log up to date; returns the objects that were read."""
        self.monkeypatch.setattr(dms, "code_digest", lambda *parts: code)
        with self.opened.lake.writing():
            landing.catalogue(self.opened)
            return dms.append_changes(self.opened, self.opened.registry["orders"]).rewritten

    def sees(self, bad: int) -> None:
        """From now on, reading sets the first ``bad`` rows aside, as other code would."""

        def other(*arguments):
            parsed = read_changes(*arguments)
            aside = {"rule": ["other"] * bad, "position": parsed.changes["row"].to_pylist()[:bad], "payload": ["?"] * bad}
            return ParsedObject(parsed.changes.slice(bad), pa.table(aside, schema=parsed.quarantined.schema), parsed.rows_read)

        self.monkeypatch.setattr(dms, "read_changes", other)

    def quarantined(self) -> list[int]:
        """Rows of each stored quarantine partition."""
        return [manifest.rows for manifest in self.opened.lake.manifests(self.opened.tables["dms_quarantine"]).values()]

    def logged(self) -> int:
        return len(running.rows(self.opened, "dms_orders_log"))


@pytest.fixture
def orders(tmp_path, monkeypatch) -> Orders:
    return Orders(tmp_path, monkeypatch)


def test_only_an_object_with_bad_rows_leaves_a_quarantine_partition_and_both_are_current_afterwards(orders):
    orders.put(GOOD)
    orders.run()
    assert not (orders.lake / "tables" / "dms_quarantine").exists()
    orders.put(GOOD, BAD, name="20250311-000000000.csv")
    assert len(orders.run()) == 1
    assert (orders.quarantined(), orders.logged()) == ([1], 2)
    before = running.lake_bytes(orders.lake)
    assert orders.run() == []
    assert running.lake_bytes(orders.lake) == before


def test_rows_that_newer_code_reads_leave_the_quarantine(orders):
    orders.put(GOOD)
    orders.sees(bad=1)
    orders.run("old")
    assert (orders.quarantined(), orders.logged()) == ([1], 0)
    orders.sees(bad=0)
    assert len(orders.run("new")) == 1
    assert (orders.quarantined(), orders.logged()) == ([0], 1)
    assert orders.run("new") == []


@pytest.mark.parametrize("fault", ["tables/dms_orders_log/", "dms_quarantine.*_manifest.json"])
def test_a_run_that_ended_before_the_log_leaves_no_row_in_both_tables_also_when_the_old_code_returns(orders, fault):
    """Once with the quarantine finished, once with its data in place and no manifest."""
    orders.put(GOOD)
    orders.run("old")
    orders.sees(bad=1)
    with orders.monkeypatch.context() as patch:
        store = orders.opened.lake.store
        for name in ("write", "take"):
            patch.setattr(store, name, failing(getattr(store, name), fault))
        with pytest.raises(OSError, match="power cut"):
            orders.run("new")
    orders.sees(bad=0)
    assert len(orders.run("old")) == 1
    assert (orders.quarantined(), orders.logged()) == ([0], 1)
    assert orders.run("old") == []


def failing(call, fault: str):
    def stopped(key, *rest):
        if re.search(fault, key):
            raise OSError("power cut")
        return call(key, *rest)

    return stopped
