"""The certificate of an erasure: what was removed where, who else was told, what is left for a person to do. Names nobody.

Here: what it says. Not here: where it is kept (``assets/erasure``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Certificate:
    """What happened. ``removed``: table -> rows; ``redacted``: table -> rows of other people that mentioned the person; ``files``: file -> records.

    ``channels``: channel -> state -> requests; ``landing``: object -> lines that still name the person or an order of theirs; ``searched``: where nothing was found.
    """

    erasure_id: str
    erased_at: str
    identifiers: Mapping[str, int]
    removed: Mapping[str, int]
    redacted: Mapping[str, int]
    files: Mapping[str, int]
    channels: Mapping[str, Mapping[str, int]]
    landing: Mapping[str, int]
    searched: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @property
    def waiting(self) -> list[str]:
        """Channels that have not deleted the person yet."""
        return sorted(name for name, states in self.channels.items() if states.get("pending") or states.get("failed"))

    def lines(self) -> list[str]:
        """As Markdown."""
        held = ", ".join(f"{number} {kind}" for kind, number in self.identifiers.items())
        lines = [f"# Erasure {self.erasure_id}", "", f"Asked for at {self.erased_at}. The person had {held or 'no identifier'}.", ""]
        lines += _table("Removed from tables", ("table", "rows"), self.removed, "No table held a row.")
        lines += _table("Mentions replaced in other people's rows", ("table", "rows"), self.redacted, "Nobody else's row mentioned the person.")
        lines += _table("Removed from files", ("file", "records"), self.files, "No outbound file held a record.")
        told = {name: ", ".join(f"{number} {state}" for state, number in sorted(states.items())) for name, states in self.channels.items()}
        lines += _table("Channels told to delete", ("channel", "requests"), told, "No channel held the person.")
        if self.waiting:
            lines += [f"Still waiting: {', '.join(self.waiting)}. The requests stay in `deletion_requests` and hold the id until they are done.", ""]
        lines += _table("Landing zone: yours to clean", ("object", "lines that name the person or their orders"), self.landing, "No object of the landing zone names the person.")
        lines += [
            "Reading these objects again is safe from the moment of the request: the list of erased people is held against everything that is staged.",
            "",
            f"Searched afterwards, every decoded value, and found nothing in: {', '.join(self.searched)}.",
        ]
        return lines


def _table(title: str, heads: tuple[str, str], rows: Mapping[str, Any], nothing: str) -> list[str]:
    if not rows:
        return [f"## {title}", "", nothing, ""]
    body = [f"| {name} | {value} |" for name, value in sorted(rows.items())]
    return [f"## {title}", "", f"| {heads[0]} | {heads[1]} |", "|---|---:|", *body, ""]
