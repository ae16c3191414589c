"""Upload jobs of Customer Profiles: a file of many profiles, from CreateUploadJob to its terminal state.

Belongs here: the job, the PUT of its file, what its end means. Not here: the file (`connect`), small amounts (`connect_objects`).
The key that a job's file is encrypted with, and the address it is put at, are secrets: neither appears in an error, a log or a result.
The service says how many records failed, not which.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.calls import called
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import upload_job_request
from omnichannel_assets.activation.connect_domain import Domain
from omnichannel_assets.errors import RetryableError

if TYPE_CHECKING:
    import requests

MOST_BYTES = 1_000_000_000
ENDED = ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "STOPPED")
IN_VAIN = ("FAILED", "STOPPED")
HEADER = "x-amz-server-side-encryption-customer-"
KEY_BYTES = 32
ATTEMPTS = 4
PUT_SECONDS = 300.0


@dataclass(frozen=True)
class Upload:
    """How a job ended: its state, why if it says so, and how many records it made, changed and failed."""

    status: str
    reason: str = ""
    created: int = 0
    updated: int = 0
    failed: int = 0

    def is_good(self, most_failed_share: float) -> bool:
        """Whether it took the file but for a share of records that is tolerated."""
        return self.status not in IN_VAIN and self.failed <= most_failed_share * (self.created + self.updated + self.failed)

    def in_words(self) -> str:
        """The end on one line."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"the upload job ended {self.status}{reason}: {self.created:,} created, {self.updated:,} updated, {self.failed:,} failed"


def upload(domain: Domain, campaign: Campaign, name: str, data: bytes, *, most_failed_share: float) -> Upload:
    """Have a file imported under a name, going on with the job of that name where there is one; what failed before is begun anew.

    Raises Refused when it cannot be, RetryableError when a later run may go on, UserError for missing rights.
    """
    if len(data) >= MOST_BYTES:
        raise Refused(f"the upload file has {len(data):,} bytes; Customer Profiles takes less than {MOST_BYTES:,}")
    number, job = _newest(domain, name)
    if job is not None and job["Status"] in ENDED:
        ended = _upload(domain, job["JobId"])
        if ended.is_good(most_failed_share):
            return ended
        job = None
    if job is None:
        display_name = name if not number else f"{name} {number + 1}"
        made = domain.caller.call("CreateUploadJob", **upload_job_request(domain.name, campaign, display_name))
        job = {"JobId": made["JobId"], "Status": "CREATED"}
    if job["Status"] == "CREATED":
        _send(domain, job["JobId"], data)
    return _upload(domain, job["JobId"])


def _newest(domain: Domain, name: str) -> tuple[int, Mapping[str, Any] | None]:
    """(how many attempts there were, the job of the last) under a name; the second attempt is called ``<name> 2``."""
    found: tuple[int, Mapping[str, Any] | None] = (0, None)
    for job in domain.caller.pages("ListUploadJobs", "Items", DomainName=domain.name):
        named = re.fullmatch(rf"{re.escape(name)}(?: (\d+))?", job.get("DisplayName", ""))
        if named and int(named[1] or 1) >= found[0]:
            found = (int(named[1] or 1), job)
    return found


def _send(domain: Domain, job: str, data: bytes) -> None:
    place = domain.call("GetUploadJobPath", JobId=job)
    _put_file(domain, place["Url"], place.get("ClientToken", ""), data)
    try:
        domain.call("StartUploadJob", JobId=job)
    except Refused:
        # A start whose answer was lost is refused the second time.
        if domain.call("GetUploadJob", JobId=job)["Status"] == "CREATED":
            raise


def _put_file(domain: Domain, url: str, token: str, data: bytes) -> None:
    """PUT the file with the job's own key, as S3 wants it: the key as it came, and the MD5 of its bytes."""
    headers = {f"{HEADER}algorithm": "AES256", f"{HEADER}key": token, f"{HEADER}key-MD5": _digest(token)}
    words = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            domain.caller.poll.sleep(0.5 * 2 ** (attempt - 1))
        answer = called(domain.caller.hook, "customer-profiles.put_upload_file", lambda: _answer(url, headers, data))
        if not isinstance(answer, str) and answer.ok:
            return
        words = answer if isinstance(answer, str) else str(answer.status_code)
        if not isinstance(answer, str) and answer.status_code < 500 and answer.status_code not in (403, 408, 429):
            raise Refused(f"the upload's address refused the file: {words}")
        if words == "403":  # the address has run out, or so it says: the next run is given another
            break
    raise RetryableError(f"the upload's address did not take the file: {words}")


def _digest(token: str) -> str:
    try:
        key = base64.b64decode(token, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Refused(f"GetUploadJobPath gave no key of {KEY_BYTES * 8} bits")
    return base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()


def _answer(url: str, headers: Mapping[str, str], data: bytes) -> requests.Response | str:
    import requests

    try:
        return requests.put(url, data=data, headers=dict(headers), timeout=(10.0, PUT_SECONDS), allow_redirects=False)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"


def _upload(domain: Domain, job: str) -> Upload:
    """How a job that was started ends."""
    seen = domain.caller.until(lambda: domain.call("GetUploadJob", JobId=job), "Status", ENDED, "the upload job")
    counts = seen.get("ResultsSummary", {})
    numbers = (int(counts.get(name, 0)) for name in ("CreatedRecords", "UpdatedRecords", "FailedRecords"))
    return Upload(seen["Status"], seen.get("StatusReason", ""), *numbers)
