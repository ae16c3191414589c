"""The scores of a date as a CSV file, for whoever has a spreadsheet or another tool and no engine that reads Parquet.

Below ``exports/scores/`` in the lake, one folder an as-of date: the columns and the order of ``propensity_scores``, whose Parquet file is the
other form of the same rows. ``made_from`` beside it names the partition it was written from, so that a crash between the two is repaired by
the next run.
"""

from __future__ import annotations

from datetime import date

from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace

FILE, MADE_FROM = "propensity_scores.csv", "made_from"


def folder_of(as_of: date) -> str:
    """Where the file of a date lies, relative to the lake."""
    return f"exports/scores/as_of={as_of.isoformat()}/"


def write_scores_file(workspace: Workspace, as_of: date) -> None:
    """Write the file of a date if it is not that of the stored scores; without scores of the date there is none."""
    import pyarrow.parquet as pq

    from omnichannel_assets.activation.csv_files import csv_bytes

    value, store = as_of.isoformat(), workspace.lake.store
    manifest = workspace.lake.manifest(PROPENSITY_SCORES.name, ("as_of", value))
    folder = folder_of(as_of)
    if manifest is None or not manifest.sha256:
        store.remove(folder + FILE)
        return
    made_from = manifest.sha256.encode()
    if store.exists(folder + FILE) and store.exists(folder + MADE_FROM) and store.read(folder + MADE_FROM) == made_from:
        return
    rows = pq.read_table(workspace.lake.paths(PROPENSITY_SCORES, [value])[0], columns=PROPENSITY_SCORES.names, partitioning=None)
    store.write(folder + FILE, csv_bytes(rows.column_names, rows, "doubled"))
    store.write(folder + MADE_FROM, made_from)
