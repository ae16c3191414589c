"""What the stand-ins accepted and refused: JSON-lines files in the sandbox's folder, and their reader.

Belongs here: the files, appended so that a killed process loses nothing it acknowledged, and what they amount to. Not here: deciding what is
accepted (`segment`, `personalize` and its neighbours). Nothing here holds a clock reading or a credential.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]
SERVICES = ("segment", "personalize", "personalize_events", "connect", "pinpoint")


as_line = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
"""A record as its line, without the line's end."""


def append(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Adds the records as lines, in one write: after a kill either all of them are there or none but a torn tail that readers skip."""
    append_text(path, [as_line(record) for record in records])


def append_text(path: Path, texts: Sequence[str]) -> None:
    """As `append`, of what is a line already."""
    if not texts:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(("\n".join(texts) + "\n").encode())


def replace(path: Path, data: bytes) -> None:
    """Puts a whole file in place: a reader, also after a kill, sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
    os.replace(temporary, path)


def mend(path: Path) -> None:
    """Cuts off a last line that a killed process left half written."""
    if path.exists():
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def lines(path: Path) -> Iterator[Record]:
    """The records of a file; none when it does not exist, and none for a line still being written."""
    if path.exists():
        with path.open("rb") as file:
            yield from (json.loads(line) for line in file if line.endswith(b"\n"))


def forget(path: Path, is_about: Callable[[Record], bool]) -> int:
    """Takes records out of a file for good, and returns how many. A file that holds none of them is left as it is."""
    kept, gone = [], 0
    for record in lines(path):
        if is_about(record):
            gone += 1
        else:
            kept.append(record)
    if gone:
        replace(path, "".join(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n" for record in kept).encode())
    return gone


class Inbox:
    """Reads a sandbox's folder, also while the sandbox runs and after it ended. What it gives depends only on what was sent, in order."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)

    def messages(self, service: str = "segment") -> list[Record]:
        """Every accepted message in arrival order; ``is_duplicate`` marks a copy of an earlier one, which has no effect.

        ``segment`` gives the messages as received, ``personalize`` finished import jobs, ``personalize_events`` events, users and items,
        ``connect`` objects put on profiles, ``pinpoint`` imported endpoints.
        """
        return list(lines(self.folder / f"{service}.jsonl"))

    def rejected(self, service: str = "segment") -> list[Record]:
        """What was refused while the request was answered with success, or failed later: ``why`` and the message."""
        return list(lines(self.folder / f"{service}_rejected.jsonl"))

    def requests(self) -> list[Record]:
        """Every request: service, operation, status, counts, fault if one was in force."""
        return list(lines(self.folder / "requests.jsonl"))

    def segment_profiles(self) -> dict[str, dict[str, Any]]:
        """User key (userId, else anonymousId) -> traits, merged in arrival order; duplicates count once."""
        profiles: dict[str, dict[str, Any]] = {}
        for message in self.messages("segment"):
            if message.get("type") == "identify" and not message["is_duplicate"]:
                profiles.setdefault(message.get("userId") or message["anonymousId"], {}).update(message.get("traits") or {})
        return dict(sorted(profiles.items()))

    def personalize_datasets(self) -> dict[str, list[Record]]:
        """``<dataset group>/<TYPE>`` -> the rows imported in bulk, sorted."""
        folder = self.folder / "personalize"
        found = {f"{path.parent.name}/{path.stem}": list(lines(path)) for path in sorted(folder.glob("*/*.jsonl"))}
        return {name: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for name, rows in found.items()}

    def connect_profiles(self) -> dict[str, dict[str, str]]:
        """``<domain>/<key>`` -> the fields of the profile, the later object over the earlier; an empty value clears."""
        profiles: dict[str, dict[str, str]] = {}
        for record in self.messages("connect"):
            fields = profiles.setdefault(f"{record['domain']}/{record['key']}", {})
            fields |= record["fields"]
        return {key: {name: value for name, value in fields.items() if value} for key, fields in sorted(profiles.items())}

    def pinpoint_endpoints(self) -> dict[str, list[Record]]:
        """Name of an imported segment -> its endpoints, as the last import of each left them, sorted by id."""
        segments: dict[str, dict[str, Record]] = {}
        for record in self.messages("pinpoint"):
            segments.setdefault(record["segment"] or "", {})[record["endpoint"]["Id"]] = record["endpoint"]
        return {name: [found[key] for key in sorted(found)] for name, found in sorted(segments.items())}

    def personalize_resources(self) -> dict[str, list[Record]]:
        """Kind (``campaign``, ``solution-version``, ...) -> Personalize's resources as they were last described, oldest first."""
        state = self.folder / "personalize_state.json"
        return {kind: list(found.values()) for kind, found in json.loads(state.read_text()).items()} if state.exists() else {}

    def personalize_events(self) -> list[Record]:
        """Events put in real time, without their repetitions."""
        return [record for record in self.messages("personalize_events") if record["kind"] == "event" and not record["is_duplicate"]]

    def summary(self) -> Record:
        """Counts by service."""
        counts: Record = {
            service: {
                "accepted": sum(not message["is_duplicate"] for message in messages),
                "duplicates": sum(message["is_duplicate"] for message in messages),
                "rejected": len(self.rejected(service)),
            }
            for service in SERVICES
            for messages in [self.messages(service)]
        }
        counts["segment"]["profiles"] = len(self.segment_profiles())
        return counts | {"datasets": {name: len(rows) for name, rows in self.personalize_datasets().items()}, "requests": len(self.requests())}
