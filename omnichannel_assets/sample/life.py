"""What happens to people: a day-by-day simulation of visits, wishes, orders, returns, subscriptions and losing interest.

Belongs here: the latent process that a churn or repurchase model should be able to find again (its strengths are the constants below).
Does not belong here: any file format; nothing here knows of Segment or DMS.

The process: an interested person buys at their own daily rate, more on Saturdays and before Christmas. Each day they may lose interest,
the likelier the more they returned in the last 90 days and the less likely as a subscriber; a lost person rarely buys, visits or comes back.
A product saved to the wish list raises buying for 30 days, and that product is then often in the basket.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omnichannel_assets.sample.catalogue import Catalogue, Line, Product
from omnichannel_assets.sample.people import Person, World

LOSS_A_DAY = 0.0018
LOSS_PER_RETURN = 0.022
SUBSCRIBER_LOSS_FACTOR = 0.3
COMEBACK_A_DAY = 0.0025
LOST_FACTOR = 0.03
RETURNS_REMEMBERED = 90
WISH_DAYS = 30
WISH_FACTOR = 2.4
WISH_BOUGHT = 0.65
WEEKDAY_FACTORS = (0.8, 0.8, 0.9, 0.95, 1.15, 1.45, 0.95)
DECEMBER_FACTOR = 1.35
_HOURS = range(8, 23)
_HOUR_WEIGHTS = (2, 4, 6, 7, 9, 8, 6, 6, 6, 6, 7, 8, 9, 7, 3)


@dataclass(frozen=True)
class Order:
    """One sale. `person` is None for a walk-in who showed no card; `choice` settles later which card, device or copy it gets."""

    order_id: str
    person: Person | None
    at: datetime
    online: bool
    lines: tuple[Line, ...]
    choice: int

    @property
    def pence(self) -> int:
        """The total."""
        return sum(line.pence for line in self.lines)


@dataclass(frozen=True)
class Return:
    """One line of an order brought or sent back."""

    order: Order
    line: Line
    at: datetime


@dataclass(frozen=True)
class Visit:
    """A look around the web shop or app that ends without an order; `saved` goes to the wish list."""

    at: datetime
    saved: Product | None


@dataclass(frozen=True)
class Subscription:
    """A paid subscription; `ended` is None while it runs."""

    number: int
    plan: str
    started: datetime
    ended: datetime | None


@dataclass
class Life:
    """Everything one person did, each list in time order."""

    person: Person
    orders: list[Order] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    interest_changes: list[tuple[datetime, bool]] = field(default_factory=list)

    def interested_at(self, moment: datetime) -> bool:
        """Whether the person still cared about the shop at a moment."""
        state = True
        for since, interested in self.interest_changes:
            if since <= moment:
                state = interested
        return state


def shop_hour(rng: random.Random, day: datetime) -> datetime:
    """A moment of a day at which people shop."""
    hour = rng.choices(_HOURS, _HOUR_WEIGHTS)[0]
    return day + timedelta(hours=hour, seconds=rng.randrange(3600), microseconds=rng.randrange(1_000_000))


def busyness(day: datetime) -> float:
    """How a day's trade compares with an average one."""
    return WEEKDAY_FACTORS[day.weekday()] * (DECEMBER_FACTOR if day.month in (11, 12) else 1.0)


def live(world: World, person: Person) -> Life:
    """Simulate one person from joining to the end of the period."""
    days = _Days(world, person)
    day = person.joined.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while day < world.period.end:
        days.lapse(day)
        days.subscription(day)
        days.visit(day)
        days.buy(day)
        day += timedelta(days=1)
    days.life.returns.sort(key=lambda r: r.at)
    days.close()
    return days.life


class _Days:
    """One person's state while their days pass."""

    def __init__(self, world: World, person: Person):
        self.rng, self.person = world.draws("life", person.number), person
        self.catalogue, self.period = world.catalogue, world.period
        self.life = Life(person)
        self.interested = True
        self.wishes: list[tuple[datetime, Product]] = []
        self.subscribed_since: datetime | None = None
        self.subscribed_until: datetime | None = None
        self.plan = ""

    @property
    def appetite(self) -> float:
        """How much of the usual buying and visiting is left."""
        return 1.0 if self.interested else LOST_FACTOR

    def lapse(self, day: datetime) -> None:
        """Lose interest or find it again."""
        if self.interested:
            recent = sum(1 for r in self.life.returns if day - timedelta(days=RETURNS_REMEMBERED) <= r.at < day)
            risk = LOSS_A_DAY + LOSS_PER_RETURN * recent
            if self.subscribed_since:
                risk *= SUBSCRIBER_LOSS_FACTOR
        else:
            risk = COMEBACK_A_DAY
        if self.rng.random() < risk:
            self.interested = not self.interested
            self.life.interest_changes.append((day, self.interested))

    def subscription(self, day: datetime) -> None:
        """Join after an order, end some weeks after losing interest (or, rarely, for no reason)."""
        rng = self.rng
        if self.subscribed_since and self.subscribed_until is None:
            if (not self.interested and rng.random() < 0.04) or rng.random() < 0.0006:
                self.subscribed_until = shop_hour(rng, day)
        elif self.subscribed_until and day > self.subscribed_until:
            self.close()
        elif not self.subscribed_since and self.person.traits.subscribes and self.interested and self.life.orders and rng.random() < 0.03:
            self.subscribed_since, self.plan = shop_hour(rng, day), rng.choice(("monthly", "monthly", "annual"))

    def close(self) -> None:
        """Put the running subscription on record."""
        if self.subscribed_since:
            self.life.subscriptions.append(
                Subscription(len(self.life.subscriptions), self.plan, self.subscribed_since, self.subscribed_until)
            )
        self.subscribed_since = self.subscribed_until = None

    def visit(self, day: datetime) -> None:
        """Look around without buying; at times save something for later."""
        rng, person = self.rng, self.person
        if person.mode == "store" or day < self.period.start:
            return
        if rng.random() < min(0.5, person.traits.rate * 0.9 * busyness(day)) * max(self.appetite, 0.1):
            at = shop_hour(rng, day)
            saved = self.catalogue.pick(rng, person.traits.tastes, at) if self.interested and rng.random() < 0.3 else None
            if saved:
                self.wishes.append((at, saved))
            self.life.visits.append(Visit(at, saved))

    def buy(self, day: datetime) -> None:
        """Perhaps place an order, and settle now what of it will come back."""
        rng, person = self.rng, self.person
        self.wishes = [w for w in self.wishes if day - w[0] < timedelta(days=WISH_DAYS)]
        rate = person.traits.rate * busyness(day) * self.appetite * (WISH_FACTOR if self.wishes else 1.0)
        if rng.random() >= rate:
            return
        at = shop_hour(rng, day)
        if self.life.visits and self.life.visits[-1].at.date() == at.date():
            at = max(at, self.life.visits[-1].at + timedelta(minutes=55))
            if at >= day + timedelta(hours=23):
                return
        wished = self.wishes.pop(0)[1] if self.wishes and rng.random() < WISH_BOUGHT else None
        online = person.mode == "online" or (person.mode == "both" and rng.random() < 0.55)
        goods = self.catalogue.basket(rng, person.traits.tastes, at, wished)
        order_id = f"5{person.number:05d}{len(self.life.orders):03d}"
        order = Order(order_id, person, at, online, (*goods, *_charges(rng, self.catalogue, online)), rng.randrange(1 << 30))
        self.life.orders.append(order)
        if rng.random() < person.traits.return_share:
            for line in rng.sample(goods, min(len(goods), rng.choice((1, 1, 2)))):
                back = shop_hour(rng, day + timedelta(days=rng.randint(2, 16)))
                if back < self.period.end:
                    self.life.returns.append(Return(order, line, back))


def _charges(rng: random.Random, catalogue: Catalogue, online: bool) -> list[Line]:
    """The lines of an order that are no goods."""
    code = "POST" if online and rng.random() < 0.3 else "M" if rng.random() < 0.015 else "BANK CHARGES" if rng.random() < 0.005 else None
    return [Line(catalogue.charges[code], 1, catalogue.charges[code].pence)] if code else []
