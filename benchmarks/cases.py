"""The things compared, one function a case; each runs in a process of its own (``python -m benchmarks.cases CASE FOLDER``).

``FOLDER/landing`` holds the sample landing zone, ``FOLDER/links.parquet`` generated links. Every pair of cases does the same work.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY_ARRIVES = "1782777600000"
"""Folder of the sample's last received day (2026-06-30), in epoch milliseconds."""


def prepare(folder: Path) -> None:
    """Write the inputs: the default sample, 500,000 links of 100,000 people (1 % of them behind shared devices), and a lake without the last day."""
    from omnichannel_assets.sample import write_sample

    write_sample(folder / "landing", None)
    _write_links(folder / "links.parquet", people=100_000, links=500_000)
    late = folder / "landing-late"
    shutil.copytree(folder / "landing", late)
    for day in late.glob(f"segment-logs/*/{DAY_ARRIVES}"):
        shutil.rmtree(day)
    _run(late, folder / "lake-day")


def _write_links(path: Path, people: int, links: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = random.Random(7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[tuple[str, str, datetime, str, str]] = []
    for number in range(links):
        person = rng.randrange(people)
        device = f"kiosk-{person % 20}" if rng.random() < 0.01 else f"d-{person}-{rng.randrange(3)}"
        at = start + timedelta(seconds=rng.randrange(120 * 86_400))
        rows += [("segment", f"m-{number}", at, "anonymous_id", device), ("segment", f"m-{number}", at, "user_id", f"u-{person}")]
    names = ["source", "link_id", "known_at", "identifier_type", "identifier_value"]
    table = pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    pq.write_table(table.cast(pa.schema([(n, pa.timestamp("us", tz="UTC") if n == "known_at" else pa.string()) for n in names])), path)


def _run(landing: Path, lake: Path) -> None:
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.run import run_graph
    from omnichannel_assets.settings import load_settings

    run_graph(Workspace(load_settings({"landing_uri": str(landing), "lake_uri": str(lake)}, environment={})))


def full_run(folder: Path) -> None:
    """The whole graph into a new lake."""
    shutil.rmtree(folder / "lake-full", ignore_errors=True)
    _run(folder / "landing", folder / "lake-full")


def second_run(folder: Path) -> None:
    """The same again: nothing has changed."""
    _run(folder / "landing", folder / "lake-full")


def one_day_arrives(folder: Path) -> None:
    """The lake holds all days but the last, which arrives."""
    shutil.rmtree(folder / "lake-now", ignore_errors=True)
    shutil.copytree(folder / "lake-day", folder / "lake-now")
    _run(folder / "landing", folder / "lake-now")


def stage_segment(folder: Path) -> None:
    """Export objects to typed Parquet a day with quarantine: the staging step of the graph."""
    from omnichannel_assets.assets.landing import catalogue
    from omnichannel_assets.assets.segment import stage_calls
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.settings import load_settings

    shutil.rmtree(folder / "lake-stage", ignore_errors=True)
    workspace = Workspace(load_settings({"landing_uri": str(folder / "landing"), "lake_uri": str(folder / "lake-stage")}, environment={}))
    catalogue(workspace)
    stage_calls(workspace)


def stage_segment_pandas(folder: Path) -> None:
    """The usual way: json, pandas.json_normalize, one Parquet file a day. Skips broken lines; keeps no quarantine and no types."""
    import pandas as pd

    out = folder / "pandas"
    shutil.rmtree(out, ignore_errors=True)
    days = sorted({path.parent.name for path in (folder / "landing").glob("segment-logs/*/*/*.gz")})
    for day in days:
        calls = [call for path in (folder / "landing").glob(f"segment-logs/*/{day}/*.gz") for call in _readable(path)]
        frame = pd.json_normalize(calls).astype(str).drop_duplicates("messageId")
        (out / f"day={day}").mkdir(parents=True)
        frame.to_parquet(out / f"day={day}" / "data.parquet")


def _readable(path: Path) -> list[dict]:
    calls = []
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError):
        return []
    for line in lines:
        try:
            calls.append(json.loads(line))
        except ValueError:
            continue
    return [call for call in calls if isinstance(call, dict)]


def identity(folder: Path) -> None:
    """Every as-of date, limits, journal: union, then replay of the components that break a limit."""
    import pyarrow.parquet as pq

    from omnichannel_assets.identity.resolve import resolve
    from omnichannel_assets.identity.rules import DEFAULT_RULES

    resolve(pq.read_table(folder / "links.parquet"), DEFAULT_RULES, b"benchmark")


def identity_networkx(folder: Path) -> None:
    """Connected components of the last day only, with networkx: no limits, no dates, no journal, kiosks join everybody."""
    import networkx as nx
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "links.parquet").to_pydict()
    graph, first = nx.Graph(), {}
    for link, kind, value in zip(table["link_id"], table["identifier_type"], table["identifier_value"], strict=True):
        graph.add_edge(first.setdefault(link, (kind, value)), (kind, value))
    list(nx.connected_components(graph))


def _full_lake(folder: Path):
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.settings import load_settings

    return Workspace(load_settings({"landing_uri": str(folder / "landing"), "lake_uri": str(folder / "lake-full")}, environment={}))


def _as_of(folder: Path, build: str, table: str) -> None:
    """Make one as-of partition of a finished lake anew."""
    from omnichannel_assets.assets import features, recommendations

    opened = _full_lake(folder)
    shutil.rmtree(opened.lake.store.root / "tables" / table, ignore_errors=True)
    steps = {"features": features.build_customer_features, "similar": recommendations.find_similar_items}
    steps[build](opened, [opened.as_of()])


def features(folder: Path) -> None:
    """All features of one as-of date: orders, returns and identities as of T made again, then 47 features of purchases, visits and e-mail."""
    _as_of(folder, "features", "customer_features")


def features_pandas(folder: Path) -> None:
    """The usual way: today's orders in pandas, eleven features of purchases alone; nothing is known as of T."""
    import pandas as pd

    opened = _full_lake(folder)
    as_of = pd.Timestamp(opened.as_of(), tz="UTC")
    orders = opened.lake.read(opened.tables["orders"]).to_pandas()
    orders = orders[orders.customer_id.notna() & (orders.ordered_at < as_of) & ~orders.status.isin(["cancelled", "voided"])].copy()
    orders["day"], orders["total"] = orders.ordered_at.dt.floor("D"), orders.total.astype(float)
    found = orders.groupby("customer_id").agg(last=("ordered_at", "max"), first=("ordered_at", "min"))
    found["recency_days"] = (as_of - found["last"]).dt.total_seconds() / 86_400
    for window in (30, 90, 180, 365):
        inside = orders[orders.ordered_at >= as_of - pd.Timedelta(days=window)].groupby("customer_id")
        found[f"order_days_{window}"], found[f"spend_{window}"] = inside.day.nunique(), inside.total.sum()
    days = orders[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    found["mean_gap"] = days.groupby("customer_id").day.diff().dt.days.groupby(days.customer_id).mean()
    found.to_parquet(folder / "features.parquet")


def similar_items(folder: Path) -> None:
    """Items bought and viewed together, best 20 each, as of T: purchases and visits of identities as of T, wholesale baskets cut, rare pairs shrunk."""
    _as_of(folder, "similar", "similar_items")


def similar_items_scipy(folder: Path) -> None:
    """The usual way: a sparse customer by item matrix of today's interactions and its cosine product, best 20 each."""
    import numpy as np
    import pandas as pd
    from scipy import sparse
    from sklearn.preprocessing import normalize

    opened = _full_lake(folder)
    seen = opened.lake.read(opened.tables["interactions"]).to_pandas()
    seen = seen[seen.item_id.notna() & seen.event_type.isin(["Purchase", "View"])].drop_duplicates(["customer_id", "item_id"])
    people, items = pd.factorize(seen.customer_id)[0], pd.factorize(seen.item_id)
    matrix = normalize(sparse.csr_matrix((np.ones(len(seen)), (people, items[0]))), axis=0)
    product = (matrix.T @ matrix).toarray()
    np.fill_diagonal(product, 0)
    best = np.argsort(-product, axis=1)[:, :20]
    pd.DataFrame(best).to_parquet(folder / "similar.parquet")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
