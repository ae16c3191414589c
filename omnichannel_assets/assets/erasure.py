"""Erasing one person: the list first, so that nothing of them comes in again; then what is stored; then the channels; then the proof.

What is left to do is in one file below ``erasures/`` until all of it is done; it holds the person in clear, so that a killed erasure can be finished,
and goes last. Every step may be repeated. Not here: finding the person (``erasure_subject``), each kind of storage (``erasure_staged``,
``erasure_tables``, ``erasure_files``), the search (``erasure_search``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.assets.applied_rules import require_applied
from omnichannel_assets.assets.deletions import queue_deletions, send_deletions
from omnichannel_assets.assets.erasure_files import INBOX, OUR_FILES, drop_caches, purge_dagster, purge_files
from omnichannel_assets.assets.erasure_progress import FOLDER, PENDING, Progress
from omnichannel_assets.assets.erasure_search import landing_objects, places_left, requests_to_run
from omnichannel_assets.assets.erasure_staged import purge_calls, purge_changes
from omnichannel_assets.assets.erasure_subject import control_hashes, subject_of, whole_lake
from omnichannel_assets.assets.erasure_tables import approved_dates, keep_approvals, purge_tables
from omnichannel_assets.assets.steps import log
from omnichannel_assets.erasure.certificate import Certificate
from omnichannel_assets.erasure.hashing import CUSTOMER, ORDER
from omnichannel_assets.erasure.search import Needles
from omnichannel_assets.erasure.subject import Subject
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.lake import Provenance, digest_of
from omnichannel_assets.lake.tables_activation import DELETION_REQUESTS, DELIVERY_LEDGER
from omnichannel_assets.lake.tables_erasure import ERASURES
from omnichannel_assets.resources.erased import REGION, hasher_of, suppression_of
from omnichannel_assets.resources.workspace import Workspace

CHANNELS = ("segment", "personalize", "connect", "pinpoint")
SEARCHED = ("tables", "manifests", "exports", "outbox", "sandbox", "certificates")


def begin(workspace: Workspace, customer_id: str) -> Subject:
    """Note who is to be erased, before anything changes; `finish` does it. ``customer_id`` is a living one.

    Raises UserError when changed identity rules wait to be applied: the tables could not be made again in the end.
    """
    require_applied(workspace)
    now = datetime.now(UTC).isoformat(timespec="seconds")  # wall-clock: when somebody asked
    subject = subject_of(workspace, customer_id, now)
    lake = whole_lake(workspace)
    Progress(lake, subject, _deletions(workspace, subject), approved_dates(lake)).save()
    return subject


def unfinished(workspace: Workspace) -> list[str]:
    """Erasures that were begun and not finished."""
    return [listed.key.removeprefix(FOLDER).removesuffix(PENDING) for listed in workspace.lake.store.list(FOLDER) if listed.key.endswith(PENDING)]


def erased_before(workspace: Workspace, asked: str) -> list[str]:
    """Erasures whose person had this identifier or customer_id."""
    suppression = suppression_of(workspace)
    if suppression is None:
        return []
    hasher, rows = hasher_of(workspace), workspace.lake.read(ERASURES).to_pylist()
    kinds = {row["kind"] for row in rows} - {REGION, ORDER}
    from omnichannel_assets.identity.phones import e164

    regions = [row["subject_hash"] for row in rows if row["kind"] == REGION]
    spelled = {asked, asked.strip(), asked.strip().casefold(), *(number for region in [None, *regions] if (number := e164(asked, region)))}
    hashes = {hasher.hash(kind, value) for kind in kinds for value in spelled}
    return sorted({row["erasure_id"] for row in rows if row["subject_hash"] in hashes})


def finish(
    workspace: Workspace, erasure_id: str, refresh: Callable[[], None], *, hook: CallHook = no_hook, dagster_home: Path | None = None
) -> Certificate:
    """Do everything an erasure has to do, and certify it. ``refresh`` brings staged histories and trusted tables up to date.

    Raises UserError when changed identity rules wait to be applied, before anything is removed, and when the final search still finds the
    person; repeating is safe.
    """
    require_applied(workspace)
    lake = whole_lake(workspace)
    progress = Progress.load(lake, f"{FOLDER}{erasure_id}{PENDING}")
    needles = Needles(progress.subject, control_hashes(workspace, progress.subject))
    _publish_list(workspace, progress.subject)
    queue_deletions(workspace, _requests(workspace, progress))
    suppression = suppression_of(workspace)
    if suppression is None:
        raise UserError("erasures: expected the list that was just written, got none. Fix: repeat the erasure.")
    purge_calls(workspace, progress, suppression, needles)
    purge_changes(workspace, progress, suppression, needles)
    purge_tables(progress, workspace.tables, needles)
    keep_approvals(lake, progress.approved)
    drop_caches(lake)
    log.info("erasure %s: taken out of what is stored; bringing the trusted tables up to date", erasure_id)
    refresh()
    purge_files(lake, OUR_FILES, needles, progress.note_file)
    send_deletions(workspace, hook)
    channels = _outcomes(workspace, progress)
    waiting = frozenset(name for name, states in channels.items() if states.get("pending") or states.get("failed"))
    spared = waiting if workspace.settings.delivery_mode == "sandbox" else frozenset[str]()
    answered = tuple(prefix for channel, prefixes in INBOX.items() if channel not in spared for prefix in prefixes)
    purge_files(lake, answered, needles, progress.note_file)
    purge_dagster(dagster_home, progress.subject.customer_ids, progress.note_file)
    left = places_left(lake, needles, dagster_home, spared)
    if left:
        raise UserError(f"erase: {erasure_id} is not finished, the person is still named in {', '.join(left)}. Fix: remove that and run `omnichannel erase --resume`.")
    return _certify(workspace, progress, channels, dagster_home is not None)


def _publish_list(workspace: Workspace, subject: Subject) -> None:
    """Append the person's hashes to the list; from now on nothing that names them is staged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hasher = hasher_of(workspace)
    schema, stored = ERASURES.arrow(), workspace.lake.read(ERASURES)
    manifest = workspace.lake.manifest(ERASURES.name)
    if manifest and manifest.digest and subject.erasure_id in set(stored["erasure_id"].to_pylist()):
        return
    stored = stored.filter(pc.not_equal(stored["erasure_id"], subject.erasure_id))  # a kill may have come before the manifest
    fixed = {"erasure_id": subject.erasure_id, "erased_at": datetime.fromisoformat(subject.erased_at), "key_check": hasher.key_check()}
    named = [*subject.hashes(hasher), *((REGION, region) for region in subject.regions)]
    rows = pa.Table.from_pylist([{**fixed, "kind": kind, "subject_hash": value} for kind, value in named], schema=schema)
    data = pa.concat_tables([stored.cast(schema), rows])
    ids = sorted(set(data["erasure_id"].to_pylist()))
    workspace.lake.publish(ERASURES, data, Provenance(digest_of(ids), {"rows_out": data.num_rows, "people": len(ids)}))


def _deletions(workspace: Workspace, subject: Subject) -> list[dict[str, str]]:
    """Channel, subject type and subject of every request: Segment knows people by their own ids, the others by ours, where the ledger says they were told."""
    told = {value.removesuffix("_live") for value in workspace.lake.manifests(DELIVERY_LEDGER)}
    rows = [{"channel": "segment", "subject_type": kind, "subject": value} for kind, value in subject.identifiers if kind in ("user_id", "anonymous_id")]
    rows += [{"channel": channel, "subject_type": "customer_id", "subject": one} for channel in CHANNELS[1:] if channel in told for one in subject.customer_ids]
    return rows


def _requests(workspace: Workspace, progress: Progress) -> list[dict[str, Any]]:
    hasher, subject = hasher_of(workspace), progress.subject
    rows = []
    for row in progress.deletions:
        subject_hash = hasher.hash(CUSTOMER if row["subject_type"] == CUSTOMER else row["subject_type"], row["subject"])
        request_id = "d_" + digest_of([subject.erasure_id, row["channel"], subject_hash])
        rows.append({**row, "request_id": request_id, "subject_hash": subject_hash, "reason": "erasure", "requested_at": datetime.fromisoformat(subject.erased_at)})
    return rows


def _outcomes(workspace: Workspace, progress: Progress) -> dict[str, dict[str, int]]:
    """Channel -> state -> this erasure's requests."""
    own = {row["request_id"] for row in _requests(workspace, progress)}
    found: dict[str, Counter[str]] = {}
    for row in workspace.lake.read(DELETION_REQUESTS).to_pylist():
        if row["request_id"] in own:
            found.setdefault(row["channel"].removesuffix("_live"), Counter())[row["state"]] += 1
    return {channel: dict(states) for channel, states in sorted(found.items())}


def _certify(workspace: Workspace, progress: Progress, channels: dict[str, dict[str, int]], knows_dagster: bool) -> Certificate:
    """Write the certificate, then remove the last file that names the person."""
    subject, store = progress.subject, progress.lake.store
    certificate = Certificate(
        subject.erasure_id,
        subject.erased_at,
        dict(sorted(Counter(kind for kind, _ in subject.identifiers).items())),
        {table: sum(values.values()) for table, values in sorted(progress.removed.items())},
        {table: sum(values.values()) for table, values in sorted(progress.redacted.items())},
        dict(sorted(progress.files.items())),
        channels,
        landing_objects(workspace, Needles(subject)),
        (*SEARCHED, *(("Dagster's storage",) if knows_dagster else ())),
        tuple(requests_to_run(progress.lake, Needles(subject))),
    )
    store.write(f"{FOLDER}{subject.erasure_id}.json", json.dumps(certificate.plain(), indent=1, sort_keys=True).encode())
    store.write(f"{FOLDER}{subject.erasure_id}.md", ("\n".join(certificate.lines()) + "\n").encode())
    store.remove(progress.key)
    log.info("erasure %s: done", subject.erasure_id)
    return certificate
