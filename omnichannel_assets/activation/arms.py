"""Which arm of an audience a customer is in: treatment, or the control that no channel ever reaches; and which sub-group of the treatment.

The draw is a keyed hash of customer and audience, so it needs no memory: it is the same in every run and for every as-of date, stays when the
audience is recomputed, and is independent between audiences. It decides for people who were no control before: ids end, controls do not
(``held_out_customers.sql``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TREATMENT, CONTROL = "treatment", "control"
_WHOLE = 2**64


def arm_of(customer_id: str, audience: str, key: bytes, holdout_share: float) -> str:
    """``control`` for the given share of customers (0 to under 1), the same ones every time; else ``treatment``. The key has 1 to 64 bytes."""
    return CONTROL if _drawn(customer_id, audience, key, b"audience arm") < holdout_share * _WHOLE else TREATMENT


def variant_of(customer_id: str, audience: str, key: bytes, variants: Mapping[str, float]) -> str | None:
    """The sub-group of a customer, drawn independently of the arm; None where there are no ``variants`` (name -> share, adding up to 1)."""
    drawn, reached = _drawn(customer_id, audience, key, b"audience variant") / _WHOLE, 0.0
    for name, share in variants.items():
        reached += share
        if drawn < reached:
            return name
    return next(reversed(variants), None)  # shares that add up to a little less than 1


def _drawn(customer_id: str, audience: str, key: bytes, purpose: bytes) -> int:
    """A number below 2**64, evenly spread and the same for ever."""
    digest = hashlib.blake2b(f"{audience}\0{customer_id}".encode(), digest_size=8, key=key, person=purpose).digest()
    return int.from_bytes(digest, "big")
