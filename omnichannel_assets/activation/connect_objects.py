"""Profile objects put into Customer Profiles, ten a call; each row ends on its own.

Belongs here: batches, and what an answer makes of each row. Not here: what an object holds (`connect`), larger amounts (`connect_uploads`).
A put with the same key replaces the object, so a put that is repeated has no second effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.connect import object_type
from omnichannel_assets.activation.connect_domain import Domain
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.errors import RetryableError

ITEMS_PER_CALL = 10
GIVE_UP_AFTER = 3
"""Batches in a row that got no answer, retries included: the rest waits for the next run."""
LATER_CODES = (408, 429)
WORDS = 300


def put_objects(domain: Domain, name: str, objects: Mapping[str, str]) -> Iterator[list[Outcome]]:
    """Put objects (row id -> text) of the campaign ``name``; yields one list of outcomes (key: row id) a batch, in the order of the rows.

    ``loaded``: taken. ``rejected``: never will be, with the service's words. ``failed``: it may be later. Raises UserError for missing rights.
    """
    rows, unanswered = list(objects), 0
    for start in range(0, len(rows), ITEMS_PER_CALL):
        batch = rows[start : start + ITEMS_PER_CALL]
        if unanswered >= GIVE_UP_AFTER:
            yield [Outcome(row, "failed", f"not tried: {GIVE_UP_AFTER} batches before it got no answer") for row in batch]
            continue
        try:
            outcomes = _put(domain, name, batch, objects)
            unanswered = 0
        except RetryableError as error:
            outcomes, unanswered = [Outcome(row, "failed", str(error)) for row in batch], unanswered + 1
        yield outcomes


def _put(domain: Domain, name: str, batch: Sequence[str], objects: Mapping[str, str]) -> list[Outcome]:
    items = [{"Id": row, "Object": objects[row]} for row in batch]
    try:
        answer = domain.call("BatchPutProfileObject", ObjectTypeName=object_type(name), Items=items)
    except Refused as error:
        if len(batch) == 1:
            return [Outcome(batch[0], "rejected", str(error))]
        middle = len(batch) // 2  # one row may have spoilt the whole request
        return [*_put(domain, name, batch[:middle], objects), *_put(domain, name, batch[middle:], objects)]
    taken = {entry["Id"] for entry in answer.get("Successful", [])}
    refused = {entry["Id"]: entry for entry in answer.get("Failed", [])}
    return [Outcome(row, "loaded") if row in taken else _failed(row, refused.get(row)) for row in batch]


def _failed(row: str, entry: Mapping[str, object] | None) -> Outcome:
    if entry is None:
        return Outcome(row, "failed", "Customer Profiles did not say what became of it")
    code = int(str(entry["Code"]))
    words = f"{code}: {' '.join(str(entry.get('Message', 'no reason given')).split())[:WORDS]}"
    return Outcome(row, "failed" if code >= 500 or code in LATER_CODES else "rejected", words)
