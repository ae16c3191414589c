"""How long a client waits for a job to end. Not here: what is asked, and which states end it (each client's own module)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Poll:
    """How to wait for a state: every ``every_seconds``, at most ``most_times`` (two hours unless told)."""

    every_seconds: float = 15
    most_times: int = 480
    sleep: Callable[[float], None] = time.sleep
