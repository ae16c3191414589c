"""The summary a person reads after a run: counts that add up, from manifests and the public tables."""

from omnichannel_assets.lake.lake import Manifest
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import IDENTIFIERS, SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.run import RunResult


def summary_lines(workspace: Workspace, result: RunResult) -> list[str]:
    """The summary, one line each; every ``=`` holds to the row."""
    lines = [f"Lake {workspace.lake.store.root} as of {result.as_of} (everything known before 00:00 UTC)", ""]
    lines += [*_segment_lines(workspace), *_dms_lines(workspace), *_trusted_lines(workspace), ""]
    rewritten = sum(result.rewritten.values())
    if rewritten:
        lines.append(f"{rewritten:,} partitions of {len(result.rewritten)} tables rewritten.")
    else:
        lines.append("Nothing changed: the lake already holds what the landing zone gives; no file was rewritten.")
    return lines


def _counts(workspace: Workspace, table: TableSchema) -> dict[str, int]:
    total: dict[str, int] = {}
    for manifest in workspace.lake.manifests(table).values():
        for name, number in manifest.counts.items():
            total[name] = total.get(name, 0) + number
    return total


def _segment_lines(workspace: Workspace) -> list[str]:
    staged = _counts(workspace, SEGMENT_EVENTS)
    losing = _rows(workspace.lake.manifest(SEGMENT_DUPLICATES.name))
    lines_in, calls = staged.get("lines_in", 0), staged.get("rows_out", 0)
    return [
        f"Segment       {lines_in:>12,} lines read   = {calls:,} calls + {staged.get('duplicates', 0):,} copies + {staged.get('quarantined', 0):,} quarantined",
        f"              {calls:>12,} calls        = {calls - losing:,} messages + {losing:,} copies of another day",
    ]


def _dms_lines(workspace: Workspace) -> list[str]:
    found = [_counts(workspace, dms_history_table(spec)) for spec in workspace.registry.values()]
    changes, repeated, quarantined = (sum(counts.get(name, 0) for counts in found) for name in ("changes", "duplicates", "quarantined"))
    total = changes + repeated + quarantined
    return [f"Shop database {total:>12,} rows read    = {changes:,} changes + {repeated:,} repeated + {quarantined:,} quarantined"]


def _trusted_lines(workspace: Workspace) -> list[str]:
    links = _counts(workspace, IDENTIFIERS)
    with public_engine(workspace.lake, workspace.tables) as engine:
        ((identifiers, customers, known),) = engine.rows("select (select count(*) from identities), count(*), count(*) filter (where is_known) from customers")
        ((orders, online, store, with_customer),) = engine.rows(
            "select count(*), count(*) filter (where channel = 'online'), count(*) filter (where channel = 'store'), count(customer_id) from orders"
        )
        kinds = engine.rows("select event_type, count(*) from interactions group by 1 order by 2 desc, 1")
    return [
        f"Identity      {links.get('rows_in', 0):>12,} identifiers carried = {links.get('rows_out', 0):,} linked + {links.get('duplicates', 0):,} repeated + {links.get('blocked', 0):,} blocked + {links.get('unreadable', 0):,} unreadable",
        f"              {identifiers:>12,} identifiers  -> {customers:,} customers = {known:,} known + {customers - known:,} visitors",
        f"Orders        {orders:>12,}              = {online:,} online + {store:,} in store ({with_customer:,} with a customer)",
        f"Interactions  {sum(number for _, number in kinds):>12,}              = " + " + ".join(f"{number:,} {kind}" for kind, number in kinds),
    ]


def _rows(manifest: Manifest | None) -> int:
    return manifest.rows if manifest else 0
