"""Salted hashes: how the list of erased people names somebody without holding a clear value.

The salt is derived from IDENTITY_KEY. With another key the list names nobody, so each row also says which key it was made with.
"""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 16
MENTION = "mention"
"""Kind of a text that points to the person wherever it stands: a spelling of an identifier, case folded."""
ORDER, CUSTOMER = "order_id", "customer_id"


class Hasher:
    """Hashes of one IDENTITY_KEY."""

    def __init__(self, identity_key: bytes):
        self._salt = hashlib.blake2b(b"erasures", key=identity_key[:64], digest_size=32).digest()

    def hash(self, kind: str, value: str) -> str:
        """32 hex digits of a value under its kind: an identifier type, `MENTION`, `ORDER` or `CUSTOMER`."""
        return hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), key=self._salt, digest_size=DIGEST_BYTES).hexdigest()

    def key_check(self) -> str:
        """8 hex digits that another key would not give."""
        return self.hash("key", "")[:8]
