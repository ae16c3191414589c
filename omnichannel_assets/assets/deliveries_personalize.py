"""Personalize's delivery: the data sets that changed, whole or by what was added, then everything that stands on them.

Belongs here: what is imported, and how. Not here: how Personalize is asked (``activation.personalize_import``), what stands on the data sets
(``personalize_parts``), what deliveries share (``streams``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.assets.campaign_streams import Stream
from omnichannel_assets.assets.deletions import import_key
from omnichannel_assets.assets.ledgers import KNOWN_BEFORE
from omnichannel_assets.assets.personalize_parts import bring_parts, poll_of, where_of
from omnichannel_assets.assets.removals import note_sent
from omnichannel_assets.assets.streams import Delivery, World
from omnichannel_assets.errors import RetryableError
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.activation.personalize_import import Source
    from omnichannel_assets.resources.channels import Channels

DATASETS = {"Interactions": "personalize_interactions", "Items": "personalize_items", "Users": "personalize_users"}
"""Data set of Personalize (a stream of its own) -> the model of its rows."""
INTERACTIONS = "Interactions"


@dataclass(frozen=True)
class DataSet:
    """A data set that is wanted now: its stream with the digest of its file as the one content, the file, whom it names, and its rows."""

    stream: Stream
    file: bytes
    user_ids: list[str]
    rows: pa.Table


def send_personalize(delivery: Delivery, world: World, channels: Channels) -> None:
    """Bring data sets up to date, then everything that is named. A part that ends badly stops only what stands on it."""
    for found in data_sets(delivery, world):
        _import(delivery, world, channels, found)
    bring_parts(delivery, channels)


def data_sets(delivery: Delivery, world: World) -> Iterator[DataSet]:
    """Each data set of Personalize that is wanted now."""
    from omnichannel_assets.activation.personalize_files import write_csv
    from omnichannel_assets.activation.personalize_schemas import schemas_of

    schemas = schemas_of(delivery.workspace.settings.personalize_domain)
    for name in DATASETS:
        if not delivery.wants(name, is_campaign=False):
            continue
        rows = world.rows(DATASETS[name])
        rows = rows.rename_columns([column.upper() for column in rows.column_names])
        file = write_csv(schemas[name], rows)
        delivery.results[name].left_out = len(file.rejected)
        if not file.rows:
            delivery.stop(name, "nothing sent: there are no rows; an import would empty the data set", is_unexpected=delivery.holds(name))
            continue
        user_ids = rows["USER_ID"].unique().to_pylist() if "USER_ID" in rows.column_names else []
        yield DataSet(Stream(name, [_content_of(delivery, name, file.data)]), file.data, user_ids, rows)


def _import(delivery: Delivery, world: World, channels: Channels, found: DataSet) -> None:
    """Import one data set if its file differs from the one imported last. A refused one is tried again each date."""
    name = found.stream.name
    if found.user_ids:
        note_sent(delivery, found.user_ids)
    before = _Before(delivery.stored.ledger.newest(name).get(name), delivery.stored.mark(KNOWN_BEFORE, name))
    delivery.stored.note(KNOWN_BEFORE, name, world.in_force)
    sending = delivery.stored.begin(name, found.stream.contents, delivery.as_of)
    for entry, _ in sending:
        added = _added(delivery, before, found.rows) if name == INTERACTIONS else None
        try:
            outcome = _imported(delivery, channels, entry, _source(channels, entry, before, found.file, added))
        except RetryableError as error:
            outcome = Outcome(name, "failed", str(error))
        delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
    delivery.stored.finish(name, delivery.as_of)
    delivery.count(name, found.stream.contents, [], [name for _ in sending])


def _content_of(delivery: Delivery, name: str, data: bytes) -> Content:
    """A data set as the ledger knows it: by its whole file, however that was imported."""
    return Content(name, None, {"sha256": hashlib.sha256(data).hexdigest(), **where_of(delivery)}, insists=True)


@dataclass(frozen=True)
class _Before:
    """What the ledger knew last of a data set, and before which day all of its rows were known."""

    entry: Entry | None
    known_before: date | None


def _added(delivery: Delivery, before: _Before, rows: pa.Table) -> bytes | None:
    """The file of the rows that are new since the last import, when all others are exactly what that import brought; otherwise None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from omnichannel_assets.activation.personalize_files import added_since
    from omnichannel_assets.activation.personalize_schemas import schemas_of

    entry = before.entry
    if entry is None or entry.state != "loaded" or before.known_before is None:
        return None
    schema = schemas_of(delivery.workspace.settings.personalize_domain)[INTERACTIONS]
    is_earlier = pc.less(rows["KNOWN_AT"], pa.scalar(midnight(before.known_before), rows["KNOWN_AT"].type))
    file = added_since(schema, rows, is_earlier, lambda data: _content_of(delivery, INTERACTIONS, data).hash == entry.content_hash)
    return file.data if file else None


def _source(channels: Channels, entry: Entry, before: _Before, whole: bytes, added: bytes | None) -> Source:
    """Where an import finds its rows. The file it probably needs is put at once, so that a bucket that takes none is told first."""
    from omnichannel_assets.activation.personalize_import import Source

    put_whole = partial(channels.put_file, import_key(entry.stream, entry.content_hash), whole)
    if added is None or before.entry is None:
        place = put_whole()
        return Source(lambda: place)
    place = channels.put_file(import_key(entry.stream, entry.content_hash, "added"), added)
    return Source(put_whole, place, before.entry.message_id)


def _imported(delivery: Delivery, channels: Channels, entry: Entry, source: Source) -> Outcome:
    """What became of one data set's import."""
    from omnichannel_assets.activation.personalize_import import import_datasets

    settings = delivery.workspace.settings
    (outcome,) = import_datasets(
        channels.aws("personalize"),
        {entry.stream: source},
        group_name=settings.personalize_group,
        job_suffix=entry.message_id,
        role_arn=channels.personalize_role,
        domain=settings.personalize_domain,
        hook=delivery.hook,
        poll=poll_of(channels),
    )
    return outcome
