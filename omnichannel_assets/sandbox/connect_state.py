"""What Connect holds in the sandbox's folder: domains, object types, jobs, segments, campaigns, and profiles as the objects that made them.

Belongs here: what survives a restart. Not here: what requests may do with it (`connect_profiles`, `connect_uploads`, `connect_segments`,
`connect_campaigns`). Times count up from a fixed instant, so that two runs of the same calls keep the same state.
A profile is found by the value of its key. Which values it has is what its objects said, the later one over the earlier; an empty value clears.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.inbox import append, forget, lines, mend, replace

ACCOUNT = "000000000000"
REGION = "us-east-1"
FIRST_INSTANT = 1_700_000_000
FILE = "connect_state.json"
UPLOADS = "connect"
"""Folder of files that were uploaded and not read yet."""

Resource = dict[str, Any]


class ConnectState:
    """Resources by kind and name, written after every change; profiles by domain and key."""

    def __init__(self, folder: Path):
        self.folder, self._file = folder, folder / FILE
        self._kinds: dict[str, dict[str, Resource]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.objects_file, self.refused_file = folder / "connect.jsonl", folder / "connect_rejected.jsonl"
        for path in (self.objects_file, self.refused_file):
            mend(path)
        self._read_profiles()

    def _read_profiles(self) -> None:
        self.profiles: dict[str, dict[str, dict[str, str]]] = {}
        """Domain -> key -> field -> value."""
        self._latest: dict[tuple[str, str, str], Mapping[str, str]] = {}
        for record in lines(self.objects_file):
            self._apply(record)

    def _apply(self, record: Mapping[str, Any]) -> None:
        fields = self.profiles.setdefault(record["domain"], {}).setdefault(record["key"], {})
        for name, value in record["fields"].items():
            if value:
                fields[name] = value
            else:
                fields.pop(name, None)
        self._latest[record["domain"], record["object_type"], record["key"]] = record["fields"]

    def put_objects(self, domain: str, object_type: str, objects: Mapping[str, Mapping[str, str]]) -> tuple[int, int]:
        """Puts objects (key -> fields) on their profiles; returns how many profiles are new and how many were there. An equal one is a duplicate."""
        known = set(self.profiles.get(domain, {}))
        records = []
        for key, fields in objects.items():
            is_duplicate = self._latest.get((domain, object_type, key)) == fields
            records.append({"domain": domain, "object_type": object_type, "key": key, "fields": dict(fields), "is_duplicate": is_duplicate})
        append(self.objects_file, records)
        for record in records:
            self._apply(record)
        return len(set(objects) - known), len(set(objects) & known)

    def delete_profile(self, domain: str, profile: str) -> bool:
        """Forgets a profile and every object on it; whether it was there."""
        found = forget(self.objects_file, lambda record: record["domain"] == domain and profile_id(domain, record["key"]) == profile)
        if found:
            self._read_profiles()
        return bool(found)

    def all(self, kind: str, parent: str = "") -> list[Resource]:
        """Every resource of a kind (of a parent), oldest first."""
        return [resource for name, resource in self._kinds.get(kind, {}).items() if name.startswith(f"{parent}/" if parent else "")]

    def find(self, kind: str, *names: str) -> Resource:
        """One resource. Raises ResourceNotFoundException."""
        found = self._kinds.get(kind, {}).get("/".join(names))
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"There is no {kind} {'/'.join(names)}", 404)
        return found

    def has(self, kind: str, *names: str) -> bool:
        return "/".join(names) in self._kinds.get(kind, {})

    def put(self, kind: str, *names: str, **resource: Any) -> Resource:
        """A resource, new or in place of the one of that name."""
        of_kind, name = self._kinds.setdefault(kind, {}), "/".join(names)
        created = of_kind[name]["CreatedAt"] if name in of_kind else FIRST_INSTANT + self.made
        of_kind[name] = resource | {"CreatedAt": created}
        self.save()
        return of_kind[name]

    @property
    def made(self) -> int:
        """How many resources there are."""
        return sum(map(len, self._kinds.values()))

    def save(self) -> None:
        """Writes the resources down."""
        replace(self._file, json.dumps(self._kinds).encode())

    def upload_file(self, job: str) -> Path:
        """Where a job's file lies between its upload and its reading."""
        return self.folder / UPLOADS / f"{job}.csv"


def profile_id(domain: str, key: str) -> str:
    """The id of a profile: the same in every run."""
    return hashlib.blake2b(f"{domain}\0{key}".encode(), digest_size=16).hexdigest()


def paged(entries: list[Resource], params: Mapping[str, Any], *, most: str = "MaxResults", token: str = "NextToken", page: int = 100) -> tuple[list[Resource], str | None]:
    """A page of a listing, and the token of the next one."""
    at = params.get(token)
    if at is not None and (not str(at).isdecimal() or int(at) > len(entries)):
        raise ServiceError("BadRequestException", "The token is not valid.")
    start = int(at or 0)
    end = start + int(params.get(most) or page)
    return entries[start:end], str(end) if end < len(entries) else None
