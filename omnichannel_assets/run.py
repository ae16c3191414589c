"""``omnichannel run``: the graph in waves over one selection order, in this process, and the summary of what the lake then holds.

A wave holds assets of one partition definition; the days of a partitioned wave are known only after the wave before it. Every step leaves
alone what is current, so a second run rewrites nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from omnichannel_assets.assets.reporting import PICTURES_TAG
from omnichannel_assets.assets.segment import stale_days, stale_fact_days
from omnichannel_assets.assets.steps import log
from omnichannel_assets.automation.partitions import as_of_days
from omnichannel_assets.automation.sensors import RANGE_END, RANGE_START
from omnichannel_assets.definitions import build_assets
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import has_dagster_home

FACTS = (EVENT_FACTS, ORDER_FACTS)
DELIVERY = "_delivery"


@dataclass(frozen=True)
class RunResult:
    """What a run did: the as-of, how many partitions of which table it rewrote, and for each channel what became of each stream, in words."""

    as_of: date
    rewritten: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def run_graph(workspace: Workspace) -> RunResult:
    """Bring the lake up to date with the landing zone, score, choose audiences and deliver. Raises UserError; holds the lake's lock throughout.

    Steps open their own workspaces from these settings, so ``before_write`` does not reach them and secrets come from the environment.
    """
    with workspace.lake.writing():
        before = _state(workspace)
        graph = _Waves(workspace)
        graph.run(["landing_files"])
        as_of = workspace.as_of()
        log.info("as of %s (everything known before 00:00 UTC)", as_of)
        graph.run(["segment_events"], stale_days(workspace))
        graph.run(["segment_duplicates", *graph.named("dms_"), "quarantine"])
        graph.run([table.name for table in FACTS], {day for table in FACTS for day in stale_fact_days(workspace, table)})
        graph.run(name for name in graph.left if name not in graph.by_as_of)
        dated = _Waves(Workspace(workspace.settings.model_copy(update={"as_of": as_of})))  # so that this date is one of the partitions
        delivered = dated.run(dated.by_as_of, {as_of})
        after = _state(workspace)
    rewritten = {table: count for table in after if (count := len(set(after[table].items()) - set(before[table].items())))}
    return RunResult(as_of, rewritten, delivered)


class _Waves:
    """Runs selections of the graph, in order, and remembers what is left."""

    def __init__(self, workspace: Workspace):
        as_ofs = as_of_days(workspace.settings)
        self.assets = build_assets(workspace.settings, workspace.registry)
        self.resources = {"workspace": WorkspaceResource.of(workspace.settings)}
        made = {asset.key.to_user_string(): asset for asset in self.assets if isinstance(asset, dg.AssetsDefinition)}
        self.left = list(made)
        self.by_as_of = [name for name, asset in made.items() if asset.partitions_def == as_ofs]
        self.instance = dg.DagsterInstance.get() if has_dagster_home() else dg.DagsterInstance.ephemeral()

    def named(self, prefix: str) -> list[str]:
        return [name for name in self.left if name.startswith(prefix)]

    def run(self, names: Iterable[str], days: Iterable[date] | None = None) -> dict[str, dict[str, str]]:
        """Materialise some assets; partitioned ones over the range of ``days``, or not at all when there are none.

        Returns what the deliveries among them say of each stream.
        """
        names = list(names)
        self.left = [name for name in self.left if name not in names]
        wanted = sorted(days) if days is not None else None
        if wanted == []:
            return {}
        tags = {RANGE_START: wanted[0].isoformat(), RANGE_END: wanted[-1].isoformat()} if wanted else {}
        if self.instance.is_ephemeral:
            tags |= {PICTURES_TAG: "off"}
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        try:
            done = dg.materialize(self.assets, selection=names, resources=self.resources, instance=self.instance, tags=tags, run_config=quiet)
        except dg.Failure as failure:
            raise UserError(str(failure.description)) from None
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        return {name.removesuffix(DELIVERY): _told(done, name) for name in names if name.endswith(DELIVERY)}


def _told(done: dg.ExecuteInProcessResult, name: str) -> dict[str, str]:
    """The texts among the metadata of a delivery: stream (or ``outcome``) -> what became of it."""
    (materialization,) = done.asset_materializations_for_node(name)
    return {key: value.text for key, value in materialization.metadata.items() if isinstance(value, dg.TextMetadataValue) and "/" not in key}


def _state(workspace: Workspace) -> dict[str, dict[str, str]]:
    return {
        table.name: {value: manifest.digest + manifest.sha256 for value, manifest in workspace.lake.manifests(table).items()}
        for table in workspace.tables.values()
    }
