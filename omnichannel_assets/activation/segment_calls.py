"""One batch, one HTTP call after another until there is an answer: authorisation, retries, waiting, what a status means.

Belongs here: everything about a request but its content. Not here: what is in a batch and what becomes of its rows (`segment`).
The statuses, waits and counts are those of Segment's reference client.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omnichannel_assets.activation.calls import CallHook, called
from omnichannel_assets.activation.outcomes import State
from omnichannel_assets.errors import SettingError, UserError

if TYPE_CHECKING:
    import requests

RETRIED = {408, 410, 429, 460}
FINAL_SERVER_ERRORS = {501, 505}
REFUSED_CONTENT = {400, 413, 422}
LONGEST_WAIT = 300.0
LONGEST_RATE_LIMIT = 1_800.0
LONGEST_BACKOFF = 60.0
JITTER = 0.1


@dataclass(frozen=True)
class Answer:
    """What a batch came to."""

    state: State
    words: str = ""


class SegmentCalls:
    """Posts batches to one Segment source. The write key stays in here."""

    def __init__(
        self,
        url: str,
        write_key: str,
        *,
        hook: CallHook,
        timeout_seconds: float,
        max_attempts: int,
        sleep: Callable[[float], None],
        seed: int,
    ):
        import requests

        if not write_key.strip():
            raise SettingError("SEGMENT_WRITE_KEY", "", expected="the write key of a Segment source", fix="set it to the source's key", secret=True)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise UserError("Segment's address: expected http(s)://host without a user in it. Fix: use https://api.segment.io or the EU address.")
        self.shown_url = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self._batch_url = url.rstrip("/") + "/v1/batch"
        self._secrets = (write_key, base64.b64encode(f"{write_key}:".encode()).decode())
        self._hook, self._timeout, self._max_attempts, self._sleep = hook, timeout_seconds, max_attempts, sleep
        self._random = random.Random(seed)
        self._session = requests.Session()
        self._session.auth = (write_key.encode(), b"")
        self._session.headers["Content-Type"] = "application/json"

    def __repr__(self) -> str:
        return f"SegmentCalls({self.shown_url!r})"

    def post_batch(self, body: bytes) -> Answer:
        """Sends the same bytes until they are taken, refused, or the attempts are used up.

        Waiting for a rate limit is no attempt; it is bounded by its own total.
        """
        attempts, rate_limited, tries = 0, 0.0, 0
        while True:
            status, words, wait = self._try(body, tries)
            tries += 1
            if 200 <= status < 300:
                return Answer("loaded")
            if status in REFUSED_CONTENT:
                return Answer("rejected", f"{status}: {words}")
            self._raise_for_settings(status, words)
            if status in FINAL_SERVER_ERRORS:
                return Answer("failed", f"{status}: {words}")
            if wait is not None:
                rate_limited += wait
                if rate_limited > LONGEST_RATE_LIMIT:
                    return Answer("failed", f"{status}: still limiting the rate after {LONGEST_RATE_LIMIT:.0f} s of waiting")
                self._sleep(wait)
                continue
            attempts += 1
            if attempts >= self._max_attempts:
                return Answer("failed", f"{status or 'no answer'}: {words} (after {attempts} attempts)")
            self._sleep(self._backoff(attempts))

    def _try(self, body: bytes, tries: int) -> tuple[int, str, float | None]:
        """Status (0 without an answer), the destination's words, and how long it asks to wait."""
        import requests

        headers = {"X-Retry-Count": str(tries)} if tries else {}

        def post() -> requests.Response | str:
            try:
                return self._session.post(self._batch_url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False)
            except requests.Timeout:
                return f"no answer within {self._timeout} s"
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
                return f"connection lost ({type(error).__name__})"

        answer = called(self._hook, "segment.batch", post)
        if isinstance(answer, str):
            return 0, answer, None
        return answer.status_code, self._words(answer), _asked_wait(answer)

    def _backoff(self, attempts: int) -> float:
        """0, 0.5, 1, 2 ... seconds with up to a tenth more, so that clients do not return together."""
        base = 0.0 if attempts == 1 else min(LONGEST_BACKOFF, 0.5 * 2 ** (attempts - 2))
        return base * (1 + JITTER * self._random.random())

    def _raise_for_settings(self, status: int, words: str) -> None:
        if status in (401, 403):
            raise UserError(f"SEGMENT_WRITE_KEY: {self.shown_url} refused it ({status}). Fix: use the write key of the source that shall receive the data.")
        if 0 < status < 500 and status not in RETRIED:
            raise UserError(f"Segment's address {self.shown_url} answered {status} to /v1/batch: {words or 'no words'}. Fix: check the address and region.")

    def _words(self, answer: requests.Response) -> str:
        """What the destination says, short, without our key should it repeat it."""
        words = " ".join(answer.text[:2_000].split()) or (answer.reason or "")
        for secret in self._secrets:
            words = words.replace(secret, "(not shown)")
        return words[:200]


def _asked_wait(answer: requests.Response) -> float | None:
    """The wait an answer asks for, at most `LONGEST_WAIT`; None where it asks for none that lies ahead.

    A date is measured against the answer's own Date, so that our clock does not matter.
    """
    if answer.status_code not in RETRIED and answer.status_code < 500:
        return None
    text = answer.headers.get("Retry-After") or answer.headers.get("X-RateLimit-Reset") or ""
    if text.isascii() and text.strip().isdigit():
        seconds = float(text)
    else:
        try:
            seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("Date", ""))).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None
