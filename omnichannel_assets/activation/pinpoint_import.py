"""The import of an endpoint file into Pinpoint, from its request to the job's terminal state.

Belongs here: CreateImportJob, looking at the job, what its end means for each endpoint. Not here: the file and the request (`pinpoint`).
The service ended on 30 October 2026: a caller that means the real one says which day it is, and is refused from the next day on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, error_code
from omnichannel_assets.activation.connect_domain import Caller
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import endpoint_id, import_job_request
from omnichannel_assets.errors import RetryableError, UserError

SERVICE = "pinpoint"
LAST_DAY = date(2026, 10, 30)
ENDED = ("COMPLETED", "FAILED")
WORDS = 300


def refuse_after_end(today: date) -> None:
    """Raises UserError when the real Pinpoint is no longer there."""
    if today > LAST_DAY:
        raise UserError("LIVE_CHANNELS: Amazon Pinpoint ended on 30 October 2026. Fix: leave pinpoint out and name connect, its successor, or segment.")


def import_endpoints(
    caller: Caller, customer_ids: Sequence[str], *, application_id: str, role_arn: str, s3_url: str, segment_name: str, today: date | None = None
) -> list[Outcome]:
    """Import a file and say what became of each customer in it (key: customer_id), in their order. ``today`` is for the real service.

    A job of this file and segment that runs or is complete is gone on with; one that failed is begun anew.
    """
    if today is not None:
        refuse_after_end(today)
    try:
        job = _job(caller, import_job_request(application_id, role_arn, s3_url, segment_name))
        ended = caller.until(lambda: _look(caller, application_id, job), "JobStatus", ENDED, "the import job")
    except (Refused, RetryableError) as error:  # of the job, which says nothing about a row
        return [Outcome(customer, "failed", str(error)) for customer in customer_ids]
    return _outcomes(customer_ids, ended)


def delete_endpoints(caller: Caller, customer_ids: Sequence[str], application_id: str) -> list[Outcome]:
    """Delete each customer's endpoint; one that is not there is gone already. One outcome a customer (key: customer_id), as `import_endpoints`."""
    return [_deleted(caller, customer, application_id) for customer in customer_ids]


def _deleted(caller: Caller, customer: str, application_id: str) -> Outcome:
    try:
        caller.call("DeleteEndpoint", ApplicationId=application_id, EndpointId=endpoint_id(customer))
    except RetryableError as error:
        return Outcome(customer, "failed", str(error))
    except Refused as error:
        return Outcome(customer, "loaded") if error_code(error.__cause__) == "NotFoundException" else Outcome(customer, "rejected", str(error))
    return Outcome(customer, "loaded")


def _job(caller: Caller, request: Mapping[str, Any]) -> str:
    wanted, application = request["ImportJobRequest"], request["ApplicationId"]
    known = [job for job in _jobs(caller, application) if all(job["Definition"].get(name) == wanted[name] for name in ("S3Url", "SegmentName"))]
    alive = [job for job in known if job["JobStatus"] not in ("FAILING", "FAILED")]
    if alive:
        return str(alive[-1]["Id"])
    return str(caller.call("CreateImportJob", **request)["ImportJobResponse"]["Id"])


def _jobs(caller: Caller, application: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = caller.call("GetImportJobs", ApplicationId=application, **token)["ImportJobsResponse"]
        found += page["Item"]
        if not page.get("NextToken"):
            return found
        token = {"Token": page["NextToken"]}


def _look(caller: Caller, application: str, job: str) -> Mapping[str, Any]:
    return caller.call("GetImportJob", ApplicationId=application, JobId=job)["ImportJobResponse"]


def _outcomes(customer_ids: Sequence[str], ended: Mapping[str, Any]) -> list[Outcome]:
    """A job can be complete with failures: it names up to a hundred, in words that hold the endpoint's id where they are about one.

    When more failed than we can tell by name, the rest may be any: they are tried again.
    """
    failures = [" ".join(str(words).split()) for words in ended.get("Failures", [])]
    if ended["JobStatus"] == "FAILED":
        pieces = f"{ended.get('FailedPieces', 0)} of {ended.get('TotalPieces', 0)} pieces failed"
        return [Outcome(customer, "failed", f"the import job FAILED: {pieces}: {(failures or ['no reason given'])[0][:WORDS]}") for customer in customer_ids]
    by_endpoint = {word.strip(",:;.'\""): words[:WORDS] for words in failures for word in words.split()}
    told = {customer: by_endpoint[endpoint_id(customer)] for customer in customer_ids if endpoint_id(customer) in by_endpoint}
    untold = int(ended.get("TotalFailures", 0)) - len(told)
    rest: tuple[Any, str] = ("failed", f"{untold:,} endpoints failed that Pinpoint does not name") if untold > 0 else ("loaded", "")
    return [Outcome(customer, "rejected", told[customer]) if customer in told else Outcome(customer, *rest) for customer in customer_ids]
