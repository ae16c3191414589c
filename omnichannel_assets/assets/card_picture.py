"""A model card's picture: six panels on white, which reads the same on a light and on a dark page.

Here: the panels of a card, three of them those of ``charts``. Not here: the figures (``model_evaluation``) and the card's words (``propensity.card``). A panel
without figures says so instead of being left out, so that cards of several models can be laid side by side.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from omnichannel_assets.assets import charts
from omnichannel_assets.assets.drawing import COLOURS
from omnichannel_assets.propensity.baselines import BGNBD, FREQUENCY, MODEL, NAMES, RECENCY, RFM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, GREEN, YELLOW, _, PURPLE = COLOURS[:6]
LINE = "#E5E5E5"
JUDGE_COLOURS = {MODEL: BLUE, RECENCY: RED, FREQUENCY: YELLOW, RFM: GREEN, BGNBD: PURPLE}
"""Judge -> its colour in every picture."""
TEXT = 8
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class CardFigures:
    """What a card draws. Judges as in ``propensity.baselines``; origins are dates as text, oldest first.

    roc          judge -> (share of the others, share of those with the label) above each threshold, on the newest origin
    lift         judge -> lift of each tenth, highest scores first, on the newest origin
    calibration  (predicted, observed) share of each tenth, on the newest origin
    importance   feature family -> share of what moves the scores
    forecast     origin -> (forecast count, actual count)
    auc          judge -> origin -> area under the ROC curve
    """

    title: str
    roc: Mapping[str, Points] = field(default_factory=dict)
    lift: Mapping[str, Sequence[float]] = field(default_factory=dict)
    calibration: Points = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    forecast: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    auc: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to draw."""
        return any((self.roc, self.lift, self.calibration, self.importance, self.forecast, self.auc))


def card_picture(figures: CardFigures) -> bytes:
    """The six panels as PNG bytes, as wide as Dagster shows Markdown."""
    from matplotlib.figure import Figure  # deferred: only a run that has something to show draws

    figure = Figure(figsize=(7.4, 8.6), dpi=110, layout="constrained", facecolor="white")
    figure.suptitle(figures.title.replace("$", r"\$"), fontsize=TEXT + 2, x=0.01, ha="left")
    panels = (
        ("Who is ranked first: ROC", figures.roc, _roc),
        ("How often, by tenth of the ranking", figures.lift, _lift),
        ("Predicted and observed share", figures.calibration, _calibration),
        ("What moves the scores", figures.importance, _importance),
        ("Forecast and actual, by origin", figures.forecast, _forecast),
        ("Area under the ROC curve, by origin", figures.auc, _auc),
    )
    for place, (title, found, draw) in enumerate(panels):
        axes = figure.add_subplot(3, 2, place + 1)
        axes.set_title(title, fontsize=TEXT + 1, loc="left", color="black")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=TEXT - 1)
        axes.set_axisbelow(True)
        if found:
            axes.grid(color=LINE, linewidth=0.8, axis="x" if draw is _importance else "both")
            draw(axes, found)
        else:
            axes.text(0.5, 0.5, "not judged", ha="center", va="center", fontsize=TEXT, color=charts.GREY, transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _roc(axes: Axes, judges: Mapping[str, Points]) -> None:
    axes.plot([0, 1], [0, 1], color=charts.GREY, linewidth=0.8, linestyle="--", label="a coin")
    for judge, points in judges.items():
        axes.plot(*zip(*sorted(points), strict=True), color=JUDGE_COLOURS[judge], linewidth=1.4, label=NAMES[judge])
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _percent(axes.xaxis, axes.yaxis)
    axes.set_xlabel("share of those it did not happen to", fontsize=TEXT)
    axes.set_ylabel("share of those it happened to", fontsize=TEXT)
    axes.legend(fontsize=TEXT - 1, frameon=False, loc="lower right")


def _lift(axes: Axes, judges: Mapping[str, Sequence[float]]) -> None:
    tenths = zip_longest(judges.get(MODEL, ()), judges.get(RECENCY, ()))
    charts.lift(axes, [(place, *pair) for place, pair in enumerate(tenths, 1)], is_first=True)


def _calibration(axes: Axes, points: Points) -> None:
    charts.calibration(axes, [(*point, None) for point in points], is_first=True)


def _importance(axes: Axes, families: Mapping[str, float]) -> None:
    charts.shares(axes, list(families.items()), is_first=True)
    _percent(axes.xaxis)
    axes.set_xlabel("share of the mean distance", fontsize=TEXT)


def _forecast(axes: Axes, origins: Mapping[str, tuple[float, float]]) -> None:
    places = range(len(origins))
    axes.bar([place - 0.2 for place in places], [forecast for forecast, _ in origins.values()], width=0.38, color=BLUE, label="forecast")
    axes.bar([place + 0.2 for place in places], [actual for _, actual in origins.values()], width=0.38, color="#BBBBBB", label="actual")
    _origins(axes, list(origins))
    axes.set_ylabel("customers", fontsize=TEXT)
    axes.set_ylim(0, max(max(pair) for pair in origins.values()) * 1.25 or 1)
    axes.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", ncols=2)


def _auc(axes: Axes, judges: Mapping[str, Mapping[str, float]]) -> None:
    origins = sorted({origin for told in judges.values() for origin in told})
    for judge, told in judges.items():
        places = [place for place, origin in enumerate(origins) if origin in told]
        axes.plot(
            places,
            [told[origins[place]] for place in places],
            color=JUDGE_COLOURS[judge],
            marker="o",
            markersize=3,
            linewidth=1.3,
            label=NAMES[judge],
        )
    _origins(axes, origins)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.45 * (high - low))
    axes.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", ncols=2)


def _origins(axes: Axes, origins: Sequence[str]) -> None:
    step = max(1, -(-len(origins) // 7))
    shown = range(0, len(origins), step)
    axes.set_xticks(list(shown), [origins[place][2:] for place in shown], rotation=30, ha="right")
    axes.set_xlim(-0.6, len(origins) - 0.4)


def _percent(*axes: object) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for axis in axes:
        axis.set_major_locator(MaxNLocator(nbins=5))
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
