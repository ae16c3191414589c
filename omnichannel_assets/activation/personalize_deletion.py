"""Deletion at Personalize: a data deletion job takes users, with their interactions, out of every data set of a group.

Belongs here: finding or starting a job under a name that a crash does not lose, and waiting for it. Not here: whose users they are.
A group runs one such job at a time, and no import meanwhile, so jobs somebody else started are waited for first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, call_aws, error_code
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.csv_files import csv_bytes
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_resources import pages, resource_name
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.errors import RetryableError

USERS_PER_JOB = 300_000
"""Ids have at most 256 characters: this many stay below the 100 MB a job may read."""
COMPLETED, FAILED = "COMPLETED", "FAILED"
MOST_TRIES = 1_000

PutFile = Callable[[bytes], str]


def users_csv(ids: Sequence[str]) -> bytes:
    """The file a job reads: one column, sorted."""
    import pyarrow as pa

    return csv_bytes(["USER_ID"], pa.table({"USER_ID": pa.array(sorted(ids), pa.string())}), "backslash")


def delete_users(
    client: Any,
    ids: Sequence[str],
    *,
    group_name: str,
    name: str,
    put_file: PutFile,
    role_arn: str,
    hook: CallHook = no_hook,
    poll: Poll | None = None,
) -> Outcome:
    """What became of deleting some users of a group. ``name`` stands for exactly this request: the same one finds its job again.

    ``loaded``: they are gone. ``failed``: the same call may end well later. ``rejected``: Personalize refuses, in its words.
    Raises UserError when credentials or rights are missing.
    """
    from botocore.exceptions import ClientError

    run = _Deletion(client, group_name, name, role_arn, hook, poll or Poll())
    try:
        return Outcome(name, "loaded", run.completed(ids, put_file))
    except RetryableError as error:
        return Outcome(name, "failed", str(error))
    except Refused as error:
        return Outcome(name, "rejected", str(error))
    except ClientError as error:
        return Outcome(name, "failed", f"{error.operation_name}: {error_code(error)}")


class _Deletion:
    def __init__(self, client: Any, group_name: str, name: str, role_arn: str, hook: CallHook, poll: Poll):
        self.client, self.group_name, self.name, self.role_arn = client, group_name, name, role_arn
        self.hook, self.poll = hook, poll

    def completed(self, ids: Sequence[str], put_file: PutFile) -> str:
        """Once the users are gone: words on it."""
        wanted = resource_name(self.group_name)
        group = next((entry for entry in self._listed("dataset_groups", "datasetGroups", {}) if entry["name"] == wanted), None)
        if group is None:
            return "there is no such dataset group, so nobody is in it"
        jobs = self._jobs(group["datasetGroupArn"])
        job_name, known = self._place(jobs)
        for job in jobs:
            if job["jobName"] != job_name and job["status"] not in (COMPLETED, FAILED):
                self._waited(job["dataDeletionJobArn"])
        arn = known or self._started(job_name, group["datasetGroupArn"], put_file(users_csv(ids)))
        described = self._waited(arn)
        if described["status"] == FAILED:
            raise Refused(f"data deletion job {FAILED}: {described.get('failureReason', 'no reason given')}")
        return ""

    def _place(self, jobs: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
        """The job of this request that did not fail, or the name of the next one: a failed job keeps its name."""
        named = {job["jobName"]: job for job in jobs}
        for number in range(1, MOST_TRIES):
            name = resource_name(self.group_name, "delete", self.name, str(number))
            if name not in named:
                return name, None
            if named[name]["status"] != FAILED:
                return name, str(named[name]["dataDeletionJobArn"])
        raise Refused(f"data deletion failed {MOST_TRIES} times")

    def _started(self, job_name: str, group_arn: str, location: str) -> str:
        from botocore.exceptions import ClientError

        make = {"jobName": job_name, "datasetGroupArn": group_arn, "dataSource": {"dataLocation": location}, "roleArn": self.role_arn}
        try:
            return str(self._call("create_data_deletion_job", make)["dataDeletionJobArn"])
        except ClientError as error:
            # A call whose answer was lost may have made it after all.
            known = next((job for job in self._jobs(group_arn) if job["jobName"] == job_name), None)
            if known is None:
                raise Refused(f"CreateDataDeletionJob: {error_code(error)}") from error
            return str(known["dataDeletionJobArn"])

    def _waited(self, arn: str) -> Mapping[str, Any]:
        """A job once it has ended. Raises RetryableError when it takes longer than we wait."""
        described: Mapping[str, Any] = {}
        for turn in range(self.poll.most_times):
            if turn:
                self.poll.sleep(self.poll.every_seconds)
            described = self._call("describe_data_deletion_job", {"dataDeletionJobArn": arn})["dataDeletionJob"]
            if described["status"] in (COMPLETED, FAILED):
                return described
        raise RetryableError(f"a data deletion job is still {described.get('status', 'unknown')}; the next run goes on waiting")

    def _jobs(self, group_arn: str) -> list[Mapping[str, Any]]:
        return list(self._listed("data_deletion_jobs", "dataDeletionJobs", {"datasetGroupArn": group_arn}))

    def _listed(self, noun: str, member: str, where: Mapping[str, str]) -> Any:
        return pages(lambda params: self._call(f"list_{noun}", params), member, where)

    def _call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        method = getattr(self.client, operation)
        return call_aws(self.hook, "personalize", operation, lambda: method(**params))
