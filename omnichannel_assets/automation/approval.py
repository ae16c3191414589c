"""The marketing review: a job that releases the audiences of one as-of date, for a person to launch. (`omnichannel approve` does the same.)"""

import dagster as dg

from omnichannel_assets.resources.approvals import approve_audiences
from omnichannel_assets.resources.dagster import WorkspaceResource

APPROVE = "approve_audiences"


@dg.op(description="Release the audiences of the run's as-of date: from now on its campaigns may be delivered.")
def release_audiences(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    with workspace.writing() as opened:
        found = approve_audiences(opened, context.partition_time_window.start.date())
    for audience, arms in found.items():
        shown = ", ".join(f"{number:,} {arm}" for arm, number in arms.items())
        context.log.info(f"{audience}: {shown}")


def approve_job(as_of_days: dg.PartitionsDefinition) -> dg.JobDefinition:
    """The job a campaign person launches for an as-of date after looking at its audiences."""

    @dg.job(
        name=APPROVE,
        partitions_def=as_of_days,
        description="Look at the audiences of an as-of date first; this releases them. With AUDIENCE_APPROVAL=required no campaign leaves before.",
    )
    def approve() -> None:
        release_audiences()

    return approve
