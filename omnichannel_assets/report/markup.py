"""Pieces of the page as HTML text: tiles, tables, shares, pictures, and the page's style.

Every text is escaped here, so that sections hand in what they found as it is. Item names and the like come from outside.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SHOWN_ROWS, LABEL_LENGTH = 20, 60
ZERO = ' class="number none"'
STYLE = """
:root { color-scheme: light; --ink: #1c2733; --soft: #5c6b7a; --line: #dfe5ea; --good: #1d7a46; --bad: #b3261e; --bar: #4477aa }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1080px; padding: 32px 24px 64px; font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: #fff }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px } h2 { font-size: 21px; margin: 48px 0 8px; padding-top: 12px; border-top: 2px solid var(--line) }
h3 { font-size: 16px; margin: 26px 0 4px } h4 { font-size: 15px; margin: 18px 0 2px } details { margin: 8px 0 } summary { cursor: pointer; font-weight: 600 }
p, ul { margin: 6px 0; max-width: 76ch } ul { padding-left: 20px } .soft { color: var(--soft) } a { color: #2b5f94 }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 10px; margin: 18px 0 }
.tile { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px } .tile b { display: block; font-size: 25px; line-height: 1.3; font-variant-numeric: tabular-nums }
.tile span { display: block; line-height: 1.35 } .tile .soft { font-size: 13px }
.wide { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; margin: 6px 0 12px } th, td { padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 600; color: var(--soft); vertical-align: bottom } td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums } th.number { white-space: normal }
td.share { min-width: 120px; width: 220px; vertical-align: middle; padding-right: 0 } td.share i { display: block; height: 12px; border-radius: 3px; background: var(--bar) }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 8px 24px; margin: 10px 0 }
img { max-width: 100%; height: auto; display: block } .wide > img { min-width: 640px }
code { background: #f2f5f7; padding: 1px 6px; border-radius: 5px; overflow-wrap: anywhere } .good { color: var(--good) } .bad { color: var(--bad) }
.note { border-left: 4px solid #ccbb44; background: #fbf9ec; padding: 8px 14px; margin: 10px 0; max-width: 80ch }
@media (max-width: 600px) {
  body { padding: 20px 14px 48px } h1 { font-size: 24px } .tiles { grid-template-columns: 1fr 1fr } .tile { padding: 10px 12px } .tile b { font-size: 22px }
  th, td { padding-right: 12px; font-size: 14px } th.share, td.share { display: none } .wide > img { min-width: 540px }
  .stacks table, .stacks tbody, .lines table, .lines tbody { display: block; width: 100% } .stacks td.none { display: none }
  .stacks tr { display: block; border-bottom: 1px solid var(--line); padding: 8px 0 } .stacks th, .stacks td:empty { display: none }
  .stacks td:not(.none) { display: flex; justify-content: space-between; gap: 16px; border: 0; padding: 1px 0; text-align: right }
  .stacks td::before { content: attr(data-name); color: var(--soft); text-align: left } .stacks td:first-child { font-weight: 600 }
  .lines tr { display: block; border-bottom: 1px solid var(--line); padding: 6px 0 } .lines td { display: inline-block; border: 0; padding: 0 6px 0 0 }
  .lines tr:first-child, .lines td:empty { display: none }
}
"""


@dataclass(frozen=True)
class Share:
    """A table cell that is a bar: ``part`` from 0 to 1 of the cell's width."""

    part: float


def document(title: str, body: str) -> str:
    """A whole page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def escaped(text: Any) -> str:
    """Text that cannot act as HTML, on one line and without control characters."""
    return html.escape(" ".join(re.sub(r"[\x00-\x1f\x7f]", " ", str(text)).split()))


def label(value: Any) -> str:
    """A name from outside, shortened."""
    text = " ".join(str(value).split())
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"


def heading(title: str, anchor: str) -> str:
    """The heading of a section."""
    return f'<h2 id="{anchor}">{escaped(title)}</h2>'


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is a class of the style."""
    return f'<p class="{kind}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def note(text: str) -> str:
    """Something a reader must not overlook."""
    return f'<div class="note">{escaped(text)}</div>'


def points(texts: Iterable[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{escaped(text)}</li>' for text in texts)}</ul>"


def tiles(shown: Mapping[str, tuple[str, str]]) -> str:
    """Headline numbers: name -> number and a few words below it."""
    parts = [
        f'<div class="tile"><b>{escaped(number)}</b><span>{escaped(name)}</span>{f"<span class=soft>{escaped(words)}</span>" if words else ""}</div>'
        for name, (number, words) in shown.items()
    ]
    return f'<div class="tiles">{"".join(parts)}</div>'


def percent(part: float) -> str:
    """A share as people write it; a small one that is not nothing does not read as nothing."""
    return "under 1 %" if 0 < part < 0.005 else f"{100 * part:.0f} %"


def picture(png: bytes, alt: str, *, scrolls: bool = False) -> str:
    """A picture inside the page; one that ``scrolls`` keeps a legible width on a phone."""
    image = f'<img alt="{escaped(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'
    return f'<div class="wide">{image}</div>' if scrolls else image


def pictures(images: Iterable[str]) -> str:
    """Pictures side by side where there is room."""
    return f'<div class="pictures">{"".join(images)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], phone: Literal["", "stacks", "lines"] = "") -> str:
    """Rows with headings; columns of numbers to the right, of shares as bars. Long ones are cut and say so.

    ``phone`` is what a table too wide for one becomes there: each row a card of named values without the zeros, or lines of running text.
    """
    rows = list(rows)
    shown = [[cell if isinstance(cell, Share) else _text(cell) for cell in row] for row in rows[:SHOWN_ROWS]]
    kinds = [_kind([row[index] for row in shown]) for index in range(len(columns))]
    head = "".join(f"<th{kind}>{escaped(column)}</th>" for column, kind in zip(columns, kinds, strict=True))
    names = [f' data-name="{escaped(column)}"' if phone == "stacks" else "" for column in columns]
    body = "".join(f"<tr>{''.join(map(_cell, row, kinds, names))}</tr>" for row in shown)
    hidden = f'<p class="soft">{len(rows) - SHOWN_ROWS:,} more rows</p>' if len(rows) > SHOWN_ROWS else ""
    return f'<div class="wide {phone}"><table><tr>{head}</tr>{body}</table></div>{hidden}'


def _cell(cell: str | Share, kind: str, name: str) -> str:
    if isinstance(cell, Share):
        return f'<td class="share"><i style="width:{100 * min(max(cell.part, 0.0), 1.0):.1f}%"></i></td>'
    return f"<td{ZERO if name and cell == '0' else kind}{name}>{escaped(cell)}</td>"


def _kind(cells: Sequence[str | Share]) -> str:
    texts = [cell for cell in cells if not isinstance(cell, Share)]
    if cells and not texts:
        return ' class="share"'
    is_number = bool(texts) and all(re.fullmatch(r"(?:under )?-?[\d,]*\.?\d*(?: ?%)?", text) for text in texts)
    return ' class="number"' if is_number and any(texts) else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) or not hasattr(value, "__add__") or hasattr(value, "isoformat") else f"{value:,}"
