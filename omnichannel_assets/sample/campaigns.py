"""E-mail campaigns and what people do with them, as the e-mail tool reports it to Segment.

Belongs here: delivered, opened, clicked, unsubscribed. Does not belong here: choosing an audience for a reason; newsletters go to a draw
of the people with an account who have not unsubscribed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from omnichannel_assets.sample.life import Life
from omnichannel_assets.sample.outbox import Message, Outbox
from omnichannel_assets.sample.people import World
from omnichannel_assets.sample.vocabulary import EMAIL

EVERY = timedelta(days=12)
REACHED_SHARE = 0.45
UNSUBSCRIBED_SHARE = 0.012


def send_campaigns(world: World, lives: Sequence[Life], outbox: Outbox) -> None:
    """A newsletter every twelve days."""
    rng = world.draws("campaigns")
    readers = [life for life in lives if life.person.mode != "store" and not life.person.guest]
    gone: set[int] = set()
    sent = outbox.period.start + timedelta(days=1, hours=9)
    while sent < outbox.period.end:
        for life in readers:
            if life.person.joined < sent and life.person.number not in gone and rng.random() < REACHED_SHARE:
                _deliver(rng, life, sent, outbox, gone)
        sent += EVERY


def _deliver(rng: random.Random, life: Life, sent: datetime, outbox: Outbox, gone: set[int]) -> None:
    person = life.person
    at = sent + timedelta(seconds=rng.randrange(1800))
    campaign = {
        "campaign_id": f"news-{sent:%Y%m%d}",
        "campaign_name": f"Newsletter {sent:%d %B}",
        "email_id": f"e{sent:%y%m%d}{person.number:05d}",
        "email_subject": "What is new in the shop",
    }
    eager = 0.5 if life.interested_at(sent) else 0.15
    reported = ["Email Delivered"]
    if rng.random() < eager:
        reported.append("Email Opened")
        if rng.random() < 0.35:
            reported.append("Email Link Clicked")
    if rng.random() < UNSUBSCRIBED_SHARE:
        reported.append("Unsubscribed")
        gone.add(person.number)
    for event in reported:
        extra = {"link_id": "hero", "link_url": "https://shop.example.com/new"} if event == "Email Link Clicked" else {}
        context = {"traits": {"email": person.email}, "ip": "198.51.100.7"}
        body = {"type": "track", "event": event, "userId": person.user_id, "context": context, "properties": {**campaign, **extra}}
        outbox.send(Message(EMAIL, at, body, person))
        at += timedelta(seconds=rng.randint(60, 5 * 3600))
