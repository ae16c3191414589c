"""Which code made a table: a digest of the source files behind it, so that a change of a rule or model remakes what it touches."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


@lru_cache(maxsize=None)
def code_digest(*parts: str) -> str:
    """Digest of source files named relative to the package: a file (``sql/orders.sql``) or a folder of Python modules (``identity``)."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        path = PACKAGE / part
        files = sorted(path.glob("*.py")) if path.is_dir() else [path]
        for file in files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
