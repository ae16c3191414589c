"""Personalize's data deletion jobs: users and all they did leave the data sets of a group.

Belongs here: what such a job reads, refuses and does. Not here: other resources (`personalize`), what is kept (`personalize_state`).
PENDING, then IN_PROGRESS, then COMPLETED or FAILED; one at a time in a group, and no import meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import Field
from omnichannel_assets.sandbox.import_files import ImportFailure, files_at, read_csv
from omnichannel_assets.sandbox.personalize_state import ARN, PersonalizeState, Resource, is_unfinished

DELETION_JOB = "data-deletion-job"
DELETION_PENDING, DELETING, COMPLETED, FAILED = "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED"
LEARNING = ("solution-version", "batch-inference-job", "batch-segment-job")
"""Kinds of resources whose work reads the data sets."""
MOST_BYTES = 100 * 1024 * 1024


def new_deletion(state: PersonalizeState, group: Resource, params: Mapping[str, Any]) -> str:
    """The ARN of a job that has just been made. Raises LimitExceededException for a second one, ResourceInUseException during an import."""
    if not params["dataSource"].get("dataLocation"):
        raise ServiceError("InvalidInputException", "dataSource.dataLocation is needed")
    arn = f"{ARN}{DELETION_JOB}/{params['jobName']}"
    jobs = state.all(DELETION_JOB)
    if all(job["dataDeletionJobArn"] != arn for job in jobs):
        if any(_is_open(job) and job["datasetGroupArn"] == group["datasetGroupArn"] for job in jobs):
            raise ServiceError("LimitExceededException", "at most 1 data deletion job at a time in a dataset group")
        sets = {one["datasetArn"] for one in state.all("dataset") if one["datasetGroupArn"] == group["datasetGroupArn"]}
        if any(is_unfinished(job) and job["datasetArn"] in sets for job in state.all("dataset-import-job")):
            raise ServiceError("ResourceInUseException", "an import job of this dataset group is not finished")
        if any(is_unfinished(one) for kind in LEARNING for one in state.of_group(kind, group["datasetGroupArn"])):
            raise ServiceError("ResourceInUseException", "a training or a batch job of this dataset group is not finished")
    state.add(DELETION_JOB, arn, {**params, "dataDeletionJobArn": arn, "status": DELETION_PENDING})
    return arn


def refuse_during_deletion(state: PersonalizeState, group_arn: str) -> None:
    """Raises ResourceInUseException while a data deletion job of a group is not finished."""
    if any(_is_open(job) and job["datasetGroupArn"] == group_arn for job in state.all(DELETION_JOB)):
        raise ServiceError("ResourceInUseException", "a data deletion job of this dataset group is not finished")


def _is_open(job: Resource) -> bool:
    return job["status"] in (DELETION_PENDING, DELETING)


def run_deletion(state: PersonalizeState, job: Resource) -> str:
    """Carries a job out and returns its last state. The job keeps a number, not whom it deleted."""
    column = Field("USER_ID", "string", False, False, False)
    try:
        found = files_at(state.folder, job["dataSource"]["dataLocation"])
        if sum(path.stat().st_size for path in found) > MOST_BYTES:
            raise ImportFailure(f"more than {MOST_BYTES} bytes")
        users = {row["USER_ID"] for path in found for row in read_csv(path.name, path.read_bytes(), [column])}
    except ImportFailure as failure:
        job["failureReason"] = str(failure)
        return FAILED
    job["numDeleted"] = state.forget_users(job["datasetGroupArn"].rsplit("/", 1)[1], users)
    return COMPLETED
