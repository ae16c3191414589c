"""The proof after an erasure: every decoded value of every table, and every other file of the lake, searched for the person. And the landing zone,
which is not ours to change: which objects still hold them.

Says where something was found, never what.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omnichannel_assets.assets.erasure_files import INBOX, dagster_files
from omnichannel_assets.erasure.search import Needles, texts_of
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS
from omnichannel_assets.resources.workspace import Workspace


def places_left(lake: Lake, needles: Needles, dagster_home: Path | None = None, waiting: frozenset[str] = frozenset()) -> list[str]:
    """Where the person is still named: ``table.column``, a file below the lake, or Dagster's storage.

    Left out: requests that a channel has not answered (``waiting``: channels; the stand-in of such a one still holds the person), and the file of
    the erasure in hand.
    """
    spared = tuple(prefix for channel in waiting for prefix in INBOX.get(channel, ()))
    found = []
    for listed in lake.store.list():
        if listed.key.endswith(".pending.json") and listed.key.startswith("erasures/"):
            continue
        if not listed.key.startswith(spared):
            found += _found_in_object(lake, listed.key, needles)
    found += [f"dagster:{path.name}" for path in dagster_files(dagster_home) if needles.are_in(path.read_bytes().decode(errors="replace"))]
    return sorted(set(found))


def _found_in_object(lake: Lake, key: str, needles: Needles) -> Iterator[str]:
    if not key.endswith(".parquet"):
        if needles.are_in(lake.store.read(key).decode(errors="replace")):
            yield key
        return
    import pyarrow.parquet as pq

    (path,) = lake.store.local_paths([key])
    table = pq.read_table(path, partitioning=None)
    name = key.split("/")[1]
    for column, text in texts_of(table):
        if needles.are_in(text) and (name, column) != (DELETION_REQUESTS.name, "subject"):
            yield f"{name}.{column}"
    if {"identifier_type", "identifier_value"} <= set(table.column_names):
        pairs = set(zip(table["identifier_type"].to_pylist(), table["identifier_value"].to_pylist(), strict=True))
        if pairs & needles.pairs:
            yield f"{name}.identifier_value"


def landing_objects(workspace: Workspace, needles: Needles) -> dict[str, int]:
    """Objects of the landing zone that still name the person or their orders, and on how many lines (a Parquet object counts its rows)."""
    if not Path(workspace.settings.landing_uri).is_dir():
        return {}
    counted = {listed.key: _lines_with(workspace, listed.key, needles) for listed in workspace.landing.list()}
    return {key: number for key, number in counted.items() if number}


def _lines_with(workspace: Workspace, key: str, needles: Needles) -> int:
    from omnichannel_assets.dms.csv_rows import decompressed

    content, _ = decompressed(workspace.landing.read(key))
    if ".parquet" in key.rsplit("/", 1)[-1]:
        return _parquet_rows_with(content, needles)
    if not needles.may_be_in(content.decode(errors="replace")):
        return 0
    return sum(needles.touch(line.decode(errors="replace")) for line in content.split(b"\n"))


def _parquet_rows_with(content: bytes, needles: Needles) -> int:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(io.BytesIO(content)).to_pylist()
    except (pa.ArrowException, OSError):
        return 0
    return sum(needles.touch("\n".join(str(value) for value in row.values())) for row in rows)
