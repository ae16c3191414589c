"""Builds landing zones by hand, and reads them with nothing but gzip, csv and json. No assertions here.

The reading half shares no code with the pipeline, so that the pipeline's counts can be held against it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

DAY = date(2025, 3, 10)
SOURCE = "WebShop01"


def day_folder(day: date) -> str:
    """Segment's folder name of a received day: epoch milliseconds of its UTC midnight."""
    return str(int(datetime.combine(day, time(), UTC).timestamp()) * 1000)


def moment(day: date, seconds: float = 0) -> str:
    """An instant of a day as Segment writes it."""
    return (datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def call(message_id: str, day: date = DAY, seconds: float = 3600, **fields: Any) -> dict[str, Any]:
    """A call received on a day: a product view of ``u-1`` unless the fields say otherwise."""
    view = {"type": "track", "event": "Product Viewed", "userId": "u-1", "properties": {"product_id": "P-1"}}
    clock = {"timestamp": moment(day, seconds), "receivedAt": moment(day, seconds)}
    return {"messageId": message_id, **view, **clock, **fields}


def order(message_id: str, order_id: str, total: str = "10.00", **fields: Any) -> dict[str, Any]:
    """An Order Completed call with one line."""
    properties = {"order_id": order_id, "total": total, "currency": "GBP", "products": [{"product_id": "P-1", "price": total, "quantity": 1}]}
    return call(message_id, **{"event": "Order Completed", "properties": properties, **fields})


def put_segment(landing: Path, name: str, calls: Iterable[Mapping[str, Any] | str], *, day: date = DAY, source: str = SOURCE) -> Path:
    """Write one gzip object of calls (texts are written as they are); an object of that name is replaced."""
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in calls]
    return put_bytes(landing, f"segment-logs/{source}/{day_folder(day)}/{name}.gz", gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))


def put_table(landing: Path, table: str, name: str, header: str, *lines: str) -> Path:
    """Write one DMS object of a table of the retail schema."""
    return put_bytes(landing, f"dms/retail/{table}/{name}", "".join(f"{line}\n" for line in (header, *lines)).encode())


def put_bytes(landing: Path, key: str, content: bytes) -> Path:
    path = landing / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


CUSTOMERS = "Op,customer_id,first_name,last_name,email,phone,street,city,postcode,country,birth_date,marketing_opt_in,created_at,updated_at,dms_ts"
ORDERS = "Op,order_id,customer_id,store_id,status,currency,total,ordered_at,updated_at,dms_ts"
PRODUCTS = "Op,product_id,name,category,price,currency,status,created_at,updated_at,dms_ts"


def customer(number: str, *, op: str = "I", email: str = "", name: str = "Ada", changed: str = "2025-01-05 00:00:00", at: str = "2025-03-01 00:00:00") -> str:
    return csv_line([op, number, name, "Lovelace", email or f"{number}@example.com", r"\N", r"\N", r"\N", r"\N", "GB", r"\N", "t", "2025-01-01 00:00:00", changed, at])


def shop_order(number: str, customer_id: str, *, op: str = "I", status: str = "completed", total: str = "20.00", changed: str = "2025-02-01 00:00:00", at: str = "2025-03-01 00:00:00") -> str:
    return csv_line([op, number, customer_id, "S1", status, "GBP", total, "2025-02-01 00:00:00", changed, at])


def csv_line(fields: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()


def segment_objects(landing: Path) -> Iterator[Path]:
    return iter(sorted((landing / "segment-logs").rglob("*.gz")))


def table_objects(landing: Path) -> Iterator[Path]:
    return iter(sorted((landing / "dms").rglob("*.csv")))


def segment_lines(path: Path) -> tuple[list[bytes], bool]:
    """The non-blank whole lines of an object, and whether it breaks off: then what follows the last line end is no line."""
    content = path.read_bytes()
    broken = False
    if content.startswith(b"\x1f\x8b"):
        text = b""
        unpacker = zlib.decompressobj(wbits=31)
        for at in range(len(content)):
            text += unpacker.decompress(content[at : at + 1])
        broken = not unpacker.eof
    else:
        text = content
    whole = text[: text.rfind(b"\n") + 1] if broken else text
    return [line for line in whole.split(b"\n") if line.strip()], broken


def table_rows(path: Path) -> int:
    """Data rows of a DMS object: records that are neither blank nor the header."""
    records = [record for record in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")) if record]
    return len(records) - bool(records and records[0][0] == "Op")
