"""The identity graph kept between runs, below ``identity_cache/`` in the lake, so that a run resolves only what new links touch.

Belongs here: writing and reading it, and the judgement whether it may be believed. Does not: what is in it (``identity.incremental``). It is a
cache: deleting the folder is always safe and costs one full build. A cache is named after the tables it belongs to, so one that a crash
left behind, or that was made for other tables, is not even looked at; each file has a checksum.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.steps import log
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_identity import IDENTITIES, IDENTITY_CHANGES, SHARED_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from omnichannel_assets.identity.graph import Part
    from omnichannel_assets.identity.incremental import State

FOLDER = "identity_cache"
_META = "meta.json"


@dataclass(frozen=True)
class CachedState:
    """A state, the as-of date it describes, and the content (sha256) of each part of the links it was made from."""

    state: State
    as_of: date
    parts: Mapping[str, str]


def load_state(workspace: Workspace, terms: str) -> CachedState | None:
    """The state that belongs to the stored tables, if it was made under these terms (a digest of code, rules and key) and is whole."""
    folder = workspace.lake.store.root / FOLDER / _name(workspace)
    try:
        meta = json.loads((folder / _META).read_bytes())
        if meta["terms"] != terms or any(_checksum(folder / name) != crc for name, crc in meta["files"].items()):
            return None
        state = read_state(folder, meta)
        return CachedState(state, date.fromisoformat(meta["as_of"]), meta["parts"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("identity cache: cannot be read (%s); identities are built anew", type(error).__name__)
        return None


def save_state(workspace: Workspace, terms: str, cached: CachedState) -> None:
    """Keep a state for the next run, after the tables it belongs to were published; older ones go."""
    root = workspace.lake.store.root / FOLDER
    older = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    made = Path(tempfile.mkdtemp(dir=workspace.lake.store.scratch))
    kept = _kept_parts(older, cached.parts)
    meta = write_state(made, cached, kept)
    meta |= {"terms": terms, "as_of": cached.as_of.isoformat(), "files": {path.name: _checksum(path) for path in sorted(made.iterdir())}}
    (made / _META).write_text(json.dumps(meta, sort_keys=True), encoding="utf-8")
    name = _name(workspace)
    workspace.lake.store.take_folder(f"{FOLDER}/{name}", made)
    for path in older:
        if path.name != name:
            shutil.rmtree(path, ignore_errors=True)


def _name(workspace: Workspace) -> str:
    """A name for the tables as they are stored: another one as soon as a byte of them differs."""
    manifests = [workspace.lake.manifest(table.name) for table in (IDENTITIES, IDENTITY_CHANGES, SHARED_IDENTIFIERS)]
    return digest_of([manifest and (manifest.digest, manifest.sha256) for manifest in manifests])


def _checksum(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            total = zlib.crc32(block, total)
    return total


def _kept_parts(older: list[Path], parts: Mapping[str, str]) -> dict[str, Path]:
    """Files of links in an older cache whose part has not changed: they are linked, not written again."""
    found: dict[str, Path] = {}
    for folder in older:
        found |= {name: path for name, sha in parts.items() if (path := folder / _part_file(name, sha)).is_file()}
    return found


def _part_file(name: str, sha256: str) -> str:
    return f"links-{digest_of([name, sha256])}.arrow"


def write_state(folder: Path, cached: CachedState, kept: Mapping[str, Path]) -> dict[str, Any]:
    """Write a state's files, linking those of unchanged parts; returns what ``read_state`` needs to know beside them."""
    import numpy as np
    import pyarrow as pa

    graph, outcome = cached.state.graph, cached.state.outcome
    for name, part in graph.parts.items():
        target = folder / _part_file(name, cached.parts[name])
        if name in kept:
            os.link(kept[name], target)
        else:
            _write_columns(target, {"source": part.source, "link_id": part.link_id, "known": part.known})
    empty = [np.zeros(0, np.int32)]
    rows = {column: np.concatenate([*empty, *(getattr(part, column) for part in graph.parts.values())]) for column in ("row_link", "row_node")}
    _write_columns(folder / "rows.arrow", rows)
    nodes = {"keys": graph.keys, "labels": cached.state.labels}
    _write_columns(folder / "nodes.arrow", nodes | {name: getattr(outcome, name) for name in _OF_NODES})
    for name, columns in _TABLES.items():
        values = {column: getattr(getattr(outcome, name), column) for column in columns}
        _write_columns(folder / f"{name}.arrow", {c: v if isinstance(v, pa.Array) else np.ascontiguousarray(v) for c, v in values.items()})
    rows_a_part = {name: len(part.row_node) for name, part in graph.parts.items()}
    return {"sources": graph.sources, "types": graph.types, "rows": rows_a_part, "parts": dict(cached.parts)}


_OF_NODES = ("first_known", "customer", "settled")
_TABLES = {
    "intervals": ("who", "holder", "since", "until"),
    "journal": ("day", "kind", "ended", "found", "cause"),
    "shared": ("node", "day", "customers", "cause"),
}


def read_state(folder: Path, meta: Mapping[str, Any]) -> State:
    """The state that ``write_state`` wrote."""
    from omnichannel_assets.identity.graph import Graph
    from omnichannel_assets.identity.incremental import State
    from omnichannel_assets.identity.outcome import Journal, Outcome, SharedNodes
    from omnichannel_assets.identity.timeline import Intervals

    nodes = _read_columns(folder / "nodes.arrow")
    made = {"intervals": Intervals, "journal": Journal, "shared": SharedNodes}
    tables = {name: made[name](**_read_columns(folder / f"{name}.arrow")) for name in _TABLES}
    outcome = Outcome(**tables, **{name: nodes[name] for name in _OF_NODES})
    graph = Graph(tuple(meta["sources"]), tuple(meta["types"]), nodes["keys"], _read_parts(folder, meta))
    return State(graph, nodes["labels"], outcome)


def _read_parts(folder: Path, meta: Mapping[str, Any]) -> dict[str, Part]:
    from omnichannel_assets.identity.graph import Part

    rows, start, parts = _read_columns(folder / "rows.arrow"), 0, {}
    for name, count in sorted(meta["rows"].items()):
        own = {column: rows[column][start : start + count] for column in ("row_link", "row_node")}
        parts[name] = Part(**_read_columns(folder / _part_file(name, meta["parts"][name])), **own)
        start += count
    return parts


def _write_columns(path: Path, columns: Mapping[str, np.ndarray | pa.Array]) -> None:
    import pyarrow as pa

    table = pa.table(dict(columns))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read_columns(path: Path) -> dict[str, Any]:
    """Columns as they were: numbers as arrays of numpy, texts as Arrow. The file is mapped, so what nobody looks at is not read."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    found: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name].combine_chunks() if table[name].num_chunks != 1 else table[name].chunk(0)
        found[name] = column if pa.types.is_large_string(column.type) else column.to_numpy()
    return found
