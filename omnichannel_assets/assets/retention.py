"""Objects that vanish from the landing zone (retention removes them by age) while the lake still holds what they told.

A received day is made anew when a late object arrives or the code changes. What is left in the landing zone would then be only part of the
day, so the stored rows of its vanished objects are carried over: nothing is lost without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.assets.landing import Row
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.tables import SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class VanishedRows:
    """Stored calls and quarantined lines of objects that are gone, and those objects' versions by day."""

    calls: pa.Table
    quarantined: pa.Table
    inputs: dict[date, dict[str, str]]

    def rows(self, day: date) -> int:
        """Rows carried over into one day; copies that had lost to another line of their day were never stored and are not among them."""
        return sum(rows_of_day(table, day).num_rows for table in (self.calls, self.quarantined))

    def register(self, engine: Engine) -> None:
        """Register ``segment_calls``: the calls just read (``usable_calls``) and those carried over; and ``vanished_lines``."""
        engine.register("vanished_calls", self.calls)
        engine.register("vanished_lines", self.quarantined)
        engine.store_query("segment_calls", "from usable_calls union all by name from vanished_calls")


def vanished_rows(workspace: Workspace, objects: Mapping[date, Sequence[Row]]) -> VanishedRows:
    """What the lake holds for some days of objects that are not among ``objects`` (the present ones by day) any more."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    inputs: dict[date, dict[str, str]] = {}
    kept: dict[str, list[pa.Table]] = {table.name: [table.arrow().empty_table()] for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE)}
    for day, rows in objects.items():
        manifest = workspace.lake.manifest(SEGMENT_EVENTS.name, ("received_day", day.isoformat()))
        present = {row["key"] for row in rows}
        inputs[day] = {key: etag for key, etag in manifest.inputs.items() if key not in present} if manifest else {}
        for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE) if inputs[day] else ():
            for path in workspace.lake.paths(table, [day.isoformat()]):
                stored = pq.read_table(path, partitioning=None)
                kept[table.name].append(stored.filter(pc.is_in(stored["file"], pa.array(list(inputs[day])))))
    calls, quarantined = (pa.concat_tables(tables, promote_options="default") for tables in kept.values())
    return VanishedRows(calls, quarantined, inputs)


def rows_of_day(table: pa.Table, day: date) -> pa.Table:
    """The rows of one received day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["received_day"], pa.scalar(day)))
