"""Messages that are wrong on purpose, as real exports hold them.

Belongs here: whole messages that no well-behaved shop would send, and strangers. Does not belong here: what can hit any message in
transit (outbox), broken objects (writers), slips in the shop database (shop). Each method says what it plants.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from omnichannel_assets.sample.outbox import Message, Outbox
from omnichannel_assets.sample.people import Person, World
from omnichannel_assets.sample.vocabulary import BLOCKED_USER, KIOSK_DEVICE, SERVER, WEB, token

SCRAPER_VIEWS = 300
_SHARED_ADDRESSES = 12


class Faults:
    """Plants faults around people with an account; counts one group for every round over all kinds."""

    def __init__(self, world: World, outbox: Outbox):
        self.rng = world.draws("faults")
        self.seed, self.catalogue, self.outbox = world.seed, world.catalogue, outbox
        self.accounts = [p for p in world.population.people if p.mode != "store" and not p.guest]
        self._latest = (outbox.period.end - outbox.period.start) - timedelta(hours=1)

    def plant(self, size: int) -> None:
        """As many rounds as a shop of this many customers deserves, then strangers, the scraper and one of each fault of transit."""
        for round_number in range(max(2, size // 20)):
            at, person = self._moment(), self.rng.choice(self.accounts)
            self._kiosk(at, person)
            self._shared_account(at, round_number)
            self._odd_ids(at, round_number)
            self._wrong_clock(at, round_number)
            self._computed_trait(at, person)
            self._unreadable_order(at, person, round_number)
            self.outbox.counts["planted_fault_groups"] += 1
        for number in range(max(3, size // 3)):
            self._stranger(number)
        self._scraper()
        self._transit()

    def _moment(self) -> datetime:
        return self.outbox.period.start + self.rng.random() * self._latest

    def _view(self, at: datetime, **fields: object) -> Message:
        body = {
            "type": "track",
            "event": "Product Viewed",
            "properties": {"product_id": self.rng.choice(self.catalogue.products).product_id},
        }
        return Message(WEB, at, {**body, **fields})

    def _kiosk(self, at: datetime, person: Person) -> None:
        """Many people log in on one tablet; others look around on it without logging in."""
        body = {"type": "identify", "anonymousId": KIOSK_DEVICE, "userId": person.user_id, "traits": {"email": person.email}}
        self.outbox.send(Message(WEB, at, body, person))
        for minutes in (17, 18, 20):
            self.outbox.send(self._view(at + timedelta(minutes=minutes), anonymousId=KIOSK_DEVICE))

    def _shared_account(self, at: datetime, number: int) -> None:
        """Tills identify as the all-zero user with the shop's own addresses."""
        body = {"type": "identify", "userId": BLOCKED_USER, "traits": {"email": f"branch{number % _SHARED_ADDRESSES}@example.com"}}
        self.outbox.send(Message(SERVER, at, body))

    def _odd_ids(self, at: datetime, number: int) -> None:
        """A userId that is a number, one that is empty, and no id at all."""
        product = self.rng.choice(self.catalogue.products).product_id
        numeric = {"type": "track", "event": "Viewed Product", "userId": 700_000 + number, "properties": {"id": product}}
        self.outbox.send(Message(SERVER, at, numeric))
        empty = {"type": "identify", "userId": "", "anonymousId": f"a-empty-{number}", "traits": {"email": None, "phone": None}}
        self.outbox.send(Message(SERVER, at, empty))
        self.outbox.send(self._view(at))

    def _wrong_clock(self, at: datetime, number: int) -> None:
        """Devices that believe in 1970 or 2031."""
        year = 2031 if number % 2 else 1970
        self.outbox.send(self._view(at, anonymousId=f"a-clock-{number}", timestamp=f"{year}-01-01T00:00:00Z"))

    def _computed_trait(self, at: datetime, person: Person) -> None:
        """Segment's own computed traits come back in the export: model output, no behaviour, no link."""
        personas = {"computation_class": "audience", "computation_key": "vip", "namespace": "spa_sample", "space_id": "spa_sample"}
        body = {
            "type": "identify",
            "userId": person.user_id,
            "context": {"personas": personas},
            "traits": {"vip": True, "churn_score": 0.9},
        }
        self.outbox.send(Message(SERVER, at, body, person))

    def _unreadable_order(self, at: datetime, person: Person, number: int) -> None:
        """An order whose products are one text: it cannot be valued and is not in the truth."""
        body = {"type": "track", "event": "Order Completed", "userId": person.user_id}
        self.outbox.send(Message(SERVER, at, {**body, "properties": {"order_id": f"bad-{number}", "products": "P-1,P-2"}}, person))

    def _stranger(self, number: int) -> None:
        """Somebody who looks around and never says who they are."""
        at, device = self._moment(), f"a-{token(self.seed, 'stranger', number, size=6)}"
        self.outbox.send(Message(WEB, at, {"type": "page", "name": "Home", "anonymousId": device, "properties": {"path": "/"}}))
        for n in range(self.rng.randint(1, 6)):
            self.outbox.send(self._view(at + timedelta(seconds=30 * n + 9), anonymousId=device))

    def _scraper(self) -> None:
        """One device that reads the whole catalogue within minutes."""
        at, agent = self._moment(), "Mozilla/5.0 (compatible; PriceReader/2.1; +http://bot.example.com)"
        for n in range(SCRAPER_VIEWS):
            view = self._view(at + timedelta(seconds=1.7 * n), anonymousId="a-scraper", context={"userAgent": agent})
            self.outbox.send(view)

    def _transit(self) -> None:
        """At least one message each that came twice, came the next day, came late, and came in half, however small the sample."""
        start = self.outbox.period.start + timedelta(hours=12)
        self.outbox.send_twice(self._view(start, anonymousId="a-twice"), timedelta(seconds=2), "resent_lines")
        self.outbox.send_twice(self._view(start, anonymousId="a-next-day"), timedelta(days=1), "resent_lines")
        self.outbox.send_twice(self._view(start, anonymousId="a-replay"), timedelta(days=60), "replayed_lines")
        late = self._view(start, anonymousId="a-late", channel="mobile")
        self.outbox.send(Message(WEB, start, late.body, late=timedelta(hours=30)))
        self.outbox.break_line(WEB, start)
