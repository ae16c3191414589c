"""Which arm of an audience a customer is in: treatment, or the control that no channel ever reaches.

The draw is a keyed hash of customer and audience, so it needs no memory: it is the same in every run and for every as-of date, stays when the
audience is recomputed, and is independent between audiences. It decides for people who were no control before: ids end, controls do not
(``held_out_customers.sql``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

TREATMENT, CONTROL = "treatment", "control"
WIN_BACK, REPURCHASE_LOOKALIKE = "win_back", "repurchase_lookalike"
AUDIENCES = (WIN_BACK, REPURCHASE_LOOKALIKE)


def arm_of(customer_id: str, audience: str, key: bytes, holdout_share: float) -> str:
    """``control`` for the given share of customers (0 to under 1), the same ones every time; else ``treatment``. The key has 1 to 64 bytes."""
    digest = hashlib.blake2b(f"{audience}\0{customer_id}".encode(), digest_size=8, key=key, person=b"audience arm").digest()
    return CONTROL if int.from_bytes(digest, "big") < holdout_share * 2**64 else TREATMENT


def arms(customer_ids: Iterable[str], key: bytes, holdout_share: float) -> pa.Table:
    """Every audience's arm of some customers. Columns: audience, customer_id, arm."""
    import pyarrow as pa

    rows = [(audience, customer, arm_of(customer, audience, key, holdout_share)) for customer in customer_ids for audience in AUDIENCES]
    schema = pa.schema([("audience", pa.string()), ("customer_id", pa.string()), ("arm", pa.string())])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
