"""The terms on which models learn: how long to search, on what machine, from how little at least. Not here: how they learn (``training``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Terms:
    """What a person decides about learning.

    ``trials``: parameters tried by the search, 0 keeps the defaults. ``device`` and ``threads``: where the trees grow. ``least_examples``:
    customers with the label, and without it, that the earlier cut-offs must hold. ``seed``: of everything that is drawn.
    """

    trials: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 1
    least_examples: int = 100
    seed: int = 20


USUAL = Terms()
"""The terms where nobody says otherwise."""
