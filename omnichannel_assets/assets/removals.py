"""Customer ids that ended after they had been sent: which channels hold them, and asking these to forget.

Belongs here: what channels keyed by customer id hold (``destination_customers``) and the requests that follow from the journal. Not here: sending
them (``deletions``); Segment, whose keys outlive our ids and are told by the streams themselves (``streams``).
"""

from __future__ import annotations

from collections.abc import Iterable

from omnichannel_assets.assets.deletions import queue_deletions
from omnichannel_assets.assets.steps import Draft, StepReport, log, publish
from omnichannel_assets.assets.streams import Delivery, World
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_activation import DESTINATION_CUSTOMERS
from omnichannel_assets.resources.workspace import Workspace

KEYED_BY_CUSTOMER = ("personalize", "connect", "pinpoint")


def held_customers(workspace: Workspace, name: str) -> set[str]:
    """The customer ids that a channel holds or may hold; ``name`` is that of its ledger."""
    return set(workspace.lake.read(DESTINATION_CUSTOMERS, [name])["customer_id"].to_pylist())


def note_sent(delivery: Delivery, customer_ids: Iterable[str]) -> None:
    """Note, before anything leaves, which customer ids a channel is about to hold."""
    held = held_customers(delivery.workspace, delivery.stored.channel)
    _keep(delivery.workspace, delivery.stored.channel, held, held | set(customer_ids))


def queue_ended(delivery: Delivery, world: World) -> int:
    """Ask a channel to forget the customer ids that ended; returns how many requests that are.

    Queued first and let go of afterwards: killed in between, the same are found again, and what is queued is not queued twice.
    """
    name = delivery.stored.channel
    if delivery.channel not in KEYED_BY_CUSTOMER or not held_customers(delivery.workspace, name):
        return 0
    gone = {row["customer_id"] for row in world.rows("ended_customers").to_pylist() if row["channel"] == name}
    if not gone:
        return 0
    rows = [{"channel": name, "subject_type": "customer_id", "subject": customer_id, "reason": "removed"} for customer_id in sorted(gone)]
    queue_deletions(delivery.workspace, rows)
    held = held_customers(delivery.workspace, name)
    _keep(delivery.workspace, name, held, held - gone)
    log.info("%s: %s customer ids ended and are to be deleted there", delivery.channel, f"{len(gone):,}")
    return len(gone)


def _keep(workspace: Workspace, name: str, before: set[str], after: set[str]) -> None:
    import pyarrow as pa

    if after == before:
        return
    ids = sorted(after)
    data = pa.table({"channel": pa.array([name] * len(ids), pa.string()), "customer_id": pa.array(ids, pa.string())})
    report = StepReport(DESTINATION_CUSTOMERS)
    publish(workspace, report, Draft(data, digest_of(len(ids)), name, counts={"rows_out": len(ids)}))
    report.raise_failures()
