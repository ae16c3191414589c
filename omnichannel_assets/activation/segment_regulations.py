"""Deletion at Segment: regulations of its Public API, made and looked at.

Belongs here: the two calls, their retries, what a status means. Not here: who is deleted, when to look again (``assets/deletions``).
A regulation deletes by user id and suppresses it: what is sent for it later is dropped. Anonymous ids can be cleaned out of one source's
archive only, and not in every workspace; Segment keeps their events otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.calls import CallHook, called, no_hook
from omnichannel_assets.errors import RetryableError, UserError

if TYPE_CHECKING:
    import requests

IDS_PER_CALL = 5_000
KINDS = {"user_id": ("SUPPRESS_WITH_DELETE", "USER_ID"), "anonymous_id": ("DELETE_ARCHIVE_ONLY", "ANONYMOUS_ID")}
"""Our subject type -> regulation type and subject type there."""
RUNNING = ("INITIALIZED", "RUNNING")
FINISHED = "FINISHED"
ATTEMPTS = 4
TIMEOUT_SECONDS = 10.0
RETRIED = {408, 429}


class SegmentRegulations:
    """A client of the Public API. Nothing it raises, returns or prints holds the token or a subject."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        source_id: str = "",
        hook: CallHook = no_hook,
        sleep: Callable[[float], None] = time.sleep,
    ):
        import requests

        self.url, self.source_id = url.rstrip("/"), source_id
        self._hook, self._sleep = hook, sleep
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/vnd.segment.v1+json"})

    def __repr__(self) -> str:
        return f"SegmentRegulations({self.url!r})"

    def create(self, subject_type: str, ids: Sequence[str]) -> str:
        """Ask for the deletion of up to `IDS_PER_CALL` ids; returns the regulation's id. Asked twice it deletes twice, which changes nothing.

        Raises Refused when Segment will not, RetryableError when it may later, UserError when the token is refused.
        """
        kind, subject = KINDS[subject_type]
        if subject_type == "anonymous_id" and not self.source_id:
            raise Refused("Segment deletes by user id only, unless SEGMENT_SOURCE_ID names a source whose archive may be cleaned of anonymous ids")
        path = "/regulations" if subject_type == "user_id" else f"/regulations/sources/{self.source_id}"
        answer = self._asked("create_regulation", "POST", path, {"regulationType": kind, "subjectType": subject, "subjectIds": list(ids)})
        return str(_part(answer, "regulateId"))

    def status(self, regulation: str) -> str:
        """What a regulation has come to: one of `RUNNING`, `FINISHED`, or how it ended otherwise. Raises as `create`."""
        return str(_part(_part(self._asked("get_regulation", "GET", f"/regulations/{regulation}"), "regulation"), "overallStatus"))

    def _asked(self, operation: str, method: str, path: str, body: Any = None) -> Any:
        words = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(0.5 * 2 ** (attempt - 1))
            answer = called(self._hook, f"segment-public-api.{operation}", lambda: self._sent(method, path, body))
            if isinstance(answer, str):
                words = answer
                continue
            if answer.ok:
                return _data(answer)
            words = f"{operation}: {answer.status_code}"
            if answer.status_code in (401, 403):
                raise UserError(f"SEGMENT_PUBLIC_API_TOKEN: {self.url} refused it ({answer.status_code}). Fix: set a token that may delete users.")
            if answer.status_code < 500 and answer.status_code not in RETRIED:
                raise Refused(words)
        raise RetryableError(f"{words} (after {ATTEMPTS} attempts)")

    def _sent(self, method: str, path: str, body: Any) -> requests.Response | str:
        import requests

        try:
            return self._session.request(method, self.url + path, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            return f"Segment's Public API: no answer ({type(error).__name__})"


def _data(answer: requests.Response) -> Any:
    try:
        return _part(answer.json(), "data")
    except ValueError as error:
        raise Refused("Segment's Public API answered with something that is not JSON. Fix: check SEGMENT_PUBLIC_API_URL") from error


def _part(answer: Any, name: str) -> Any:
    found = answer.get(name) if isinstance(answer, dict) else None
    if found is None:
        raise Refused(f"Segment's Public API answered without {name}: check SEGMENT_PUBLIC_API_URL")
    return found


Ended = Literal["done", "failed", "pending"]


def ended(status: str) -> Ended:
    """What a status means to a request: only ``FINISHED`` is an end that everything is deleted at."""
    return "done" if status == FINISHED else "pending" if status in RUNNING else "failed"
