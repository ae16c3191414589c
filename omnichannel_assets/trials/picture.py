"""Pictures of a trial: intervals around zero, and what a list gains the further down one goes. They bring their own ground: legible on dark pages too."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets.trials.comparison import ALL, Comparison
from omnichannel_assets.trials.uplift import LISTS, RANDOM, RESPONSE, STEPS, TWO_MODEL, Uplift

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS, MOST_PANELS, TEXT, RESOLUTION, LONGEST = 24, 4, 8, 130, 54
CLEAR, LESS, UNCLEAR, GROUND = "#4477AA", "#EE6677", "#8A8F98", "#5C6B7A"
STYLES = {TWO_MODEL: ("#4477AA", "-"), RESPONSE: ("#EE6677", "--"), RANDOM: ("#8A8F98", ":")}
MARKS = {CLEAR: "o", LESS: "s", UNCLEAR: "D"}


def intervals(rows: Sequence[Comparison]) -> Figure:
    """One panel an outcome: each arm's difference with its interval, everybody first; blue more, red less, grey cannot tell."""
    from matplotlib.figure import Figure

    outcomes = list(dict.fromkeys(row.outcome for row in rows))[:MOST_PANELS]
    most = min(MOST_ROWS, max(sum(row.outcome == name for row in rows) for name in outcomes))
    size = (3.1 * len(outcomes) + 1.4, 1.3 + 0.26 * most)
    figure = Figure(figsize=size, dpi=RESOLUTION, layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(outcomes), squeeze=False)[0]
    for place, (axes, name) in enumerate(zip(panels, outcomes, strict=True)):
        _outcome(axes, [row for row in rows if row.outcome == name][:most], has_labels=place == 0)
    return figure


def _outcome(axes: Axes, rows: Sequence[Comparison], *, has_labels: bool) -> None:
    scale = 100 if rows[0].is_share else 1
    axes.axvline(0, color=GROUND, linewidth=0.9, linestyle=(0, (4, 3)))
    for place, row in enumerate(rows):
        if row.low is None or row.high is None or row.difference is None:
            axes.text(0, place, " too few to tell", fontsize=TEXT - 1, color=GROUND, va="center")
            continue
        colour = UNCLEAR if not row.is_clear else CLEAR if row.difference > 0 else LESS
        axes.plot([scale * row.low, scale * row.high], [place, place], color=colour, linewidth=1.6)
        axes.plot([scale * row.difference], [place], color=colour, marker=MARKS[colour], markersize=4.5)
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows] if has_labels else [""] * len(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.tick_params(labelsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(_safe(rows[0].outcome), fontsize=TEXT + 1, loc="left")
    axes.set_xlabel("points more than control" if rows[0].is_share else "more than control, per person", fontsize=TEXT)


def _name(row: Comparison) -> str:
    return _safe(row.arm if row.part == ALL else f"{row.part} {row.label}: {row.arm}")


def _safe(text: str) -> str:
    """Text that cannot act as a formula, at most so long that a panel keeps its room."""
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return shown.replace("_", " ").replace("$", r"\$")


def uplift_curves(found: Sequence[Uplift]) -> Figure:
    """One panel an arm and outcome: what reaching the first share of each list gains per person, mean of the splits."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    shown = list(found)[:MOST_PANELS]
    figure = Figure(figsize=(3.7 * len(shown), 3.5), dpi=RESOLUTION, layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    shares = [step / STEPS for step in range(STEPS + 1)]
    for axes, one in zip(panels, shown, strict=True):
        for name in LISTS:
            colour, line = STYLES[name]
            axes.plot(shares, one.curves[name], color=colour, linestyle=line, linewidth=1.6, label=f"{name}{' (propensity)' if name == RESPONSE else ''}")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
        axes.set(xlim=(0, 1))
        axes.tick_params(labelsize=TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E5E5E5", linewidth=0.8)
        axes.set_title(_safe(f"{one.arm}: {one.outcome}"), fontsize=TEXT + 1, loc="left")
        axes.set_xlabel("first share of the list that is reached", fontsize=TEXT)
    panels[0].set_ylabel("gain per person of all", fontsize=TEXT)
    panels[0].legend(fontsize=TEXT, frameon=False, loc="upper left")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as .png or .svg, the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})


def png(figure: Figure) -> bytes:
    """A figure as PNG bytes."""
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()
