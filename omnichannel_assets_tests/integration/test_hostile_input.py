"""Everything from outside is hostile: it flows or is set aside, nothing it says is run, and credentials go nowhere."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from omnichannel_assets.run import run_graph
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

WRITE_KEY = "wk5ecret0fTheShop"
TEXTS = [
    "'; drop table customers; --",
    '"; select * from read_csv(\'/etc/passwd\'); --',
    "=cmd|' /C calc'!A0",
    "{{7*7}}${jndi:ldap://x}",
    "a\tb\r\nc\u0000d\u0007e",
    "\u202eevil\ufeff",
    "Zoë 😀 שלום",
    "%s %n {0} \\N NULL nan",
    "../../../../etc/passwd",
]


def values(found: object):
    """Every value inside a row, however deep."""
    if isinstance(found, dict):
        for part in found.values():
            yield from values(part)
    elif isinstance(found, list):
        for part in found:
            yield from values(part)
    else:
        yield found


def lake_texts(lake: Path):
    """Every text of every stored row, and every manifest."""
    for path in sorted((lake / "tables").rglob("*.parquet")):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            yield from ((path, value) for value in values(row) if isinstance(value, str))
    for path in sorted((lake / "tables").rglob("*.json")):
        yield path, path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """One landing zone with every kind of text in every kind of place, and its lake."""
    folder = tmp_path_factory.mktemp("hostile")
    landing = folder / "landing"
    for number, text in enumerate(TEXTS):
        traits = {"email": text, "phone": text, "firstName": text, "loyalty_id": text, "address": {"country": text}}
        products = [{"product_id": text, "name": text, "category": text, "price": text, "quantity": 1}]
        calls = [
            zone.call(f"i{number}{text}", type="identify", userId=text, anonymousId=text, traits=traits),
            zone.order(f"o{number}", f"order {text}", userId=text, properties={"order_id": f"order {text}", "total": "1.00", "currency": text, "products": products}),
            zone.call(f"v{number}", userId=text, event=text, properties={text: text, "product_id": text, "query": text}),
            zone.call(f"t{number}", timestamp=text, receivedAt=text, context={text: {text: [text]}, "device": {"id": text, "type": "ios"}, "externalIds": [{"id": text, "type": text, "collection": "users", "encoding": "none"}]}),
        ]
        source = "s" + text.replace("/", "_").replace("\x00", "").replace("\n", " ")
        zone.put_segment(landing, f"o'b\"j {number}", calls, source=source)
        zone.put_table(landing, "customers", f"LOAD{number:08X}.csv", zone.CUSTOMERS, zone.customer(f"C{text}".replace("\x00", ""), name=text, email=text))
    opened = running.workspace(landing, folder / "lake")
    running.run_steps(opened)
    return opened


def test_hostile_texts_flow_through_every_table_as_data(hostile):
    calls = running.rows(hostile, "segment_events")
    assert len(calls) == 4 * len(TEXTS)
    assert {row["user_id"] for row in calls if row["message_id"].startswith("o")} == {text.strip() for text in TEXTS}
    assert {row["order_id"] for row in running.rows(hostile, "orders")} == {f"order {text}".strip() for text in TEXTS}
    assert {row["first_name"] for row in running.rows(hostile, "dms_customers")} >= set(TEXTS)
    assert len(running.rows(hostile, "customers")) > 0
    assert not set(run_graph(hostile).rewritten) & TRUSTED
    assert run_graph(hostile).rewritten == {}


def test_bad_clocks_leave_a_call_staged_and_out_of_every_window(hostile):
    suspect = [row for row in running.rows(hostile, "segment_events") if row["message_id"].startswith("t")]
    assert all(row["receipt_suspect"] and row["event_time_suspect"] for row in suspect)
    assert all(row["known_at"].isoformat() == "2025-03-10T23:59:59.999999+00:00" for row in suspect)
    assert not any((row["message_id"] or "").startswith("t") for row in running.rows(hostile, "interactions"))


TRUSTED = {"segment_events", "segment_duplicates", "identifiers", "identities", "customers", "orders", "order_lines", "returns", "products", "interactions"}
SECRETS = {
    "top level": {"writeKey": WRITE_KEY},
    "snake case": {"write_key": WRITE_KEY},
    "properties": {"properties": {"product_id": "P-1", "writeKey": WRITE_KEY}},
    "traits": {"type": "identify", "traits": {"email": "a@example.com", "nested": {"writeKey": WRITE_KEY}}},
    "context": {"context": {"protocols": {"writeKey": WRITE_KEY}}},
    "escaped name": {"properties": {"body": json.dumps({"writeKey": WRITE_KEY}), "product_id": "P-1"}},
    "escaped quote": {"context": {"writeKey": f'x"{WRITE_KEY}'}},
    "upper case": {"properties": {"WRITEKEY": WRITE_KEY, "product_id": "P-1"}},
}


def secret_lines(kind: str, extra: dict) -> list[str]:
    good = zone.call(f"good {kind}", **extra)
    nameless = {name: value for name, value in good.items() if name != "messageId"}
    return [json.dumps(good), json.dumps(nameless), json.dumps(good, separators=(",", ":"))[:-1], "[" + json.dumps(good) + "]"]


@pytest.mark.parametrize("kind", list(SECRETS))
def test_a_write_key_reaches_neither_a_table_nor_a_log(kind, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "omnichannel_assets")
    lines = secret_lines(kind, SECRETS[kind])
    zone.put_segment(tmp_path / "landing", "a", lines)
    cut = gzip.compress("\n".join(lines * 40).encode(), 0, mtime=0)
    zone.put_bytes(tmp_path / "landing", f"segment-logs/s/{zone.day_folder(zone.DAY)}/cut.gz", cut[: len(cut) // 2])
    zone.put_bytes(tmp_path / "landing", f"segment-logs/s/{zone.day_folder(zone.DAY)}/bytes.gz", "\n".join(lines).encode() + b"\xff")
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake")
    with opened.lake.writing():
        for step in list(running.steps(opened))[:3]:
            step()
    assert Counter(row["rule"] for row in running.rows(opened, "segment_quarantine"))["no_json_object"] >= 2
    assert [path.name for path, text in lake_texts(tmp_path / "lake") if WRITE_KEY in text] == []
    assert WRITE_KEY not in caplog.text


def test_huge_values_and_packed_zeros_cost_their_own_row_only(tmp_path):
    long_text = "x" * (1 << 20)
    lines = [zone.call("m1"), zone.call("long", properties={"product_id": "P-1", "note": long_text}), zone.call("m2", userId="u" * 100_000), "[" * 100_000]
    zone.put_segment(tmp_path / "landing", "a", lines)
    zone.put_bytes(tmp_path / "landing", f"segment-logs/s/{zone.day_folder(zone.DAY)}/zeros.gz", gzip.compress(bytes(100 << 20), mtime=0) + gzip.compress(b'\n{"messageId": "after"}\n'))
    huge = zone.csv_line(["I", "P-1", long_text, "Home", "5.00", "GBP", "active", "2025-01-01 00:00:00", "2025-01-01 00:00:00", "2025-03-01 00:00:00"])
    zone.put_table(tmp_path / "landing", "products", "LOAD00000001.csv", zone.PRODUCTS, huge)
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake", engine_memory_mb=512)
    running.run_steps(opened)
    assert sorted(row["message_id"] for row in running.rows(opened, "segment_events")) == ["m1", "m2"]
    assert Counter(row["rule"] for row in running.rows(opened, "quarantine")) == {"line_too_long": 2, "no_json_object": 1, "unknown_type": 1}
    assert max(len(row["payload"]) for row in running.rows(opened, "quarantine")) == 1 << 20
    assert [len(row["name"]) for row in running.rows(opened, "products")] == [1 << 20]


def test_unknown_files_and_days_of_another_century_are_catalogued_and_left_alone(tmp_path):
    landing = tmp_path / "landing"
    zone.put_segment(landing, "a", [zone.call("m1")])
    for key in ("readme.txt", "segment-logs/x/1741564800000/no-gz.json", "segment-logs/x/174156480000/a.gz", "dms/retail/unknown/LOAD00000001.csv", "dms/retail/orders/LOADxyz.csv", "segment-logs/x/y/z/1.gz"):
        zone.put_bytes(landing, key, b"\x00\xff not ours")
    for folder in ("9999999999999", "9999999999", "0000000000000"):
        zone.put_bytes(landing, f"segment-logs/x/{folder}/a.gz", gzip.compress(json.dumps(zone.call("far")).encode()))
    opened = running.workspace(landing, tmp_path / "lake")
    result = run_graph(opened)
    assert result.as_of.isoformat() == "2025-03-11"
    assert [row["message_id"] for row in running.rows(opened, "segment_events")] == ["m1"]
    assert Counter(row["origin"] for row in running.rows(opened, "landing_files")) == {"segment": 4, "unknown": 6}


def test_a_file_name_that_is_no_text_is_told_and_stops_nothing(tmp_path, caplog):
    zone.put_segment(tmp_path / "landing", "a", [zone.call("m1")])
    folder = next(zone.segment_objects(tmp_path / "landing")).parent
    try:
        with open(bytes(folder) + b"/\xff\xfe.gz", "wb") as file:
            file.write(gzip.compress(json.dumps(zone.call("m2")).encode()))
    except OSError:
        pytest.skip("this file system only takes UTF-8 names")
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake")
    running.run_steps(opened)
    assert [row["message_id"] for row in running.rows(opened, "segment_events")] == ["m1"]
    assert "not UTF-8" in caplog.text


def test_a_quarantined_shop_row_is_kept_as_a_record_that_reads_again(tmp_path):
    zone.put_segment(tmp_path / "landing", "a", [zone.call("m1")])
    fields = ["I", "P-1", "two\r\nlines", 'a "quote"', "no price", "GBP", "active", "2025-01-01 00:00:00", "2025-01-01 00:00:00", "2025-03-01 00:00:00"]
    zone.put_table(tmp_path / "landing", "products", "LOAD00000001.csv", zone.PRODUCTS, zone.csv_line(fields))
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake")
    running.run_steps(opened)
    ((rule, payload),) = [(row["rule"], row["payload"]) for row in running.rows(opened, "quarantine")]
    assert rule == "unreadable_decimal:price"
    assert list(csv.reader(io.StringIO(payload, newline=""))) == [fields]


def test_a_file_that_is_mostly_bad_is_reported_by_name_without_its_content(tmp_path, caplog):
    caplog.set_level(logging.INFO, "omnichannel_assets")
    zone.put_segment(tmp_path / "landing", "a", ["no json: jane@example.com", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), zone.call("m1")])
    zone.put_bytes(tmp_path / "landing", f"segment-logs/s/{zone.day_folder(zone.DAY)}/bad.gz", b"\xff jane@example.com\n" * 20 + json.dumps(zone.call("m2")).encode())
    zone.put_table(tmp_path / "landing", "orders", "LOAD00000001.csv", zone.ORDERS, *["I,jane@example.com"] * 20, zone.shop_order("s-1", "C1"))
    opened = running.workspace(tmp_path / "landing", tmp_path / "lake")
    running.run_steps(opened)
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING and record.name == "omnichannel_assets"]
    assert [message.split(":")[0].rsplit("/")[-1] for message in warned] == ["bad.gz", "LOAD00000001.csv"]
    assert "jane" not in " ".join(record.getMessage() for record in caplog.records)
    assert [row["message_id"] for row in running.rows(opened, "segment_events")] == ["m1"]
    assert running.rows(opened, "orders") == []
    aside = [row for row in running.rows(opened, "quarantine") if row["rule"] == "mostly_bad_file"]
    assert [(row["origin"], row["position"]) for row in aside] == [("dms", 21), ("segment", 21)]
