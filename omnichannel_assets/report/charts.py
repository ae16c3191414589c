"""The page's own pictures: how scores are spread, what was predicted beside what came, and lift. Drawn so that a phone's width is enough."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE, RESOLUTION, TEXT = (4.8, 3.1), 160, 9
BLUE, RED, YELLOW, GREY = "#4477AA", "#EE6677", "#CCBB44", "#BBBBBB"
BINS = 20


def spread(title: str, series: Mapping[str, Mapping[int, int]], colours: Mapping[str, str]) -> bytes:
    """Customers by score in twentieths, stacked; ``series`` is name -> bin (0 to 19) -> customers, the lowest of the pile first."""
    figure, axes = _figure(title)
    floor = [0] * BINS
    for name, counts in series.items():
        heights = [counts.get(place, 0) for place in range(BINS)]
        places = [(place + 0.5) / BINS for place in range(BINS)]
        axes.bar(places, heights, width=0.9 / BINS, bottom=floor, color=colours.get(name, GREY), label=f"{name}: {sum(heights):,}")
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    axes.set(xlim=(0, 1), ylim=(0, max(floor) * 1.08 or 1))
    _percent(axes.xaxis)
    _whole(axes)
    axes.set_xlabel("score", fontsize=TEXT)
    axes.set_ylabel("customers", fontsize=TEXT)
    _legend(figure, axes)
    return _png(figure)


def calibration(title: str, bins: Sequence[tuple[float, float]]) -> bytes:
    """Predicted beside observed shares of ten equal groups; on the line the scores keep their word."""
    figure, axes = _figure(title)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, label="as predicted")
    axes.plot([p for p, _ in bins], [o for _, o in bins], color=BLUE, marker="o", markersize=5, linewidth=1.2, label="what happened")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.set_xlabel("predicted share of a group", fontsize=TEXT)
    axes.set_ylabel("observed share", fontsize=TEXT)
    _legend(figure, axes)
    return _png(figure)


def lift(title: str, model: Sequence[float], recency: Sequence[float]) -> bytes:
    """How many times as often as on average it happened in each tenth of the ranking, of the model and of recency alone."""
    figure, axes = _figure(title)
    places = range(1, len(model) + 1)
    axes.bar([place - 0.2 for place in places], model, width=0.38, color=BLUE, label="model")
    axes.bar([place + 0.2 for place in range(1, len(recency) + 1)], recency, width=0.38, color=GREY, label="recency alone")
    axes.axhline(1, color="#5C6B7A", linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set(xlim=(0.4, len(model) + 0.6), ylim=(0, max([*model, *recency, 1]) * 1.08))
    axes.set_xticks(list(places))
    _tenths(axes)
    axes.set_xlabel("tenth of the customers, highest scores first", fontsize=TEXT)
    axes.set_ylabel("times the average", fontsize=TEXT)
    _legend(figure, axes)
    return _png(figure)


def _figure(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # deferred: only a page that has something to show draws; no window system is involved

    figure = Figure(figsize=SIZE, dpi=RESOLUTION, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.tick_params(labelsize=TEXT)
    axes.set_title(title, fontsize=TEXT + 1, loc="left")
    return figure, axes


def _percent(axis: object) -> None:
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    axis.set_major_locator(MultipleLocator(0.2))
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def _whole(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _tenths(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 5, 10]))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.1f}"))


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the picture, where no bar can stand in its way."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, fontsize=TEXT, frameon=False, loc="outside lower center", ncols=len(labels), handlelength=1.2, columnspacing=1.4
    )


def _png(figure: Figure) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()
