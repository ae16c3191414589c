"""Facts that a lake as of T must not see: everything here is told at T or later, most of it about days before T. No assertions.

Each kind of fact is one that changes some feature, label, list or audience when it is let in: changes and deletions of every table of the shop,
full loads again with other values, other copies of messages, refunds and cancellations of old orders, and calls that make several people one.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from omnichannel_assets_tests.integration import landing_zone as zone

TABLES = ("customers", "orders", "order_lines", "returns", "products", "inventory", "subscriptions")
INVENTORY = ("Op", "product_id", "location_id", "quantity", "updated_at")
SHARE = 0.6
"""How many rows of a table and how many messages are touched."""


def tempt(landing: Path, as_of: date, out: Path, seed: int = 1) -> Path:
    """A copy of a landing zone with facts told on ``as_of``, the same for the same seed."""
    rng = random.Random(seed)
    for path in (*zone.segment_objects(landing), *zone.table_objects(landing)):
        zone.put_bytes(out, path.relative_to(landing).as_posix(), path.read_bytes())
    for table in TABLES:
        rows = loaded(landing, table)
        change(out, table, rows, as_of, rng)
        load_again(out, table, rows, as_of, rng)
    deleted = [loaded(landing, "orders")[0] | {"Op": "D", "order_id": number, "dms_ts": f"{as_of} 04:00:00"} for number in told_orders(messages(landing, as_of))]
    if deleted:
        put(out, "orders", f"{as_of:%Y%m%d}-040000000.csv", deleted)
    zone.put_segment(out, "late", calls(landing, as_of, rng), day=as_of)
    return out


def loaded(landing: Path, table: str) -> list[dict[str, str]]:
    """Rows of a table's full load. The one of stock levels has neither header nor commit times."""
    rows = []
    for path in sorted((landing / "dms" / "retail" / table).glob("LOAD*.csv")):
        records = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        names = INVENTORY[1:] if table == "inventory" else records[0]
        rows += [dict(zip(names, record, strict=False)) for record in records if len(record) == len(names) and record != names]
    return rows


def change(out: Path, table: str, rows: list[dict[str, str]], as_of: date, rng: random.Random) -> None:
    """One change file committed at T: other values that claim to be older, deletions, and new rows about the past."""
    told, before = f"{as_of} 00:00:00", f"{as_of - timedelta(days=2)} 10:00:00"
    found = []
    for row in rng.sample(rows, int(len(rows) * SHARE)):
        op = rng.choice("UD")
        found.append(row | {"Op": op} | (other_values(table, row, before, rng) if op == "U" else {}))
    if table == "orders":
        found += [row | {"Op": "I", "order_id": f"late-{n}", "total": "999.00", "ordered_at": before} for n, row in enumerate(rows) if n % 3 == 0]
    if table == "order_lines":
        found += [row | {"Op": "I", "line_no": "9", "quantity": "50"} for n, row in enumerate(rows) if n % 5 == 0]
    if table == "returns":
        goods = loaded(out, "order_lines")
        found += [rows[0] | {"Op": "I", "return_id": f"late-{n}", "returned_at": before} | {name: row[name] for name in ("order_id", "product_id", "quantity")} for n, row in enumerate(goods)]
    lines = [row | {name: time for name, time in (("dms_ts", told), ("updated_at", before)) if name in row} for row in found]
    put(out, table, f"{as_of:%Y%m%d}-010000000.csv", lines)


def load_again(out: Path, table: str, rows: list[dict[str, str]], as_of: date, rng: random.Random) -> None:
    """Half of the table once more, loaded after T; what differs says that it changed after T, or does not say when."""
    after = f"{as_of} 03:00:00"
    found = [row | ({"dms_ts": after} if "dms_ts" in row else {}) for row in rows if rng.random() < 0.5]
    for row in rng.sample(found, int(len(found) * SHARE)):
        row |= other_values(table, row, after if table == "inventory" or rng.random() < 0.5 else row.get("updated_at", ""), rng)
    put(out, table, "LOAD000000AA.csv", found)


def other_values(table: str, row: dict[str, str], changed_at: str, rng: random.Random) -> dict[str, str]:
    """Values of a row that a later change could bring."""
    number = str(rng.randint(0, 90))
    values = {
        "customers": {"marketing_opt_in": rng.choice("tf"), "email": rng.choice([row.get("email", ""), f"shared-{rng.randint(1, 20)}@example.com", r"\N"])},
        "orders": {"status": rng.choice(["cancelled", "completed", "voided"]), "total": number},
        "order_lines": {"quantity": number, "product_id": rng.choice([row.get("product_id", ""), "POST"])},
        "returns": {"quantity": number, "refund_amount": number},
        "products": {"status": rng.choice(["discontinued", "active"]), "category": f"Other {number}", "name": f"Renamed {number}"},
        "inventory": {"quantity": rng.choice(["0", number])},
        "subscriptions": {"ended_at": changed_at or r"\N", "status": "cancelled", "renews_at": changed_at or r"\N"},
    }[table]
    return values | ({"updated_at": changed_at} if changed_at and "updated_at" in row else {})


def put(out: Path, table: str, name: str, rows: list[dict[str, str]]) -> None:
    names = INVENTORY if table == "inventory" else ("Op", *(name for name in rows[0] if name != "Op"))
    if table == "inventory" and name.startswith("LOAD"):
        names = INVENTORY[1:]
    lines = [zone.csv_line(row.get(name) or ("I" if name == "Op" else "") for name in names) for row in rows]
    header = [] if table == "inventory" else [",".join(names)]
    zone.put_bytes(out, f"dms/retail/{table}/{name}", "".join(f"{line}\n" for line in (*header, *lines)).encode())


def messages(landing: Path, as_of: date) -> Iterator[dict[str, Any]]:
    """Messages received before a day, as far as they are whole."""
    for path in zone.segment_objects(landing):
        if path.parent.name < zone.day_folder(as_of):
            for line in zone.segment_lines(path)[0]:
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict) and isinstance(found.get("messageId"), str) and isinstance(found.get("properties", {}), dict):
                    yield found


def told_orders(known: Iterable[dict[str, Any]]) -> list[str]:
    """Numbers of the orders that messages tell of."""
    return sorted({str(message["properties"]["order_id"]) for message in known if message.get("event") == "Order Completed" and message["properties"].get("order_id")})


def calls(landing: Path, as_of: date, rng: random.Random) -> list[dict[str, Any]]:
    """Calls received on T, from its first instant on, about people and orders of before T."""
    known = list({message["messageId"]: message for message in messages(landing, as_of)}.values())
    seen, items = zone.moment(as_of - timedelta(days=2)), [row["product_id"] for row in loaded(landing, "products")]
    logins = sorted({message["userId"] for message in known if isinstance(message.get("userId"), str) and message["userId"].startswith("u-")}) or ["u-late"]
    orders = told_orders(known)
    people = [row for row in loaded(landing, "customers") if row["email"] not in ("", r"\N")]
    told: list[dict[str, Any]] = [
        {**message, "receivedAt": zone.moment(as_of, n), "timestamp": seen, "userId": rng.choice(logins), "properties": {**message.get("properties", {}), "product_id": rng.choice(items), "total": 1}}
        for n, message in enumerate(rng.sample(known, int(len(known) * SHARE)))
    ]

    def tell(event: str | None, login: str | None, **fields: Any) -> None:
        told.append(zone.call(f"late-{len(told)}", as_of, rng.randint(0, 80000), **{"event": event, "userId": login, "timestamp": seen, **fields}))

    for n, person in enumerate(people):
        tell(None, None, type="identify", anonymousId=f"a-late-{n // 2}", properties={}, traits={"email": person["email"]})
    for n in range(12):
        tell(None, logins[0], type="identify", anonymousId=f"a-many-{n}", properties={}, traits={"email": people[n]["email"]})
    for login in logins:
        for event in ("Product Viewed", "Product Added", "Product Added to Wishlist"):
            tell(event, login, properties={"product_id": rng.choice(items)})
        if rng.random() < SHARE:
            tell("Unsubscribed", login)
    for number in orders:
        event = rng.choice(["Order Refunded", "Order Cancelled", "Order Updated"])
        tell(event, rng.choice(logins), properties={"order_id": number, "total": "3.00", "products": [{"product_id": rng.choice(items), "price": "3.00", "quantity": 1}]})
    return told
