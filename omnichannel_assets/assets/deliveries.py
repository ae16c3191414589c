"""Deliveries: what leaves the house, to whom, once by effect.

Each delivery acts on the newest as-of date it is asked for. It notes in the ledger what it is about to send, sends only what changed, and
notes how it ended; killed at any point, the next one continues. Campaign streams hold the treatment arm of people who may be contacted and
nobody else; data streams hold no campaign and no arm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.activation.arms import AUDIENCES as AUDIENCE_NAMES
from omnichannel_assets.activation.arms import WIN_BACK
from omnichannel_assets.activation.calls import CallHook, called, no_hook
from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import PLACEHOLDER_APPLICATION, PLACEHOLDER_ROLE
from omnichannel_assets.assets.as_of import as_of_reads, known_before
from omnichannel_assets.assets.deletions import import_key
from omnichannel_assets.assets.ledgers import SERVICES, StoredLedger, ledger_name
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.assets.streams import Delivery, World, in_words
from omnichannel_assets.errors import RetryableError
from omnichannel_assets.lake.tables_activation import DELIVERY_LEDGER
from omnichannel_assets.resources.approvals import audiences_digest
from omnichannel_assets.resources.channels import Channels, is_reachable, open_channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

SCORES = "scores"
SCORE_TRAITS = ("churn_score", "churn_band", "repurchase_score", "repurchase_decile", "subscription_churn_score")
CHUNK = 2000
"""Rows between two saves of the ledger, at least; a long ledger is saved about `SAVES` times in a stream, however long it is."""
SAVES = 10


def deliver_segment(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Send score traits of everybody, and audience membership of the treatment arms, to Segment. Data: ``scores``; campaigns: one an audience."""
    return _deliver(workspace, "segment", as_ofs, hook, _send_segment)


def deliver_pinpoint(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Write the win-back endpoint file and import request for Pinpoint. Files only: the service has ended."""
    return _deliver(workspace, "pinpoint", as_ofs, hook, _write_pinpoint)


def deliver_connect(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Write the win-back upload file, upload request and segment definition for Connect Customer Profiles. Files only."""
    return _deliver(workspace, "connect", as_ofs, hook, _write_connect)


def deliver_personalize(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Import the interactions, items and users data sets into Personalize where they changed."""
    return _deliver(workspace, "personalize", as_ofs, hook, _import_personalize)


def _deliver(
    workspace: Workspace, channel: str, as_ofs: Iterable[date], hook: CallHook, send: Callable[[Delivery, World, Channels], None]
) -> StepReport:
    days = [day for day in known_before(workspace, as_ofs) if audiences_digest(workspace, day)]
    stored = StoredLedger(workspace, ledger_name(workspace, channel))
    if not days or (channel in SERVICES and not is_reachable(workspace, channel)) or workspace.settings.delivery_mode == "off":
        why = "there are no audiences yet" if not days else f"DELIVERY_MODE is {workspace.settings.delivery_mode} and does not reach it"
        stored.report.figures["outcome"] = f"nothing sent: {why}"
        return stored.report
    delivery = Delivery(workspace, channel, days[-1], hook, stored)
    with workspace.lake.engine() as engine, open_channels(workspace, hook) as channels:
        send(delivery, World(workspace, engine, delivery.as_of), channels)
    stored.report.figures |= {"as_of": str(delivery.as_of)} | {name: in_words(result) for name, result in delivery.results.items()}
    stored.report.unfinished = delivery.unfinished()
    return stored.report


def _send_segment(delivery: Delivery, world: World, channels: Channels) -> None:
    if delivery.wants(SCORES, is_campaign=False):
        _send_scores(delivery, world, channels)
    members: list[dict[str, Any]] | None = None
    for audience in AUDIENCE_NAMES:
        is_wanted = delivery.wants(audience, is_campaign=True)
        if not is_wanted and not delivery.results[audience].is_held:
            continue
        members = world.rows("campaign_members").to_pylist() if members is None else members
        rows = [row for row in members if row["audience"] == audience and is_wanted]
        wanted = [_segment_content(row, {audience: True}) for row in rows if row["destination_key"]]
        delivery.results[audience].without_address = len(rows) - len(wanted)
        leaving = delivery.leavers(audience, wanted, {audience: False})
        if wanted:
            _send_contents(delivery, channels, audience, wanted, leaving)
        else:
            _take_out_barred(delivery, world, channels, audience, leaving)


def _send_scores(delivery: Delivery, world: World, channels: Channels) -> None:
    """Scores of everybody but the erased, whose traits are cleared. A trait that nobody has is none of them: without a model nobody loses one."""
    rows = world.rows("score_traits").to_pylist()
    traits = [name for name in SCORE_TRAITS if any(row[name] is not None for row in rows)]
    wanted = [_segment_content(row, {name: row[name] for name in traits}) for row in rows if row["destination_key"]]
    delivery.results[SCORES].without_address = len(rows) - len(wanted)
    if traits and wanted:
        _send_contents(delivery, channels, SCORES, wanted, delivery.leavers(SCORES, wanted, dict.fromkeys(SCORE_TRAITS)))
    else:
        delivery.stop(SCORES, "nothing sent: nobody has a score")


def _take_out_barred(delivery: Delivery, world: World, channels: Channels, audience: str, leaving: Sequence[Content]) -> None:
    """Of an audience that is empty, or not approved, take out those whom no campaign may hold, and nobody else."""
    ids = world.rows("barred_ids").to_pylist() if leaving else []
    barred = {f"{row['identifier_type']}:{row['identifier_value']}" for row in ids if row["audience"] in (None, audience)}
    leaving = [content for content in leaving if content.destination_key in barred]
    if not delivery.results[audience].is_held:
        _stop_empty(delivery, audience, "nobody was removed but who may not be contacted any more" if leaving else "nobody was removed")
    if leaving:
        _send_contents(delivery, channels, audience, [], leaving, is_partial=True)


def _segment_content(row: Mapping[str, Any], fields: Mapping[str, Any]) -> Content:
    return Content(f"{row['destination_type']}:{row['destination_key']}", row["customer_id"], fields)


def _stop_empty(delivery: Delivery, stream: str, removed: str = "nobody was removed") -> None:
    """An empty audience after a filled one removes nobody: an empty input never means that everyone left."""
    is_unexpected = delivery.holds(stream)
    words = "nothing sent: the audience is empty" + (f" now; {removed}, look at the scores" if is_unexpected else "")
    delivery.stop(stream, words, is_unexpected=is_unexpected)


def _send_contents(
    delivery: Delivery, channels: Channels, stream: str, wanted: Sequence[Content], leaving: Sequence[Content], *, is_partial: bool = False
) -> None:
    """Send what changed of a Segment stream, noting how each ended. What is partial leaves the stream open for its date."""
    contents = sorted([*wanted, *leaving], key=lambda content: content.destination_key)
    sending = delivery.stored.begin(stream, contents, delivery.as_of, is_partial=is_partial)
    entries = {entry.message_id: entry for entry, _ in sending}
    least, unsaved = max(CHUNK, len(sending) // SAVES), 0
    for outcomes in channels.segment.deliver(_messages(sending)):
        for outcome in outcomes:
            delivery.stored.ledger.settle(entries[outcome.key], outcome.state, outcome.words)
        unsaved += len(outcomes)
        if unsaved >= least:
            delivery.stored.save()
            unsaved = 0
    if is_partial:
        delivery.stored.save()
    else:
        delivery.stored.finish(stream, delivery.as_of)
    delivery.count(stream, wanted, leaving, [content.destination_key for _, content in sending])


def _messages(sending: Iterable[tuple[Entry, Content]]) -> Iterator[dict[str, Any]]:
    from omnichannel_assets.activation.segment import identify

    for entry, content in sending:
        kind, _, value = content.destination_key.partition(":")
        yield identify(**{kind: value}, traits=content.fields, message_id=entry.message_id, timestamp=midnight(entry.as_of))


def _write_pinpoint(delivery: Delivery, world: World, _channels: Channels) -> None:
    """The endpoint file of the treatment arm, and the request that would import it."""
    from omnichannel_assets.activation.pinpoint import endpoint_csv, import_job_request

    def files(rows: pa.Table, folder: str) -> tuple[dict[str, bytes], list[Outcome]]:
        data, rejected = endpoint_csv(rows)
        application = delivery.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION
        request = import_job_request(application, PLACEHOLDER_ROLE, f"s3://bucket/{folder}", f"{WIN_BACK}-{delivery.as_of}")
        return {"part-0000.csv": data, "import_job_request.json": _as_json(request)}, rejected

    _write_campaign(delivery, world, files)


def _write_connect(delivery: Delivery, world: World, _channels: Channels) -> None:
    """The upload file of the treatment arm, the upload request, and the definition of the segment that picks it."""
    from omnichannel_assets.activation.connect import segment_definition_request, upload_csv, upload_job_request

    def files(rows: pa.Table, _folder: str) -> tuple[dict[str, bytes], list[Outcome]]:
        data, rejected = upload_csv(rows, delivery.as_of)
        domain, name = delivery.workspace.settings.connect_domain, f"win-back-{delivery.as_of}"
        requests = {
            "upload_job_request.json": _as_json(upload_job_request(domain, name)),
            "segment_definition_request.json": _as_json(segment_definition_request(domain, name, delivery.as_of)),
        }
        return {"profiles.csv": data, **requests}, rejected

    _write_campaign(delivery, world, files)


FileMaker = Callable[["pa.Table", str], tuple[dict[str, bytes], "list[Outcome]"]]


def _write_campaign(delivery: Delivery, world: World, make: FileMaker) -> None:
    """Write the files of the win-back campaign below ``outbox/`` and note everybody in them.

    A file holds the whole treatment arm, because the segment of a date is its file; the ledger tells whose row changed.
    """
    if not delivery.wants(WIN_BACK, is_campaign=True):
        return
    import pyarrow.compute as pc

    rows = world.rows("campaign_members")
    rows = rows.filter(pc.equal(rows["audience"], WIN_BACK)).sort_by("customer_id")
    mapped = ("email", "first_name", "country", "churn_score", "churn_band", "pick_1", "pick_2", "pick_3")
    wanted = [Content(row["customer_id"], row["customer_id"], {name: row[name] for name in mapped}) for row in rows.to_pylist()]
    if not wanted:
        _stop_empty(delivery, WIN_BACK)
        return
    leaving = delivery.leavers(WIN_BACK, wanted, {})
    folder = f"outbox/{delivery.channel}/{WIN_BACK}/as_of={delivery.as_of}/"
    sending = delivery.stored.begin(WIN_BACK, [*wanted, *leaving], delivery.as_of)
    files, rejected = make(rows, folder)
    for name, data in files.items():
        called(delivery.hook, f"{delivery.channel}.write {name}", partial(delivery.workspace.lake.store.write, folder + name, data))
    refused = {outcome.key: outcome.words for outcome in rejected}
    for entry, content in sending:
        words = refused.get(content.destination_key)
        delivery.stored.ledger.settle(entry, "rejected" if words else "loaded", words or "")
    delivery.stored.finish(WIN_BACK, delivery.as_of)
    delivery.count(WIN_BACK, wanted, leaving, [content.destination_key for _, content in sending])


def _as_json(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request, indent=1, sort_keys=True).encode()


DATASETS = {"Interactions": "personalize_interactions", "Items": "personalize_items", "Users": "personalize_users"}
"""Data set of Personalize (a stream of its own) -> the model of its rows."""


def _import_personalize(delivery: Delivery, world: World, channels: Channels) -> None:
    """Bring Personalize's data sets up to date: those whose file differs from the one imported last. A refused one is tried again each date."""
    from omnichannel_assets.activation.personalize_files import write_csv
    from omnichannel_assets.activation.personalize_schemas import SCHEMAS

    for name in DATASETS:
        if not delivery.wants(name, is_campaign=False):
            continue
        rows = world.rows(DATASETS[name])
        file = write_csv(SCHEMAS[name], rows.rename_columns([column.upper() for column in rows.column_names]))
        delivery.results[name].left_out = len(file.rejected)
        if not file.rows:
            delivery.stop(name, "nothing sent: there are no rows; an import would empty the data set", is_unexpected=delivery.holds(name))
            continue
        fields = {"sha256": hashlib.sha256(file.data).hexdigest(), "group": delivery.workspace.settings.personalize_group}
        content = Content(name, None, fields, insists=True)
        sending = delivery.stored.begin(name, [content], delivery.as_of)
        for entry, _ in sending:
            outcome = _imported(delivery, channels, entry, file.data)
            delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
        delivery.stored.finish(name, delivery.as_of)
        delivery.count(name, [content], [], [name for _ in sending])


def _imported(delivery: Delivery, channels: Channels, entry: Entry, data: bytes) -> Outcome:
    """What became of one data set's file."""
    from omnichannel_assets.activation.personalize_import import Poll, import_datasets

    name = entry.stream
    try:
        place = channels.put_file(import_key(name, entry.content_hash), data)
    except RetryableError as error:
        return Outcome(name, "failed", str(error))
    (outcome,) = import_datasets(
        channels.aws("personalize"),
        {name: place},
        group_name=delivery.workspace.settings.personalize_group,
        job_suffix=entry.message_id,
        role_arn=channels.personalize_role,
        hook=delivery.hook,
        poll=Poll() if channels.is_live else Poll(every_seconds=0.02),
    )
    return outcome


DESCRIPTIONS = {
    "segment": "Scores as traits of everybody Segment knows, and audience membership of the treatment arms. Only what changed is sent, once by effect.",
    "pinpoint": "Win-back endpoint file and import request for Pinpoint, treatment arm only. Files: the service has ended.",
    "connect": "Win-back upload file, upload request and segment definition for Connect Customer Profiles, treatment arm only.",
    "personalize": "Interactions, items and users data sets imported into Personalize when they changed.",
}


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage. Of a range of as-of dates only the newest is delivered."""
    steps = {"segment": deliver_segment, "pinpoint": deliver_pinpoint, "connect": deliver_connect, "personalize": deliver_personalize}
    models = {
        "segment": ("score_traits", "campaign_members"),
        "pinpoint": ("campaign_members",),
        "connect": ("campaign_members",),
        "personalize": tuple(DATASETS.values()),
    }
    return [
        step_asset(
            DELIVERY_LEDGER,
            step,
            name=f"{channel}_delivery",
            description=DESCRIPTIONS[channel],
            group="activate",
            deps=["audiences", *(name for name in as_of_reads(*models[channel]) if name != "audiences")],
            as_of=as_of_days,
            kinds=("parquet", channel),
            owners=["team:marketing"],
        )
        for channel, step in steps.items()
    ]
