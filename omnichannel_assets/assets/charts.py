"""Pictures of models, one panel a model: calibration, lift by tenth, what moves a score, and how scores held up. What is drawn is in ``previews``.

Rows begin with the panel's name. calibration: predicted, observed, customers. lift: tenth, model, recency alone. shares: label, number.
tenths, amounts: tenth, forecast, actual, and from where to where actual is expected. drift: label, number, its limit.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.drawing import COLOURS, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS, MOST_SHARES = 3, 15
BLUE, RED, GREY = COLOURS[0], COLOURS[1], "#5C6B7A"


def chart(picture: Picture, rows: Iterable[Sequence[Any]]) -> bytes:
    """The panels of a picture as PNG bytes."""
    from matplotlib.figure import Figure  # deferred: only a run that has something to show draws

    panels: dict[str, list[Sequence[Any]]] = {}
    for name, *values in rows:
        panels.setdefault(str(name), []).append(values)
    shown = dict(list(panels.items())[:MOST_PANELS])
    longest = max(len(values) for values in shown.values())
    is_wide = picture.positions in ("shares", "drift")
    height = 0.9 + 0.19 * min(longest, MOST_SHARES) if is_wide else 3.0
    width = 3.6 * max(len(shown), 1) + 0.6 if is_wide else max(3.6, 2.9 * len(shown))
    figure = Figure(figsize=(width, max(height, 1.4)), dpi=100, layout="constrained", facecolor="white")
    figure.suptitle(picture.title, fontsize=9, x=0.01, ha="left")
    drawn = {"calibration": calibration, "lift": lift, "shares": shares, "tenths": _tenths, "amounts": _amounts, "drift": _drift}
    draw: Callable[..., None] = drawn[picture.positions]
    for place, (name, values) in enumerate(shown.items()):
        axes = figure.add_subplot(1, len(shown), place + 1)
        draw(axes, values, is_first=place == 0)
        axes.set_title(name.replace("_", " ").replace("$", r"\$"), fontsize=8, loc="left", color=GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        axes.set_axisbelow(True)
        axes.grid(color="#E5E5E5", linewidth=0.8, axis="x" if is_wide else "both")
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def calibration(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    """Predicted and observed share of each group; rows: predicted, observed, customers."""
    from matplotlib.ticker import PercentFormatter

    points = sorted((float(predicted), float(observed)) for predicted, observed, _ in rows)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", label="exact")
    axes.plot(*zip(*points, strict=True), color=BLUE, marker="o", markersize=4, linewidth=1.2, label="a tenth of the customers")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.set_xlabel("forecast", fontsize=8)
    if is_first:
        axes.set_ylabel("what happened", fontsize=8)
        axes.legend(fontsize=6.5, frameon=False, loc="upper left")


def lift(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    """How often in each tenth, of the model and of recency alone; rows: tenth, lift of the model, lift of recency (NULL: none)."""
    tenths = [int(tenth) for tenth, _, _ in rows]
    axes.bar(tenths, [float(model or 0) for _, model, _ in rows], color=BLUE, width=0.75, label="model")
    axes.plot(
        tenths, [float(recency or 0) for _, _, recency in rows], color=RED, marker="o", markersize=3, linewidth=1.2, label="recency alone"
    )
    axes.axhline(1.0, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_xticks(tenths)
    axes.set_xlabel("tenth of the customers, highest scores first", fontsize=7)
    if is_first:
        axes.set_ylabel("lift (1 = as often as anybody)", fontsize=8)
        axes.legend(fontsize=7, frameon=False, loc="upper right")


def shares(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    """Bars by label, the largest first; rows: label, number."""
    from matplotlib.ticker import MaxNLocator

    largest = sorted(rows, key=lambda row: -abs(float(row[1])))[:MOST_SHARES][::-1]
    numbers = [float(number) for _, number in largest]
    labels = [str(label).replace("_", " ").replace("$", r"\$") for label, _ in largest]
    axes.barh(labels, numbers, color=[BLUE if number >= 0 else RED for number in numbers], height=0.7)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))


def _tenths(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    from matplotlib.ticker import PercentFormatter

    most = max(float(row[4]) for row in rows)
    _beside(axes, rows, "share to whom it happened" if is_first else "")
    axes.set_ylim(0, max(1.0, most) if most > 0.6 else None)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0))


def _amounts(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    _beside(axes, rows, "mean amount" if is_first else "")
    axes.set_ylim(0, None)


def _beside(axes: Axes, rows: Sequence[Sequence[Any]], y_label: str) -> None:
    """What happened as bars and what was forecast as points, by tenth; the legend stands in the panel with a label."""
    tenths = [int(row[0]) for row in rows]
    forecast, actual, low, high = ([float(row[place]) for row in rows] for place in (1, 2, 3, 4))
    axes.bar(tenths, actual, color=BLUE, width=0.75, label="happened")
    spread = [[f - below for f, below in zip(forecast, low, strict=True)], [above - f for f, above in zip(forecast, high, strict=True)]]
    axes.errorbar(
        tenths, forecast, yerr=spread, color=RED, fmt="o", markersize=3.5, elinewidth=1.2, capsize=2, label="forecast, and 95 % around it"
    )
    axes.set_xticks(tenths)
    axes.set_xlabel("tenth of the customers, highest scores first", fontsize=7)
    if y_label:
        axes.set_ylabel(y_label, fontsize=8)
        axes.legend(fontsize=7, frameon=False, loc="upper right")


def _drift(axes: Axes, rows: Sequence[Sequence[Any]], *, is_first: bool) -> None:
    largest = sorted(rows, key=lambda row: -float(row[1]))[:MOST_SHARES][::-1]
    numbers, limits = [float(number) for _, number, _ in largest], [float(limit) for *_, limit in largest]
    labels = [str(label).replace("_", " ") for label, *_ in largest]
    axes.barh(labels, numbers, color=[RED if number > limit else BLUE for number, limit in zip(numbers, limits, strict=True)], height=0.7)
    axes.scatter(limits, labels, color=GREY, marker="|", s=60, label="limit")
    axes.set_xlim(0, 1.15 * max(*limits, *numbers))
    axes.set_ylim(len(largest) - max(len(largest), 8) - 0.6, len(largest) - 0.4)  # a few bars are not blown up
    axes.set_xlabel("population stability index", fontsize=8)
    if is_first:
        axes.legend(fontsize=7, frameon=False, loc="lower right")
