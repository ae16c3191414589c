"""Schedules: the nightly refresh from the landing zone to the trusted tables (a sensor goes on to the audiences), and the weekly training."""

from datetime import timedelta

import dagster as dg
from dagster import ScheduleEvaluationContext

from omnichannel_assets.automation.jobs import MODEL_TRAINING, TRUSTED_REFRESH
from omnichannel_assets.automation.sensors import RANGE_END, RANGE_START
from omnichannel_assets.lake.tables import SEGMENT_EVENTS
from omnichannel_assets.resources.dagster import WorkspaceResource


@dg.schedule(
    job_name=TRUSTED_REFRESH,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 02:30 UTC: all received days that have files, and everything made from them. What is current is left alone.",
)
def nightly_trusted_refresh(context: ScheduleEvaluationContext, workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
    opened = workspace.open()
    prefix = f"{SEGMENT_EVENTS.partition}="
    staged = [folder.removeprefix(prefix) for folder in opened.lake.store.folders(opened.lake.folder(SEGMENT_EVENTS.name))]
    yesterday = context.scheduled_execution_time.date() - timedelta(days=1)
    newest = min(opened.settings.last_day or yesterday, yesterday)
    if newest < opened.settings.first_received_day:
        return dg.SkipReason("The first received day is still to come.")
    first = max(min([*staged, newest.isoformat()]), opened.settings.first_received_day.isoformat())
    return dg.RunRequest(tags={RANGE_START: first, RANGE_END: newest.isoformat()})


weekly_model_training = dg.ScheduleDefinition(
    name="weekly_model_training",
    job_name=MODEL_TRAINING,
    cron_schedule="0 5 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every Monday at 05:00 UTC: a version of each model from what was known before that Monday. Scores of later dates use it.",
)


def schedules() -> list[dg.ScheduleDefinition]:
    """Every schedule of the code location."""
    return [nightly_trusted_refresh, weekly_model_training]
