"""Personalize's control plane: schemas, dataset groups, datasets, import jobs, event trackers; and the states of every resource.

Belongs here: what each operation does and refuses. Not here: the files of an import (`import_files`), what a data deletion job does
(`personalize_deletion`), what is trained (`personalize_models`), batch jobs (`personalize_batch`), real-time calls, HTTP.
Every Describe moves its resource one state on: CREATE PENDING, CREATE IN_PROGRESS, then ACTIVE or CREATE FAILED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import MOST_METADATA, check_for_dataset, check_for_domain, fields_of
from omnichannel_assets.sandbox.import_files import ImportFailure, combined, imported
from omnichannel_assets.sandbox.inbox import append, lines
from omnichannel_assets.sandbox.personalize_batch import BATCH_ARNS, BatchPlane
from omnichannel_assets.sandbox.personalize_deletion import (
    DELETING,
    DELETION_JOB,
    DELETION_PENDING,
    new_deletion,
    refuse_during_deletion,
    run_deletion,
)
from omnichannel_assets.sandbox.personalize_models import MODEL_ARNS, ModelPlane
from omnichannel_assets.sandbox.personalize_state import (
    ACCOUNT,
    ACTIVE,
    ARN,
    FAILED,
    PENDING,
    RUNNING,
    PersonalizeState,
    Resource,
    is_unfinished,
    limit,
    tracking_id,
    without_tags,
)

MOST_SCHEMAS, MOST_GROUPS, MOST_UNFINISHED_JOBS = 500, 5, 5
PAGE = 100
SUMMARY = (
    *("name", "jobName", "datasetType", "status", "creationDateTime", "lastUpdatedDateTime", "failureReason", "importMode", "domain"),
    *("recipeArn", "trainingMode", "trainingType", "batchInferenceJobMode"),
)
PARENTS = ("datasetGroupArn", "datasetArn", "solutionArn", "solutionVersionArn")
AT_WORK = {PENDING: RUNNING, DELETION_PENDING: DELETING}
Params = Mapping[str, Any]


class ControlPlane:
    """Answers the operations of ``AmazonPersonalize``, given parameters its model has accepted."""

    def __init__(self, state: PersonalizeState):
        self.state = state
        models, batch = ModelPlane(state), BatchPlane(state)
        self._runs: dict[str, Callable[[Resource], str]] = {"dataset-import-job": self._run_job, **models.runs, **batch.runs}
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateSchema": self._create_schema,
            "CreateDatasetGroup": self._create_group,
            "CreateDataset": self._create_dataset,
            "CreateDatasetImportJob": self._create_job,
            "CreateEventTracker": self._create_tracker,
            "CreateDataDeletionJob": self._create_deletion,
            **models.operations,
            **batch.operations,
            "DescribeSchema": lambda p: {"schema": self.state.find("schema", p["schemaArn"])},
        }
        for kind, arn in ARN_OF.items():
            self.operations |= self._reading(kind, arn)

    def _reading(self, kind: str, arn: str) -> dict[str, Callable[[Params], dict[str, Any]]]:
        """Describe and List of a kind; a schema has no states, so its Describe stands by itself."""
        member = arn.removesuffix("Arn")
        noun = member[0].upper() + member[1:]
        listing = {f"List{noun}s": lambda p: self._listed(kind, f"{member}s", p)}
        return listing if kind == "schema" else listing | {f"Describe{noun}": lambda p: {member: self._described(kind, p[arn])}}

    def _create_schema(self, params: Params) -> dict[str, Any]:
        fields_of(params["schema"])
        if params.get("domain"):
            check_for_domain(params["schema"])
        arn = f"{ARN}schema/{params['name']}"
        limit(len(self.state.all("schema")), MOST_SCHEMAS, "schemas")
        self.state.add("schema", arn, {**params, "schemaArn": arn})
        return {"schemaArn": arn}

    def _create_group(self, params: Params) -> dict[str, Any]:
        arn = f"{ARN}dataset-group/{params['name']}"
        is_new = all(group["datasetGroupArn"] != arn for group in self.state.all("dataset-group"))
        limit(len(self.state.all("dataset-group")) if is_new else 0, MOST_GROUPS, "dataset groups")
        self.state.add("dataset-group", arn, {**without_tags(params), "datasetGroupArn": arn, "status": PENDING})
        return {"datasetGroupArn": arn, **({"domain": params["domain"]} if "domain" in params else {})}

    def _create_dataset(self, params: Params) -> dict[str, Any]:
        kind = params["datasetType"].upper()
        if kind not in MOST_METADATA:
            raise ServiceError("InvalidInputException", f"datasetType {params['datasetType']} is not one of the sandbox's: {', '.join(MOST_METADATA)}")
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        schema = self.state.find("schema", params["schemaArn"])
        if schema.get("domain") != group.get("domain"):
            raise ServiceError("InvalidInputException", f"the schema is of {schema.get('domain')}, the dataset group of {group.get('domain')}")
        check_for_dataset(fields_of(schema["schema"]), kind)
        arn = f"{ARN}dataset/{group['name']}/{kind}"
        self.state.add("dataset", arn, {**without_tags(params), "datasetType": kind, "datasetArn": arn, "status": PENDING})
        return {"datasetArn": arn}

    def _create_tracker(self, params: Params) -> dict[str, Any]:
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        arn = f"{ARN}event-tracker/{group['name']}"  # one tracker per dataset group
        tracker = {**without_tags(params), "eventTrackerArn": arn, "accountId": ACCOUNT, "trackingId": tracking_id(group["name"]), "status": PENDING}
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
            limit(sum(map(is_unfinished, jobs)), MOST_UNFINISHED_JOBS, "pending or running import jobs")
        is_first = not any(job["datasetArn"] == dataset["datasetArn"] and job["status"] == ACTIVE for job in jobs)
        mode = params.get("importMode", "FULL")
        if is_first and mode != "FULL":
            raise ServiceError("InvalidInputException", "the first import of a dataset must be FULL")
        self.state.add("dataset-import-job", arn, {**without_tags(params), "importMode": mode, "datasetImportJobArn": arn, "status": PENDING})
        return {"datasetImportJobArn": arn}

    def _create_deletion(self, params: Params) -> dict[str, Any]:
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        return {"dataDeletionJobArn": new_deletion(self.state, group, without_tags(params))}

    def _described(self, kind: str, arn: str) -> Resource:
        resource = self.state.find(kind, arn)
        update = resource.get("latestCampaignUpdate")
        moving = update if update and resource["status"] == ACTIVE else resource
        if moving["status"] in AT_WORK:
            moving["status"] = AT_WORK[moving["status"]]
        elif moving["status"] == DELETING:
            moving["status"] = run_deletion(self.state, moving)
        elif moving["status"] == RUNNING:
            moving["status"] = self._runs[kind](resource) if kind in self._runs else ACTIVE
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
        parents = {key: params[key] for key in PARENTS if key in params}
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
    **MODEL_ARNS,
    **BATCH_ARNS,
}


def _position(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) > count:
        raise ServiceError("InvalidNextTokenException", "The token is not valid.")
    return int(token)
