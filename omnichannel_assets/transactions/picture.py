"""The judges beside each other by origin, drawn: one panel a question. Legible on light and dark pages, for the picture brings its own ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets.assets.card_picture import JUDGE_COLOURS
from omnichannel_assets.propensity.baselines import BGNBD, FREQUENCY, MODEL, NAMES, RECENCY, RFM
from omnichannel_assets.propensity.evaluation import MEAN
from omnichannel_assets.propensity.segments import ALL
from omnichannel_assets.transactions.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, RESOLUTION, TEXT = 4.6, 3.6, 150, 9
STYLES = {MODEL: ("o", "-"), RFM: ("^", "--"), BGNBD: ("D", "--"), FREQUENCY: ("s", ":"), RECENCY: ("v", ":")}
"""Judge -> mark and line; colours are told apart by most people who see few, marks by everybody."""


def draw(path: Path, results: Sequence[Result]) -> None:
    """Draw the area under the curve by origin of every judge into a .png or .svg file; a question that was not judged has an empty panel.

    Amounts have no such curve and no panel.
    """
    from matplotlib.figure import Figure

    results = [result for result in results if result.task.target == "probability"]
    figure = Figure(figsize=(WIDTH * len(results), HEIGHT), dpi=RESOLUTION, layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        _panel(axes, result)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(STYLES), fontsize=TEXT, frameon=False, handlelength=2.2, columnspacing=1.2)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None}
    figure.savefig(path, metadata=metadata)


def _panel(axes: Axes, result: Result) -> None:
    found = {(f.judge, f.origin): f for f in result.figures if f.metric == "auc" and f.segment == ALL and f.origin != MEAN and f.value is not None}
    origins = sorted({origin for _, origin in found})
    for judge, (mark, line) in reversed(STYLES.items()):
        colour, name = JUDGE_COLOURS[judge], f"{NAMES[judge]}{', with 95 % interval' if judge == MODEL else ''}"
        shown = [(place, found[judge, origin]) for place, origin in enumerate(origins) if (judge, origin) in found]
        places, values = [place for place, _ in shown], [figure.value for _, figure in shown]
        if judge == MODEL:
            lows, highs = [figure.low or figure.value for _, figure in shown], [figure.high or figure.value for _, figure in shown]
            axes.fill_between(places, lows, highs, color=colour, alpha=0.18, linewidth=0)
        axes.plot(places, values, color=colour, marker=mark, linestyle=line, linewidth=2.0 if judge == MODEL else 1.3, markersize=5, label=name)
    axes.set_xticks(range(len(origins)), [origin[:7] for origin in origins], rotation=45, ha="right")
    axes.tick_params(labelsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(result.task.happened, fontsize=TEXT + 1, loc="left")
    axes.set_ylabel("area under the ROC curve", fontsize=TEXT)
