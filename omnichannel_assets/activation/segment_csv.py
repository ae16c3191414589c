"""Files for Segment's "Amazon S3 from Lambda" source: traits of users as CSV, for shops that feed Segment that way.

Belongs here: the file's form. Not here: when it is written, and the direct way (`segment`), which is to be preferred: in these files every value
is text at Segment, so that "greater than 0.8" does not work there, and a file that is read twice counts twice. The source reads the kind of
call from the beginning of the key and knows no folders: copy the files to the root of its bucket.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from omnichannel_assets.activation.csv_files import csv_bytes

if TYPE_CHECKING:
    import pyarrow as pa


def identify_files(users: pa.Table, at: datetime, label: str) -> dict[str, bytes]:
    """File name -> CSV of ``users``: a column ``userId``, every other one a trait.

    An empty cell would clear a trait, so users without one of them are in a file without its column; users without any are in none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    traits = [name for name in users.column_names if name != "userId"]
    users = users.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(users["userId"]), ""), False)).sort_by("userId")
    if not users.num_rows or not traits:
        return {}
    has = [pc.if_else(users[name].is_valid(), "1", "0") for name in traits]
    forms = pc.binary_join_element_wise(*has, "") if len(has) > 1 else has[0]
    files = {}
    for form in sorted(set(forms.unique().to_pylist()) - {"0" * len(traits)}, reverse=True):
        present = [name for name, is_there in zip(traits, form, strict=True) if is_there == "1"]
        rows = users.filter(pc.equal(forms, form))
        columns = {"userId": rows["userId"], **{f"traits.{name}": _text(rows[name]) for name in present}}
        columns["timestamp"] = pa.repeat(pa.scalar(at.strftime("%Y-%m-%dT%H:%M:%S.000Z")), rows.num_rows)
        name = f"identify_{at:%Y%m%d}_{label}" + (f"_{len(files) + 1}" if files else "") + ".csv"
        files[name] = csv_bytes(list(columns), pa.table(columns), "doubled")
    return files


def _text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as a reader of JSON would write them: numbers in full, never as 8.731e-1."""
    import pyarrow as pa

    if pa.types.is_floating(values.type):
        return pa.chunked_array([pa.array([None if value is None else format(value, ".15g") if 1e-4 <= abs(value) < 1e15 or not value else f"{value:.12f}" for value in values.to_pylist()], pa.string())])
    return values.cast(pa.string())
