"""A landing zone with Ada, who asks to be erased, and Bob, who stays; and the same one that never held her. No assertions here.

Objects hold either only Ada's lines, which the second zone lacks, or only Bob's, which there say ``(erased)`` where they mention her.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from omnichannel_assets.assets import erasure
from omnichannel_assets.explain import find_customer
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

ADA = {"user_id": "u-ada-0001", "email": "ada@example.com", "phone": "+447700900123", "anonymous_id": "dev-ada-77", "customer_ref": "C-100001"}
SPELLINGS = ("Ada@Example.com", "07700 900123")
GONE = "(erased)"
RETURNS = "Op,return_id,order_id,customer_id,product_id,quantity,refund_amount,reason,returned_at,dms_ts"
LINES = "Op,order_id,line_no,product_id,quantity,unit_price,dms_ts"


def ada_calls() -> list[dict[str, Any] | str]:
    """Calls under each of her identifiers, a copy, and a line that cannot be read."""
    traits = {"email": "Ada@Example.com", "firstName": "Ada", "phone": "07700 900123", "address": {"country": "GB"}}
    return [
        zone.call("a1", type="identify", userId=ADA["user_id"], anonymousId=ADA["anonymous_id"], traits=traits),
        zone.call("a2", userId=ADA["user_id"]),
        zone.call("a3", userId=None, anonymousId=ADA["anonymous_id"]),
        zone.order("a4", "O-500001", userId=ADA["user_id"]),
        zone.call("a5", userId=None, type="alias", previousId=ADA["anonymous_id"], anonymousId=None),
        zone.call("a2", userId=ADA["user_id"], seconds=4000),
        json.dumps({"type": "track", "userId": ADA["user_id"], "event": "no message id"}),
        f"broken {ADA['email']} {{",
    ]


def bob_calls(mentioned: dict[str, str], device: str | None) -> list[dict[str, Any]]:
    """Calls of Bob: some mention Ada, one comes from her tablet."""
    page = {"url": f"https://shop.example/gift?to={mentioned['email'].replace('@', '%40')}&x=1"}
    return [
        zone.call("b1", type="identify", userId="u-bob-0002", anonymousId="dev-bob-88", traits={"email": "bob@example.com", "firstName": "Bob"}),
        zone.call("b2", userId="u-bob-0002", properties={"product_id": "P-1", "recipient": mentioned["email"], "note": f"call {mentioned['phone']}, or not"}),
        zone.call("b3", userId="u-bob-0002", **({"anonymousId": device} if device else {}), context={"page": page}),
        zone.call("b4", userId="u-bob-0002", event="Products Searched", properties={"query": f"gift for {mentioned['email']}"}),
    ]


def write_zone(folder: Path, *, with_ada: bool) -> Path:
    """The landing zone, with or without her."""
    spoken = {"email": ADA["email"], "phone": "07700 900123"} if with_ada else {"email": GONE, "phone": GONE}
    zone.put_segment(folder, "bob", _as_redacted(bob_calls(spoken, ADA["anonymous_id"] if with_ada else None), with_ada))
    zone.put_table(folder, "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C-200002", email="bob@example.com", name="Bob"))
    zone.put_table(folder, "orders", "LOAD00000001.csv", zone.ORDERS, zone.shop_order("O-600001", "C-200002"))
    zone.put_table(folder, "order_lines", "LOAD00000001.csv", LINES, "I,O-600001,1,P-1,1,20.00,2025-03-01 00:00:00")
    zone.put_table(folder, "products", "LOAD00000001.csv", zone.PRODUCTS, "I,P-1,Soap,bath,10.00,GBP,active,2025-01-01 00:00:00,2025-01-01 00:00:00,2025-03-01 00:00:00")
    reason = f"asked by {spoken['email']}"
    zone.put_table(folder, "returns", "LOAD00000001.csv", RETURNS, f"I,R-1,O-600001,C-200002,P-1,1,5.00,{reason},2025-03-05 00:00:00,2025-03-06 00:00:00")
    if with_ada:
        zone.put_segment(folder, "ada", ada_calls())
        put_ada_records(folder, "LOAD00000002.csv")
    return folder


def _as_redacted(calls: list[dict[str, Any]], with_ada: bool) -> list[dict[str, Any]]:
    """Without her, the page's address as the redaction leaves it: its escaped part goes whole."""
    for call in calls:
        if not with_ada and "context" in call:
            call["context"]["page"]["url"] = f"https://shop.example/gift?to={GONE}&x=1"
    return calls


def put_ada_records(folder: Path, name: str) -> None:
    """Her records in the shop's database, one of which cannot be read."""
    row = zone.csv_line(["I", "C-100001", "Ada", "Lovelace", ADA["email"], "07700 900123", "1 Lane", r"\N", r"\N", "GB", "1990-01-02", "t", "2025-01-01 00:00:00", "2025-01-05 00:00:00", "2025-03-01 00:00:00"])
    broken = zone.csv_line(["I", "C-100001", "Ada", "too short"])
    zone.put_table(folder, "customers", name, zone.CUSTOMERS, row, broken)
    zone.put_table(folder, "orders", name, zone.ORDERS, zone.shop_order("O-500001", "C-100001"), zone.shop_order("O-500002", "C-100001"))
    zone.put_table(folder, "order_lines", name, LINES, "I,O-500001,1,P-1,1,20.00,2025-03-01 00:00:00", "I,O-500002,1,P-1,2,10.00,2025-03-01 00:00:00")
    zone.put_table(folder, "returns", name, RETURNS, r"I,R-2,O-500002,\N,P-1,1,5.00,broken,2025-03-05 00:00:00,2025-03-06 00:00:00")


def refresh(opened: Workspace) -> Callable[[], None]:
    """The plain steps, without Dagster; what is staged is current, so no file is read again."""

    def brought_up_to_date() -> None:
        running.run_steps(opened)

    return brought_up_to_date


def customer_of(opened: Workspace, asked: str) -> str:
    with public_engine(opened.lake, opened.tables) as engine:
        return find_customer(opened, engine, asked, "erase")[0]


def erase(opened: Workspace, asked: str = ADA["email"]):
    """Erase whoever has this identifier; returns the certificate."""
    with opened.lake.writing():
        erasure_id = erasure.begin(opened, customer_of(opened, asked)).erasure_id
        return erasure.finish(opened, erasure_id, refresh(opened))


def texts(lake: Path) -> Iterator[tuple[str, str]]:
    """Every value of every table and every byte of every other file, lower case: read without any of the package's code."""
    import duckdb

    for path in sorted(path for path in lake.rglob("*") if path.is_file()):
        name = path.relative_to(lake).as_posix()
        if path.suffix == ".parquet":
            yield name, repr(duckdb.sql(f"select * from read_parquet('{path}', hive_partitioning = false)").fetchall()).lower()
        else:
            yield name, path.read_bytes().decode(errors="replace").lower()


def places(lake: Path, *values: str) -> list[str]:
    """Files that hold one of some values."""
    return [name for name, text in texts(lake) if any(value.lower() in text for value in values)]
