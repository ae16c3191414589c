"""Objects that vanish from the landing zone while the lake still holds what they told.

Two things make an object vanish. Retention removes it by age: a received day that is made anew (a late object, newer code) would then be
only part of itself, so the stored rows of its vanished objects are carried over and nothing is lost without a trace. Or Segment replaces it
by a cleaned copy under a new key, because somebody asked to be deleted (specification of deletion and suppression): then its old rows go
(``replaced_files.sql`` tells the two apart).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.assets.landing import Row
from omnichannel_assets.assets.steps import log
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.tables import SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class VanishedRows:
    """Stored calls and quarantined lines of objects that are gone, those objects' versions by day, and the keys that newly arrived."""

    calls: pa.Table
    quarantined: pa.Table
    inputs: dict[date, dict[str, str]]
    arrived: tuple[str, ...] = ()

    def rows(self, day: date) -> int:
        """Rows carried over into one day; copies that had lost to another line of their day were never stored and are not among them."""
        return sum(rows_of_day(table, day).num_rows for table in (self.calls, self.quarantined))

    def carried_over(self, engine: Engine) -> VanishedRows:
        """What stays when the calls just read are in ``usable_calls``; registers ``segment_calls`` (both together) and ``vanished_lines``."""
        import pyarrow as pa

        engine.register("vanished_calls", self.calls)
        engine.register("arrived_files", pa.table({"file": pa.array(self.arrived, pa.string())}))
        replaced = {file for (file,) in engine.rows(model_text("replaced_files"))}
        for file in sorted(replaced):
            log.info("%s: gone and told again by a newer object; what only the old one told is removed", file)
        kept = self._without(replaced)
        engine.register("vanished_calls", kept.calls)
        engine.register("vanished_lines", kept.quarantined)
        engine.store_query("segment_calls", "from usable_calls union all by name from vanished_calls")
        return kept

    def _without(self, files: set[str]) -> VanishedRows:
        import pyarrow as pa
        import pyarrow.compute as pc

        gone = pa.array(sorted(files), pa.string())
        calls, quarantined = (table.filter(pc.invert(pc.is_in(table["file"], gone))) for table in (self.calls, self.quarantined))
        inputs = {day: {key: etag for key, etag in held.items() if key not in files} for day, held in self.inputs.items()}
        return VanishedRows(calls, quarantined, inputs, self.arrived)


def vanished_rows(workspace: Workspace, objects: Mapping[date, Sequence[Row]]) -> VanishedRows:
    """What the lake holds for some days of objects that are not among ``objects`` (the present ones by day) any more."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    inputs: dict[date, dict[str, str]] = {}
    arrived: list[str] = []
    kept: dict[str, list[pa.Table]] = {table.name: [table.arrow().empty_table()] for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE)}
    for day, rows in objects.items():
        manifest = workspace.lake.manifest(SEGMENT_EVENTS.name, ("received_day", day.isoformat()))
        held = manifest.inputs if manifest else {}
        present = {row["key"]: row["etag"] for row in rows}
        inputs[day] = {key: etag for key, etag in held.items() if key not in present}
        arrived += [key for key, etag in present.items() if held.get(key) != etag]
        for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE) if inputs[day] else ():
            for path in workspace.lake.paths(table, [day.isoformat()]):
                stored = pq.read_table(path, partitioning=None)
                kept[table.name].append(stored.filter(pc.is_in(stored["file"], pa.array(list(inputs[day])))))
    calls, quarantined = (pa.concat_tables(tables, promote_options="default") for tables in kept.values())
    return VanishedRows(calls, quarantined, inputs, tuple(arrived))


def rows_of_day(table: pa.Table, day: date) -> pa.Table:
    """The rows of one received day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["received_day"], pa.scalar(day)))
