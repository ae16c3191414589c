"""Features of a million customers at twelve cut-offs from fifty million interactions (``python -m benchmarks.feature_scale [PEOPLE [CASES]]``).

Ours is ``sql/customer_features.sql`` as it stands, one cut-off after the other, each written to Parquet. Its inputs are made up: two years of
events with their owners, orders, lines, returns, subscriptions and list prices, in Parquet, as of the last day; what is later than a cut-off
is hidden from it. Beside it the same SQL text on Spark (local, two cores; PYSPARK names a Python that has pyspark, where this one has not),
and a pandas script that a person would write, with fewer features (listed at ``pandas``). The peers run at a tenth of the size, where all of
it fits into memory; CASES asks for others. A case is a process of its own: wall and CPU seconds, and the peak of all its memory. One round.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PEOPLE = 1_000_000
EVENTS, ORDERS, LINES = 43, 3.5, 2
"""A person has so many events and orders on average, an order so many lines: 50 interactions a person."""
DAYS, CUTOFFS, STEP_DAYS = 730, 12, 30
LAST = date(2026, 1, 1)
PRODUCTS, CATEGORIES = 5_000, 40
LIMIT_SECONDS = 7_200
MEMORY_MB, THREADS = 5_120, 2
MICROSECONDS = 86_400_000_000
EVENT_TYPES = {"View": 0.62, "AddToCart": 0.10, "Search": 0.08, "AddToWishlist": 0.04, "EmailDelivered": 0.11, "EmailOpened": 0.04, "EmailClicked": 0.008, "Unsubscribed": 0.002}
KNOWN_TYPES = ["customer_ref", "email", "phone", "user_id"]
TABLES = ("identities", "orders", "order_lines", "returns", "event_facts", "fact_owners", "dms_subscriptions", "dms_products", "products")
HIDDEN = {"orders": "ordered_at", "returns": "returned_at", "event_facts": "known_at"}
"""What the lake hides as of T before the model reads it: rows told at T or later, by this column."""


def cutoffs() -> list[date]:
    """Twelve cut-offs, oldest first."""
    return [LAST - timedelta(days=STEP_DAYS * back) for back in reversed(range(CUTOFFS))]


def write_inputs(folder: Path, people: int) -> None:
    """Every table the model reads, the same for the same number of people."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    dice = np.random.default_rng(7)
    write = lambda name, part, columns: pq.write_table(pa.table(columns), folder / f"{name}-{part}.parquet", compression="zstd")  # noqa: E731
    ids = _text("c_", np.arange(people), 16)
    joined = dice.integers(0, DAYS * MICROSECONDS // 2, people)
    weights = np.cumsum(dice.gamma(0.7, 1.0, people))
    who = lambda count: np.minimum(np.searchsorted(weights, dice.random(count) * weights[-1]), people - 1)  # noqa: E731
    write("identities", 0, {"identifier_type": pa.repeat(pa.scalar("customer_ref"), people), "identifier_value": _text("C-", np.arange(people), 8), "customer_id": ids, "first_known_at": _instants(joined), "valid_to": pa.nulls(people, pa.date32())})
    products = _text("P-", np.arange(PRODUCTS), 4)
    prices = (dice.integers(100, 9000, PRODUCTS) / 100).round(2)
    write("products", 0, {"product_id": products, "category": _text("category ", dice.integers(0, CATEGORIES, PRODUCTS), 2)})
    never = pa.nulls(PRODUCTS, pa.timestamp("us", tz="UTC"))
    write("dms_products", 0, {"product_id": products, "price": _money(prices), "valid_from": _instants(np.zeros(PRODUCTS, dtype=np.int64)), "valid_to": never, "is_deleted": pa.array([False] * PRODUCTS)})
    _write_orders(write, dice, who, ids, products, prices, int(people * ORDERS))
    _write_subscriptions(write, dice, people)
    names, shares = list(EVENT_TYPES), np.array(list(EVENT_TYPES.values()))
    total, size = people * EVENTS, 5_000_000
    for part, start in enumerate(range(0, total, size)):
        count = min(size, total - start)
        at = np.sort(dice.integers(start * (DAYS * MICROSECONDS // total), (start + count) * (DAYS * MICROSECONDS // total), count))
        kind = dice.choice(len(names), count, p=shares / shares.sum())
        item = np.where(kind < 4, dice.integers(0, PRODUCTS, count), 0)
        message = _text("message-", start + dice.permutation(count), 12)
        columns = {"message_id": message, "item_id": products.take(pa.array(item)), "event_type": pa.array(names).take(pa.array(kind)), "event_at": _instants(at)}
        columns |= {"known_at": _instants(at + dice.integers(0, MICROSECONDS // 24, count)), "event_time_suspect": pa.array(np.zeros(count, dtype=bool))}
        write("event_facts", part, columns)
        write("fact_owners", part, {"message_id": message, "customer_id": ids.take(pa.array(who(count)))})


def _write_orders(write: Any, dice: Any, who: Any, ids: Any, products: Any, prices: Any, count: int) -> None:
    import numpy as np
    import pyarrow as pa

    at, number, buyer = np.sort(dice.integers(0, DAYS * MICROSECONDS, count)), _text("O-", np.arange(count), 10), who(count)
    channel = pa.array(["online", "store"]).take(pa.array(dice.integers(0, 2, count)))
    status = pa.array(["completed", "cancelled"]).take(pa.array((dice.random(count) < 0.02).astype(int)))
    write("orders", 0, {"order_id": number, "customer_id": ids.take(pa.array(buyer)), "channel": channel, "ordered_at": _instants(at), "total": _money(dice.integers(500, 30000, count) / 100), "status": status})
    order, item = np.repeat(np.arange(count), LINES), dice.integers(0, PRODUCTS, count * LINES)
    paid = (prices[item] * np.where(dice.random(len(item)) < 0.1, 0.8, 1.0)).round(2)
    lines = {"order_id": number.take(pa.array(order)), "line_no": pa.array(np.tile(np.arange(LINES), count)), "item_id": products.take(pa.array(item))}
    write("order_lines", 0, lines | {"quantity": pa.array(dice.integers(1, 5, len(item))), "unit_price": _money(paid), "is_merchandise": pa.array(np.ones(len(item), dtype=bool))})
    back = np.flatnonzero(dice.random(count) < 0.08)
    given = {"return_id": _text("R-", back, 10), "position": pa.array(np.ones(len(back), dtype=np.int64)), "customer_id": ids.take(pa.array(buyer[back]))}
    write("returns", 0, given | {"amount": _money(dice.integers(300, 5000, len(back)) / 100), "returned_at": _instants(at[back] + 9 * MICROSECONDS)})


def _write_subscriptions(write: Any, dice: Any, people: int) -> None:
    import numpy as np
    import pyarrow as pa

    holder = np.flatnonzero(dice.random(people) < 0.15)
    started = dice.integers(0, DAYS * MICROSECONDS, len(holder))
    ended = started + dice.integers(30, 900, len(holder)) * MICROSECONDS
    runs = ended >= DAYS * MICROSECONDS
    columns = {"subscription_id": _text("S-", holder, 8), "customer_id": _text("C-", holder, 8), "started_at": _instants(started), "renews_at": _instants(started + 30 * MICROSECONDS), "ended_at": _instants(ended, ~runs)}
    first = columns | {"ended_at": pa.nulls(len(holder), pa.timestamp("us", tz="UTC")), "valid_from": _instants(started), "valid_to": _instants(ended, ~runs)}
    last = {name: column.filter(pa.array(~runs)) for name, column in (columns | {"valid_from": _instants(ended), "valid_to": pa.nulls(len(holder), pa.timestamp("us", tz="UTC"))}).items()}
    for part, versions in enumerate((first, last)):
        flags = pa.array(np.zeros(len(versions["subscription_id"]), dtype=bool))
        write("dms_subscriptions", part, versions | {"is_deleted": flags, "known_at_assumed": flags})


def _text(head: str, numbers: Any, width: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(pa.scalar(head), pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0"), "")


def _money(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values).cast(pa.decimal128(18, 2), safe=False)


def _instants(microseconds: Any, kept: Any = None) -> Any:
    """Instants from the first day on; NULL where not ``kept``."""
    import pyarrow as pa

    start = (LAST - timedelta(days=DAYS) - date(1970, 1, 1)).days * MICROSECONDS
    return pa.array(microseconds + start, mask=None if kept is None else ~kept).cast(pa.timestamp("us", tz="UTC"))


def _bound(day: date) -> dict[str, Any]:
    return {"as_of": datetime(day.year, day.month, day.day, tzinfo=UTC), "as_of_date": day, "eligible_days": 0, "known_types": KNOWN_TYPES}


def duckdb(folder: Path) -> None:
    """Ours: the model on the lake's engine."""
    import pyarrow.parquet as pq

    from omnichannel_assets.lake.engine import EngineLimits
    from omnichannel_assets.lake.lake import Lake
    from omnichannel_assets.lake.store import LocalStore
    from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES

    lake = Lake(LocalStore(str(folder / "lake")), EngineLimits(MEMORY_MB, THREADS))
    for day in cutoffs():
        with lake.engine() as engine:
            for name in TABLES:
                hidden = f" where {HIDDEN[name]} < timestamptz '{day} 00:00:00+00'" if name in HIDDEN else ""
                engine.run_script(f"create view {name} as select * from read_parquet('{folder}/{name}-*.parquet'){hidden}")
            found = engine.model(CUSTOMER_FEATURES, _bound(day))
            pq.write_table(found, folder / f"features-{day}.parquet")
            print(f"{found.num_rows:,} customers", flush=True)


def spark(folder: Path) -> None:
    """The same text on Spark: what ``sql/macros.sql`` names are functions there, parameters and one type are spelled its way."""
    import re

    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g").config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "16").config("spark.local.dir", str(folder)).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for function in (
        "days_between(earlier timestamp, later timestamp) returns double return (unix_micros(later) - unix_micros(earlier)) / cast(86400000000 as double)",
        "is_called_off(status string) returns boolean return coalesce(lower(trim(status)), '') in ('cancelled', 'canceled', 'voided')",
        "line_amount(price decimal(18, 2), quantity bigint) returns decimal(18, 2) return cast(price * quantity as decimal(18, 2))",
    ):
        session.sql(f"create temporary function {function}")
    text = (Path(__file__).parents[1] / "omnichannel_assets" / "sql" / "customer_features.sql").read_text(encoding="utf-8")
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE).replace("timestamptz", "timestamp").replace("list_contains", "array_contains")
    kinds = ", ".join(f"'{kind}'" for kind in KNOWN_TYPES)
    for day in cutoffs():
        for name in TABLES:
            rows = session.read.parquet(*sorted(str(path) for path in folder.glob(f"{name}-*.parquet")))
            (rows.where(f"{HIDDEN[name]} < timestamp '{day} 00:00:00'") if name in HIDDEN else rows).createOrReplaceTempView(name)
        values = {"as_of_date": f"date '{day}'", "as_of": f"timestamp '{day} 00:00:00'", "eligible_days": "0", "known_types": f"array({kinds})"}
        bound = text
        for parameter in sorted(values, key=len, reverse=True):
            bound = bound.replace(f"${parameter}", values[parameter])
        session.sql(bound).write.mode("overwrite").parquet(str(folder / f"spark-{day}"))
        print("done", flush=True)
    session.stop()


def pandas(folder: Path) -> None:
    """By hand: recency, tenure, days and money of five windows, gaps, channels, lines and items, categories, returns, and counts of events.

    It leaves out what the rest of ours costs little: list prices, subscriptions, since when events are collected, and favourites.
    """
    import pandas as pd

    def read(name: str, columns: list[str] | None) -> Any:
        return pd.concat([pd.read_parquet(path, columns=columns) for path in sorted(folder.glob(f"{name}-*.parquet"))], ignore_index=True)

    orders, lines, returns, products = (read(name, None) for name in ("orders", "order_lines", "returns", "products"))
    events = read("event_facts", ["message_id", "event_type", "event_at", "known_at"]).merge(read("fact_owners", None), on="message_id")
    events = events.drop(columns="message_id").astype({"event_type": "category", "customer_id": "category"})
    orders = orders[orders["status"] != "cancelled"].assign(day=lambda table: table["ordered_at"].dt.floor("D"), total=lambda table: table["total"].astype(float))
    lines = lines.merge(orders[["order_id", "customer_id", "ordered_at"]], on="order_id").merge(products, left_on="item_id", right_on="product_id")
    for day in cutoffs():
        _pandas_features(pd.Timestamp(day, tz="UTC"), orders, lines, returns, events).to_parquet(folder / f"pandas-{day}.parquet")
        print("done", flush=True)


def _pandas_features(cut: Any, orders: Any, lines: Any, returns: Any, events: Any) -> Any:
    import pandas as pd

    def since(table: Any, column: str) -> Any:
        kept = table[table[column] < cut]
        return kept.assign(age=(cut - kept[column]).dt.total_seconds() / 86400)

    bought, sold, back, seen = since(orders, "ordered_at"), since(lines, "ordered_at"), since(returns, "returned_at"), since(events[events["known_at"] < cut], "event_at")
    days = bought.groupby(["customer_id", "day"])["age"].min().reset_index()
    gaps = days.groupby("customer_id")["day"].diff().dt.days.groupby(days["customer_id"])
    by_customer = bought.groupby("customer_id")
    found = {"recency": by_customer["age"].min(), "first": by_customer["age"].max(), "mean_gap": gaps.mean(), "longest_gap": gaps.max(), "gap_spread": gaps.std(), "spend_ever": by_customer["total"].sum(), "days_ever": days.groupby("customer_id").size()}
    for window in (7, 30, 90, 180, 365):
        inside = bought[bought["age"] <= window].groupby("customer_id")
        found |= {f"days_{window}": days[days["age"] <= window].groupby("customer_id").size(), f"spend_{window}": inside["total"].sum()}
    year = sold[sold["age"] <= 365].groupby("customer_id")
    found |= {"lines": year.size(), "items": year["quantity"].sum(), "distinct": year["item_id"].nunique(), "categories": year["category"].nunique(), "distinct_ever": sold.groupby("customer_id")["item_id"].nunique(), "online": bought[(bought["age"] <= 365) & (bought["channel"] == "online")].groupby("customer_id").size()}
    for window in (90, 365):
        found[f"returns_{window}"] = back[back["age"] <= window].groupby("customer_id").size()
    for kind in ("View", "AddToCart", "Search", "AddToWishlist", "EmailDelivered", "EmailOpened", "EmailClicked"):
        of_kind = seen[seen["event_type"] == kind]
        for window in (30, 90):
            found[f"{kind}_{window}"] = of_kind[of_kind["age"] <= window].groupby("customer_id", observed=True).size()
    found["last_visit"] = seen[seen["event_type"].isin(["View", "AddToCart", "Search", "AddToWishlist"])].groupby("customer_id", observed=True)["age"].min()
    return pd.DataFrame(found).reindex(found["recency"].index)


CASES = {"duckdb": duckdb, "spark": spark, "pandas": pandas}


def measured(case: str, folder: Path, memory_mb: int = 14_000) -> tuple[float, float, float] | str:
    """Wall and CPU seconds and peak MiB over the process and its children; or why it did not finish."""
    python = os.environ.get("PYSPARK", sys.executable) if case == "spark" else sys.executable
    began, peak, why = time.monotonic(), 0.0, ""
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen([python, "-W", "ignore", "-m", "benchmarks.feature_scale", "case", case, str(folder)], stdout=told, stderr=subprocess.DEVNULL if case == "spark" else None, env={**os.environ, "PYSPARK_PYTHON": python}, start_new_session=True)
        ended = threading.Event()
        usage: list[Any] = []
        threading.Thread(target=lambda: (usage.append(os.wait4(process.pid, 0)), ended.set()), daemon=True).start()
        while not ended.wait(0.2):
            peak = max(peak, sum(_resident(pid) for pid in _family(process.pid)))
            why = why or (f"over {memory_mb:,} MiB" if peak > memory_mb else f"not finished in {LIMIT_SECONDS} s" if time.monotonic() - began > LIMIT_SECONDS else "")
            if why:
                os.killpg(process.pid, 9)
                ended.wait()
    _, status, used = usage[0]
    process.returncode = status
    if why or status:
        return why or f"failed with status {status}"
    return time.monotonic() - began, used.ru_utime + used.ru_stime, max(peak, used.ru_maxrss / 1024)


def _family(pid: int) -> Iterable[int]:
    """A process and everything it started (Spark's work is done by a child)."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2
    except (OSError, IndexError):
        return 0.0


WORDS = {"duckdb": "ours: the SQL on DuckDB, memory limit 5 GiB", "pandas": "pandas, by hand, 40 features", "spark": "the same SQL on PySpark, local[2]"}


def rows(people: int, cases: Iterable[str]) -> list[str]:
    """The measured rows of the benchmark's table, printed as they come."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        write_inputs(Path(name), people)
        for case in cases:
            if case == "spark" and not _has_spark():
                continue
            told = measured(case, Path(name))
            figures = " | ".join(f"{part:,.0f}" for part in told) if isinstance(told, tuple) else f"{told} | | "
            found.append(f"| {people:,} customers, {int(people * (EVENTS + ORDERS * LINES)):,} interactions | {WORDS[case]} | {figures} |")
            print(found[-1], flush=True)
    return found


def _has_spark() -> bool:
    return "PYSPARK" in os.environ or find_spec("pyspark") is not None


def section() -> str:
    """The part of docs/benchmarks.md about this: ours and its peers at a tenth of the size, and ours at the full one."""
    measured_rows = [*rows(PEOPLE // 10, CASES), *rows(PEOPLE, ["duckdb"])]
    return HEAD + "\n".join(measured_rows) + "\n"


HEAD = f"""
## Features at {CUTOFFS} cut-offs

All features of `customer_features` for everybody with a purchase, at {CUTOFFS} cut-offs {STEP_DAYS} days apart, from made-up events, orders, lines, returns, subscriptions and list prices in Parquet
(`python -m benchmarks.feature_scale`). Spark runs the same file and gives the same values. The pandas script leaves out list prices, subscriptions, favourite
categories and other features that cost little. Memory is the peak of the whole process, Java included. One round, on a machine that did other work too: wall seconds say little.

| Size | What | wall s | CPU s | peak MiB |
|---|---|---|---|---|
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["case"]:
        CASES[sys.argv[2]](Path(sys.argv[3]))
    else:
        rows(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE, sys.argv[2].split(",") if len(sys.argv) > 2 else CASES)
