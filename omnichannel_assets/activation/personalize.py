"""Personalize in real time: the tracking id, events as they happen, recommendations.

Belongs here: single calls with their mapping. Not here: bulk imports (`personalize_import`), what the shop's pages ask for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused, call_aws, error_code
from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_resources import pages, resource_name
from omnichannel_assets.errors import RetryableError

EVENTS_PER_CALL = 10
ID_CHARACTERS = 256
PROPERTIES_CHARACTERS = 1_024
EVENT_TYPES = {
    "product viewed": "View",
    "product clicked": "Click",
    "product added": "AddToCart",
    "wishlist product added to cart": "AddToCart",
    "product removed": "RemoveFromCart",
    "product added to wishlist": "AddToWishlist",
    "product removed from wishlist": "RemoveFromWishlist",
    "order completed": "Purchase",
}
"""Event name in lower case -> event type of the Interactions dataset. Other events are about no item."""


def tracking_id(client: Any, group_name: str, *, hook: CallHook = no_hook) -> str | None:
    """The tracking id of a dataset group's event tracker; None while there is none."""

    def listing(operation: str, listed: str, where: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        return pages(lambda params: call_aws(hook, "personalize", operation, lambda: getattr(client, operation)(**params)), listed, where)

    name = resource_name(group_name)
    group = next((entry for entry in listing("list_dataset_groups", "datasetGroups", {}) if entry["name"] == name), None)
    if group is None:
        return None
    tracker = next(listing("list_event_trackers", "eventTrackers", {"datasetGroupArn": group["datasetGroupArn"]}), None)
    if tracker is None:
        return None
    which = {"eventTrackerArn": tracker["eventTrackerArn"]}
    described = call_aws(hook, "personalize", "describe_event_tracker", lambda: client.describe_event_tracker(**which))
    return str(described["eventTracker"]["trackingId"])


def events_of(call: Mapping[str, Any], *, properties: Mapping[str, Any] | None = None, recommendation_id: str | None = None) -> list[dict[str, Any]]:
    """One Segment track call as Personalize events, one per product; none for events that are about no item.

    ``properties`` are sent with each event, keys in camel case. Raises Refused when the call has no id or no time, or they are too long.
    """
    event_type = EVENT_TYPES.get(str(call.get("event") or "").strip().lower())
    items = list(_items(call.get("properties"))) if event_type else []
    if not event_type or not items:
        return []
    message_id, sent_at = call.get("messageId"), _epoch_seconds(call.get("timestamp"))
    if not isinstance(message_id, str) or not message_id:
        raise Refused("no messageId")
    text = json.dumps(dict(properties or {}), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if len(text) > PROPERTIES_CHARACTERS:
        raise Refused(f"properties: {len(text)} characters of JSON, at most {PROPERTIES_CHARACTERS}")
    extra = ({"properties": text} if properties else {}) | ({"recommendationId": recommendation_id} if recommendation_id else {})
    return [
        {"eventId": f"{message_id}:{item}"[:ID_CHARACTERS], "eventType": event_type, "itemId": item, "sentAt": sent_at, **_priced(value), **extra}
        for item, value in items
    ]


def put_event(
    client: Any,
    tracking_id: str,
    call: Mapping[str, Any],
    *,
    user_id: str | None = None,
    properties: Mapping[str, Any] | None = None,
    recommendation_id: str | None = None,
    hook: CallHook = no_hook,
) -> list[Outcome]:
    """Sends one Segment call's events, ten at a time, one outcome per event (its eventId); none for a call about no item.

    ``user_id`` is who Personalize shall take the person for (our customer_id); without it the event belongs to the session alone. The session
    is the call's anonymousId, else its userId, else ``user_id``. A call that cannot be sent is one rejected outcome under its messageId.
    """
    try:
        events = events_of(call, properties=properties, recommendation_id=recommendation_id)
        session = _session(call, user_id) if events else ""
    except Refused as error:
        return [Outcome(str(call.get("messageId") or ""), "rejected", str(error))]
    person = {"trackingId": tracking_id, "sessionId": session, **({"userId": user_id} if user_id else {})}
    chunks = [events[start : start + EVENTS_PER_CALL] for start in range(0, len(events), EVENTS_PER_CALL)]
    return [outcome for chunk in chunks for outcome in _put_chunk(client, person, chunk, hook)]


def _put_chunk(client: Any, person: Mapping[str, str], events: Sequence[dict[str, Any]], hook: CallHook) -> list[Outcome]:
    try:
        call_aws(hook, "personalize-events", "put_events", lambda: client.put_events(**person, eventList=list(events)))
    except RetryableError as error:
        return [Outcome(event["eventId"], "failed", str(error)) for event in events]
    except Refused as error:
        return [Outcome(event["eventId"], "rejected", str(error)) for event in events]
    return [Outcome(event["eventId"], "loaded") for event in events]


def _session(call: Mapping[str, Any], user_id: str | None) -> str:
    for value in (call.get("anonymousId"), call.get("userId"), user_id):
        if isinstance(value, str) and value.strip():
            if len(value) > ID_CHARACTERS:
                raise Refused(f"the session's id has more than {ID_CHARACTERS} characters")
            return value
    raise Refused("neither anonymousId nor userId")


def _items(properties: Any) -> Iterator[tuple[str, Any]]:
    """(item, price) of a call's products, each item once; the properties themselves where there is no list."""
    products = properties.get("products") if isinstance(properties, Mapping) else None
    seen = set()
    for product in products if isinstance(products, Sequence) and not isinstance(products, str) else [properties]:
        item = (product.get("product_id") or product.get("sku")) if isinstance(product, Mapping) else None
        item = str(item).strip() if isinstance(item, str | int) and not isinstance(item, bool) else ""
        if item and item not in seen and len(item) <= ID_CHARACTERS:
            seen.add(item)
            yield item, product.get("price")


def _priced(value: Any) -> dict[str, float]:
    try:
        price = float(value)
    except (TypeError, ValueError):
        return {}
    return {"eventValue": price} if abs(price) < 1e30 else {}


def _epoch_seconds(timestamp: Any) -> int:
    """The call's own time; one without a zone is UTC, whatever zone this machine has."""
    try:
        time = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else timestamp
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (AttributeError, ValueError, OverflowError) as error:
        raise Refused("no timestamp that can be read") from error


def recommendations(
    client: Any, arn: str, user_id: str | None = None, item_id: str | None = None, limit: int = 25, *, hook: CallHook = no_hook
) -> tuple[list[str], str]:
    """Items for a user, or beside an item, best first, and the recommendationId that belongs with every list that is shown.

    Raises Refused when there is no such campaign or recommender, RetryableError when the service does not answer.
    """
    from botocore.exceptions import ClientError

    whose = {name: value for name, value in (("userId", user_id), ("itemId", item_id)) if value}
    by = "recommenderArn" if ":recommender/" in arn else "campaignArn"
    asked = {by: arn, **whose, "numResults": limit}
    try:
        answer = call_aws(hook, "personalize-runtime", "get_recommendations", lambda: client.get_recommendations(**asked))
    except ClientError as error:
        raise Refused(f"get_recommendations: {error_code(error)}: {arn}") from error
    return [entry["itemId"] for entry in answer.get("itemList", [])], str(answer.get("recommendationId", ""))
