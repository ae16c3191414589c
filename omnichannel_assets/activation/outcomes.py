"""What became of one delivered row.

Belongs here: the outcome and its three states. Not here: the ledger that keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["loaded", "failed", "rejected"]


@dataclass(frozen=True)
class Outcome:
    """``loaded``: the destination took it. ``failed``: a later run may succeed. ``rejected``: it never will; ``words`` say why."""

    key: str
    state: State
    words: str = ""
