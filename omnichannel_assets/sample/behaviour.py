"""How a life shows in Segment: sessions on the web shop and the app, with the events of the e-commerce spec.

Belongs here: visits, orders and refunds told as messages. Does not belong here: deciding that they happen (life), e-mail (campaigns),
planted faults (faults), transit (outbox).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from omnichannel_assets.sample.catalogue import Line, Product
from omnichannel_assets.sample.life import Life, Order, Return, Visit
from omnichannel_assets.sample.outbox import Message, Outbox
from omnichannel_assets.sample.people import Person, World
from omnichannel_assets.sample.vocabulary import APP, SERVER, WEB, segment_time, token

_NEW_DEVICE_EVERY = timedelta(days=8)
"""At least this long between two unexpected devices, so that nobody has more than five new ones in a week."""


@dataclass
class Session:
    """One sitting of one person on one device; `now` moves on with every call."""

    person: Person
    source: str
    device: str
    now: datetime
    user_id: str | None = None
    late: timedelta = timedelta()

    def ids(self) -> dict[str, str]:
        """What every call of the session carries."""
        return {"anonymousId": self.device, **({"userId": self.user_id} if self.user_id else {})}

    def context(self) -> dict:
        """The library and network part of every call."""
        library = (
            {"name": "analytics.js", "version": "next-1.70.0"} if self.source == WEB else {"name": "analytics-ios", "version": "4.1.8"}
        )
        return {"ip": f"203.0.113.{1 + self.person.number % 254}", "library": library}


class Narrator:
    """Tells one person's life to the outbox."""

    def __init__(self, world: World, person: Person, outbox: Outbox):
        self.rng = world.draws("behaviour", person.number)
        self.person, self.outbox = person, outbox
        self.catalogue, self.population = world.catalogue, world.population
        self._devices_met = datetime.min
        self._introduced = False

    def tell(self, life: Life) -> None:
        """Everything that happened online during the period, in time order."""
        start = self.outbox.period.start
        refunds = [r for r in life.returns if r.order.online and r.order.at >= start]
        happenings: list[Visit | Order | Return] = [*life.visits, *refunds, *(o for o in life.orders if o.online and o.at >= start)]
        for happening in sorted(happenings, key=lambda h: h.at):
            if isinstance(happening, Visit):
                self._visit(happening)
            elif isinstance(happening, Order):
                self._order(happening)
            else:
                self._refund(happening)

    def _say(self, session: Session, kind: str, late: timedelta = timedelta(), **body: object) -> None:
        channel = "browser" if session.source == WEB else "mobile"
        call = {"type": kind, **session.ids(), "channel": channel, "context": session.context(), **body}
        self.outbox.send(Message(session.source, session.now, call, self.person, late))

    def _track(self, session: Session, event: str, **properties: object) -> None:
        late = session.late if event.startswith("Product ") else timedelta()
        self._say(session, "track", late, event=event, properties=properties)
        session.now += timedelta(seconds=self.rng.randint(3, 40))

    def _device(self, at: datetime) -> str:
        if self.rng.random() < 0.05 and at - self._devices_met > _NEW_DEVICE_EVERY:
            self._devices_met = at
            return f"a-{token('new device', self.person.number, at, self.rng.random(), size=6)}"
        return self.rng.choice(self.person.devices)

    def _open(self, at: datetime, logged_in: bool) -> Session:
        """Start a session; with an account it may log in, which is where devices, e-mail and cards get linked."""
        rng, person = self.rng, self.person
        source = APP if rng.random() < 0.25 else WEB
        session = Session(person, source, self._device(at), at)
        if source == APP:
            if rng.random() < 0.08:
                session.late = timedelta(hours=rng.randint(5, 60))
            self._say(session, "screen", name="Home", properties={"variation": "A"})
        else:
            self._say(session, "page", name="Home", properties={"path": "/", "url": "https://shop.example.com/", "title": "Home"})
        session.now += timedelta(seconds=rng.randint(8, 30))
        if logged_in and not person.guest:
            self._log_in(session)
        return session

    def _log_in(self, session: Session) -> None:
        rng, person = self.rng, self.person
        email = person.email if rng.random() < 0.9 else rng.choice((f"{person.email.upper()} ", f" {person.email.title()}"))
        traits = {"email": email, "firstName": person.first_name}
        card = self.population.card_at(person, session.now, 0)
        if card and rng.random() < 0.3:
            traits["loyalty_id"] = card.ref
        if not self._introduced and rng.random() < 0.3:
            self._say(session, "alias", previousId=session.device, userId=person.user_id, anonymousId=None)
        self._introduced = True
        session.user_id = person.user_id
        self._say(session, "identify", traits=traits)
        if person.number % 25 == 0 and rng.random() < 0.3:
            group = {"groupId": f"trade-{person.number % 4}", "traits": {"name": f"Trade customers {person.number % 4}", "plan": "trade"}}
            self._say(session, "group", **group)
        session.now += timedelta(seconds=rng.randint(4, 20))

    def _browse(self, session: Session, products: Iterable[Product]) -> None:
        """Find products through search, lists or promotions, and look at them."""
        rng = self.rng
        for product in products:
            way = rng.random()
            if way < 0.15:
                self._track(session, "Products Searched", query=product.name.split()[-1].lower())
            elif way < 0.35:
                listed = [
                    {"product_id": p.product_id, "position": n}
                    for n, p in enumerate(rng.sample(self.catalogue.shelf(product.category), 4), 1)
                ]
                self._track(session, "Product List Viewed", list_id="shelf", category=product.category, products=listed)
            elif way < 0.42:
                promotion = {
                    "promotion_id": f"promo-{session.now:%m}",
                    "creative": "banner_top",
                    "name": f"{product.category} week",
                    "position": "1",
                }
                self._track(session, "Promotion Viewed", **promotion)
                if rng.random() < 0.4:
                    self._track(session, "Promotion Clicked", **promotion)
            if rng.random() < 0.3:
                self._track(session, "Product Clicked", **self._product(product, session.now))
            self._track(session, "Product Viewed" if rng.random() < 0.97 else "Viewed Product", **self._product(product, session.now))

    def _product(self, product: Product, at: datetime) -> dict:
        pence = product.price_at(at)
        price = pence / 100 if self.rng.random() < 0.95 else f"{pence / 100:.2f}"
        return {"product_id": product.product_id, "name": product.name, "category": product.category, "price": price}

    def _visit(self, visit: Visit) -> None:
        rng = self.rng
        session = self._open(visit.at, logged_in=rng.random() < 0.7)
        looked_at = [self.catalogue.pick(rng, self.person.traits.tastes, visit.at) for _ in range(rng.randint(1, 6))]
        self._browse(session, looked_at)
        if visit.saved:
            self._browse(session, [visit.saved])
            saved = self._product(visit.saved, session.now)
            self._track(session, "Product Added to Wishlist", wishlist_id=f"w-{self.person.number}", wishlist_name="Later", **saved)
            if rng.random() < 0.05:
                self._track(session, "Product Removed from Wishlist", wishlist_id=f"w-{self.person.number}", **saved)
        if rng.random() < 0.15:
            self._track(session, "Product Added", cart_id=f"c-{session.device}", quantity=1, **self._product(looked_at[0], session.now))
            self._track(
                session, "Cart Viewed", cart_id=f"c-{session.device}", products=[{"product_id": looked_at[0].product_id, "quantity": 1}]
            )

    def _order(self, order: Order) -> None:
        """The session that ends with an order. Guests order with device and e-mail; people with an account nearly always with their id."""
        rng, person = self.rng, self.person
        session = self._open(order.at - timedelta(minutes=rng.randint(25, 50)), logged_in=rng.random() < 0.85)
        cart = f"c-{order.order_id}"
        goods = [line for line in order.lines if line.product.category != "Charges"]
        for line in goods:
            self._browse(session, [line.product])
            self._track(session, "Product Added", cart_id=cart, quantity=line.quantity, **self._product(line.product, session.now))
        if rng.random() < 0.1:
            other = self.catalogue.pick(rng, person.traits.tastes, order.at)
            self._track(session, "Product Added", cart_id=cart, quantity=1, **self._product(other, session.now))
            self._track(session, "Product Removed", cart_id=cart, quantity=1, **self._product(other, session.now))
        self._track(session, "Cart Viewed", cart_id=cart, products=[{"product_id": line.product.product_id} for line in goods])
        self._track(session, "Checkout Started", order_id=order.order_id, currency="GBP", value=order.pence / 100)
        self._complete(session, order)

    def _complete(self, session: Session, order: Order) -> None:
        rng, person = self.rng, self.person
        as_guest = person.guest or (session.user_id is None and rng.random() < 0.05)
        who = {"anonymousId": session.device} if as_guest else {"userId": person.user_id}
        context = {"traits": {"email": person.email}} if session.user_id is None or rng.random() < 0.5 else {}
        products: list | dict = [_order_line(line) for line in order.lines]
        if len(products) == 1 and rng.random() < 0.5:
            products = products[0]
        total = order.pence / 100
        properties = {
            "order_id": order.order_id,
            "currency": "GBP",
            "total": total,
            "revenue": total if rng.random() < 0.9 else f"{total:.2f}",
        }
        body = {"type": "track", "event": "Order Completed", **who, "channel": "server", "context": context}
        body["properties"] = {**properties, "products": products}
        source = SERVER if rng.random() < 0.5 else session.source
        self.outbox.send(Message(source, order.at, body, person))

    def _refund(self, refund: Return) -> None:
        """Online orders are refunded through Segment; a guest is known there by device and e-mail."""
        who = {"anonymousId": self.person.devices[0]} if self.person.guest else {"userId": self.person.user_id}
        properties = {
            "order_id": refund.order.order_id,
            "currency": "GBP",
            "total": refund.line.pence / 100,
            "products": [_order_line(refund.line)],
            "refunded_at": segment_time(refund.at, "seconds"),
        }
        body = {"type": "track", "event": "Order Refunded", "channel": "server", "context": {"traits": {"email": self.person.email}}}
        self.outbox.send(Message(SERVER, refund.at, {**body, **who, "properties": properties}, self.person))


def _order_line(line: Line) -> dict:
    code = line.product.product_id
    return {"product_id": code, "sku": f"{code}-STD", "name": line.product.name, "price": line.unit_pence / 100, "quantity": line.quantity}
