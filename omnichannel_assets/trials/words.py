"""What a comparison says, in words for whoever decides about the next campaign. ``cannot tell`` is an answer and always says why."""

from __future__ import annotations

from collections.abc import Sequence

from omnichannel_assets.trials.comparison import ALL, Comparison
from omnichannel_assets.trials.measures import FEW, LEVEL
from omnichannel_assets.trials.power import CAP


def verdict(row: Comparison) -> str:
    """``more: +7.7 points (+7.0 to +8.3)``, ``less: …`` or ``cannot tell: between -0.4 and +1.9 points; 3,100 people more would be needed``."""
    if row.difference is None:
        return f"cannot tell: {row.people:,} people and {row.control_people:,} in control are too few to compare"
    if row.low is None or row.high is None:
        return f"cannot tell: fewer than {FEW} people of an arm have any {row.outcome.replace('_', ' ')}"
    if row.is_clear:
        size = f"{'more' if row.difference > 0 else 'less'}: {amount(row, row.difference)}{_unit(row)} ({amount(row, row.low)} to {amount(row, row.high)})"
        relative = "" if row.relative is None else f", {100 * row.relative:+.0f} %"
        return f"{size}{relative} against control's {_level(row)}"
    spread = f"cannot tell: between {amount(row, row.low)} and {amount(row, row.high)}{_unit(row)}"
    if row.low > 0 or row.high < 0:
        return f"{spread} if it were the only part looked at; it is one of {row.compared:,} (p {row.p_among:.2f} among them)"
    return f"{spread}; {needed(row)}"


def needed(row: Comparison) -> str:
    """How many people it would take to be clear, if the true difference is what was measured."""
    if row.mean == 0 and row.control_mean == 0:
        return "nobody did in either arm"
    if row.more_people is None:
        return f"more than {CAP:,} people more would be needed to tell so small a difference"
    return f"{_rounded(row.more_people):,} people more would be needed"


def many(rows: Sequence[Comparison]) -> list[str]:
    """Notes on reading many comparisons at once, one for everybody's and one for the parts'."""
    notes = []
    for kind, chosen in (("everybody", [row for row in rows if row.part == ALL]), ("parts", [row for row in rows if row.part != ALL])):
        judged = [row for row in chosen if row.p is not None]
        alone = sum(row.p < LEVEL for row in judged if row.p is not None)
        among = sum(row.p_among < LEVEL for row in judged if row.p_among is not None)
        if len(judged) > 1:
            whose = f"{len(judged):,} comparisons of {kind}"
            notes.append(f"{whose}: about {LEVEL * len(judged):.1f} would look clear by chance alone; {alone:,} do one by one, {among:,} when all are allowed for (Holm).")
    return notes


def amount(row: Comparison, value: float) -> str:
    """A difference with its sign: points for a share, else the outcome's unit; more digits where the interval is narrow."""
    scale, least = (100.0, 1) if row.is_share else (1.0, 2)
    width = scale * abs((row.high or 0.0) - (row.low or 0.0))
    return f"{scale * value:+,.{max(least, 1 if width >= 1 else 2 if width >= 0.1 else 3)}f}"


def _unit(row: Comparison) -> str:
    return " points" if row.is_share else ""


def _level(row: Comparison) -> str:
    base = row.control_mean or 0.0
    return f"{100 * base:.{1 if base >= 0.02 else 2}f} %" if row.is_share else f"{base:,.2f}"


def _rounded(number: int) -> int:
    """Two digits are all that such a figure holds."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // unit) * unit
