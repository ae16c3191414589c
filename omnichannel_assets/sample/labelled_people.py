"""Made-up customer records that are labelled with the person behind each: what matching is measured on when no labelled data is at hand.

Belongs here: people with several records, typing errors, moved houses, swapped names, missing fields, twins, fathers and sons, families that
share a phone. Does not belong here: the sample shop (`people`, `life`), judging a clustering (identity.evaluation).
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from omnichannel_assets.sample.people import _CITIES, _FIRST, _LAST, _STREETS

COLUMNS = ["customer_id", "first_name", "last_name", "email", "phone", "street", "city", "postcode", "country", "birth_date", "marketing_opt_in", "created_at", "updated_at"]
"""Columns of a record, those of the shop database's customers, in order; `TRUTH` follows them."""
TRUTH = "person"
SYLLABLES = ["an", "bar", "cor", "den", "el", "far", "gra", "hol", "ist", "jor", "kel", "lan", "mar", "nor", "os", "pen", "quin", "ros", "sta", "ter", "ul", "ver", "wes", "yar", "zel"]
RECORDS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4)
"""How many records a person has: one of these."""
SHARED_PHONE = 1 / 3
TYPO, MISSING, MOVED, SWAPPED, OTHER_EMAIL, OTHER_PHONE = 0.12, 0.05, 0.15, 0.02, 0.6, 0.6
"""Chance of an error in a field, of a field left out, and, for each further record, of a move, of swapped names, of another e-mail or phone."""


@dataclass(frozen=True)
class Person:
    """Who somebody is and where the household lives."""

    number: int
    first_name: str
    last_name: str
    birth_date: date
    street: str
    city: str
    postcode: str
    phone: str


def labelled_people(count: int, seed: int) -> list[dict[str, str]]:
    """Records of `count` people, in an order that tells nothing: the COLUMNS, empty where a field is missing, and the TRUTH. Another seed, other people."""
    rng = random.Random(f"{seed}/labelled")
    people = list(_people(rng, count))
    rows = [row for person in people for row in _records(rng, person)]
    rng.shuffle(rows)
    return [row | {"customer_id": f"R{number:06}"} for number, row in enumerate(rows, 1)]


def _people(rng: random.Random, count: int) -> Iterator[Person]:
    """Every household is one person, twins, a father and a son of one name, or a couple that shares a phone."""
    number = 0
    while number < count:
        first = _person(rng, number)
        kind = rng.random()
        if kind < 0.05:
            family = [first, replace(first, first_name=_name(rng, first.first_name), phone=_phone(rng, first.phone))]
        elif kind < 0.08:
            family = [first, replace(first, birth_date=first.birth_date + timedelta(days=rng.randint(8_000, 12_000)), phone=_phone(rng, first.phone))]
        elif kind < 0.2:
            home = {"street": first.street, "city": first.city, "postcode": first.postcode, "last_name": first.last_name}
            family = [first, replace(_person(rng, number), **home, phone=_phone(rng, first.phone))]
        else:
            family = [first]
        for member in family[: count - number]:
            yield replace(member, number=number)
            number += 1


def _person(rng: random.Random, number: int) -> Person:
    street, city, postcode = _home(rng)
    last = rng.choice(_LAST) if rng.random() < 0.3 else "".join(rng.choices(SYLLABLES, k=rng.choice((2, 3)))).capitalize()
    born = date(1940, 1, 1) + timedelta(days=rng.randrange(24_000))
    return Person(number, _name(rng), last, born, street, city, postcode, _phone(rng))


def _phone(rng: random.Random, shared: str = "") -> str:
    """A phone of one's own; in a family, one time in three, the family's."""
    return shared if shared and rng.random() < SHARED_PHONE else f"07{rng.randrange(10**9):09}"


def _name(rng: random.Random, other_than: str = "") -> str:
    return rng.choice([name for name in _FIRST if name != other_than])


def _home(rng: random.Random) -> tuple[str, str, str]:
    city, area = rng.choice(_CITIES)
    letters = "".join(rng.choices(string.ascii_uppercase, k=2))
    street = rng.choice((*_STREETS, *(f"{syllable.capitalize()}{end}" for syllable in SYLLABLES for end in ("ton Road", "field Lane", " Close"))))
    return f"{rng.randint(1, 200)} {street}", city, f"{area} {rng.randint(1, 9)}{letters}"


def _records(rng: random.Random, person: Person) -> Iterator[dict[str, str]]:
    email, phone, home = _email(rng, person), person.phone, (person.street, person.city, person.postcode)
    for number in range(rng.choice(RECORDS)):
        names = (person.first_name, person.last_name)
        if number:
            home = _home(rng) if rng.random() < MOVED else home
            names = names[::-1] if rng.random() < SWAPPED else names
            email = _email(rng, person) if rng.random() < OTHER_EMAIL else email
            phone = _phone(rng) if rng.random() < OTHER_PHONE else phone
        said = dict(zip(("first_name", "last_name", "street", "city", "postcode"), (*names, *home), strict=True))
        said |= {"birth_date": person.birth_date.isoformat(), "email": email, "phone": phone}
        written = {name: _written(rng, text) for name, text in said.items()}
        fixed = {"country": "GB", "marketing_opt_in": "", "created_at": "2025-01-01 00:00:00", "updated_at": "2025-01-01 00:00:00", TRUTH: f"person {person.number}"}
        yield dict.fromkeys(COLUMNS, "") | written | fixed


def _email(rng: random.Random, person: Person) -> str:
    return rng.choice(("{0}.{1}{2}", "{1}{2}", "{0}{2}.{1}")).format(person.first_name.lower(), person.last_name.lower(), rng.randrange(10_000)) + "@example.org"


def _written(rng: random.Random, text: str) -> str:
    """A field as somebody typed it: right, with one error, or not at all."""
    chance = rng.random()
    if chance < MISSING:
        return ""
    return _mistyped(rng, text) if chance < MISSING + TYPO else text


def _mistyped(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text))
    if not text[at].isalnum():
        return text
    other = rng.choice(string.digits if text[at].isdigit() else string.ascii_lowercase)
    return rng.choice((text[:at] + text[at + 1 :], text[:at] + other + text[at + 1 :], text[:at] + text[at : at + 1] * 2 + text[at + 1 :]))
