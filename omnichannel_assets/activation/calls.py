"""The one place through which a client calls the outside.

Belongs here: the hook around every external call. Not here: retries and what an answer means (each client's own module). A test raises from
the hook and so stops a client before or after any call, as a killed process would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
CallHook = Callable[[str], None]


def no_hook(name: str) -> None:
    """The hook of normal use: does nothing."""


def called(hook: CallHook, name: str, call: Callable[[], T]) -> T:
    """Answer of ``call``, with ``before <name>`` and ``after <name>`` told to the hook. ``name`` is ``<service>.<operation>``."""
    hook(f"before {name}")
    answer = call()
    hook(f"after {name}")
    return answer
