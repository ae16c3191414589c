"""A portrait drawn: boxes and lines as SVG or PNG, the same bytes for the same portrait.

Here: looks. Not here: what is shown and where (tree), what it is drawn from (ties).
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets.errors import InputError
from omnichannel_assets.portrait.ties import MATCHED, Portrait
from omnichannel_assets.portrait.tree import LINE, PADDING, Box, place, tree_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"user_id": "#4477AA", "email": "#228833", "phone": "#B89B1F", "customer_ref": "#AA3377", "anonymous_id": "#3A9BBF"}
"""By type, told apart with any colour vision (after Paul Tol's bright set); other types are brown."""
OTHER, INK, SOFT, LINK, WEAK, PROPOSED, APART = "#774411", "#1C2733", "#5C6B7A", "#8796A5", "#C2413B", "#8A4FBF", "#A9B3BC"
TEXT, MARGIN, HEAD, FOOT, NARROWEST = 8, 0.3, 0.75, 0.5, 7.2
FORMATS = ("png", "svg")


def picture_format(path: Path) -> str:
    """``png`` or ``svg``, by the name of the file. Raises InputError for another."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise InputError("--picture", repr(path.name), expected="a file name that ends in .svg or .png", fix="write customer.svg, for example")
    return form


def drawn(found: Portrait, form: str) -> bytes:
    """The picture of a portrait."""
    import matplotlib
    from matplotlib.figure import Figure  # deferred: only who asks for a picture draws

    roots = tree_of(found)
    width, height = place(roots, _text_width)
    full_width, full_height = max(width + 2 * MARGIN, NARROWEST), height + HEAD + FOOT + MARGIN
    with matplotlib.rc_context({"svg.hashsalt": "omnichannel"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter the font lacks becomes a box
        figure = Figure(figsize=(full_width, full_height), dpi=130, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-MARGIN, full_width - MARGIN), ylim=(height + FOOT + MARGIN, -HEAD))
        axes.axis("off")
        _thin_lines(axes, found, roots)
        for root in roots:
            for box in root.all():
                _lines_to_children(axes, box)
        for root in roots:
            for box in root.all():
                _draw_box(axes, box)
        _words(axes, found, roots, height + FOOT)
        written = io.BytesIO()
        figure.savefig(written, format=form, metadata={"Date": None, "Creator": None} if form == "svg" else {"Software": None})
    return written.getvalue()


def _text_width(box: Box) -> float:
    """Inches that the longest line of a box needs."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    def inches(number: int, line: str) -> float:
        properties = FontProperties(size=TEXT, weight="bold" if _is_bold(box, number) else "normal")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")
            return float(TextPath((0, 0), line.replace("$", "S"), prop=properties).get_extents().width) / 72 if line.strip() else 0.0

    return max(inches(number, line) for number, line in enumerate(box.lines)) + 0.04


def _is_bold(box: Box, number: int) -> bool:
    return number == (1 if box.what == "identifier" else -1)


def _look(box: Box) -> tuple[str, str, str]:
    """Edge, face and text colour."""
    if box.what == "apart":
        return APART, "#F4F5F6", SOFT
    if box.what == "link":
        edge = PROPOSED if box.kind == MATCHED else WEAK if box.is_weak else LINK
        return edge, "#FFFFFF", edge if edge != LINK else SOFT
    colour = COLOURS.get(box.kind, OTHER)
    return colour, "#FFFFFF" if box.what == "more" else f"{colour}1F", colour


def _draw_box(axes: Axes, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    edge, face, ink = _look(box)
    dashes = "--" if box.is_weak or box.what == "apart" else "-"
    corner = 0.07 if box.what in ("identifier", "more") else 0.0
    low = box.y - box.height / 2
    for colour, line in (("#FFFFFF", 0.0), (face, 1.3 if box.what == "identifier" else 0.9)):  # white below, so that no line shines through
        style = f"round,pad=0,rounding_size={corner}" if corner else "square,pad=0"
        axes.add_patch(
            FancyBboxPatch((box.x, low), box.width, box.height, boxstyle=style, edgecolor=edge, facecolor=colour, linewidth=line, linestyle=dashes, zorder=3)
        )
    for number, text in enumerate(box.lines):
        is_bold = _is_bold(box, number)
        axes.text(
            box.x + PADDING, low + PADDING + LINE * (number + 0.5), text, fontsize=TEXT, color=INK if is_bold else ink, weight="bold" if is_bold else "normal",
            va="center_baseline", ha="left", parse_math=False, zorder=4,
        )  # fmt: skip


def _lines_to_children(axes: Axes, box: Box) -> None:
    for child in box.children:
        link = box if box.what == "link" else child
        colour, width, dashes = LINK, 1.8, "-"
        if child.what == "apart":
            colour, width, dashes = APART, 1.0, ":"
        elif link.kind == MATCHED:
            colour, dashes = PROPOSED, "--"
        elif link.is_weak:
            colour, dashes = WEAK, "--"
        _curve(axes, (box.x + box.width, box.y), (child.x, child.y), colour, width, dashes)


def _thin_lines(axes: Axes, found: Portrait, roots: list[Box]) -> None:
    """Pairs that other links carried together, and that no box between them says already."""
    boxes = {name: box for root in roots for box in root.all() if box.what in ("identifier", "more") for name in box.names}
    told = {frozenset((one, other)) for tie in found.joining for one in tie.parts for other in tie.parts}
    pairs = {frozenset((one, other)) for tie in (*found.joining, *found.others) for one in tie.names for other in tie.names if one != other} - told
    for pair in sorted(map(sorted, pairs)):
        one, other = sorted((boxes[name] for name in pair), key=lambda box: (box.x, box.y))
        if one is not other:
            start = (one.x + one.width, one.y) if other.x > one.x else (one.x, one.y)
            _curve(axes, start, (other.x, other.y), "#D5DBE1", 0.7, "-", 1, bulge=None if other.x > one.x else -0.3)


def _curve(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, width: float, dashes: str, order: int = 2, bulge: float | None = None
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Line

    if bulge is None:
        middle = (start[0] + end[0]) / 2
        first, second = (middle, start[1]), (middle, end[1])
    else:
        first, second = (start[0] + bulge, start[1]), (end[0] + bulge, end[1])
    path = Line([start, first, second, end], [Line.MOVETO, Line.CURVE4, Line.CURVE4, Line.CURVE4])
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor=colour, linewidth=width, linestyle=dashes, zorder=order))


def _words(axes: Axes, found: Portrait, roots: list[Box], bottom: float) -> None:
    number, joined = len(found.identifiers), len(found.joining)
    title = f"{found.customer_id}: {number} identifier{'s' if number > 1 else ''} of one person, as of {found.as_of}"
    axes.text(0, -HEAD + 0.28, title, fontsize=11, weight="bold", color=INK, va="center", parse_math=False)
    how = f"{joined} link{'s' if joined > 1 else ''} joined what was apart before: the boxes between identifiers." if joined else "No link joined it to another identifier."
    thin = " Thin lines: seen together in other links too." if found.others else ""
    axes.text(0, -HEAD + 0.5, f"{how}{thin}", fontsize=TEXT, color=SOFT, va="center")
    boxes = [box for root in roots for box in root.all()]
    legend = []
    if any(box.what == "link" and box.is_weak for box in boxes):
        legend.append((WEAK, "red: a weak link; without this one message or row it would be two people"))
    if any(box.what == "link" and box.kind == MATCHED for box in boxes):
        legend.append((PROPOSED, "violet: proposed by matching, not seen together"))
    if any(box.what == "apart" for box in boxes):
        legend.append((SOFT, "grey: seen with it, and not joined"))
    for place_, (colour, text) in enumerate(legend):
        axes.text(0, bottom - 0.17 * (len(legend) - 1 - place_), text, fontsize=TEXT, color=colour, va="center")
