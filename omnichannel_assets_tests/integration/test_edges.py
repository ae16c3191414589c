"""Landing zones that lack a half, registries that differ from ours, and mistakes that deserve one clear line."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from omnichannel_assets.dms.registry import DEFAULT_REGISTRY
from omnichannel_assets.errors import InputError, SettingError
from omnichannel_assets.run import run_graph
from omnichannel_assets.summary import summary_lines
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

CLOCK = "20250311-000000000.csv"


def registry_file(folder: Path, change) -> Path:
    """A registry made from the one in the package by ``change(tables)``."""
    document = copy.deepcopy(yaml.safe_load(DEFAULT_REGISTRY.read_text(encoding="utf-8")))
    change(document["tables"])
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def ran(folder: Path, **options):
    opened = running.workspace(folder / "landing", folder / "lake", **options)
    return opened, run_graph(opened)


def test_without_any_shop_files_segment_alone_makes_customers_and_orders(tmp_path):
    zone.put_segment(tmp_path / "landing", "a", [zone.call("m1"), zone.order("m2", "o-1")])
    opened, result = ran(tmp_path)
    assert result.as_of == date(2025, 3, 11)
    assert [(row["order_id"], row["source"]) for row in running.rows(opened, "orders")] == [("o-1", "segment")]
    assert [(row["user_id"], row["orders"]) for row in running.rows(opened, "customers")] == [("u-1", 1)]
    assert any("1 online + 0 in store" in line for line in summary_lines(opened, result))


def test_without_any_segment_files_the_data_clock_comes_from_the_names_of_change_files(tmp_path):
    zone.put_table(tmp_path / "landing", "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1"))
    zone.put_table(tmp_path / "landing", "orders", CLOCK, zone.ORDERS, zone.shop_order("s-1", "C1", at="2025-03-10 23:00:00"))
    opened, result = ran(tmp_path)
    assert result.as_of == date(2025, 3, 12)
    assert [(row["order_id"], row["source"]) for row in running.rows(opened, "orders")] == [("s-1", "dms")]
    assert [(row["customer_ref"], row["orders"]) for row in running.rows(opened, "customers")] == [("C1", 1)]
    assert run_graph(opened).rewritten == {}


def test_full_loads_alone_name_no_day_and_ask_for_an_as_of(tmp_path):
    zone.put_table(tmp_path / "landing", "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1"))
    with pytest.raises(InputError, match="set AS_OF"):
        ran(tmp_path)
    opened, _ = ran(tmp_path, as_of="2025-03-11")
    assert [row["customer_ref"] for row in running.rows(opened, "customers")] == ["C1"]


def test_one_table_is_enough(tmp_path):
    zone.put_table(tmp_path / "landing", "products", CLOCK, zone.PRODUCTS, r"I,P-1,Mug,Home,5.00,GBP,active,2025-01-01 00:00:00,2025-01-01 00:00:00,2025-03-01 00:00:00")
    opened, _ = ran(tmp_path)
    assert [(row["product_id"], str(row["price"]), row["stock"]) for row in running.rows(opened, "products")] == [("P-1", "5.00", None)]
    assert all(running.rows(opened, table) == [] for table in ("orders", "customers", "interactions"))


def test_a_registry_with_some_tables_and_one_of_its_own_stages_exactly_those(tmp_path):
    def loyalty(tables):
        for name in ("returns", "inventory", "subscriptions", "products"):
            del tables[name]
        tables["loyalty cards".replace(" ", "_")] = {
            "schema": "retail",
            "columns": {"card_no": "text", "email": "text", "issued_at": "timestamp"},
            "key": ["card_no"],
            "event_at": "issued_at",
            "fixed": "all",
            "identifiers": {"card_no": "loyalty_card", "email": "email"},
        }

    zone.put_segment(tmp_path / "landing", "a", [zone.call("m1", traits={"email": "c1@example.com"}, type="identify")])
    zone.put_table(tmp_path / "landing", "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1", email="c1@example.com"))
    zone.put_table(tmp_path / "landing", "loyalty_cards", "LOAD00000001.csv", "Op,card_no,email,issued_at,dms_ts", "I,L-1,C1@example.com,2025-02-01 00:00:00,2025-03-01 00:00:00")
    zone.put_table(tmp_path / "landing", "returns", "LOAD00000001.csv", "Op,return_id", "I,R-1")
    opened, _ = ran(tmp_path, dms_registry=str(registry_file(tmp_path, loyalty)))
    assert {name for name in opened.tables if name.startswith("dms_") and not name.endswith("_log")} == {"dms_customers", "dms_orders", "dms_order_lines", "dms_loyalty_cards", "dms_quarantine"}
    held = {row["identifier_type"]: row["customer_id"] for row in running.rows(opened, "identities") if row["valid_to"] is None}
    assert set(held) == {"user_id", "email", "customer_ref", "loyalty_card"}
    assert len(set(held.values())) == 1
    assert [row["origin"] for row in running.rows(opened, "landing_files") if "/returns/" in row["key"]] == ["unknown"]


def test_a_registry_may_name_a_child_before_its_parent(tmp_path):
    def turned(tables):
        tables["order_lines"] = tables.pop("order_lines")
        for name in ("customers", "orders", "returns", "products", "inventory", "subscriptions"):
            tables[name] = tables.pop(name)

    zone.put_table(tmp_path / "landing", "orders", CLOCK, zone.ORDERS, zone.shop_order("s-1", "C1"))
    zone.put_table(tmp_path / "landing", "order_lines", CLOCK, "Op,order_id,line_no,product_id,quantity,unit_price,dms_ts", "I,s-1,1,P-1,2,10.00,2025-03-01 00:00:00")
    opened, _ = ran(tmp_path, dms_registry=str(registry_file(tmp_path, turned)))
    assert [(row["order_id"], str(row["line_total"])) for row in running.rows(opened, "order_lines")] == [("s-1", "20.00")]


def test_a_column_that_a_model_reads_and_the_shop_does_not_have_counts_as_unknown(tmp_path):
    def without_store(tables):
        del tables["orders"]["columns"]["store_id"]
        tables["orders"]["fixed"].remove("store_id")

    zone.put_table(tmp_path / "landing", "orders", CLOCK, "Op,order_id,customer_id,total,ordered_at,updated_at,dms_ts", "I,s-1,C1,9.50,2025-02-28 10:00:00,2025-02-28 10:00:00,2025-02-28 10:00:00")
    opened, _ = ran(tmp_path, dms_registry=str(registry_file(tmp_path, without_store)))
    assert [(row["order_id"], row["channel"], str(row["total"])) for row in running.rows(opened, "orders")] == [("s-1", "store", "9.50")]


def test_a_column_with_a_type_the_models_cannot_read_is_refused_in_one_line(tmp_path):
    def worded(tables):
        tables["orders"]["columns"]["total"] = "text"

    (tmp_path / "landing").mkdir()
    with pytest.raises(SettingError, match=r"DMS_REGISTRY.*orders.*total.*decimal"):
        ran(tmp_path, dms_registry=str(registry_file(tmp_path, worded)))


@pytest.mark.parametrize("name", ["quarantine", "orders_log"])
def test_a_registry_whose_table_would_share_a_file_with_one_of_ours_is_refused_in_one_line(tmp_path, name):
    def clashing(tables):
        tables[name] = copy.deepcopy(tables["customers"])

    (tmp_path / "landing").mkdir()
    with pytest.raises(SettingError, match=f"DMS_REGISTRY.*{name}"):
        ran(tmp_path, dms_registry=str(registry_file(tmp_path, clashing)))


def test_an_empty_landing_zone_is_told_in_one_line_and_makes_no_customer_table(tmp_path):
    (tmp_path / "landing").mkdir()
    with pytest.raises(InputError, match="LANDING_URI") as refused:
        ran(tmp_path)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "lake" / "tables" / "customers").exists()


def test_a_landing_zone_that_became_empty_empties_no_table(tmp_path):
    path = zone.put_segment(tmp_path / "landing", "a", [zone.call("m1")])
    opened, _ = ran(tmp_path, as_of="2025-03-11")
    before = running.lake_bytes(tmp_path / "lake")
    path.unlink()
    run_graph(opened)
    assert running.lake_bytes(tmp_path / "lake") == before


def test_the_lake_named_in_the_command_is_the_one_written_whatever_the_environment_names(tmp_path):
    """Also when the name given is the default's: it is still the person's word."""
    zone.put_segment(tmp_path / "data" / "landing", "a", [zone.call("m1")])
    (tmp_path / "elsewhere").mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    kept |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "LAKE_URI": str(tmp_path / "other"), "LANDING_URI": str(tmp_path / "elsewhere")}
    command = [sys.executable, "-m", "omnichannel_assets.cli", "run", "--landing", "data/landing", "--lake", "data/lake", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "has the order feed stopped?" not in line] == [], "a shop without any order is told so"
    assert (tmp_path / "data" / "lake" / "tables" / "customers").is_dir()
    assert not (tmp_path / "other").exists()


def test_choices_are_read_from_the_columns_and_tables_the_registry_names(tmp_path):
    def asked_twice(tables):
        tables["customers"]["columns"]["sms_ok"] = "boolean"
        tables["customers"]["consent"] = {"marketing_opt_in": "post", "sms_ok": "sms"}
        tables["panel"] = {
            "schema": "retail",
            "columns": {"panel_id": "text", "card": "text", "call_me": "boolean", "said_at": "timestamp"},
            "key": ["panel_id"],
            "event_at": "said_at",
            "changed_at": "said_at",
            "identifiers": {"card": "customer_ref"},
            "consent": {"call_me": "phone"},
        }

    zone.put_table(tmp_path / "landing", "customers", CLOCK, f"{zone.CUSTOMERS},sms_ok", f"{zone.customer('C1')},f")
    zone.put_table(
        tmp_path / "landing", "panel", "LOAD00000001.csv", "Op,panel_id,card,call_me,said_at,dms_ts",
        "I,p/1,C1,t,2025-02-01 00:00:00,2025-03-01 00:00:00", r"I,p/2,\N,t,2025-02-01 00:00:00,2025-03-01 00:00:00",
    )  # fmt: skip
    opened, _ = ran(tmp_path, dms_registry=str(registry_file(tmp_path, asked_twice)))
    assert sorted((row["channel"], row["opted_in"], row["source"]) for row in running.rows(opened, "consents")) == [
        ("phone", True, "dms:panel/p%2F1/1"), ("post", True, "dms:customers/C1/1"), ("sms", False, "dms:customers/C1/1"),
    ]  # fmt: skip
    assert [row["email_opt_in"] for row in running.rows(opened, "customers")] == [None]
    assert running.counts(opened, "shop_choices") == {"rows_in": 4, "rows_out": 3, "without_customer_number": 1}
    assert run_graph(opened).rewritten == {}
