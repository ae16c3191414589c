"""Rows as small Markdown tables and stacked bars. What is shown of which table is in ``previews``; here is only how it is drawn.

Labels that come from outside are shortened and cannot act as Markdown or as a formula.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_ROWS, SHOWN_SERIES, LABEL_LENGTH = 15, 7, 40
COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#774411", "#BBBBBB")
"""Told apart with any colour vision (Paul Tol's bright set); the last one is for what is grouped as ``other``."""


@dataclass(frozen=True)
class SmallTable:
    """Rows of a query as a Markdown table; ``title`` becomes the metadata key, the query's column names the headings.

    ``beside`` names other tables that the query reads; ``most`` is how many rows are shown, ``widest`` how many characters of a text.
    """

    title: str
    sql: str
    beside: tuple[str, ...] = ()
    most: int = SHOWN_ROWS
    widest: int = LABEL_LENGTH


@dataclass(frozen=True)
class Picture:
    """Rows (position, series, number) of a query as bars; positions are days, weeks or plain numbers. The others are drawn by ``charts``."""

    title: str
    sql: str
    positions: Literal["days", "weeks", "numbers", "calibration", "lift", "shares", "tenths", "amounts", "drift"]
    x_label: str = ""
    beside: tuple[str, ...] = ()


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], most: int = SHOWN_ROWS, widest: int = LABEL_LENGTH) -> str:
    """Rows as a Markdown table, numbers to the right; long ones are cut and say so."""
    head = [column.replace("_", " ") for column in columns]
    aligned = ["---:" if all(_is_number(row[index]) for row in rows) else "---" for index in range(len(columns))]
    lines = [_line(head), _line(aligned), *(_line([_cell(value, widest) for value in row]) for row in rows[:most])]
    hidden = len(rows) - most
    return "\n".join(lines) + (f"\n\n{hidden:,} more rows" if hidden > 0 else "")


def markdown_picture(picture: Picture, rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a PNG inside Markdown, which Dagster's pages show in place."""
    return markdown_png(picture.title, bars(picture, rows))


def markdown_png(title: str, png: bytes) -> str:
    """A PNG inside Markdown."""
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def bars(picture: Picture, rows: Sequence[Sequence[Any]]) -> bytes:
    """Stacked bars as PNG bytes: one colour a series, the biggest series at the bottom, small ones together as ``other``."""
    if picture.positions in ("calibration", "lift", "shares", "tenths", "amounts", "drift"):
        from omnichannel_assets.assets.charts import chart

        return chart(picture, rows)
    from matplotlib.collections import PolyCollection  # one object a series: a bar each would take four times as long
    from matplotlib.dates import date2num
    from matplotlib.figure import Figure  # deferred: only a run that has something to show draws; no window system is involved

    series = _series(rows)
    figure = Figure(figsize=(7.2, 2.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    positions = sorted({row[0] for row in rows})
    half = {"days": 0.425, "weeks": 3.0, "numbers": 0.4}[picture.positions]
    places = positions if picture.positions == "numbers" else date2num(positions)
    floor = [0] * len(positions)
    for (name, numbers), colour in zip(series.items(), COLOURS, strict=False):
        tops = [below + int(numbers.get(position, 0)) for below, position in zip(floor, positions, strict=True)]
        boxes = [
            [(x - half, low), (x - half, high), (x + half, high), (x + half, low)] for x, low, high in zip(places, floor, tops, strict=True)
        ]
        shown = name.replace("$", r"\$")  # between two of them would be a formula
        axes.add_collection(PolyCollection(boxes, facecolor=COLOURS[-1] if name == "other" else colour, label=shown), autolim=False)
        floor = tops
    axes.set(xlim=(places[0] - 2 * half, places[-1] + 2 * half), ylim=(0, max(floor) * 1.05 or 1))
    _dress(axes, picture, list(series), f"{positions[0]} to {positions[-1]}")
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _series(rows: Iterable[Sequence[Any]]) -> dict[str, dict[Any, int]]:
    """Series name -> position -> number, biggest first; at most SHOWN_SERIES and ``other``."""
    found: dict[str, dict[Any, int]] = {}
    for position, name, number in rows:
        found.setdefault(_plain(name), {})[position] = number
    ordered = sorted(found, key=lambda name: (-sum(found[name].values()), name))
    kept = {name: found[name] for name in ordered[:SHOWN_SERIES]}
    rest: dict[Any, int] = {}
    for name in ordered[SHOWN_SERIES:]:
        for position, number in found[name].items():
            rest[position] = rest.get(position, 0) + number
    return kept | ({"other": rest} if rest else {})


def _dress(axes: Axes, picture: Picture, names: Sequence[str], span: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.tick_params(labelsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(picture.x_label, fontsize=8)
    axes.set_title(picture.title if picture.positions == "numbers" else f"{picture.title}, {span}", fontsize=9, loc="left")
    if picture.positions == "numbers":
        axes.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True))
        axes.set_ylabel(names[0], fontsize=8)
    else:
        locator = AutoDateLocator(minticks=3, maxticks=10)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)


def _is_number(value: Any) -> bool:
    from decimal import Decimal

    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _cell(value: Any, widest: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if _is_number(value) else re.sub(r"([\\`*_{}\[\]<>()#|!~])", r"\\\1", _plain(value, widest))


def _plain(value: Any, widest: int = LABEL_LENGTH) -> str:
    """Text on one line, without control characters, at most ``widest`` long."""
    text = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", "(none)" if value is None else str(value)).split())
    return text if len(text) <= widest else text[: widest - 1] + "…"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
