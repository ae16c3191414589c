"""The person to erase, in clear: kept in one file while the erasure runs, and nowhere after it.

Here: what is known of them and what of it is distinctive enough to be looked for in any text. Not here: finding them (``assets/erasure_subject``).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from omnichannel_assets.erasure.hashing import CUSTOMER, MENTION, ORDER, Hasher

SHORTEST = 6
SHORTEST_NUMBER = 9
LONG = 16


@dataclass(frozen=True)
class Subject:
    """One person: ``identifiers`` and ``spellings`` are (type, value) pairs, normalised and as some row writes them; ``customer_ids`` all they ever had."""

    erasure_id: str
    erased_at: str
    identifiers: tuple[tuple[str, str], ...]
    spellings: tuple[tuple[str, str], ...] = ()
    customer_ids: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    regions: tuple[str, ...] = field(default=())
    """Countries of their phone numbers: a number in a text may be written the way people there write it."""

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Subject:
        """From JSON values."""
        pairs = {name: tuple((kind, value) for kind, value in plain[name]) for name in ("identifiers", "spellings")}
        return cls(plain["erasure_id"], plain["erased_at"], **pairs, **{name: tuple(plain[name]) for name in ("customer_ids", "orders", "regions")})

    @property
    def mentions(self) -> list[str]:
        """Texts that point to the person wherever they stand."""
        values = {value.strip().casefold() for _, value in (*self.identifiers, *self.spellings)}
        return sorted(value for value in values if is_distinctive(value))

    def hashes(self, hasher: Hasher) -> list[tuple[str, str]]:
        """(kind, hash) of everything the list has to know."""
        named = [*self.identifiers, *((CUSTOMER, value) for value in self.customer_ids), *((ORDER, value) for value in self.orders)]
        named += [(MENTION, value) for value in self.mentions]
        return sorted({(kind, hasher.hash(kind, value)) for kind, value in named})


def is_distinctive(text: str) -> bool:
    """Whether a text alone points to one person: an e-mail, a long text, or six characters with a digit (a number: nine).

    A login that is an ordinary word, or a short number, counts only where such an identifier stands.
    """
    if "@" in text or len(text) >= LONG:
        return True
    return len(text) >= SHORTEST and bool(re.search(r"\d", text)) and not (text.isdigit() and len(text) < SHORTEST_NUMBER)
