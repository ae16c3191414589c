"""Who shops: people with their identifiers, customer cards and the latent traits that drive what they do.

Belongs here: what is fixed about a person from the start. Does not belong here: what happens to them (life),
how their rows and messages look (shop, behaviour).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from omnichannel_assets.sample.catalogue import Catalogue
from omnichannel_assets.sample.vocabulary import SHARED_PHONE, Period, token


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_FIRST = _names(
    "Amelia,Oliver,Priya,George,Zoë,Mohammed,Isla,Harry,Siân,Jack,Renée,Oscar,Grace,Arthur,Chloé,Leo,Freya,Noah,Ewa,Theo,"
    "Ruby,Rhys,Nia,Kwame,Ada,Callum,Mei,Tomasz,Edith,Björn,Aisha,Finn,Ines,Owen,Hana,Samuel,Orla,Ravi,Elsie,Marcus"
)
_LAST = _names(
    "Smith,Patel,Jones,O'Connor,Taylor,Okafor,Evans,Núñez,Walker,Khan,Wright,Müller,Green,Kowalski,Hughes,Begum,Baker,"
    "Fraser,Carter,D'Souza,Mitchell,Ward,Singh,Campbell,Brown,Lloyd,Chen,Murphy,Reid,Ferreira"
)
_CITIES = (
    ("Leeds", "LS1"),
    ("Bristol", "BS1"),
    ("Cardiff", "CF10"),
    ("Glasgow", "G1"),
    ("Norwich", "NR2"),
    ("York", "YO1"),
    ("Derby", "DE1"),
)
_STREETS = ("High Street", "Mill Lane", "Station Road", "Church Walk", "Queen's Road", "Green End")


@dataclass(frozen=True)
class Card:
    """One customer number of the shop database. A card that carries neither e-mail nor phone is nobody's."""

    ref: str
    created: datetime
    first_name: str
    email_text: str | None
    phone_text: str | None
    street: str
    opted_in: bool

    @property
    def own_phone(self) -> bool:
        """Whether the phone on the card is the person's, not what tills type when they have none."""
        return self.phone_text is not None and self.phone_text != SHARED_PHONE

    @property
    def linked(self) -> bool:
        """Whether anything on the card leads to its person."""
        return self.email_text is not None or self.own_phone


@dataclass(frozen=True)
class Traits:
    """What moves a person: buying rate a day, share of orders with a return, favourite categories, liking for subscriptions."""

    rate: float
    return_share: float
    tastes: tuple[str, ...]
    subscribes: bool


@dataclass(frozen=True)
class Person:
    """One real person. Guests shop online without an account, so their `user_id` is never sent."""

    number: int
    first_name: str
    last_name: str
    mode: Literal["store", "online", "both"]
    guest: bool
    joined: datetime
    devices: tuple[str, ...]
    user_id: str
    city: tuple[str, str]
    birth_date: str | None
    traits: Traits

    @property
    def name(self) -> str:
        """The name the truth files use."""
        return f"P{self.number:05d}"

    @property
    def email(self) -> str:
        """The one e-mail address, normalised."""
        stem = f"{self.first_name}.{self.last_name}".lower()
        return f"{''.join(c for c in stem if c.isascii() and (c.isalpha() or c == '.'))}.{self.number}@example.com"

    @property
    def phone(self) -> str:
        """The one phone number, E.164, from a UK range that has never been handed out."""
        return f"+4472{10_000_000 + self.number * 7919 % 90_000_000:08d}"


class Population:
    """All people with their cards."""

    def __init__(self, people: list[Person], cards: dict[int, tuple[Card, ...]]):
        self.people, self._cards = people, cards

    def cards(self, person: Person) -> tuple[Card, ...]:
        """Every card of a person, strays included, oldest first."""
        return self._cards[person.number]

    def card_at(self, person: Person, moment: datetime, choice: int) -> Card | None:
        """A card the person could show at the till at a moment; never a stray one."""
        held = [c for c in self._cards[person.number] if c.linked and c.created <= moment]
        return held[choice % len(held)] if held else None


@dataclass(frozen=True)
class World:
    """All that is settled before the first day: the one seed, the period, what is sold and who may buy it."""

    seed: int
    period: Period
    catalogue: Catalogue
    population: Population

    def draws(self, purpose: str, number: int = 0) -> random.Random:
        """The random numbers for one purpose; drawing more for one never changes another."""
        return random.Random(f"{self.seed}/{purpose}/{number}")


def build_people(seed: int, count: int, period: Period, catalogue: Catalogue) -> Population:
    """The first person always shops in both channels with an account; everybody else is drawn."""
    people, cards = [], {}
    for number in range(count):
        rng = random.Random(f"{seed}/person/{number}")
        person = _person(rng, number, period, catalogue)
        people.append(person)
        cards[number] = tuple(_cards(rng, person, period))
    return Population(people, cards)


def _person(rng: random.Random, number: int, period: Period, catalogue: Catalogue) -> Person:
    mode = rng.choice(("store", "online", "both", "both")) if number else "both"
    joinable = timedelta(days=period.history_days + 0.8 * (period.end - period.start).days)
    return Person(
        number=number,
        first_name=rng.choice(_FIRST),
        last_name=rng.choice(_LAST),
        mode=mode,
        guest=number > 0 and rng.random() < 0.08,
        joined=period.history_start + (rng.random() ** 1.4 if number else 0) * joinable,
        devices=tuple(f"a-{token('device', number, k, rng.random(), size=6)}" for k in range(rng.choice((1, 1, 2, 2, 3)))),
        user_id=f"u-{token('user', number, rng.random(), size=5)}",
        city=rng.choice(_CITIES),
        birth_date=f"{rng.randint(1945, 2005)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" if rng.random() < 0.8 else None,
        traits=Traits(
            rate=min(0.2, rng.lognormvariate(-3.1, 0.45)),
            return_share=0.65 if rng.random() < 0.2 else 0.07,
            tastes=tuple(rng.sample(catalogue.categories, 2)),
            subscribes=rng.random() < 0.35,
        ),
    )


def _cards(rng: random.Random, person: Person, period: Period) -> list[Card]:
    """Store shoppers get cards, at times a second or third by mistake; online-only shoppers a web account when they came before the period."""
    count = int(person.joined < period.start) if person.mode == "online" else rng.choice((1, 1, 1, 1, 2, 2, 3))
    latest = max(person.joined, period.end - timedelta(days=min(30, (period.end - period.start).days - 1)))
    cards = []
    for k in range(count):
        created = person.joined if k == 0 else person.joined + rng.random() * (latest - person.joined)
        cards.append(_card(rng, person, k, created))
    return cards


def _card(rng: random.Random, person: Person, k: int, created: datetime) -> Card:
    """The first card always carries both e-mail and phone, so that it links every later one that carries either."""
    email = person.email if k == 0 or rng.random() < 0.6 else None
    phone = person.phone if k == 0 or rng.random() < 0.5 else None
    if email and rng.random() < 0.2:
        email = rng.choice((email.upper(), f"{email} ", f"  {email.title()}"))
    if phone and rng.random() < 0.3:
        phone = f"0{phone[3:7]} {phone[7:]}"
    elif phone is None and rng.random() < 0.25:
        phone = SHARED_PHONE
    name = person.first_name
    if k and rng.random() < 0.5:
        slip = rng.randrange(len(name))
        name = name[:slip] + name[slip + 1 :]
    street = f"{rng.randint(1, 240)} {rng.choice(_STREETS)}"
    if rng.random() < 0.03:
        street = f'Flat {rng.randint(1, 9)}, "The Old Mill"\n{street}'
    return Card(f"L{1000 + person.number}{k}", created, name, email, phone, street, rng.random() < 0.66)
