"""Event lines of Pinpoint and of Connect's outbound campaigns -> one shape: which message of which campaign, what became of it, when, for whom.

Here: what a line says. Not here: unpacking files (``segment.lines``), whose an address is (``sql/campaign_events.sql``). Nothing in a line can raise: what
is no event comes back with the rule it breaks. Addresses, IP addresses and links leave as hashes or not at all.

Pinpoint's event stream: docs "Streaming Amazon Pinpoint events"; for e-mail ``event_timestamp`` is when it was sent, ``arrival_timestamp`` when it was
opened or clicked. Connect: profile objects of type Campaign-Email and the like; that their fields may be nested or dotted is not documented, so both are read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from omnichannel_assets.activation.machine_events import machine_rule

PINPOINT, CONNECT = "pinpoint", "connect"
CHANNELS = (PINPOINT, CONNECT)
OTHER = "other"
TYPES: dict[str, dict[str, str]] = {
    PINPOINT: {
        "_email.send": "sent",
        "_campaign.send": "sent",
        "_journey.send": "sent",
        "_sms.buffered": "sent",
        "_email.delivered": "delivered",
        "_sms.success": "delivered",
        "_email.open": "opened",
        "_email.click": "clicked",
        "_email.hardbounce": "bounced",
        "_email.softbounce": "bounced",
        "_email.rejected": "rejected",
        "_email.complaint": "complained",
        "_email.unsubscribe": "unsubscribed",
    },
    CONNECT: {
        "send": "sent",
        "sent": "sent",
        "delivery": "delivered",
        "delivered": "delivered",
        "open": "opened",
        "click": "clicked",
        "bounce": "bounced",
        "reject": "rejected",
        "complaint": "complained",
        "unsubscribe": "unsubscribed",
    },
}
"""Channel -> event type as told, lower case -> ours; any other is kept as ``other``. Connect's values are not documented: these are the observed ones."""
EARLIEST, LATEST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
CUSTOMER_ID = re.compile(r"c_[0-9a-f]{16}")
"""Our own id, which the endpoint ids and user ids of our imports hold."""
Hash = Callable[[str], "str | None"]
"""An address or customer id as told -> what stands for it; None where it is none."""


@dataclass(frozen=True)
class CampaignEvent:
    """One event. ``known_at`` is when the service had it; ``message_key`` joins the events of one message."""

    event_id: str
    campaign: str
    event_type: str
    event_at: datetime
    known_at: datetime
    customer_hash: str | None = None
    address_hash: str | None = None
    message_key: str | None = None
    link_hash: str | None = None
    machine_rule: str | None = None


def events_of(channel: str, line: str, hashed: Hash) -> Iterator[CampaignEvent | str]:
    """The events of one line, or the rule that a part of it breaks. Firehose puts records side by side without a line break unless told otherwise."""
    at, decoder = 0, json.JSONDecoder()
    while at < len(line):
        try:
            found, at = decoder.raw_decode(line, at)
        except (ValueError, RecursionError):
            yield "invalid_json"
            return
        yield _event(channel, found, hashed)
        while at < len(line) and line[at] in " \t\r,":
            at += 1


def _event(channel: str, found: Any, hashed: Hash) -> CampaignEvent | str:
    if not isinstance(found, dict):
        return "not_an_object"
    return _pinpoint(found, hashed) if channel == PINPOINT else _connect(found, hashed)


def _pinpoint(event: Mapping[str, Any], hashed: Hash) -> CampaignEvent | str:
    told = _text(event, "event_type")
    sent_at, arrived_at = _epoch(event.get("event_timestamp")), _epoch(event.get("arrival_timestamp"))
    if not told:
        return "no_event_type"
    if sent_at is None and arrived_at is None:
        return "no_event_time"
    kind = TYPES[PINPOINT].get(told.lower(), OTHER)
    at = (arrived_at if kind in ("opened", "clicked") else sent_at) or arrived_at or sent_at
    known_at = max(moment for moment in (sent_at, arrived_at) if moment)
    mail = _at(event, "facets", "email_channel", "mail_event", "mail")
    done = _at(event, "facets", "email_channel", "mail_event", {"opened": "open", "clicked": "click"}.get(kind, kind))
    attributes = _at(event, "attributes")
    client = _text(_at(event, "client"), "client_id") or ""
    campaign = next((name for key in ("campaign_name", "campaign_id", "journey_id") if (name := _text(attributes, key))), "unknown")
    message, link = _text(mail, "message_id"), _text(done, "link")
    parts = [told, client, message or "", str(event.get("event_timestamp")), str(event.get("arrival_timestamp")), link or ""]
    return CampaignEvent(
        f"pinpoint/{_digest(*parts)}",
        campaign,
        kind,
        at,
        known_at,
        _customer(hashed, client, _endpoint_user(event)),
        _first_address(mail.get("destination"), hashed),
        message,
        _digest(link) if link else None,
        machine_rule(done.get("user_agent"), done.get("ip_address")),
    )


def _connect(event: Mapping[str, Any], hashed: Hash) -> CampaignEvent | str:
    event_id, told = _text(event, "campaign_event_id"), _text(event, "campaign_event_type")
    at = _instant(event.get("campaign_event_timestamp"))
    if not event_id or not told:
        return "no_event_id" if not event_id else "no_event_type"
    if at is None:
        return "no_event_time"
    kind = TYPES[CONNECT].get(told.lower(), OTHER)
    verb = {"opened": "open", "clicked": "click"}.get(kind, "")
    done = {name: _dotted(event, f"email.{verb}.{name}") for name in ("link", "ipAddress", "userAgent")} if verb else {}
    link = done.get("link")
    return CampaignEvent(
        f"connect/{event_id}",
        _text(event, "campaign_name") or _text(event, "campaign_id") or "unknown",
        kind,
        at,
        at,
        _customer(hashed, _text(event, "profile_id") or "", _text(event, "customer_id") or ""),
        hashed(_text(event, "endpoint_address") or ""),
        _text(event, "campaign_message_id") or _text(event, "outbound_request_id"),
        _digest(link) if isinstance(link, str) and link else None,
        machine_rule(done.get("userAgent"), done.get("ipAddress")),
    )


def _endpoint_user(event: Mapping[str, Any]) -> str:
    """The user id of the endpoint that campaign events carry, JSON text inside JSON."""
    told = _at(event, "client_context", "custom").get("endpoint")
    try:
        endpoint = json.loads(told) if isinstance(told, str) else told
    except (ValueError, RecursionError):
        return ""
    return _text(_at(endpoint, "User"), "UserId") or ""


def _customer(hashed: Hash, *texts: str) -> str | None:
    return next((hashed(found[0]) for text in texts if (found := CUSTOMER_ID.search(text))), None)


def _first_address(told: Any, hashed: Hash) -> str | None:
    addresses = told if isinstance(told, list) else [told]
    return next((found for one in addresses if isinstance(one, str) and (found := hashed(one))), None)


def _at(found: Any, *path: str) -> Mapping[str, Any]:
    """The object at a path; empty where there is none."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _dotted(event: Mapping[str, Any], name: str) -> Any:
    *path, last = name.split(".")
    return event[name] if name in event else _at(event, *path).get(last)


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return (value.strip().replace("\x00", "")[:512] or None) if isinstance(value, str) else None


def _epoch(told: Any) -> datetime | None:
    """An instant from epoch milliseconds."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < 10**14:
        return None
    return _believed(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(told)))


def _instant(told: Any) -> datetime | None:
    if not isinstance(told, str):
        return _epoch(told)
    try:
        found = datetime.fromisoformat(told.strip())
        return _believed(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _believed(found: datetime) -> datetime | None:
    return found if EARLIEST <= found < LATEST else None


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(errors="replace"), digest_size=12).hexdigest()
