"""Personalize's control plane: schemas, dataset groups, datasets, import jobs, event trackers.

Belongs here: what each operation does and refuses. Not here: the files of an import (`import_files`), what a data deletion job does
(`personalize_deletion`), real-time calls, HTTP.
Every Describe moves its resource one state on: CREATE PENDING, CREATE IN_PROGRESS, then ACTIVE or CREATE FAILED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import MOST_METADATA, check_for_dataset, fields_of
from omnichannel_assets.sandbox.import_files import ImportFailure, combined, imported
from omnichannel_assets.sandbox.inbox import append, lines
from omnichannel_assets.sandbox.personalize_deletion import (
    DELETING,
    DELETION_JOB,
    DELETION_PENDING,
    new_deletion,
    refuse_during_deletion,
    run_deletion,
)
from omnichannel_assets.sandbox.personalize_state import (
    ACCOUNT,
    ACTIVE,
    ARN,
    FAILED,
    PENDING,
    RUNNING,
    PersonalizeState,
    Resource,
    tracking_id,
)

MOST_SCHEMAS, MOST_GROUPS, MOST_UNFINISHED_JOBS = 500, 5, 5
PAGE = 100
SUMMARY = ("name", "jobName", "datasetType", "status", "creationDateTime", "lastUpdatedDateTime", "failureReason", "importMode", "domain")
AT_WORK = {PENDING: RUNNING, DELETION_PENDING: DELETING}
Params = Mapping[str, Any]


class ControlPlane:
    """Answers the operations of ``AmazonPersonalize``, given parameters its model has accepted."""

    def __init__(self, state: PersonalizeState):
        self.state = state
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateSchema": self._create_schema,
            "CreateDatasetGroup": self._create_group,
            "CreateDataset": self._create_dataset,
            "CreateDatasetImportJob": self._create_job,
            "CreateEventTracker": self._create_tracker,
            "DescribeSchema": lambda p: {"schema": self.state.find("schema", p["schemaArn"])},
            "DescribeDatasetGroup": lambda p: {"datasetGroup": self._described("dataset-group", p["datasetGroupArn"])},
            "DescribeDataset": lambda p: {"dataset": self._described("dataset", p["datasetArn"])},
            "DescribeDatasetImportJob": lambda p: {"datasetImportJob": self._described("dataset-import-job", p["datasetImportJobArn"])},
            "DescribeEventTracker": lambda p: {"eventTracker": self._described("event-tracker", p["eventTrackerArn"])},
            "CreateDataDeletionJob": self._create_deletion,
            "DescribeDataDeletionJob": lambda p: {"dataDeletionJob": self._described(DELETION_JOB, p["dataDeletionJobArn"])},
            "ListDataDeletionJobs": lambda p: self._listed(DELETION_JOB, "dataDeletionJobs", p),
            "ListSchemas": lambda p: self._listed("schema", "schemas", p),
            "ListDatasetGroups": lambda p: self._listed("dataset-group", "datasetGroups", p),
            "ListDatasets": lambda p: self._listed("dataset", "datasets", p),
            "ListDatasetImportJobs": lambda p: self._listed("dataset-import-job", "datasetImportJobs", p),
            "ListEventTrackers": lambda p: self._listed("event-tracker", "eventTrackers", p),
        }

    def _create_schema(self, params: Params) -> dict[str, Any]:
        fields_of(params["schema"])
        arn = f"{ARN}schema/{params['name']}"
        self._limit(len(self.state.all("schema")), MOST_SCHEMAS, "schemas")
        self.state.add("schema", arn, {**params, "schemaArn": arn})
        return {"schemaArn": arn}

    def _create_group(self, params: Params) -> dict[str, Any]:
        arn = f"{ARN}dataset-group/{params['name']}"
        is_new = all(group["datasetGroupArn"] != arn for group in self.state.all("dataset-group"))
        self._limit(len(self.state.all("dataset-group")) if is_new else 0, MOST_GROUPS, "dataset groups")
        self.state.add("dataset-group", arn, {**_without_tags(params), "datasetGroupArn": arn, "status": PENDING})
        return {"datasetGroupArn": arn, **({"domain": params["domain"]} if "domain" in params else {})}

    def _create_dataset(self, params: Params) -> dict[str, Any]:
        kind = params["datasetType"].upper()
        if kind not in MOST_METADATA:
            raise ServiceError("InvalidInputException", f"datasetType {params['datasetType']} is not one of the sandbox's: {', '.join(MOST_METADATA)}")
        group = self._active_group(params["datasetGroupArn"])
        check_for_dataset(fields_of(self.state.find("schema", params["schemaArn"])["schema"]), kind)
        arn = f"{ARN}dataset/{group['name']}/{kind}"
        self.state.add("dataset", arn, {**_without_tags(params), "datasetType": kind, "datasetArn": arn, "status": PENDING})
        return {"datasetArn": arn}

    def _create_tracker(self, params: Params) -> dict[str, Any]:
        group = self._active_group(params["datasetGroupArn"])
        arn = f"{ARN}event-tracker/{group['name']}"  # one tracker per dataset group
        tracker = {**_without_tags(params), "eventTrackerArn": arn, "accountId": ACCOUNT, "trackingId": tracking_id(group["name"]), "status": PENDING}
        self.state.add("event-tracker", arn, tracker)
        return {"eventTrackerArn": arn, "trackingId": tracker["trackingId"]}

    def _create_job(self, params: Params) -> dict[str, Any]:
        dataset = self.state.find("dataset", params["datasetArn"])
        if dataset["status"] != ACTIVE:
            raise ServiceError("ResourceInUseException", f"{params['datasetArn']} is {dataset['status']}, not ACTIVE")
        if not params.get("roleArn") or not params["dataSource"].get("dataLocation"):
            raise ServiceError("InvalidInputException", "roleArn and dataSource.dataLocation are needed")
        refuse_during_deletion(self.state, dataset["datasetGroupArn"])
        jobs = self.state.all("dataset-import-job")
        arn = f"{ARN}dataset-import-job/{params['jobName']}"
        if all(job["datasetImportJobArn"] != arn for job in jobs):
            self._limit(sum(job["status"] in (PENDING, RUNNING) for job in jobs), MOST_UNFINISHED_JOBS, "pending or running import jobs")
        is_first = not any(job["datasetArn"] == dataset["datasetArn"] and job["status"] == ACTIVE for job in jobs)
        mode = params.get("importMode", "FULL")
        if is_first and mode != "FULL":
            raise ServiceError("InvalidInputException", "the first import of a dataset must be FULL")
        self.state.add("dataset-import-job", arn, {**_without_tags(params), "importMode": mode, "datasetImportJobArn": arn, "status": PENDING})
        return {"datasetImportJobArn": arn}

    def _create_deletion(self, params: Params) -> dict[str, Any]:
        group = self._active_group(params["datasetGroupArn"])
        return {"dataDeletionJobArn": new_deletion(self.state, group, _without_tags(params))}

    def _active_group(self, arn: str) -> Resource:
        group = self.state.find("dataset-group", arn)
        if group["status"] != ACTIVE:
            raise ServiceError("ResourceInUseException", f"{arn} is {group['status']}, not ACTIVE")
        return group

    def _limit(self, count: int, most: int, what: str) -> None:
        if count >= most:
            raise ServiceError("LimitExceededException", f"at most {most} {what}")

    def _described(self, kind: str, arn: str) -> Resource:
        resource = self.state.find(kind, arn)
        if resource["status"] in AT_WORK:
            resource["status"] = AT_WORK[resource["status"]]
        elif resource["status"] == DELETING:
            resource["status"] = run_deletion(self.state, resource)
        elif resource["status"] == RUNNING:
            resource["status"] = self._run_job(resource) if kind == "dataset-import-job" else ACTIVE
        else:
            return resource
        self.state.save()
        return resource

    def _run_job(self, job: Resource) -> str:
        dataset = self.state.find("dataset", job["datasetArn"])
        group, kind = dataset["datasetArn"].rsplit("/", 2)[1:]
        line = {"job": job["jobName"], "dataset": f"{group}/{kind}", "location": job["dataSource"]["dataLocation"], "mode": job["importMode"]}
        try:
            new = imported(self.state.folder, line["location"], self.state.fields(dataset), kind)
        except ImportFailure as failure:
            job["failureReason"] = str(failure)
            append(self.state.failed_jobs_file, [{"why": str(failure), "message": line}])
            return FAILED
        self.state.put_rows(group, kind, combined(self.state.rows(group, kind), new, kind, job["importMode"]))
        # A process killed between here and the next save runs the job again; its line is already there then.
        is_known = any(earlier["job"] == job["jobName"] for earlier in lines(self.state.jobs_file))
        append(self.state.jobs_file, [] if is_known else [{**line, "rows": len(new), "is_duplicate": False}])
        return ACTIVE

    def _listed(self, kind: str, name: str, params: Params) -> dict[str, Any]:
        parents = {key: params[key] for key in ("datasetGroupArn", "datasetArn") if key in params}
        found = [resource for resource in self.state.all(kind) if all(resource.get(key) == value for key, value in parents.items())]
        start = _position(params.get("nextToken"), len(found))
        end = start + params.get("maxResults", PAGE)
        page = [{key: resource[key] for key in (ARN_OF[kind], *SUMMARY) if key in resource} for resource in found[start:end]]
        return {name: page, **({"nextToken": str(end)} if end < len(found) else {})}


ARN_OF = {
    DELETION_JOB: "dataDeletionJobArn",
    "schema": "schemaArn",
    "dataset-group": "datasetGroupArn",
    "dataset": "datasetArn",
    "dataset-import-job": "datasetImportJobArn",
    "event-tracker": "eventTrackerArn",
}


def _without_tags(params: Params) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "tags"}


def _position(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) > count:
        raise ServiceError("InvalidNextTokenException", "The token is not valid.")
    return int(token)
