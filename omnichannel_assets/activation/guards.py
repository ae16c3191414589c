"""When a delivery asks a person before its first call: the questions, in words. An empty input never means that everybody left.

Here: plain rules over counts. Not here: who is counted and who is taken out all the same (``assets.campaign_streams``).
"""

from __future__ import annotations

from omnichannel_assets.activation.campaigns import Guards

LEAST = 50
"""Of fewer people a share says nothing: one of two that leaves is half of them."""


def question(guards: Guards, *, held: int, wanted: int, removals: int) -> str:
    """What is to be asked about a stream that holds ``held`` people, should hold ``wanted``, and would lose ``removals``; empty: nothing."""
    if held and not wanted:
        return "the audience is empty now"
    if held >= LEAST and removals > guards.removals * held:
        return f"{removals:,} of {held:,} people would be removed, more than {guards.removals:.0%}"
    if held >= LEAST and wanted > guards.growth * held:
        return f"it would grow from {held:,} to {wanted:,} people, more than {guards.growth:g} times as many"
    return ""


def stale(guards: Guards, days: int) -> str:
    """What is to be asked about scores that are some days older than the newest data."""
    return f"the scores are {days} days older than the newest data, more than {guards.stale_days}" if days > guards.stale_days else ""
