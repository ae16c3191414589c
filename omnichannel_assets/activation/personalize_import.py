"""Brings Personalize to the state where given files are imported, from whatever state an earlier run left.

Belongs here: schemas, datasets and import jobs, FULL or INCREMENTAL, and waiting for them. Not here: making the files (`personalize_files`),
how a resource is found again (`personalize_resources`), real-time calls (`personalize`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_resources import ACTIVE, Entry, Resources, attempt
from omnichannel_assets.activation.personalize_schemas import Schema, schemas_of
from omnichannel_assets.activation.polling import Poll


@dataclass(frozen=True)
class Source:
    """Where the rows of a data set are.

    ``whole`` gives the place of all rows, asked only when it is needed. ``added`` is the place of the rows that are new since the import of the
    suffix ``after``, empty for none; all other rows are exactly that import's.
    """

    whole: Callable[[], str]
    added: str = ""
    after: str = ""


def import_datasets(
    client: Any,
    files: Mapping[str, str | Source],
    *,
    group_name: str,
    job_suffix: str,
    role_arn: str,
    domain: str = "",
    hook: CallHook = no_hook,
    poll: Poll | None = None,
) -> list[Outcome]:
    """One import job per file, one outcome per dataset type (its key), in the order of the types.

    ``files`` is dataset type -> S3 place of a CSV or a folder of them, or a `Source`. An import is INCREMENTAL only when the newest one of the
    dataset is the one the added rows came after and nobody was deleted since; otherwise FULL. ``loaded``: the job is ACTIVE, ``words`` say how.
    ``rejected``: Personalize refuses it, with its words; a later attempt needs another ``job_suffix``. ``failed``: the same call may complete
    later. Does nothing for no files. Raises UserError when credentials or rights are missing.
    """
    schemas = schemas_of(domain)
    unknown = sorted(set(files) - set(schemas))
    if unknown:
        raise ValueError(f"no dataset type {', '.join(unknown)}; known are {', '.join(schemas)}")
    if not files:
        return []
    run = _Import(Resources(client, group_name, domain=domain, hook=hook, poll=poll), job_suffix, role_arn, schemas)
    return run.all({kind: files[kind] for kind in schemas if kind in files})


class _Import:
    def __init__(self, resources: Resources, job_suffix: str, role_arn: str, schemas: Mapping[str, Schema]):
        self.resources, self.job_suffix, self.role_arn, self.schemas = resources, job_suffix, role_arn, schemas

    def all(self, files: Mapping[str, str | Source]) -> list[Outcome]:
        """The group and its parts first; jobs are started together and then waited for."""
        shared = attempt("", self.resources.group)
        if isinstance(shared, Outcome):
            return [Outcome(kind, shared.state, shared.words) for kind in files]
        datasets = {kind: attempt(kind, lambda kind=kind: self._dataset(shared, self.schemas[kind])) for kind in files}
        jobs = {kind: attempt(kind, lambda kind=kind: self._job(datasets[kind], kind, files[kind])) for kind in files}
        return [attempt(kind, lambda kind=kind: self._finished(jobs[kind], kind)) for kind in files]

    def _schema(self, schema: Schema) -> str:
        """Schemas cannot be edited: another document is another schema, told by its digest."""
        domain = self.resources.domain
        digest = hashlib.blake2b((schema.document + domain).encode(), digest_size=4).hexdigest()
        name = self.resources.name(schema.dataset_type.lower(), digest)
        make = {"name": name, "schema": schema.document} | ({"domain": domain} if domain else {})
        return self.resources.found_or_made("Schema", "schemas", "schemaArn", {}, lambda entry: entry["name"] == name, make)

    def _dataset(self, group: str, schema: Schema) -> str:
        wanted = self._schema(schema)
        kind = schema.dataset_type
        make = {"name": self.resources.name(kind.lower()), "schemaArn": wanted, "datasetGroupArn": group, "datasetType": kind}
        is_same = lambda entry: entry["datasetType"].lower() == kind.lower()  # noqa: E731
        found = self.resources.found_or_made("Dataset", "datasets", "datasetArn", {"datasetGroupArn": group}, is_same, make)
        described = self.resources.wait("Dataset", "dataset", {"datasetArn": found})
        if described["schemaArn"] != wanted:
            raise Refused(f"{found} has another schema ({described['schemaArn']}): name a new dataset group, or move the dataset to {wanted}")
        return found

    def _job(self, dataset: str | Outcome, kind: str, source: str | Source) -> str | Outcome:
        if isinstance(dataset, Outcome):
            return dataset
        name = self.resources.name(kind.lower(), self.job_suffix)
        where = {"datasetArn": dataset}
        jobs = list(self.resources.list("DatasetImportJob", "datasetImportJobs", where))
        known = next((job for job in jobs if job["jobName"] == name), None)
        if known is not None:
            return str(known["datasetImportJobArn"])
        if isinstance(source, str):
            source = Source(lambda place=source: place)
        is_incremental = bool(source.added) and self._is_untouched(jobs, self.resources.name(kind.lower(), source.after))
        make = {
            "jobName": name,
            "datasetArn": dataset,
            "dataSource": {"dataLocation": source.added if is_incremental else source.whole()},
            "roleArn": self.role_arn,
            "importMode": "INCREMENTAL" if is_incremental else "FULL",
        }
        is_it = lambda entry: entry["jobName"] == name  # noqa: E731
        return self.resources.made("DatasetImportJob", "datasetImportJobs", "datasetImportJobArn", where, is_it, make)

    def _is_untouched(self, jobs: list[Entry], name: str) -> bool:
        """Whether the dataset's bulk rows are exactly those a job left: no later job, whatever became of it, and no deletion since it was made."""
        newest = max(jobs, key=lambda job: job["creationDateTime"], default=None)
        if newest is None or newest["jobName"] != name or newest["status"] != ACTIVE:
            return False
        deletions = self.resources.list("DataDeletionJob", "dataDeletionJobs", {"datasetGroupArn": self.resources.group()})
        return all(job["creationDateTime"] < newest["creationDateTime"] for job in deletions)

    def _finished(self, job: str | Outcome, kind: str) -> Outcome:
        if isinstance(job, Outcome):
            return job
        described = self.resources.wait("DatasetImportJob", "datasetImportJob", {"datasetImportJobArn": job})
        return Outcome(kind, "loaded", str(described.get("importMode", "FULL")))


