"""What every service received so far, for the page: counts, members of campaigns, data sets, jobs, and the newest of everything.

Belongs here: reading a sandbox's folder in bounded memory, each line once. Not here: HTML (`page`), what is accepted (the services). Services
are not named here: one that keeps ``<name>.jsonl`` and ``<name>_rejected.jsonl`` and JSON states in the folder shows by itself.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Record = dict[str, Any]
NEWEST = 20
PEOPLE = 50
"""People shown of one campaign; all are counted."""
TAIL_BYTES = 512 * 1024
REFUSED = "_rejected"
NO_SERVICE = ("requests",)
NAMES = ("name", "jobName", "JobName", "DisplayName", "SegmentDefinitionName", "Name", "id", "Id")
STATES = ("status", "jobStatus", "Status", "JobStatus", "state", "overallStatus")


@dataclass
class Service:
    """What one service took and refused, and the newest of both, newest first."""

    name: str
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    newest: list[Record] = field(default_factory=list)
    newest_refused: list[Record] = field(default_factory=list)


@dataclass
class Campaign:
    """Who is marked with a trait that is true or false. ``people`` are some of the members, by id as sent."""

    trait: str
    members: int
    taken_out: int
    people: list[str]


@dataclass
class Overview:
    """All that the page shows."""

    services: list[Service]
    campaigns: list[Campaign]
    profiles: int
    requests: Counter[tuple[str, str, int]]
    newest_requests: list[Record]
    datasets: dict[str, int]
    jobs: list[tuple[str, str, str]]
    """File, name and state of everything that has a state."""


class Watch:
    """Reads a folder again and again; each time only what was added."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[Path, _File] = {}

    def look(self) -> Overview:
        """How things stand."""
        with self._lock:
            paths = sorted(self._folder.glob("*.jsonl"))
            files = {path.stem: self._followed(path) for path in paths}
            names = [name for name in files if name not in NO_SERVICE and not name.endswith(REFUSED)]
            refused_only = [name.removesuffix(REFUSED) for name in files if name.endswith(REFUSED) and name.removesuffix(REFUSED) not in names]
            services = [_service(name, files) for name in sorted([*names, *refused_only])]
            segment, asked = files.get("segment", _File()), files.get("requests", _File())
            datasets = {path.relative_to(self._folder).with_suffix("").as_posix(): self._followed(path).count for path in sorted(self._folder.glob("*/*/*.jsonl"))}
            newest = _tail(self._folder / "requests.jsonl")
            return Overview(services, segment.campaigns(), len(segment.people), asked.requests, newest, datasets, list(_jobs(self._folder)))

    def _followed(self, path: Path) -> _File:
        found = self._files.setdefault(path, _File())
        if not found.follow(path):  # shorter, or another file: read it again from its beginning
            found = self._files[path] = _File()
            found.follow(path)
        found.newest = _tail(path) if path.parent == self._folder else []
        return found


@dataclass
class _File:
    """What the lines of one file amount to, as far as it was read."""

    at: int = 0
    identity: int = 0
    count: int = 0
    duplicates: int = 0
    newest: list[Record] = field(default_factory=list)
    people: set[int] = field(default_factory=set)
    """Hashes of the ids: they are only counted."""
    marked: dict[str, dict[str, bool]] = field(default_factory=dict)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def follow(self, path: Path) -> bool:
        """Read what was added. False when the file is not the one that was read before."""
        with path.open("rb") as file:
            stat = path.stat()
            if self.identity not in (0, stat.st_ino) or stat.st_size < self.at:
                return False
            self.identity = stat.st_ino
            file.seek(self.at)
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                self.at += len(line)
                self._take(path.stem, line)
        return True

    def _take(self, name: str, line: bytes) -> None:
        self.count += 1
        if name == "requests":
            record = json.loads(line)
            self.requests[record["service"], record["operation"], record["status"]] += 1
        elif line.endswith(b'"is_duplicate":true}\n'):
            self.duplicates += 1
        elif name == "segment":
            self._fold(json.loads(line))

    def _fold(self, message: Mapping[str, Any]) -> None:
        person = str(message.get("userId") or message.get("anonymousId"))
        self.people.add(hash(person))
        traits = message.get("traits")
        for trait, value in traits.items() if message.get("type") == "identify" and isinstance(traits, dict) else ():
            if isinstance(value, bool):
                self.marked.setdefault(trait, {})[person] = value

    def campaigns(self) -> list[Campaign]:
        """Traits that mark people, by name."""
        found = []
        for trait, marks in sorted(self.marked.items()):
            members = sum(marks.values())
            some = [person for person, is_member in marks.items() if is_member][-PEOPLE:]
            found.append(Campaign(trait, members, len(marks) - members, some[::-1]))
        return found


def _service(name: str, files: Mapping[str, _File]) -> Service:
    taken, refused = files.get(name, _File()), files.get(name + REFUSED, _File())
    return Service(name, taken.count - taken.duplicates, taken.duplicates, refused.count, taken.newest, refused.newest)


def _tail(path: Path) -> list[Record]:
    """The newest records of a file, newest first, from its last half megabyte."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - TAIL_BYTES)
        file.seek(start)
        lines = file.read().split(b"\n")
    whole = [line for line in lines[1 if start else 0 :] if line]
    return [record for record in map(_parsed, reversed(whole[-NEWEST - 1 :])) if record is not None][:NEWEST]


def _parsed(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:  # still being written
        return None
    return record if isinstance(record, dict) else None


def _jobs(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Whatever has a state in the states that services keep, newest last."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield from ((path.stem, *found) for found in _with_state(json.loads(path.read_bytes()), ""))
        except ValueError:
            yield path.stem, "", "not readable"


def _with_state(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _with_state(one, name)
    if not isinstance(value, dict):
        return
    state = next((value[key] for key in STATES if isinstance(value.get(key), str)), None)
    if state is not None:
        yield next((value[key] for key in NAMES if isinstance(value.get(key), str)), name), state
    for key, inner in value.items():
        yield from _with_state(inner, key)
