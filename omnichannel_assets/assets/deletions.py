"""Deletions at the channels: noted in the lake before anything is asked, sent until each has ended, and forgotten here once it is done.

Whoever queues or sends holds the lake's lock. Belongs here: the table ``deletion_requests`` and sending what is open in it. Not here: who is to be forgotten (the erasure of a person; of a
customer id that ended, ``removed``), how a channel is asked (``activation``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.calls import CallHook, called, no_hook
from omnichannel_assets.activation.deletions import SUBJECTS, DeletionRequest, name_of, pinpoint_requests, queued
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import PLACEHOLDER_APPLICATION
from omnichannel_assets.assets.ledgers import SERVICES, ledger_name
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.errors import RetryableError, UserError
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS, DELIVERY_LEDGER
from omnichannel_assets.resources.channels import Channels, is_reachable, open_channels
from omnichannel_assets.resources.workspace import Workspace

COLUMNS = tuple(DeletionRequest.__dataclass_fields__)
CHANNELS = tuple(SUBJECTS)
ROWS_AT_ONCE = 100
"""Profiles or endpoints asked about between two notes of how they ended."""
LIVE_LOOKS = 4
"""Looks at a running regulation or job in live use before it is left to the next run: the services take up to a day, or a month."""
LIVE_SECONDS, SANDBOX_SECONDS = 15.0, 0.02


@dataclass
class StoredRequests:
    """Every deletion request of the lake, by request id."""

    workspace: Workspace
    requests: dict[str, DeletionRequest] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.workspace.lake.read(DELETION_REQUESTS).to_pylist()
        self.requests = {row["request_id"]: DeletionRequest(**row) for row in rows}

    def put(self, changed: Iterable[DeletionRequest]) -> None:
        """Note requests in the lake, all or none."""
        import pyarrow as pa

        changed = {request.request_id: request for request in changed}
        if not changed:
            return
        self.requests |= changed
        rows = [{name: getattr(request, name) for name in COLUMNS} for request in self.requests.values()]
        report = StepReport(DELETION_REQUESTS)
        states = Counter(request.state for request in self.requests.values())
        data = pa.Table.from_pylist(rows, schema=DELETION_REQUESTS.arrow())
        publish(self.workspace, report, Draft(data, digest_of(dict(states)), counts={"rows_out": data.num_rows, **states}))
        report.raise_failures()

    def open(self, channel: str) -> list[DeletionRequest]:
        """What is left to do at a channel, in order."""
        return sorted((one for one in self.requests.values() if one.channel == channel and one.is_open), key=lambda one: one.request_id)


def queue_deletions(workspace: Workspace, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Note whom channels shall forget; returns the ids of the requests that are new or changed. Sends nothing.

    A row has channel, subject_type, subject and reason (``erasure`` or ``removed``). A channel that calls a service means the one DELIVERY_MODE
    speaks to; ``segment_live``, ``personalize_live`` and ``connect_live`` name the real ones. What is queued already is not queued twice.
    """
    now = datetime.now(UTC)  # wall-clock: when a deletion was asked for
    stored = StoredRequests(workspace)
    key = workspace.settings.identity_key.get_secret_value().encode()
    named = [{**row, "channel": ledger_name(workspace, str(row.get("channel")))} for row in rows]
    changed = queued(stored.requests.values(), named, key, now)
    stored.put(changed)
    return [request.request_id for request in changed]


def send_deletions(workspace: Workspace, hook: CallHook = no_hook, channels: Sequence[str] = CHANNELS) -> dict[str, int]:
    """Send what is open and return how many requests ended or stayed in each state (``pending``, ``done``, ``failed``).

    A channel that cannot be reached, or that somebody's settings keep from being asked, stays pending and says why. Safe to run again at any time.
    """
    with open_channels(workspace, hook) as clients:
        return send_open(clients, channels)


def send_open(clients: Channels, channels: Sequence[str] = CHANNELS) -> dict[str, int]:
    """As `send_deletions`, over clients that are open."""
    stored = StoredRequests(clients.workspace)
    counts: Counter[str] = Counter()
    for channel in channels:
        requests = stored.open(ledger_name(clients.workspace, channel))
        if not requests:
            continue
        _send_channel(_Sending(stored, clients, clients.hook), channel, requests)
        ended = Counter(stored.requests[request.request_id].state for request in requests)
        counts.update(ended)
        log.info("%s deletions: %s", channel, in_words(ended))
    return dict(counts)


def in_words(counts: Mapping[str, int]) -> str:
    """How many requests are in each state, on one line."""
    return ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items()))


@dataclass
class _Sending:
    """What the channels' senders share."""

    stored: StoredRequests
    clients: Channels
    hook: CallHook

    @property
    def workspace(self) -> Workspace:
        return self.stored.workspace

    @property
    def looks(self) -> tuple[int, float]:
        """How often to look at what runs over there, and the seconds between two looks."""
        return (LIVE_LOOKS, LIVE_SECONDS) if self.clients.is_live else (100, SANDBOX_SECONDS)

    def wait(self, requests: Iterable[DeletionRequest], words: str) -> None:
        """Leave requests open, with words. What runs over there is kept in mind."""
        self.stored.put(replace(request, state="pending", words=words) for request in requests)


def _send_channel(sending: _Sending, channel: str, requests: list[DeletionRequest]) -> None:
    mode = sending.workspace.settings.delivery_mode
    if mode == "off" or (channel in SERVICES and not is_reachable(sending.workspace, channel)):
        sending.wait(requests, f"DELIVERY_MODE is {mode} and does not reach it")
        return
    try:
        SENDERS[channel](sending, channel, requests)
    except (RetryableError, UserError) as error:
        log.warning("%s deletions wait: %s", channel, error)
        unsettled = (sending.stored.requests[request.request_id] for request in requests)
        sending.wait([request for request in unsettled if request.is_open], str(error))


def _send_segment(sending: _Sending, _channel: str, requests: list[DeletionRequest]) -> None:
    """Regulations: started and noted one by one, then looked at until they end or it is time to leave them to the next run."""
    from omnichannel_assets.activation.segment_regulations import IDS_PER_CALL, KINDS

    client = sending.clients.regulations
    for kind in KINDS:
        new = [request for request in requests if request.subject_type == kind and request.job is None]
        for batch in _batches(new, IDS_PER_CALL):
            try:
                job = client.create(kind, [str(request.subject) for request in batch])
            except Refused as error:
                sending.stored.put(request.settled("failed", str(error)) for request in batch)
                continue
            sending.stored.put(replace(request, state="pending", job=job, words=None) for request in batch)
    by_job: dict[str, list[DeletionRequest]] = {}
    for request in (sending.stored.requests[request.request_id] for request in requests):
        if request.job and request.is_open:
            by_job.setdefault(request.job, []).append(request)
    for job, batch in by_job.items():
        _look_at_regulation(sending, job, batch)


def _look_at_regulation(sending: _Sending, job: str, batch: list[DeletionRequest]) -> None:
    from omnichannel_assets.activation.segment_regulations import ended

    times, seconds = sending.looks
    status = ""
    for turn in range(times):
        if turn:
            time.sleep(seconds)
        try:
            status = sending.clients.regulations.status(job)
        except Refused as error:  # Segment forgets regulations after some months
            sending.stored.put(request.settled("failed", str(error)) for request in batch)
            return
        if ended(status) != "pending":
            sending.stored.put(request.settled(ended(status), "" if ended(status) == "done" else f"the regulation ended as {status}") for request in batch)
            return
    sending.wait(batch, f"the regulation is {status}")


def _send_personalize(sending: _Sending, _channel: str, requests: list[DeletionRequest]) -> None:
    """Data deletion jobs, one after another; the file that names whom to delete is taken away again."""
    from omnichannel_assets.activation.personalize_deletion import USERS_PER_JOB, delete_users
    from omnichannel_assets.activation.polling import Poll

    times, seconds = sending.looks
    for batch in _batches(requests, USERS_PER_JOB):
        name = name_of(batch)
        key = f"personalize/deletions/{name}.csv"
        outcome = delete_users(
            sending.clients.aws("personalize"),
            [str(request.subject) for request in batch],
            group_name=sending.workspace.settings.personalize_group,
            name=name,
            put_file=partial(sending.clients.put_file, key),
            role_arn=sending.clients.personalize_role,
            hook=sending.hook,
            poll=Poll(every_seconds=seconds, most_times=times),
        )
        if outcome.state == "failed":
            sending.wait(batch, outcome.words)
            return
        sending.clients.remove_file(key)
        if any(request.reason == "erasure" for request in batch):
            _remove_imported(sending)
        sending.stored.put(request.settled("done" if outcome.state == "loaded" else "failed", outcome.words) for request in batch)


def _remove_imported(sending: _Sending) -> None:
    """Take away the files that imports of users and of what they did were made from: Personalize has read them, and no job deletes in files."""
    workspace = sending.workspace
    for row in workspace.lake.read(DELIVERY_LEDGER, [ledger_name(workspace, "personalize")]).to_pylist():
        if row["stream"] in ("Users", "Interactions") and row["state"] in ("loaded", "rejected"):
            for rows in ("whole", "added"):
                sending.clients.remove_file(import_key(row["stream"], row["content_hash"], rows))


def import_key(dataset: str, content_hash: str, rows: str = "whole") -> str:
    """Where the file of one import of a data set is put for Personalize; ``added`` are the rows an incremental import brings."""
    return f"personalize/{dataset}/{content_hash}{'-added' if rows == 'added' else ''}.csv"


def _send_connect(sending: _Sending, _channel: str, requests: list[DeletionRequest]) -> None:
    """Each profile is found by our id and deleted."""
    from omnichannel_assets.activation.connect_deletion import delete_profiles
    from omnichannel_assets.activation.connect_domain import Domain

    domain = Domain(sending.clients.caller("customer-profiles"), sending.workspace.settings.connect_domain)
    for batch in _batches(requests, ROWS_AT_ONCE):
        _settle(sending, batch, delete_profiles(domain, [str(request.subject) for request in batch]))


def _send_pinpoint(sending: _Sending, channel: str, requests: list[DeletionRequest]) -> None:
    """Each endpoint is deleted in the sandbox; in live use, where the service has ended, a file of requests is all that is left to do."""
    if sending.clients.is_live:
        _write_list(sending, channel, requests)
        return
    from omnichannel_assets.activation.pinpoint_import import SERVICE, delete_endpoints

    application = sending.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION
    for batch in _batches(requests, ROWS_AT_ONCE):
        _settle(sending, batch, delete_endpoints(sending.clients.caller(SERVICE), [str(request.subject) for request in batch], application))


def _settle(sending: _Sending, requests: Sequence[DeletionRequest], outcomes: Iterable[Outcome]) -> None:
    """Note how requests ended; what may work later waits."""
    ended = {outcome.key: outcome for outcome in outcomes}
    states: dict[str, Literal["pending", "done", "failed"]] = {"loaded": "done", "failed": "pending", "rejected": "failed"}
    told = [(request, ended[str(request.subject)]) for request in requests]
    sending.stored.put(request.settled(states[outcome.state], outcome.words) for request, outcome in told)


def _write_list(sending: _Sending, channel: str, requests: Sequence[DeletionRequest]) -> None:
    """A file of requests for a person to run."""
    data = pinpoint_requests([str(request.subject) for request in requests], sending.workspace.settings.pinpoint_application_id or PLACEHOLDER_APPLICATION)
    key, name = f"outbox/{channel}/deletions/{name_of(requests)}/", "delete_endpoints_request.json"
    called(sending.hook, f"{channel}.write {name}", partial(sending.workspace.lake.store.write, key + name, data))
    sending.stored.put(request.settled("done", f"listed in {key}{name}, for a person to run") for request in requests)


def _batches(requests: Sequence[DeletionRequest], most: int) -> Iterator[list[DeletionRequest]]:
    for start in range(0, len(requests), most):
        yield list(requests[start : start + most])


SENDERS: dict[str, Callable[[_Sending, str, list[DeletionRequest]], None]] = {
    "segment": _send_segment,
    "personalize": _send_personalize,
    "connect": _send_connect,
    "pinpoint": _send_pinpoint,
}
