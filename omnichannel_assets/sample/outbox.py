"""Segment messages on their way to files: the envelope, and what goes wrong in transit.

Belongs here: ids, clocks, re-sends, replays and malformed halves, which can hit any message. Does not belong here: what messages
say (behaviour, campaigns, faults), files (writers).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from omnichannel_assets.sample.people import Person, World
from omnichannel_assets.sample.truth import Truth
from omnichannel_assets.sample.vocabulary import segment_time, token

RESENT_SHARE = 0.01
REPLAYED_SHARE = 0.0008
MALFORMED_SHARE = 0.0006
REPLAY_AFTER = timedelta(days=60)
_RESEND_AFTER = (2, 30, 90_000)
_SKEWS = (0, 0, 0, 0, -37, 90, 10_800)
_VERSIONS = (2, 2, 1, "1.1")


@dataclass(frozen=True)
class Message:
    """One call: where it comes from, when it happened, its body, whom it is about and how late it arrives."""

    source: str
    at: datetime
    body: Mapping
    about: Person | None = None
    late: timedelta = timedelta()


class Outbox:
    """Takes messages, hands out lines by (source, received day). Whatever would arrive after the period is not written at all."""

    def __init__(self, world: World, truth: Truth):
        self.seed, self.period, self.truth = world.seed, world.period, truth
        self.rng = world.draws("outbox")
        self.lines: dict[tuple[str, datetime], list[str]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self._sent = 0
        self._last: dict = {}

    def send(self, message: Message) -> bool:
        """Write one message, at times more than once; False when it would have come in after the last day."""
        self._sent += 1
        received = message.at + timedelta(milliseconds=self.rng.randint(80, 4000)) + message.late
        if received >= self.period.end:
            return False
        doc = self._envelope(message, received)
        self._put(message.source, received, doc)
        self.counts["valid_lines"] += 1
        self.truth.message(message.about, doc, message.at)
        if self.rng.random() < REPLAYED_SHARE:
            self._again(message.source, received + REPLAY_AFTER, doc, "replayed_lines")
        if self.rng.random() < RESENT_SHARE:
            self._again(message.source, received + timedelta(seconds=self.rng.choice(_RESEND_AFTER)), doc, "resent_lines")
        return True

    def send_twice(self, message: Message, gap: timedelta, count: str) -> None:
        """Write one message and, `gap` later, the same again."""
        if self.send(message):
            self._again(message.source, message.at + timedelta(seconds=4) + gap, self._last, count)

    def break_line(self, source: str, at: datetime) -> None:
        """Write the first half of a line that never gets its second."""
        self.lines[source, _day(at)].append('{"type":"track","event":"Product Viewed","messageId":"half-1","prop')
        self.counts["malformed_lines"] += 1

    def _envelope(self, message: Message, received: datetime) -> dict:
        rng = self.rng
        skew = timedelta(seconds=rng.choice(_SKEWS))
        self._last = {
            "messageId": f"{message.source[:3].lower()}-{token(self.seed, 'message', self._sent)}",
            "timestamp": segment_time(message.at, rng.choice(("seconds", "milliseconds", "milliseconds", "microseconds"))),
            "originalTimestamp": segment_time(message.at + skew),
            "sentAt": segment_time(received + skew - timedelta(milliseconds=60)),
            "receivedAt": segment_time(received),
            "version": rng.choice(_VERSIONS),
            "integrations": {},
            "context": {},
            **message.body,
        }
        return self._last

    def _again(self, source: str, received: datetime, doc: Mapping, count: str) -> None:
        if received < self.period.end:
            self._put(source, received, {**doc, "receivedAt": segment_time(received)})
            self.counts[count] += 1

    def _put(self, source: str, received: datetime, doc: Mapping) -> None:
        line = json.dumps(doc, ensure_ascii=self.rng.random() < 0.5, separators=(",", ":"))
        lines = self.lines[source, _day(received)]
        lines.append(line)
        if self.rng.random() < MALFORMED_SHARE:
            lines.append(line[: len(line) * self.rng.randint(3, 9) // 10])
            self.counts["malformed_lines"] += 1


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
