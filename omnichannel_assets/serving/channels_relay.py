"""Where the shop's events and lists go: Personalize's event tracker and Segment's tracking API, in the sandbox or live.

Here: the relay over the channels' clients. Not here: which events are relayed (``relay``), the clients themselves (``activation``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omnichannel_assets.errors import RetryableError
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets.lake.tables_erasure import ERASURES
from omnichannel_assets.resources.channels import aws_of, is_reachable, segment_of
from omnichannel_assets.resources.erased import suppression_of
from omnichannel_assets.resources.workspace import DEFAULT_DMS_TABLES, Workspace
from omnichannel_assets.serving.relay import Call

if TYPE_CHECKING:
    from omnichannel_assets.activation.outcomes import Outcome
    from omnichannel_assets.activation.segment import SegmentClient
    from omnichannel_assets.erasure.suppression import Suppression

log = logging.getLogger("omnichannel_assets")

CALL_SECONDS, CALL_ATTEMPTS = 1.5, 2
"""Segment waits five seconds for its webhook's answer: what does not work at once is delivered again by Segment itself."""


class ChannelsRelay:
    """Events to Personalize and lists back to Segment. A person whom the shop has deleted, or who was erased here, is sent to neither.

    ``sandbox_url`` None means the real services.
    """

    def __init__(self, workspace: Workspace, sandbox_url: str | None):
        self.workspace, self.sandbox_url = workspace, sandbox_url
        self._erased: tuple[Any, frozenset[str]] = (None, frozenset())
        self._list: tuple[str, Suppression | None] = ("", None)

    def put_event(self, call: Call, customer_id: str | None) -> None:
        """One track call to Personalize. Raises RetryableError when it may work later; a refusal is logged without the call's values."""
        from omnichannel_assets.activation.personalize import put_event

        if customer_id in self._deleted() or self._is_on_the_list(call.get("userId"), call.get("anonymousId")):
            return
        self._settle("personalize", put_event(self._events, self._tracking_id, call, user_id=customer_id))

    def send_trait(self, *, customer_id: str | None, user_id: str | None, anonymous_id: str | None, trait: str, value: Sequence[str], message_id: str) -> None:
        """One trait to Segment. Raises RetryableError when it may work later."""
        from omnichannel_assets.activation.segment import identify

        if customer_id in self._deleted() or self._is_on_the_list(user_id, anonymous_id):
            return
        now = datetime.now(UTC)  # wall-clock: when the list was made
        who = {"user_id": user_id} if user_id else {"anonymous_id": anonymous_id}
        self._settle("segment", self._segment.send([identify(**who, traits={trait: list(value)}, message_id=message_id, timestamp=now)]))

    def _settle(self, channel: str, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.state == "rejected":
                log.warning("%s refused an event of the shop: %s", channel, outcome.words)
        if any(outcome.state == "failed" for outcome in outcomes):
            raise RetryableError(f"{channel} did not answer")

    @cached_property
    def _segment(self) -> SegmentClient:
        return segment_of(self.workspace.settings, self.sandbox_url, timeout_seconds=CALL_SECONDS, max_attempts=CALL_ATTEMPTS)

    @cached_property
    def _events(self) -> Any:
        return self._aws("personalize-events")

    @cached_property
    def _tracking_id(self) -> str:
        from omnichannel_assets.activation.personalize import tracking_id

        settings = self.workspace.settings
        found = settings.personalize_tracking_id or tracking_id(self._aws("personalize"), settings.personalize_group)
        if not found:
            raise RetryableError("Personalize has no event tracker: a delivery makes it when PERSONALIZE_CREATE lists event_tracker")
        return found

    def _aws(self, service: str) -> Any:
        return aws_of(self.workspace.settings, service, self.sandbox_url, attempts=CALL_ATTEMPTS, read_seconds=CALL_SECONDS)

    def _is_on_the_list(self, user_id: Any, anonymous_id: Any) -> bool:
        """Whether this is an erased person: by login, or on a device of theirs without another login."""
        manifest = self.workspace.lake.manifest(ERASURES.name)
        state = manifest.sha256 if manifest else ""
        if self._list[0] != state:
            self._list = (state, suppression_of(self.workspace))
        known, login, device = self._list[1], str(user_id or "").strip(), str(anonymous_id or "").strip()
        return known is not None and (known.holds("user_id", login) if login else known.holds("anonymous_id", device))

    def _deleted(self) -> frozenset[str]:
        """Customers whom the shop's database has deleted; asked again when identities or the shop's customers changed."""
        lake, tables = self.workspace.lake, [self.workspace.tables["identities"], self.workspace.tables.get("dms_customers", DEFAULT_DMS_TABLES["dms_customers"])]
        state = [lake.content_digest(table) for table in tables]
        if self._erased[0] != state:
            with lake.engine(reading=True) as engine:
                for table in tables:
                    engine.register_files(table, lake.paths(table))
                found = engine.rows(model_text("erased_customers"), self.workspace.parameters())
            self._erased = (state, frozenset(customer for (customer,) in found))
        return self._erased[1]


def relay_of(workspace: Workspace, sandbox_url: str | None) -> ChannelsRelay | None:
    """The relay the settings ask for; None when events must not leave the house. Live, both channels have to be listed."""
    reachable = all(is_reachable(workspace, channel) for channel in ("segment", "personalize"))
    return ChannelsRelay(workspace, sandbox_url) if reachable else None
