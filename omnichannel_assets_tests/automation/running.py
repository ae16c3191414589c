"""A real ephemeral Dagster instance over a local landing folder and lake: ticks of sensors and schedules, and the runs they ask for. No assertions."""

import random
from datetime import datetime
from functools import cached_property
from pathlib import Path

import dagster as dg

from omnichannel_assets.definitions import build_definitions
from omnichannel_assets_tests.dms.running import REGISTRY
from omnichannel_assets_tests.dms.shop import copied, life
from omnichannel_assets_tests.segment.landing import workspace_of


class Site:
    """One code location with its landing zone, lake and instance."""

    def __init__(self, folder: Path, **settings):
        self.workspace = workspace_of(folder, **{"search_trials": 0, "evaluation_origins": 1, **settings})
        self.instance = dg.DagsterInstance.ephemeral()

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.workspace.settings)

    def tick(self, sensor: dg.SensorDefinition, cursor: str | None = None):
        """What one tick of a sensor gives, as the daemon would see it."""
        resources = {"workspace": self.definitions.resources["workspace"]}
        with dg.build_sensor_context(instance=self.instance, cursor=cursor, definitions=self.definitions, resources=resources) as context:
            return sensor.evaluate_tick(context)

    def night(self, schedule: dg.ScheduleDefinition, at: datetime):
        resources = {"workspace": self.definitions.resources["workspace"]}
        with dg.build_schedule_context(instance=self.instance, scheduled_execution_time=at, resources=resources) as context:
            return schedule.evaluate_tick(context)

    def run(self, job_name: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run a request asks for."""
        job = self.definitions.resolve_job_def(job_name)
        return job.execute_in_process(instance=self.instance, partition_key=request.partition_key, tags=dict(request.tags), asset_selection=request.asset_selection)

    def materialize(self, *names: str, **arguments) -> dg.ExecuteInProcessResult:
        """Some assets, without raising when they fail."""
        assets = [asset for asset in self.definitions.assets if isinstance(asset, dg.AssetsDefinition)]
        return dg.materialize(assets, selection=list(names), resources=self.definitions.resources, instance=self.instance, raise_on_error=False, **arguments)

    def put_shop(self, *tables: str, rows: int = 12) -> None:
        """DMS's files of some tables."""
        for name in tables:
            rng = random.Random(f"site {name}")
            for key, content in copied(REGISTRY[name], life(REGISTRY[name], rng, rows), rng).items():
                path = Path(self.workspace.settings.landing_uri) / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {(found.asset_key.to_user_string(), found.check_name): found.passed for found in result.get_asset_check_evaluations()}

