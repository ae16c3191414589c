"""Asking Amazon Personalize while a page waits: a short time-out, a pause after a failure, and never an error for the page.

Here: the interface the service needs, its form over boto3, and the guard around it. Not here: importing data and sending events (``activation``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLongError
from typing import Any, Protocol

from omnichannel_assets.activation.personalize import recommendations
from omnichannel_assets.resources.channels import aws_of
from omnichannel_assets.settings import Settings

log = logging.getLogger("omnichannel_assets")

MOST_RESULTS = 500
WAIT_SECONDS = 1.0
PAUSE_SECONDS = 5.0
CALLS_AT_ONCE = 10
"""As many as boto3 keeps connections for."""


class Personalize(Protocol):
    """What the service asks Personalize."""

    def recommendations(self, user_id: str | None, item_id: str | None, limit: int) -> tuple[Sequence[str], str]:
        """Item ids, best first, and the recommendation id. ``user_id`` is our customer_id. Whatever it raises counts as no
        answer, and so does a second without one."""
        ...


class PersonalizeRuntime:
    """A campaign or recommender over boto3. One try: a page does not wait for a second."""

    def __init__(self, arn: str, client: Any):
        self.arn, self.client = arn, client

    def recommendations(self, user_id: str | None, item_id: str | None, limit: int) -> tuple[Sequence[str], str]:
        return recommendations(self.client, self.arn, user_id, item_id, min(limit, MOST_RESULTS))


def personalize_of(settings: Settings) -> Personalize | None:
    """Personalize as the settings name it; None when they name none, or when nothing may leave the house for it.

    It is asked in ``live`` mode with ``personalize`` among LIVE_CHANNELS, and in ``sandbox`` mode at SANDBOX_URL.
    """
    is_live = settings.delivery_mode == "live" and "personalize" in settings.live_channels
    is_sandbox = settings.delivery_mode == "sandbox" and settings.sandbox_url
    if not settings.personalize_recommender_arn or not (is_live or is_sandbox):
        return None
    client = aws_of(settings, "personalize-runtime", None if is_live else settings.sandbox_url, attempts=1, read_seconds=WAIT_SECONDS)
    return PersonalizeRuntime(settings.personalize_recommender_arn, client)


class GuardedPersonalize:
    """Personalize behind a time-out. After a failure it is left alone for a few seconds, so that an outage does not slow every page down."""

    def __init__(self, personalize: Personalize, *, wait_seconds: float = WAIT_SECONDS, pause_seconds: float = PAUSE_SECONDS):
        self.personalize, self.wait_seconds, self.pause_seconds = personalize, wait_seconds, pause_seconds
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="personalize")
        self._free = threading.BoundedSemaphore(CALLS_AT_ONCE)
        self._silent_until = float("-inf")

    def ask(self, user_id: str | None, item_id: str | None, limit: int) -> tuple[list[str], str] | None:
        """Item ids and recommendation id, or None: no answer in time, or none was asked for because the last one failed."""
        if time.monotonic() < self._silent_until or not self._free.acquire(blocking=False):
            return None
        asked: Future[tuple[Sequence[str], str]] = self._threads.submit(
            self.personalize.recommendations, user_id, item_id, min(limit, MOST_RESULTS)
        )
        asked.add_done_callback(lambda _: self._free.release())
        error = self._error_of(asked)
        if error is not None:
            self._silent_until = time.monotonic() + self.pause_seconds
            log.warning("Personalize did not answer (%s); the lake's lists do for %g s", type(error).__name__, self.pause_seconds)
            return None
        item_ids, recommendation_id = asked.result()
        return list(item_ids), recommendation_id

    def _error_of(self, asked: Future[Any]) -> BaseException | None:
        try:
            return asked.exception(timeout=self.wait_seconds)
        except WaitedTooLongError as error:
            return error
