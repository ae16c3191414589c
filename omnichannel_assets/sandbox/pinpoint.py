"""Pinpoint in the sandbox, as it was until 30 October 2026: import jobs of endpoint files, and the endpoints they left.

Belongs here: the job's states, one further at each look, and the checks of a file's lines. Not here: campaigns, journeys, messages.
Any project id of 32 hex digits is there. What the service wrote into ``Failures`` is not known to the letter; the sandbox names line, endpoint and why.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.import_files import ImportFailure, files_at
from omnichannel_assets.sandbox.inbox import append, forget, lines, mend, replace

FILE = "pinpoint_state.json"
STATES = ("CREATED", "PREPARING_FOR_INITIALIZATION", "INITIALIZING", "PROCESSING", "COMPLETING", "COMPLETED")
CREATED_AT = "2026-01-01T00:00:00.000Z"
MOST_JOBS, MOST_BYTES, MOST_FAILURES = 2, 1_000_000_000, 100
NAME_CHARACTERS, VALUE_CHARACTERS = 50, 100
ENDED = ("COMPLETED", "FAILED")
PLAIN = {"ChannelType", "Address", "Id", "User.UserId", "OptOut", "RequestId", "EffectiveDate"}
GROUPS = ("User.UserAttributes.", "Attributes.", "Metrics.", "Location.", "Demographic.")
Params = Mapping[str, Any]


class PinpointService:
    """Answers ``pinpoint``, given parameters its model has accepted."""

    def __init__(self, folder: Path):
        self.folder, self._file = folder, folder / FILE
        self.jobs: dict[str, dict[str, Any]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.endpoints_file, self.refused_file = folder / "pinpoint.jsonl", folder / "pinpoint_rejected.jsonl"
        for path in (self.endpoints_file, self.refused_file):
            mend(path)
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateImportJob": self._create,
            "GetImportJob": self._look,
            "GetImportJobs": self._list,
            "DeleteEndpoint": self._delete,
        }

    def _save(self) -> None:
        replace(self._file, json.dumps(self.jobs).encode())

    def _create(self, params: Params) -> dict[str, Any]:
        application, wanted = params["ApplicationId"], params["ImportJobRequest"]
        _check_application(application)
        if wanted["Format"] != "CSV":
            raise ServiceError("BadRequestException", "the sandbox imports CSV")
        if wanted.get("DefineSegment") and not (wanted.get("SegmentName") or wanted.get("SegmentId")):
            raise ServiceError("BadRequestException", "SegmentName: needed to define a segment")
        if sum(job["JobStatus"] not in ENDED for job in self.jobs.values()) >= MOST_JOBS:
            raise ServiceError("TooManyRequestsException", f"at most {MOST_JOBS} import jobs at a time", 429)
        made = hashlib.blake2b(f"{application}\0{len(self.jobs)}".encode(), digest_size=16).hexdigest()
        self.jobs[made] = {
            "ApplicationId": application, "Id": made, "JobStatus": STATES[0], "CreationDate": CREATED_AT, "Type": "IMPORT", "Definition": dict(wanted),
        }
        self._save()
        return {"ImportJobResponse": self.jobs[made]}

    def _look(self, params: Params) -> dict[str, Any]:
        job = self.jobs.get(params["JobId"])
        if job is None or job["ApplicationId"] != params["ApplicationId"]:
            raise ServiceError("NotFoundException", "no such import job", 404)
        told = dict(job)
        if job["JobStatus"] == "FAILING":
            job["JobStatus"] = "FAILED"
        elif job["JobStatus"] not in ENDED:
            if job["JobStatus"] == "PROCESSING":
                self._run(job)
            if job["JobStatus"] != "FAILING":
                job["JobStatus"] = STATES[STATES.index(job["JobStatus"]) + 1]
        if job["JobStatus"] in ENDED:
            job.setdefault("CompletionDate", CREATED_AT)
        self._save()
        return {"ImportJobResponse": told}

    def _run(self, job: dict[str, Any]) -> None:
        try:
            found = files_at(self.folder, job["Definition"]["S3Url"])
            good, failed = _read(found)
        except (ImportFailure, ValueError, csv.Error) as error:
            job |= {"JobStatus": "FAILING", "TotalPieces": 1, "CompletedPieces": 0, "FailedPieces": 1, "Failures": [str(error)]}
            append(self.refused_file, [{"why": str(error), "message": {"job": job["Id"]}}])
            return
        segment = job["Definition"].get("SegmentName")
        known = {_identity(record): record["endpoint"] for record in lines(self.endpoints_file)}
        records = [{"application": job["ApplicationId"], "segment": segment, "endpoint": endpoint} for endpoint in good]
        append(self.endpoints_file, [{**record, "is_duplicate": known.get(_identity(record)) == record["endpoint"]} for record in records])
        append(self.refused_file, [{"why": why, "message": {"job": job["Id"]}} for why in failed])
        pieces = {"TotalPieces": len(found), "CompletedPieces": len(found), "FailedPieces": 0}
        job |= {**pieces, "TotalProcessed": len(good) + len(failed), "TotalFailures": len(failed), "Failures": failed[:MOST_FAILURES]}

    def _list(self, params: Params) -> dict[str, Any]:
        found = [job for job in self.jobs.values() if job["ApplicationId"] == params["ApplicationId"]]
        start, size = int(params.get("Token") or 0), int(params.get("PageSize") or 50)
        more = {"NextToken": str(start + size)} if start + size < len(found) else {}
        return {"ImportJobsResponse": {"Item": found[start : start + size], **more}}

    def _delete(self, params: Params) -> dict[str, Any]:
        wanted = (params["ApplicationId"], params["EndpointId"])
        if not forget(self.endpoints_file, lambda record: (record["application"], record["endpoint"]["Id"]) == wanted):
            raise ServiceError("NotFoundException", "no such endpoint", 404)
        return {"EndpointResponse": {"ApplicationId": wanted[0], "Id": wanted[1]}}


def _identity(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return record["application"], record["segment"] or "", record["endpoint"]["Id"]


def _check_application(application: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{32}", application):
        raise ServiceError("NotFoundException", "no such project", 404)


def _read(paths: list[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """(endpoints, words for the lines that are none). Raises ValueError when a file cannot be read at all."""
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    good, failed = [], []
    for path in paths:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True))
        header = rows[0] if rows else []
        wrong = [name for name in header if name not in PLAIN and not name.startswith(GROUPS)]
        if wrong or not {"ChannelType", "Address"} <= set(header):
            raise ValueError(f"{path.name}: the header has no ChannelType and Address, or columns that are none of Pinpoint's")
        for line, row in enumerate(rows[1:], start=2):
            endpoint = _endpoint(header, row)
            why = _wrong(endpoint) if len(row) == len(header) else "another number of fields than the header"
            if why:
                failed.append(f"{path.name}, line {line}, endpoint {endpoint['Id']}: {why}")
            else:
                good.append(endpoint)
    return good, failed


def _endpoint(header: list[str], row: list[str]) -> dict[str, Any]:
    """A line as an endpoint; a repeated column makes a list of its values."""
    found: dict[str, Any] = {"Id": ""}
    for name, value in zip(header, row, strict=False):
        if name.startswith(("User.UserAttributes.", "Attributes.")):
            found.setdefault(name, [])
            found[name] += [value] if value else []
        else:
            found[name] = value
    return found


def _wrong(endpoint: Mapping[str, Any]) -> str:
    """The first thing wrong with an endpoint, in words; empty when nothing is."""
    if not endpoint.get("Address") or not endpoint.get("ChannelType"):
        return "no Address or ChannelType"
    if endpoint["ChannelType"] == "EMAIL" and not re.fullmatch(r"[^\s@]+@[^\s@]+", endpoint["Address"]):
        return "Address is no e-mail address"
    if endpoint["ChannelType"] == "SMS" and not re.fullmatch(r"\+[1-9]\d{1,14}", endpoint["Address"]):
        return "Address is no phone number with +"
    if not re.fullmatch(r"([A-Z]{2})?", endpoint.get("Location.Country", "")):
        return "Location.Country is no code of two letters"
    if endpoint.get("OptOut", "") not in ("", "ALL", "NONE"):
        return "OptOut is neither ALL nor NONE"
    for name, values in endpoint.items():
        if isinstance(values, list) and (len(name.rsplit(".", 1)[1]) > NAME_CHARACTERS or any(len(value) > VALUE_CHARACTERS for value in values)):
            return f"{name}: a name of more than {NAME_CHARACTERS} or a value of more than {VALUE_CHARACTERS} characters"
    return ""
