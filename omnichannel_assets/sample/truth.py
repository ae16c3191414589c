"""What a pipeline should find: who owns each identifier, every order once, consent, and behaviour counts.

Belongs here: the rules that turn what was really written into the five truth files. Does not belong here: inventing anything, or any
code shared with the pipeline.

An identifier belongs to a person when links written to the files connect it with the person's e-mail. A card number or account that
nothing connects is a customer of its own and owned by `person?k`; a device that was only ever used anonymously is not listed.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from omnichannel_assets.sample.life import Order
from omnichannel_assets.sample.people import Person
from omnichannel_assets.sample.vocabulary import BEHAVIOUR_TYPES, KIOSK_DEVICE, NOT_MERCHANDISE, money

Identifier = tuple[str, str]


class Truth:
    """Collects facts while they are written; `save` turns them into files."""

    def __init__(self) -> None:
        self._links: dict[str, dict[frozenset[Identifier], None]] = defaultdict(dict)
        self._emails: dict[str, Identifier] = {}
        self._behaviour: Counter[tuple[Identifier, str]] = Counter()
        self._choices: dict[Identifier, list[tuple[datetime, bool]]] = defaultdict(list)
        self._orders: dict[str, Order] = {}

    def link(self, person: Person, identifiers: Iterable[Identifier]) -> None:
        """One message or row carried these identifiers of a person together."""
        self._emails[person.name] = ("email", person.email)
        self._links[person.name][frozenset(identifiers)] = None

    def message(self, person: Person | None, doc: Mapping, at: datetime) -> None:
        """One valid Segment message was written; `person` is None when it says nothing about a real person."""
        product = (doc.get("properties") or {}).get("product_id")
        kind = BEHAVIOUR_TYPES.get(doc.get("event", ""))
        if kind and product and not NOT_MERCHANDISE.fullmatch(product):
            key = ("user_id", str(doc["userId"])) if doc.get("userId") else ("anonymous_id", doc.get("anonymousId", ""))
            self._behaviour[key, kind] += 1
        if doc.get("event") == "Unsubscribed":
            self._choices["user_id", doc["userId"]].append((at, False))
        if person is not None:
            found = list(_message_identifiers(doc))
            if len(found) > 1:
                self.link(person, found)

    def order(self, order: Order) -> None:
        """One readable order was written, to one system or both."""
        self._orders[order.order_id] = order

    def opted(self, card: str, at: datetime, opted_in: bool) -> None:
        """A card's explicit choice about e-mail."""
        self._choices["customer_ref", card].append((at, opted_in))

    @property
    def order_count(self) -> int:
        """Distinct orders."""
        return len(self._orders)

    def owners(self) -> dict[Identifier, str]:
        """Who each identifier belongs to."""
        owners: dict[Identifier, str] = {}
        for person, links in self._links.items():
            strays = 0
            for group in _connected(links):
                if self._emails[person] in group:
                    owners.update(dict.fromkeys(group, person))
                elif any(kind in ("customer_ref", "user_id") for kind, _ in group):
                    owners.update(dict.fromkeys(group, f"{person}?{strays}"))
                    strays += 1
        return owners

    def save(self, folder: Path, counts: Mapping[str, int]) -> None:
        """Write the five files."""
        folder.mkdir(parents=True, exist_ok=True)
        owners = self.owners()
        identity = sorted((kind, value, person) for (kind, value), person in owners.items())
        _write(folder / "identity.csv", ("identifier_type", "value", "person"), identity)
        _write(folder / "orders.csv", ("order_id", "person", "channel", "ordered_at", "total"), self._order_rows())
        _write(folder / "consent.csv", ("person", "email_opt_in"), self._consent_rows(owners))
        _write(folder / "behaviour.csv", ("person", "event_type", "count"), self._behaviour_rows(owners))
        (folder / "counts.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")

    def _order_rows(self) -> list[tuple[str, ...]]:
        orders = sorted(self._orders.values(), key=lambda o: (o.at, o.order_id))
        return [
            (o.order_id, o.person.name if o.person else "", "online" if o.online else "store", o.at.isoformat(), money(o.pence))
            for o in orders
        ]

    def _consent_rows(self, owners: Mapping[Identifier, str]) -> list[tuple[str, str]]:
        """The latest choice of each person; at the same time, opted out wins."""
        made: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
        for identifier, choices in self._choices.items():
            if identifier in owners:
                made[owners[identifier]] += choices
        rows = []
        for person, choices in sorted(made.items()):
            latest = max(at for at, _ in choices)
            rows.append((person, str(all(opted_in for at, opted_in in choices if at == latest)).lower()))
        return rows

    def _behaviour_rows(self, owners: Mapping[Identifier, str]) -> list[tuple[str, str, int]]:
        per_person: Counter[tuple[str, str]] = Counter()
        for (identifier, kind), count in self._behaviour.items():
            if identifier in owners:
                per_person[owners[identifier], kind] += count
        return [(person, kind, count) for (person, kind), count in sorted(per_person.items())]


def _message_identifiers(doc: Mapping) -> Iterable[Identifier]:
    """The identifiers a message links; alias, group and computed-trait calls link none."""
    if doc["type"] in ("alias", "group") or "personas" in doc["context"]:
        return
    if doc.get("userId"):
        yield "user_id", str(doc["userId"])
    if doc.get("anonymousId") and doc["anonymousId"] != KIOSK_DEVICE:
        yield "anonymous_id", doc["anonymousId"]
    for traits in (doc.get("traits") or {}, doc["context"].get("traits") or {}):
        if (traits.get("email") or "").strip():
            yield "email", traits["email"].strip().lower()
        if traits.get("loyalty_id"):
            yield "customer_ref", traits["loyalty_id"]


def _connected(links: Iterable[frozenset[Identifier]]) -> list[set[Identifier]]:
    """Connected components of one person's few links, in order of first appearance."""
    groups: list[set[Identifier]] = []
    for link in links:
        touched = [g for g in groups if not g.isdisjoint(link)]
        groups = [g for g in groups if g.isdisjoint(link)]
        groups.append(set(link).union(*touched))
    return groups


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
