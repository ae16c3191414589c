"""Personalize's resources in the sandbox's folder: names, ARNs, states, imported rows.

Belongs here: what survives a restart. Not here: what requests may do with it (`personalize`, `personalize_events`, `personalize_runtime`).
Times of creation count up from a fixed instant, so that two runs of the same calls keep the same state.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import Field, fields_of
from omnichannel_assets.sandbox.inbox import append, forget, lines, mend, replace

ACCOUNT = "000000000000"
ARN = f"arn:aws:personalize:us-east-1:{ACCOUNT}:"
FIRST_INSTANT = 1_700_000_000
PENDING, RUNNING, ACTIVE, FAILED = "CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED"

Resource = dict[str, Any]


class PersonalizeState:
    """Resources by kind and ARN, written to the folder after every change."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._file = folder / "personalize_state.json"
        self._kinds: dict[str, dict[str, Resource]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.jobs_file, self.failed_jobs_file = folder / "personalize.jsonl", folder / "personalize_rejected.jsonl"
        self.events_file = folder / "personalize_events.jsonl"
        for path in (self.jobs_file, self.failed_jobs_file, self.events_file):
            mend(path)
        self.version = 0
        """Grows with every import, so that what is computed from the rows can be kept until then."""
        self.events: dict[str, dict[str, list[tuple[float, str]]]] = {}
        """Group -> user, or session without a user -> (time, item) of the events put in real time."""
        self._read_events()

    def _read_events(self) -> None:
        kept = list(lines(self.events_file))
        self._put = {json.dumps({name: value for name, value in record.items() if name != "is_duplicate"}, sort_keys=True) for record in kept}
        self.events.clear()
        self._count_events(kept)

    def all(self, kind: str) -> list[Resource]:
        """Every resource of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def find(self, kind: str, arn: str) -> Resource:
        """One resource. Raises ResourceNotFoundException."""
        found = self._kinds.get(kind, {}).get(arn)
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"The given {kind} ARN does not exist: {arn}")
        return found

    def add(self, kind: str, arn: str, resource: Resource) -> Resource:
        """A new resource. Raises ResourceAlreadyExistsException."""
        of_kind = self._kinds.setdefault(kind, {})
        if arn in of_kind:
            raise ServiceError("ResourceAlreadyExistsException", f"Another resource with Amazon Resource Name (ARN) {arn} already exists.")
        instant = FIRST_INSTANT + sum(map(len, self._kinds.values()))
        of_kind[arn] = resource | {"creationDateTime": instant, "lastUpdatedDateTime": instant}
        self.save()
        return of_kind[arn]

    def active(self, kind: str, arn: str) -> Resource:
        """One resource that is ACTIVE. Raises ResourceNotFoundException, and ResourceInUseException while it is not."""
        found = self.find(kind, arn)
        if found["status"] != ACTIVE:
            raise ServiceError("ResourceInUseException", f"{arn} is {found['status']}, not ACTIVE")
        return found

    def of_group(self, kind: str, group_arn: str) -> list[Resource]:
        """Every resource of a kind in a dataset group, oldest first."""
        return [resource for resource in self.all(kind) if resource.get("datasetGroupArn") == group_arn]

    def save(self) -> None:
        """Writes the resources down."""
        replace(self._file, json.dumps(self._kinds).encode())

    def fields(self, dataset: Resource) -> list[Field]:
        """The columns of a dataset."""
        return fields_of(self.find("schema", dataset["schemaArn"])["schema"])

    def rows(self, group: str, dataset_type: str) -> list[dict[str, Any]]:
        """What was imported in bulk."""
        return list(lines(self._rows_file(group, dataset_type)))

    def put_rows(self, group: str, dataset_type: str, rows: list[dict[str, Any]]) -> None:
        """Replaces a dataset's bulk rows."""
        replace(self._rows_file(group, dataset_type), "".join(json.dumps(row) + "\n" for row in rows).encode())
        self.version += 1

    def forget_users(self, group: str, users: set[str]) -> int:
        """Takes users, what they did and what was put of them in real time out of a group; returns how many of them were there."""
        found: set[str] = set()
        for kind in ("USERS", "INTERACTIONS"):
            rows = self.rows(group, kind)
            gone = {row["USER_ID"] for row in rows if row["USER_ID"] in users}
            if gone:
                self.put_rows(group, kind, [row for row in rows if row["USER_ID"] not in users])
            found |= gone
        if forget(self.events_file, lambda record: record["group"] == group and record.get("userId") in users):
            self._read_events()
        return len(found)

    def _rows_file(self, group: str, dataset_type: str) -> Path:
        return self.folder / "personalize" / group / f"{dataset_type}.jsonl"

    def put_records(self, records: list[Resource]) -> None:
        """Adds events, users or items sent in real time; one that equals an earlier one is marked and has no effect."""
        marked = []
        for record in records:
            text = json.dumps(record, sort_keys=True)
            marked.append({**record, "is_duplicate": text in self._put})
            self._put.add(text)
        append(self.events_file, marked)
        self._count_events(marked)

    def _count_events(self, records: Iterable[Resource]) -> None:
        for record in records:
            if record["kind"] == "event" and record.get("itemId") and not record["is_duplicate"]:
                user = record["userId"] or record["sessionId"]
                self.events.setdefault(record["group"], {}).setdefault(user, []).append((record["sentAt"], record["itemId"]))


def limit(count: int, most: int, what: str) -> None:
    """Raises LimitExceededException when there are as many already as there may be."""
    if count >= most:
        raise ServiceError("LimitExceededException", f"at most {most} {what}")


def is_unfinished(resource: Resource) -> bool:
    """Whether the service still works at it."""
    return resource["status"] in (PENDING, RUNNING)


def without_tags(params: Mapping[str, Any]) -> dict[str, Any]:
    """A request as the resource it makes."""
    return {name: value for name, value in params.items() if name != "tags"}


def tracking_id(group: str) -> str:
    """The tracking id of a group's event tracker: the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/{group}"))
