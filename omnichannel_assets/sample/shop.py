"""The shop's own database: every insert, update and delete of its seven tables, in the order DMS would see them.

Belongs here: rows as the shop wrote them, with the slips of people at tills. Does not belong here: files and their options (writers),
what Segment holds (behaviour).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from omnichannel_assets.sample.catalogue import Product
from omnichannel_assets.sample.life import Life, Order, Return, Subscription, busyness, shop_hour
from omnichannel_assets.sample.people import Card, Person, World
from omnichannel_assets.sample.truth import Truth
from omnichannel_assets.sample.vocabulary import NULL, TABLE_COLUMNS, money, sql_time

WALK_INS_PER_CUSTOMER = 0.003
_STORES = 12
_PLAN_DAYS = {"monthly": 30, "annual": 365}


@dataclass(frozen=True)
class Change:
    """One row version: when, `I`, `U` or `D`, and the values as text."""

    at: datetime
    op: str
    values: tuple[str, ...]


class Shop:
    """Fills the tables; `changes` holds them by table, not yet sorted by time."""

    def __init__(self, world: World):
        self.rng = world.draws("shop")
        self.period, self.catalogue, self.population = world.period, world.catalogue, world.population
        self.changes: dict[str, list[Change]] = {table: [] for table in TABLE_COLUMNS}
        self.counts: Counter[str] = Counter()
        self._returns_of: Counter[str] = Counter()

    def fill(self, lives: Sequence[Life], truth: Truth) -> None:
        """Everything the shop recorded about goods, people and sales."""
        for product in (*self.catalogue.products, *self.catalogue.charges.values()):
            self._product(product)
            self._inventory(product)
        for person in self.population.people:
            for card in self.population.cards(person):
                self._card(person, card, truth)
        walk_ins = list(self._walk_ins())
        sales = [o for life in lives for o in life.orders if self._in_database(o)] + walk_ins
        sales.sort(key=lambda o: (o.at, o.order_id))
        for order in sales:
            self._order(order)
        self._slips(sales)
        for back in (r for life in lives for r in life.returns):
            if not back.order.online or back.order.at < self.period.start:
                self._return(back)
        self._walk_in_returns(walk_ins)
        for life in lives:
            for subscription in life.subscriptions:
                self._subscription(life.person, subscription)
        for order in (*(o for life in lives for o in life.orders), *walk_ins):
            truth.order(order)

    def _put(self, table: str, at: datetime, op: str, *values: str | None) -> None:
        self.changes[table].append(Change(at, op, tuple(NULL if v is None else v for v in values)))

    def _in_database(self, order: Order) -> bool:
        """Store sales always; web orders all before the period, a fifth of them since."""
        both = order.online and order.at >= self.period.start and order.choice % 5 == 0
        self.counts["orders_in_both"] += both
        return both or not order.online or order.at < self.period.start

    def _product(self, product: Product) -> None:
        opened = self.period.history_start - timedelta(days=2)
        moments = [opened, *(sorted(m for m in (product.repriced, product.discontinued) if m))]
        for n, at in enumerate(moments):
            status = "active" if product.sold_at(at) else "discontinued"
            price = money(product.price_at(at))
            values = (product.product_id, product.name, product.category, price, "GBP", status, sql_time(opened), sql_time(at))
            self._put("products", at, "U" if n else "I", *values)

    def _inventory(self, product: Product) -> None:
        rng = self.rng
        at = self.period.history_start - timedelta(days=2)
        self._put("inventory", at, "I", product.product_id, "WH1", str(rng.randint(20, 400)), sql_time(at))
        seconds = (self.period.end - self.period.start).days * 86_400 - 7200
        for at in sorted(self.period.start + timedelta(seconds=rng.randrange(3600, seconds)) for _ in range(rng.randint(0, 4))):
            left = 0 if rng.random() < 0.15 else rng.randint(1, 400)
            self._put("inventory", at, "U", product.product_id, "WH1", str(left), sql_time(at))

    def _card(self, person: Person, card: Card, truth: Truth) -> None:
        """The row of a card, perhaps changed once: a move, at times with another answer to the mailing question."""
        rng = self.rng
        identifiers = [("customer_ref", card.ref)]
        if card.email_text:
            identifiers.append(("email", person.email))
        if card.own_phone:
            identifiers.append(("phone", person.phone))
        truth.link(person, identifiers)
        versions = [(card.created, person.city, card.opted_in)]
        moved = card.created + timedelta(days=rng.uniform(5, 300))
        if rng.random() < 0.35 and moved < self.period.end:
            versions.append((moved, rng.choice((person.city, ("Exeter", "EX1"))), card.opted_in != (rng.random() < 0.5)))
        for n, (at, (city, postcode), opted_in) in enumerate(versions):
            name = (card.ref, card.first_name, person.last_name, card.email_text, card.phone_text)
            home = (card.street, city, f"{postcode} {person.number % 9 + 1}AB", "GB", person.birth_date)
            self._put("customers", at, "U" if n else "I", *name, *home, "t" if opted_in else "f", sql_time(card.created), sql_time(at))
        for at, opted_in in visible_choices([(at, opted_in) for at, _, opted_in in versions], self.period.split):
            truth.opted(card.ref, at, opted_in)

    def _walk_ins(self) -> Iterable[Order]:
        """Sales at the till to nobody known; at least one a day after the full load."""
        rng, day, number = self.rng, self.period.history_start, 0
        while day < self.period.end:
            expected = WALK_INS_PER_CUSTOMER * len(self.population.people) * busyness(day)
            for _ in range(max(int(day >= self.period.split), int(expected + rng.random()))):
                at = shop_hour(rng, day)
                tastes = rng.sample(self.catalogue.categories, 2)
                lines = tuple(self.catalogue.basket(rng, tastes, at))
                yield Order(f"9{number:08d}", None, at, False, lines, rng.randrange(1 << 30))
                number += 1
            day += timedelta(days=1)

    def _order_values(self, order: Order) -> tuple[str | None, ...]:
        card = self.population.card_at(order.person, order.at, order.choice) if order.person else None
        place = "web" if order.online else f"store-{order.choice % _STORES + 1}"
        at = sql_time(order.at)
        return (order.order_id, card.ref if card else None, place, "completed", "GBP", money(order.pence), at, at)

    def _order(self, order: Order) -> None:
        self._put("orders", order.at, "I", *self._order_values(order))
        for n, line in enumerate(order.lines, 1):
            values = (order.order_id, str(n), line.product.product_id, str(line.quantity), money(line.unit_pence))
            self._put("order_lines", order.at + timedelta(microseconds=n), "I", *values)

    def _slips(self, sales: Sequence[Order]) -> None:
        """Sales voided within the hour, one of them while the full load ran, and sales taken out by mistake and put back."""
        split, last = self.period.split, self.period.end - timedelta(hours=5)
        later = [o for o in sales if split <= o.at < last]
        voided = later[:1] + [o for o in later[1:] if o.choice // 7 % 150 == 0]
        for order in voided:
            self._void(order, order.at + timedelta(minutes=1), order.at + timedelta(hours=1))
        if sales and sales[0].at < split - timedelta(hours=1):
            self._void(sales[0], split - timedelta(minutes=30), split + timedelta(minutes=30))
        for order in later[1:2] + [o for o in sales if o.at < last and o.choice // 11 % 100 == 0 and o not in later[1:2]]:
            values = self._order_values(order)
            self._put("orders", order.at + timedelta(hours=3), "D", *values)
            self._put("orders", order.at + timedelta(hours=4), "I", *values)

    def _void(self, order: Order, rung_up: datetime, taken_out: datetime) -> None:
        head = self._order_values(order)[1:6]
        values = (f"VOID-{order.order_id}", *head, sql_time(rung_up), sql_time(rung_up))
        self._put("orders", rung_up, "I", *values)
        self._put("orders", taken_out, "D", *values)
        self.counts["voided_orders"] += 1

    def _return(self, back: Return) -> None:
        order, line = back.order, back.line
        number = self._returns_of[order.order_id]
        self._returns_of[order.order_id] += 1
        card = self.population.card_at(order.person, back.at, order.choice) if order.person else None
        sale = order.order_id if self.rng.random() < 0.7 else None
        reason = self.rng.choice(("faulty", "unwanted", "wrong size", None))
        values = (f"R{order.order_id}-{number}", sale, card.ref if card else None, line.product.product_id)
        self._put("returns", back.at, "I", *values, str(line.quantity), money(line.pence), reason, sql_time(back.at))

    def _walk_in_returns(self, walk_ins: Sequence[Order]) -> None:
        """Some of what walk-ins bought comes back; something always does on the last day, after the table got its new column."""
        last_day = self.period.end - timedelta(days=1)
        for order in walk_ins:
            back = shop_hour(
                self.rng, order.at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=self.rng.randint(1, 14))
            )
            if self.rng.random() < 0.06 and back < last_day:
                self._return(Return(order, order.lines[0], back))
        if walk_ins:
            self._return(Return(walk_ins[0], walk_ins[0].lines[-1], last_day + timedelta(hours=23)))

    def _subscription(self, person: Person, subscription: Subscription) -> None:
        """Started, renewed while it runs, ended. Nobody without a card can join."""
        card = self.population.card_at(person, subscription.started, 0)
        if card is None:
            return
        key = (f"S{1000 + person.number}{subscription.number}", card.ref, subscription.plan)
        started, every = subscription.started, timedelta(days=_PLAN_DAYS[subscription.plan])
        until = subscription.ended or self.period.end
        at = started
        while at < until:
            renews = sql_time(at + every)
            self._put("subscriptions", at, "U" if at > started else "I", *key, "active", sql_time(started), renews, None, sql_time(at))
            at += every
        if subscription.ended:
            ended = sql_time(subscription.ended)
            self._put("subscriptions", subscription.ended, "U", *key, "cancelled", sql_time(started), None, ended, ended)


def visible_choices(versions: Sequence[tuple[datetime, bool]], split: datetime) -> list[tuple[datetime, bool]]:
    """The choices a reader of the files can see: the last one before the full load, then every version that differs from the one before."""
    seen = [v for v in versions if v[0] < split][-1:]
    for at, opted_in in (v for v in versions if v[0] >= split):
        if not seen or seen[-1][1] != opted_in:
            seen.append((at, opted_in))
    return seen
