"""Upload jobs of Customer Profiles in the sandbox: the job, the address its file is put at, and what becomes of the file's rows.

Belongs here: CREATED, IN_PROGRESS, then SUCCEEDED, PARTIALLY_SUCCEEDED or FAILED; each look at a started job moves it on. Not here: HTTP.
The file is encrypted by a key the job hands out: who puts it names algorithm, key and the key's MD5, as S3 asks.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import Reply, ServiceError
from omnichannel_assets.sandbox.connect_state import FIRST_INSTANT, ConnectState, Resource, paged
from omnichannel_assets.sandbox.inbox import append, replace

MOST_BYTES = 1_000_000_000
HEADER = "x-amz-server-side-encryption-customer-"
PATH = "/upload/"
"""Where the sandbox takes files, in place of a bucket."""
STARTED = "STARTED"
"""A job that was started and not looked at yet; who looks is told IN_PROGRESS."""
Params = Mapping[str, Any]


class UploadOperations:
    """Answers the operations on upload jobs."""

    def __init__(self, state: ConnectState):
        self.state, self.base_url = state, ""
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateUploadJob": self._create,
            "GetUploadJobPath": self._path,
            "StartUploadJob": self._start,
            "GetUploadJob": self._look,
            "ListUploadJobs": self._list,
        }

    def _create(self, params: Params) -> dict[str, Any]:
        self.state.find("domain", params["DomainName"])
        if params["UniqueKey"] not in params["Fields"]:
            raise ServiceError("BadRequestException", f"UniqueKey: no field {params['UniqueKey']}")
        job = hashlib.blake2b(f"{params['DomainName']}\0{params['DisplayName']}\0{self.state.made}".encode(), digest_size=16).hexdigest()
        self.state.put("upload job", params["DomainName"], job, **{**params, "JobId": job, "Status": "CREATED", "DataExpiry": params.get("DataExpiry", 14)})
        return {"JobId": job}

    def _job(self, params: Params) -> Resource:
        return self.state.find("upload job", params["DomainName"], params["JobId"])

    def _path(self, params: Params) -> dict[str, Any]:
        job = self._job(params)
        if job["Status"] != "CREATED":
            raise ServiceError("BadRequestException", f"the job is {job['Status']}, not CREATED")
        url = f"{self.base_url}{PATH}{params['DomainName']}/{job['JobId']}?X-Amz-Signature={_signature(job['JobId'])}"
        return {"Url": url, "ClientToken": base64.b64encode(_key(job["JobId"])).decode(), "ValidUntil": FIRST_INSTANT}

    def take_file(self, domain: str, job: str, signature: str, headers: Mapping[str, str], data: bytes) -> Reply:
        """The PUT of a file: 403 for an address that is not ours or another key, 400 for headers that do not fit, as S3 answers."""
        if not self.state.has("upload job", domain, job) or signature != _signature(job):
            return Reply(403, {"message": "SignatureDoesNotMatch"}, rejected=1)
        key, digest = headers.get(f"{HEADER}key", ""), headers.get(f"{HEADER}key-md5", "")
        try:
            given = base64.b64decode(key, validate=True)
        except ValueError:
            given = b""
        if headers.get(f"{HEADER}algorithm") != "AES256" or len(given) != 32 or base64.b64encode(hashlib.md5(given, usedforsecurity=False).digest()).decode() != digest:
            return Reply(400, {"message": "InvalidArgument: the encryption headers"}, rejected=1)
        if given != _key(job):
            return Reply(403, {"message": "AccessDenied"}, rejected=1)
        if len(data) >= MOST_BYTES:
            return Reply(400, {"message": "EntityTooLarge"}, rejected=1)
        replace(self.state.upload_file(job), data)
        return Reply(200, accepted=1)

    def _start(self, params: Params) -> dict[str, Any]:
        job = self._job(params)
        if job["Status"] != "CREATED":
            raise ServiceError("BadRequestException", f"the job is {job['Status']}, not CREATED")
        if not self.state.upload_file(job["JobId"]).is_file():
            raise ServiceError("BadRequestException", "no file was uploaded")
        job["Status"] = STARTED
        self.state.save()
        return {}

    def _look(self, params: Params) -> dict[str, Any]:
        job = self._job(params)
        if job["Status"] == STARTED:
            job["Status"] = "IN_PROGRESS"
            self.state.save()
        elif job["Status"] == "IN_PROGRESS":
            self._run(params["DomainName"], job)
            self.state.save()
            self.state.upload_file(job["JobId"]).unlink(missing_ok=True)
        return {name: value for name, value in job.items() if name != "DomainName"}

    def _run(self, domain: str, job: Resource) -> None:
        try:
            rows = _rows(self.state.upload_file(job["JobId"]).read_bytes(), {field.get("Source", name).removeprefix("_source.") for name, field in job["Fields"].items()})
        except ValueError as error:
            job |= {"Status": "FAILED", "StatusReason": "VALIDATION_FAILURE", "CompletedAt": FIRST_INSTANT}
            append(self.state.refused_file, [{"why": str(error), "message": {"job": job["DisplayName"]}}])
            return
        objects, failed = self._checked(job, rows)
        created, updated = self.state.put_objects(domain, "upload", objects)
        append(self.state.refused_file, [{"why": why, "message": {"job": job["DisplayName"], "line": line}} for line, why in failed.items()])
        status = "SUCCEEDED" if not failed else "PARTIALLY_SUCCEEDED" if objects else "FAILED"
        summary = {"UpdatedRecords": updated, "CreatedRecords": created, "FailedRecords": len(failed)}
        job |= {"Status": status, "ResultsSummary": summary, "CompletedAt": FIRST_INSTANT}

    def _checked(self, job: Resource, rows: list[dict[str, str]]) -> tuple[dict[str, dict[str, str]], dict[int, str]]:
        """(key -> fields, line -> why it failed). Of one key the last row counts."""
        from omnichannel_assets.sandbox.connect_profiles import profile_fields  # it imports this module

        objects: dict[str, dict[str, str]] = {}
        failed: dict[int, str] = {}
        for line, row in enumerate(rows, start=2):
            key = row.get(job["UniqueKey"]) or ""
            try:
                if not key or key in job.get("FailOnDemand", ()):
                    raise ServiceError("BadRequestException", "failing on demand" if key else f"{job['UniqueKey']}: empty")
                objects[key] = profile_fields(job["Fields"], row)
            except ServiceError as error:
                failed[line] = str(error)
        return objects, failed

    def _list(self, params: Params) -> dict[str, Any]:
        self.state.find("domain", params["DomainName"])
        names = ("JobId", "DisplayName", "Status", "StatusReason", "CreatedAt", "CompletedAt", "DataExpiry")
        jobs = [{name: job[name] for name in names if name in job} for job in self.state.all("upload job", params["DomainName"])]
        shown = [{**job, "Status": "IN_PROGRESS" if job["Status"] == STARTED else job["Status"]} for job in jobs]
        page, token = paged(shown, params)
        return {"Items": page, **({"NextToken": token} if token else {})}

    def keys_in_file(self, job: str) -> list[str]:
        """The first field of every line of a job's file, for faults that name rows."""
        path = self.state.upload_file(job)
        return [line.partition(",")[0] for line in path.read_text(errors="replace").splitlines()] if path.is_file() else []

    def fail_rows(self, params: Params, keys: Mapping[str, int]) -> None:
        """Has named rows of a job's file fail on demand when it is read."""
        if keys and self.state.has("upload job", params["DomainName"], params["JobId"]):
            self._job(params)["FailOnDemand"] = sorted(keys)
            self.state.save()


def _rows(data: bytes, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a file. Raises ValueError with words when it is no CSV with the job's columns."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        missing = columns - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(f"no CSV: {error}") from error
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a line has another number of fields than the header")
    return rows


def _key(job: str) -> bytes:
    """The data key of a job: the same in every run, 256 bits."""
    return hashlib.sha256(f"sandbox data key/{job}".encode()).digest()


def _signature(job: str) -> str:
    return hashlib.sha256(f"sandbox address/{job}".encode()).hexdigest()
