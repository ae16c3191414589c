"""The ledger's rules: what must be sent, given what the destination holds; and what an answer makes of a row. No storage, no clock.

One entry a stream, destination key and content. The entry with the highest sequence is what the destination holds or may hold; an earlier
content that comes back gets a new sequence, so it is sent again. States: pending (about to be sent; after a crash nobody knows whether it
arrived, so it is sent again under the same message id), loaded, failed (the next delivery tries again) and rejected (it does not, unless the
content insists: then a newer as-of date tries it under a new message id).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

State = Literal["pending", "loaded", "failed", "rejected"]


@dataclass(frozen=True)
class Content:
    """What a destination key should hold: the fields mapped to a stream, and whose they are (None: a whole data set).

    ``insists``: after a refusal it is tried again for a newer as-of date, because what was wrong may lie outside of it.
    """

    destination_key: str
    customer_id: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    insists: bool = False

    @property
    def hash(self) -> str:
        """Digest of the mapped fields: equal fields are never sent twice."""
        text = json.dumps(self.fields, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One row of the ledger, without its channel and the time of its last change."""

    stream: str
    destination_key: str
    customer_id: str | None
    content_hash: str
    state: State
    attempts: int
    as_of: date
    sequence: int
    words: str | None = None

    @property
    def message_id(self) -> str:
        """The same for every attempt at this content in this place of the key's history; different for everything else."""
        text = "\0".join((self.stream, self.destination_key, self.content_hash, str(self.sequence)))
        return "oa-" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Ledger:
    """The entries of one channel, as a delivery changes them. Older contents of a key need to be among them only when they are wanted again."""

    def __init__(self, entries: Iterable[Entry] = ()):
        self._entries = {(entry.stream, entry.destination_key, entry.content_hash): entry for entry in entries}
        self._newest: dict[tuple[str, str], Entry] = {}
        for entry in self._entries.values():
            self._keep_newest(entry)
        self.changed: set[tuple[str, str, str]] = set()

    def entries(self) -> list[Entry]:
        """Every entry, in no order."""
        return list(self._entries.values())

    def newest(self, stream: str) -> dict[str, Entry]:
        """Destination key -> the entry that tells what it holds."""
        return {key: entry for (of, key), entry in self._newest.items() if of == stream}

    def recall(self, entries: Iterable[Entry]) -> None:
        """Add stored entries of older contents."""
        self._entries |= {(entry.stream, entry.destination_key, entry.content_hash): entry for entry in entries}

    def begin(self, stream: str, wanted: Iterable[Content], as_of: date) -> list[tuple[Entry, Content]]:
        """Note as pending what has to be sent, and return it: new and changed contents, and those whose last attempt did not end well.

        A content that is loaded, or was rejected as it is, is left alone; its entry follows the key to another customer.
        """
        sending = []
        for content in wanted:
            newest = self._newest.get((stream, content.destination_key))
            same = newest is not None and newest.content_hash == content.hash
            retried = same and newest.state == "rejected" and content.insists and newest.as_of < as_of
            if same and newest.state in ("loaded", "rejected") and not retried:
                if newest.customer_id != content.customer_id:
                    self.put(replace(newest, customer_id=content.customer_id))
                continue
            before = self._entries.get((stream, content.destination_key, content.hash))
            sequence = newest.sequence if same and not retried else (newest.sequence + 1 if newest else 1)
            attempts = before.attempts + 1 if before else 1
            entry = Entry(stream, content.destination_key, content.customer_id, content.hash, "pending", attempts, as_of, sequence)
            self.put(entry)
            sending.append((entry, content))
        return sending

    def settle(self, entry: Entry, state: State, words: str = "") -> None:
        """Note how an attempt ended."""
        self.put(replace(entry, state=state, words=words or None))

    def put(self, entry: Entry) -> None:
        """Add or replace an entry."""
        key = (entry.stream, entry.destination_key, entry.content_hash)
        self._entries[key] = entry
        self.changed.add(key)
        self._keep_newest(entry)

    def _keep_newest(self, entry: Entry) -> None:
        key = (entry.stream, entry.destination_key)
        if key not in self._newest or self._newest[key].sequence <= entry.sequence:
            self._newest[key] = entry
