"""Brings Personalize to the state where given files are imported, from whatever state an earlier run left.

Belongs here: finding or making schemas, dataset group, datasets, event tracker and import jobs, waiting for them. Not here: making the files
(`personalize_files`), real-time calls (`personalize`). Every name is a function of the arguments, so a second run finds what the first one made.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, call_aws, error_code
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_schemas import SCHEMAS, Schema
from omnichannel_assets.errors import RetryableError

NAME_CHARACTERS = 63
ACTIVE, FAILED = "ACTIVE", "CREATE FAILED"


@dataclass(frozen=True)
class Poll:
    """How to wait for a state: every ``every_seconds``, at most ``most_times`` (two hours unless told)."""

    every_seconds: float = 15
    most_times: int = 480
    sleep: Callable[[float], None] = time.sleep


def import_datasets(
    client: Any,
    files: Mapping[str, str],
    *,
    group_name: str,
    job_suffix: str,
    role_arn: str,
    hook: CallHook = no_hook,
    poll: Poll | None = None,
) -> list[Outcome]:
    """One FULL import job per file, one outcome per dataset type (its key), in the order of the types.

    ``files`` is dataset type -> S3 place of a CSV or a folder of them. ``loaded``: the job is ACTIVE. ``rejected``: Personalize refuses it, with
    its words; a later attempt needs another ``job_suffix``. ``failed``: the same call may complete later. Does nothing for no files.
    Raises UserError when credentials or rights are missing.
    """
    run = _Import(client, group_name, job_suffix, role_arn, hook, poll or Poll())
    unknown = sorted(set(files) - set(SCHEMAS))
    if unknown:
        raise ValueError(f"no dataset type {', '.join(unknown)}; known are {', '.join(SCHEMAS)}")
    return run.all({kind: files[kind] for kind in SCHEMAS if kind in files}) if files else []


def resource_name(*parts: str) -> str:
    """The parts as one valid resource name of at most 63 characters; what is cut or changed leaves a digest behind."""
    joined = "-".join(parts)
    plain = re.sub(r"[^a-zA-Z0-9_-]", "-", joined).lstrip("-_")
    if plain == joined and len(plain) <= NAME_CHARACTERS:
        return plain
    digest = hashlib.blake2b(joined.encode(), digest_size=4).hexdigest()
    return f"{plain[: NAME_CHARACTERS - 9]}-{digest}".lstrip("-")


class _Import:
    def __init__(self, client: Any, group_name: str, job_suffix: str, role_arn: str, hook: CallHook, poll: Poll):
        self.client, self.group_name, self.job_suffix, self.role_arn = client, group_name, job_suffix, role_arn
        self.hook, self.poll = hook, poll

    def all(self, files: Mapping[str, str]) -> list[Outcome]:
        """The group and its parts first; jobs are started together and then waited for."""
        shared = _attempt("", self._group)
        if isinstance(shared, Outcome):
            return [Outcome(kind, shared.state, shared.words) for kind in files]
        datasets = {kind: _attempt(kind, lambda kind=kind: self._dataset(shared, SCHEMAS[kind])) for kind in files}
        tracker = _attempt("", lambda: self._tracker(shared))
        jobs = {kind: _attempt(kind, lambda kind=kind: self._job(datasets[kind], kind, files[kind])) for kind in files}
        outcomes = [_attempt(kind, lambda kind=kind: self._finished(jobs[kind], kind)) for kind in files]
        if isinstance(tracker, Outcome):
            # Without a tracker real-time events have nowhere to go: the imports count, but a later run has to complete it.
            outcomes = [Outcome(o.key, tracker.state, f"event tracker: {tracker.words}") if o.state == "loaded" else o for o in outcomes]
        return outcomes

    def _group(self) -> str:
        name = resource_name(self.group_name)
        make = {"name": name}
        found = self._found_or_made("DatasetGroup", "datasetGroups", "datasetGroupArn", {}, lambda entry: entry["name"] == name, make)
        self._wait("DatasetGroup", "datasetGroup", {"datasetGroupArn": found})
        return found

    def _schema(self, schema: Schema) -> str:
        """Schemas cannot be edited: another document is another schema, told by its digest."""
        digest = hashlib.blake2b(schema.document.encode(), digest_size=4).hexdigest()
        name = resource_name(self.group_name, schema.dataset_type.lower(), digest)
        make = {"name": name, "schema": schema.document}
        return self._found_or_made("Schema", "schemas", "schemaArn", {}, lambda entry: entry["name"] == name, make)

    def _dataset(self, group: str, schema: Schema) -> str:
        wanted = self._schema(schema)
        kind = schema.dataset_type
        make = {"name": resource_name(self.group_name, kind.lower()), "schemaArn": wanted, "datasetGroupArn": group, "datasetType": kind}
        is_same = lambda entry: entry["datasetType"].lower() == kind.lower()  # noqa: E731
        found = self._found_or_made("Dataset", "datasets", "datasetArn", {"datasetGroupArn": group}, is_same, make)
        described = self._wait("Dataset", "dataset", {"datasetArn": found})
        if described["schemaArn"] != wanted:
            raise Refused(f"{found} has another schema ({described['schemaArn']}): name a new dataset group, or move the dataset to {wanted}")
        return found

    def _tracker(self, group: str) -> str:
        make = {"name": resource_name(self.group_name, "events"), "datasetGroupArn": group}
        found = self._found_or_made("EventTracker", "eventTrackers", "eventTrackerArn", {"datasetGroupArn": group}, lambda entry: True, make)
        self._wait("EventTracker", "eventTracker", {"eventTrackerArn": found})
        return found

    def _job(self, dataset: str | Outcome, kind: str, location: str) -> str | Outcome:
        if isinstance(dataset, Outcome):
            return dataset
        name = resource_name(self.group_name, kind.lower(), self.job_suffix)
        make = {
            "jobName": name,
            "datasetArn": dataset,
            "dataSource": {"dataLocation": location},
            "roleArn": self.role_arn,
            "importMode": "FULL",
        }
        listed = {"datasetArn": dataset}
        return self._found_or_made("DatasetImportJob", "datasetImportJobs", "datasetImportJobArn", listed, lambda entry: entry["jobName"] == name, make)

    def _finished(self, job: str | Outcome, kind: str) -> Outcome:
        if isinstance(job, Outcome):
            return job
        self._wait("DatasetImportJob", "datasetImportJob", {"datasetImportJobArn": job})
        return Outcome(kind, "loaded")

    def _found_or_made(
        self, noun: str, listed: str, arn: str, where: Mapping[str, str], is_it: Callable[[Mapping[str, Any]], bool], make: Mapping[str, Any]
    ) -> str:
        """The ARN of what exists already, in whatever state, or of what was made now."""
        known = self._find(noun, listed, where, is_it)
        if known is not None:
            return str(known[arn])
        from botocore.exceptions import ClientError

        try:
            return str(self._call(f"Create{noun}", make)[arn])
        except ClientError as error:
            # A call whose answer was lost may have made it after all.
            known = self._find(noun, listed, where, is_it) if error_code(error) == "ResourceAlreadyExistsException" else None
            if known is None:
                raise Refused(f"Create{noun}: {error_code(error)}: {make.get('name') or make.get('jobName')} is taken by something else") from error
            return str(known[arn])

    def _find(self, noun: str, listed: str, where: Mapping[str, str], is_it: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any] | None:
        return next((entry for entry in pages(lambda params: self._call(f"List{noun}s", params), listed, where) if is_it(entry)), None)

    def _wait(self, noun: str, member: str, which: Mapping[str, str]) -> Mapping[str, Any]:
        """The resource once it is ACTIVE. Raises Refused when it failed, RetryableError when it takes longer than we wait."""
        described: Mapping[str, Any] = {}
        for turn in range(self.poll.most_times):
            if turn:
                self.poll.sleep(self.poll.every_seconds)
            described = self._call(f"Describe{noun}", which)[member]
            if described["status"] == ACTIVE:
                return described
            if described["status"] == FAILED:
                raise Refused(f"{noun} {FAILED}: {described.get('failureReason', 'no reason given')}")
        raise RetryableError(f"{noun} is still {described.get('status', 'unknown')} after {self.poll.most_times} looks; the next run goes on waiting")

    def _call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        method = getattr(self.client, _snake_case(operation))
        return call_aws(self.hook, "personalize", _snake_case(operation), lambda: method(**params))


def pages(call: Callable[[Mapping[str, Any]], Mapping[str, Any]], listed: str, where: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Every entry of a List operation."""
    token: Mapping[str, str] = {}
    while True:
        page = call({**where, **token})
        yield from page.get(listed, [])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def _attempt(key: str, step: Callable[[], Any]) -> Any:
    """The step's result, or the outcome its failure amounts to."""
    from botocore.exceptions import ClientError

    try:
        return step()
    except RetryableError as error:
        return Outcome(key, "failed", str(error))
    except Refused as error:
        return Outcome(key, "rejected", str(error))
    except ClientError as error:
        # Something we just found is gone: someone deletes while we work.
        return Outcome(key, "failed", f"{error.operation_name}: {error_code(error)}")


def _snake_case(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
