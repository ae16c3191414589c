"""What one erasure has done and has still to do: one file below ``erasures/``, saved before each change, removed at the end.

The only place that holds the person in clear while an erasure runs; without it a killed one could not be finished.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omnichannel_assets.erasure.subject import Subject
from omnichannel_assets.lake.lake import Lake

if TYPE_CHECKING:
    from omnichannel_assets.erasure.calls import Cleaned

FOLDER = "erasures/"
PENDING = ".pending.json"


@dataclass
class Progress:
    """What one erasure has done, saved before each change: a repeated step finds nothing left and changes no number."""

    lake: Lake
    subject: Subject
    deletions: list[dict[str, str]] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    removed: dict[str, dict[str, int]] = field(default_factory=dict)
    redacted: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    digests: dict[str, dict[str, str]] = field(default_factory=dict)
    """Table -> partition -> the digest it had: a kill while its file is exchanged leaves it with none."""

    @property
    def key(self) -> str:
        return f"{FOLDER}{self.subject.erasure_id}{PENDING}"

    def save(self) -> None:
        """Write the file."""
        done = {name: getattr(self, name) for name in ("deletions", "approved", "removed", "redacted", "files", "digests")}
        self.lake.store.write(self.key, json.dumps({"subject": self.subject.plain(), **done}).encode())

    @classmethod
    def load(cls, lake: Lake, key: str) -> Progress:
        """Read the file of an erasure that is not finished."""
        stored = json.loads(lake.store.read(key))
        return cls(lake, Subject.of(stored.pop("subject")), **stored)

    def note_staged(self, table: str, value: str, cleaned: Cleaned) -> None:
        """What is about to change in a staged partition."""
        for held, number in ((self.removed, cleaned.gone.num_rows), (self.redacted, cleaned.redacted)):
            if number:
                held.setdefault(table, {})[value] = number
        self.save()

    def note_table(self, table: str, value: str, rows: int) -> None:
        """What is about to leave a partition of another table."""
        self.removed.setdefault(table, {})[value] = rows
        self.save()

    def note_file(self, name: str, records: int) -> None:
        """What is about to leave a file."""
        self.files[name] = records
        self.save()

    def digest_before(self, table: str, value: str, digest: str) -> str:
        """The digest that a partition had before this erasure touched it. ``digest`` is what its manifest says."""
        known = self.digests.setdefault(table, {})
        if digest and value not in known:
            known[value] = digest
            self.save()
        return known.get(value, digest)
