"""Deletion requests: whom a channel is asked to forget, how a request is told from another, and the file for Pinpoint, whose service has ended.

Belongs here: what is queued and what it becomes, as values. Not here: the calls (`segment_regulations`, `personalize_deletion`,
`connect_deletion`), storage.
A subject is kept in the clear only while somebody still has to be told; afterwards a hash keyed by a secret stands for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from omnichannel_assets.activation.validation import validate

State = Literal["pending", "done", "failed", "not_needed"]
Reason = Literal["erasure", "removed"]
SUBJECT_TYPES = ("user_id", "anonymous_id", "customer_id")
SUBJECTS = {
    "segment": ("user_id", "anonymous_id"),
    "personalize": ("customer_id",),
    "connect": ("customer_id",),
    "pinpoint": ("customer_id",),
}
"""Channel -> the ids it knows people by. Where a customer's id ended, Segment is told by its streams: its keys outlive our ids."""
OPEN = ("pending", "failed")


@dataclass(frozen=True)
class DeletionRequest:
    """One subject one channel shall forget. The fields are the columns of ``deletion_requests``."""

    request_id: str
    channel: str
    subject_type: str
    subject: str | None
    subject_hash: str
    reason: Reason
    state: State
    words: str | None
    job: str | None
    requested_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether there is something left to do."""
        return self.state in OPEN

    def settled(self, state: State, words: str = "") -> DeletionRequest:
        """The request as it ended, or as it waits; what is finished lets go of its subject."""
        subject = self.subject if state in OPEN else None
        return replace(self, state=state, words=words or None, job=None, subject=subject)


def subject_hash(subject_type: str, subject: str, key: bytes) -> str:
    """What stands for a subject that is gone: 32 hex digits that nobody without the key (1 to 64 bytes) can try ids against."""
    return hashlib.blake2b(f"{subject_type}\0{subject}".encode(), digest_size=16, key=key, person=b"deleted subject").hexdigest()


def queued(known: Iterable[DeletionRequest], rows: Iterable[Mapping[str, Any]], key: bytes, now: datetime) -> list[DeletionRequest]:
    """The requests that some rows (channel, subject_type, subject, reason) add or change.

    What is open already, or was erased, is not queued twice; an open removal becomes an erasure. An id that came back after its removal and
    ended again is a request of its own. A row may bring its own request_id, subject_hash and requested_at; then the request_id alone tells
    whether it is there already. Raises ValueError for a row that is no request.
    """
    known = list(known)
    ids = {request.request_id for request in known}
    by_subject: dict[tuple[str, str, str], list[DeletionRequest]] = {}
    for request in known:
        by_subject.setdefault((request.channel, request.subject_type, request.subject_hash), []).append(request)
    changed: dict[str, DeletionRequest] = {}
    for row in rows:
        request = _request(row, key, now)
        if request.request_id:
            changed |= {} if request.request_id in ids else {request.request_id: request}
            continue
        earlier = by_subject.setdefault((request.channel, request.subject_type, request.subject_hash), [])
        waiting = next((one for one in earlier if one.is_open), None)
        if waiting is not None:
            if request.reason == "erasure" and waiting.reason != "erasure":
                changed[waiting.request_id] = replace(waiting, reason="erasure")
            continue
        if any(one.reason == "erasure" for one in earlier):
            continue
        request = replace(request, request_id=_request_id(request, len(earlier)))
        earlier.append(request)
        changed[request.request_id] = request
    return list(changed.values())


def _request(row: Mapping[str, Any], key: bytes, now: datetime) -> DeletionRequest:
    channel, kind, subject, reason = (row.get(name) for name in ("channel", "subject_type", "subject", "reason"))
    base = str(channel).removesuffix("_live")
    if base not in SUBJECTS or kind not in SUBJECT_TYPES or reason not in ("erasure", "removed") or not subject:
        raise ValueError(f"a deletion needs a channel of {', '.join(SUBJECTS)}, a subject_type of {', '.join(SUBJECT_TYPES)}, a subject and a reason")
    own_id, at = str(row.get("request_id") or ""), row.get("requested_at") or now
    hashed = row.get("subject_hash") or subject_hash(kind, str(subject), key)
    request = DeletionRequest(own_id, str(channel), kind, str(subject), hashed, reason, "pending", None, None, at)
    if kind not in SUBJECTS[base]:
        return request.settled("not_needed", f"{base} knows nobody by {kind}")
    return request


def _request_id(request: DeletionRequest, place: int) -> str:
    text = "\0".join((request.channel, request.subject_type, request.subject_hash, str(place)))
    return "d_" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def name_of(requests: Sequence[DeletionRequest]) -> str:
    """A name for some requests together: the same for the same ones, so that a job or file of theirs is found again after a crash."""
    text = "\0".join(sorted(request.request_id for request in requests))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def pinpoint_requests(customer_ids: Iterable[str], application_id: str) -> bytes:
    """A file of DeleteEndpoint requests, one an endpoint as the endpoint file names it. Raises InvalidRequest when the service's model refuses one."""
    found = [{"ApplicationId": application_id, "EndpointId": f"email-{customer_id}"} for customer_id in sorted(customer_ids)]
    for request in found:
        validate("pinpoint", "DeleteEndpoint", request)
    return json.dumps(found, indent=1, sort_keys=True).encode()
