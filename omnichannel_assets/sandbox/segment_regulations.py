"""Segment's Public API as far as deletion goes: regulations that move on with every look, and really delete.

Belongs here: what a regulation does to what Segment keeps. Not here: messages as they arrive (`segment`), HTTP (`server`).
INITIALIZED, then RUNNING, then FINISHED, which deletes the subjects' messages and forgets their ids: what stays is a hash, by which messages
of a suppressed user are dropped from then on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import Reply
from omnichannel_assets.sandbox.inbox import replace
from omnichannel_assets.sandbox.segment import SegmentService, parsed

STATE = "segment_regulations.json"
FIELDS = {"USER_ID": "userId", "ANONYMOUS_ID": "anonymousId"}
KINDS = ("SUPPRESS_WITH_DELETE", "DELETE_ONLY", "SUPPRESS_ONLY")
ARCHIVE_ONLY = "DELETE_ARCHIVE_ONLY"
MOST_IDS = 5_000
NEXT = {"INITIALIZED": "RUNNING", "RUNNING": "FINISHED"}


class RegulationService:
    """The regulations of one workspace over what one source received."""

    def __init__(self, folder: Path, segment: SegmentService):
        self._file, self._segment = folder / STATE, segment
        kept = json.loads(self._file.read_text()) if self._file.exists() else {"regulations": {}, "suppressed": []}
        self._regulations: dict[str, dict[str, Any]] = kept["regulations"]
        self._suppressed: set[str] = set(kept["suppressed"])
        segment.is_suppressed = lambda event: bool(self._suppressed) and subject_hash("USER_ID", event.get("userId")) in self._suppressed

    def create(self, body: bytes, source: str | None, authorization: str) -> Reply:
        """One more regulation, for the workspace or for one source."""
        if not _is_bearer(authorization):
            return _error(401, "unauthorized")
        content = parsed(body) or {}
        kind, subject, ids = (content.get(name) for name in ("regulationType", "subjectType", "subjectIds"))
        is_of_archive = source is not None and kind == ARCHIVE_ONLY and subject in FIELDS
        if not is_of_archive and (kind not in KINDS or subject != "USER_ID"):
            return _error(422, "this regulationType does not go with this subjectType here")
        if not isinstance(ids, list) or not 0 < len(ids) <= MOST_IDS or not all(isinstance(one, str) and one for one in ids):
            return _error(422, f"subjectIds: a list of 1 to {MOST_IDS} texts")
        name = f"regulation-{len(self._regulations) + 1}"
        self._regulations[name] = {"status": "INITIALIZED", "regulationType": kind, "subjectType": subject, "subjectIds": ids}
        self._save()
        return Reply(200, {"data": {"regulateId": name}}, accepted=1)

    def status(self, name: str, authorization: str) -> Reply:
        """A regulation as it stands; every look moves it one state on."""
        if not _is_bearer(authorization):
            return _error(401, "unauthorized")
        regulation = self._regulations.get(name)
        if regulation is None:
            return _error(404, "no such regulation")
        if regulation["status"] in NEXT:
            regulation["status"] = NEXT[regulation["status"]]
            if regulation["status"] == "FINISHED":
                self._carry_out(regulation)
            self._save()
        told = {"id": name, "workspaceId": "sandbox", "overallStatus": regulation["status"], "streamStatus": []}
        return Reply(200, {"data": {"regulation": told}}, accepted=1)

    def _carry_out(self, regulation: dict[str, Any]) -> None:
        """Deletes first and then forgets whom: killed in between, it is done once more."""
        subject, ids = regulation["subjectType"], set(regulation["subjectIds"])
        hashes = sorted(subject_hash(subject, one) for one in ids)
        if regulation["regulationType"].startswith("SUPPRESS"):
            self._suppressed.update(hashes)
        if "DELETE" in regulation["regulationType"]:
            self._segment.forget(lambda event: event.get(FIELDS[subject]) in ids)
        del regulation["subjectIds"]
        regulation["subjectHashes"] = hashes

    def _save(self) -> None:
        replace(self._file, json.dumps({"regulations": self._regulations, "suppressed": sorted(self._suppressed)}).encode())


def subject_hash(subject_type: str, subject: object) -> str:
    """What is kept of a deleted subject."""
    return hashlib.blake2b(f"{subject_type}\0{subject}".encode("utf-8", "surrogatepass"), digest_size=16, person=b"sandbox subject").hexdigest()


def _is_bearer(authorization: str) -> bool:
    return authorization.startswith("Bearer ") and bool(authorization.removeprefix("Bearer ").strip())


def _error(status: int, message: str) -> Reply:
    body: Mapping[str, Any] = {"errors": [{"type": "bad-request", "message": message}]}
    return Reply(status, body, rejected=1)
