"""``omnichannel run``: the graph in waves over one selection order, in this process, and the summary of what the lake then holds.

A wave holds assets of one partition definition; the days of a partitioned wave are known only after the wave before it. Every step leaves
alone what is current, so a second run rewrites nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from omnichannel_assets.assets.dms import rebuild_history
from omnichannel_assets.assets.erasure import unfinished as unfinished_erasures
from omnichannel_assets.assets.reporting import PICTURES_TAG
from omnichannel_assets.assets.segment import stale_days, stale_fact_days
from omnichannel_assets.assets.steps import log
from omnichannel_assets.automation.jobs import READ_BACK
from omnichannel_assets.automation.partitions import as_of_days
from omnichannel_assets.automation.sensors import RANGE_END, RANGE_START
from omnichannel_assets.definitions import build_assets
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS
from omnichannel_assets.lake.tables_scores import SCORE_MONITORING
from omnichannel_assets.resources.dagster import WorkspaceResource
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings, has_dagster_home

FACTS = (EVENT_FACTS, ORDER_FACTS)
DELIVERY = "_delivery"
AFTER_SCORES = (SCORE_MONITORING.name,)
"""Assets without partitions that read those of as-of dates: they come last."""


@dataclass(frozen=True)
class RunResult:
    """What a run did: the as-of, how many partitions of which table it rewrote, for each channel what became of each stream, in words, and
    which channels are not done, one line each."""

    as_of: date
    rewritten: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()


class UnfinishedError(UserError):
    """A step failed and is told by its Failure; ``figures`` are what it had to say besides."""

    def __init__(self, failure: dg.Failure):
        super().__init__(str(failure.description))
        self.figures = failure.metadata


def run_graph(workspace: Workspace) -> RunResult:
    """Bring the lake up to date with the landing zone, score, choose audiences and deliver. Raises UserError; holds the lake's lock throughout. A channel that cannot be delivered to stops no other, and is told in the result.

    Steps open their own workspaces from these settings, so ``before_write`` does not reach them and secrets come from the environment.
    """
    with workspace.lake.writing():
        if unfinished_erasures(workspace):
            raise UserError("erase: an erasure was interrupted, and nothing may be delivered before it is done. Fix: omnichannel erase --resume.")
        before = _state(workspace)
        graph = _Waves(workspace)
        graph.run(["landing_files"])
        as_of = workspace.as_of()
        log.info("as of %s (everything known before 00:00 UTC)", as_of)
        graph.run(["segment_events"], stale_days(workspace))
        graph.run(["segment_duplicates", *graph.named("dms_"), "campaign_event_log", "quarantine"])
        graph.run([table.name for table in FACTS], {day for table in FACTS for day in stale_fact_days(workspace, table)})
        graph.run(name for name in graph.left if name not in (*graph.by_as_of, *AFTER_SCORES))
        dated = _Waves(Workspace(workspace.settings.model_copy(update={"as_of": as_of})))  # so that this date is one of the partitions
        channels = [name for name in dated.by_as_of if name.endswith(DELIVERY)]
        read_back = [name for name in READ_BACK if _is_asked_for(workspace.settings, name)]
        dated.run([name for name in dated.by_as_of if name not in (*channels, *READ_BACK)], {as_of})
        delivered, unfinished = _deliver(dated, [*channels, *read_back], as_of)
        dated.run(AFTER_SCORES)
        after = _state(workspace)
    rewritten = {table: count for table in after if (count := len(set(after[table].items()) - set(before[table].items())))}
    return RunResult(as_of, rewritten, delivered, tuple(unfinished))


def _is_asked_for(settings: Settings, name: str) -> bool:
    """Whether results of Personalize's models are wanted; those that are not have nothing to tell."""
    part = {"personalize_recommendations": "batch_inference", "personalize_segments": "batch_segment"}[name]
    return part in settings.personalize_create


def refresh_trusted(workspace: Workspace) -> None:
    """Bring staged histories and trusted tables up to date with what is staged already. Reads no file of the landing zone, scores and delivers nothing.

    Holds the lake's lock throughout. Raises UserError.
    """
    with workspace.lake.writing():
        graph = _Waves(workspace)
        graph.run(["segment_duplicates"])
        for spec in sorted(workspace.registry.values(), key=lambda spec: spec.parent is not None):
            rebuild_history(workspace, spec)
        graph.run(["quarantine"])
        graph.run([table.name for table in FACTS], {day for table in FACTS for day in stale_fact_days(workspace, table)})
        made = ("landing_files", "segment_events", *(f"dms_{name}" for name in workspace.registry))
        graph.run(name for name in graph.left if graph.groups[name] == "trusted" and name not in (*made, *graph.by_as_of))


def _deliver(graph: "_Waves", names: Iterable[str], as_of: date) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Each channel by itself, whatever becomes of the others: what it says of each stream, and one line for each that is not done."""
    delivered, unfinished = {}, []
    for name in names:
        channel = name.removesuffix(DELIVERY)
        try:
            delivered[channel] = _texts(graph.run([name], {as_of}).asset_materializations_for_node(name)[0].metadata)
        except UnfinishedError as error:
            delivered[channel] = _texts(error.figures)
            unfinished.append(str(error))
        except UserError as error:
            delivered[channel] = {"outcome": f"failed: {error}"}
            unfinished.append(f"{channel}: {error}")
    return delivered, unfinished


class _Waves:
    """Runs selections of the graph, in order, and remembers what is left."""

    def __init__(self, workspace: Workspace):
        as_ofs = as_of_days(workspace.settings)
        self.assets = build_assets(workspace.settings, workspace.registry)
        self.resources = {"workspace": WorkspaceResource.of(workspace.settings)}
        made = {asset.key.to_user_string(): asset for asset in self.assets if isinstance(asset, dg.AssetsDefinition)}
        self.left = list(made)
        self.groups = {name: asset.group_names_by_key[asset.key] for name, asset in made.items()}
        self.by_as_of = [name for name, asset in made.items() if asset.partitions_def == as_ofs]
        self.instance = dg.DagsterInstance.get() if has_dagster_home() else dg.DagsterInstance.ephemeral()

    def named(self, prefix: str) -> list[str]:
        return [name for name in self.left if name.startswith(prefix)]

    def run(self, names: Iterable[str], days: Iterable[date] | None = None) -> dg.ExecuteInProcessResult | None:
        """Materialise some assets; partitioned ones over the range of ``days``, or not at all when there are none.

        Raises UserError, UnfinishedError for a step that reported what it did.
        """
        names = list(names)
        self.left = [name for name in self.left if name not in names]
        wanted = sorted(days) if days is not None else None
        if wanted == []:
            return None
        tags = {RANGE_START: wanted[0].isoformat(), RANGE_END: wanted[-1].isoformat()} if wanted else {}
        if self.instance.is_ephemeral:
            tags |= {PICTURES_TAG: "off"}
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        try:
            return dg.materialize(self.assets, selection=names, resources=self.resources, instance=self.instance, tags=tags, run_config=quiet)
        except dg.Failure as failure:
            raise UnfinishedError(failure) from None
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None


def _texts(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, str]:
    """The texts among the metadata of a delivery: stream (or ``outcome``) -> what became of it."""
    return {key: value.text for key, value in metadata.items() if isinstance(value, dg.TextMetadataValue) and "/" not in key}


def _state(workspace: Workspace) -> dict[str, dict[str, str]]:
    return {
        table.name: {value: manifest.digest + manifest.sha256 for value, manifest in workspace.lake.manifests(table).items()}
        for table in workspace.tables.values()
    }
