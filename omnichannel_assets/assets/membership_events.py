"""What a Segment delivery may do besides: events of people who enter or leave a campaign's audience, and files for Segment's S3 source.

Belongs here: both, where a setting asks for them. Not here: the traits themselves (``deliveries``), the forms (``activation.segment``,
``activation.segment_csv``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from omnichannel_assets.activation.calls import called
from omnichannel_assets.activation.ledger import Content, Sending
from omnichannel_assets.assets.campaign_streams import DATA, EVENTS, SCORE_TRAITS, Stream
from omnichannel_assets.assets.streams import Delivery, StreamResult, World
from omnichannel_assets.settings import midnight

ENTERED, EXITED = "Audience Entered", "Audience Exited"
Send = Callable[[Sending], None]


def send_events(delivery: Delivery, stream: Stream, send: Send) -> None:
    """Tell Segment who entered and who left a campaign since it was last told, each once: a stream of its own in the ledger.

    Sent before the campaign's date counts as delivered, so that a killed delivery sends the rest. Who was never told to enter does not leave.
    """
    if delivery.workspace.settings.segment_audience_events == "off" or stream.name in DATA:
        return
    name = EVENTS + stream.name
    entered = [Content(content.destination_key, content.customer_id, _event(ENTERED, stream.name)) for content in stream.contents]
    left = delivery.leavers(name, entered, _event(EXITED, stream.name))
    if stream.is_partial:
        barred = {content.destination_key for content in stream.leaving}
        left = [content for content in left if content.destination_key in barred]
    delivery.results[name] = StreamResult()
    contents = sorted([*entered, *left], key=lambda content: content.destination_key)
    sending = delivery.stored.begin(name, contents, delivery.as_of, is_partial=stream.is_partial)
    send(sending)
    delivery.stored.save()
    delivery.count(name, entered, left, sending.keys)


def _event(event: str, audience: str) -> dict[str, object]:
    return {"event": event, "properties": {"audience": audience}}


def write_s3_files(delivery: Delivery, world: World) -> Sequence[str]:
    """Write the scores of everybody with a login as files for Segment's S3 source below ``outbox/``; returns their keys."""
    if delivery.workspace.settings.segment_s3_files == "off":
        return ()
    import pyarrow.compute as pc

    from omnichannel_assets.activation.segment_csv import identify_files

    rows = world.rows("score_traits")
    users = rows.filter(pc.equal(rows["destination_type"], "user_id")).rename_columns({"destination_key": "userId"})
    files = identify_files(users.select(["userId", *SCORE_TRAITS]), midnight(delivery.as_of), "scores")
    keys = [f"outbox/segment/scores/as_of={delivery.as_of}/{name}" for name in files]
    for key, data in zip(keys, files.values(), strict=True):
        called(delivery.hook, f"segment.write {key.rpartition('/')[2]}", partial(delivery.workspace.lake.store.write, key, data))
    return keys
