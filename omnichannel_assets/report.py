"""``omnichannel report``: one HTML page about a lake, for people who look before they read. Self-contained; counts only, no personal data.

Shows the headline numbers, where every row went, the promises that were checked, and the pictures and small tables of the asset catalog.
"""

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

from omnichannel_assets.assets.drawing import bars
from omnichannel_assets.assets.previews import PREVIEWS, Picture, preview_rows
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.summary import LakeCounts, lake_counts

SECTIONS = (
    ("Customers", ("customers", "identities")),
    ("What they do and buy", ("interactions", "orders", "returns", "products")),
    ("What came in", ("segment_events", "landing_files", "quarantine")),
)
STYLE = """
:root { color-scheme: light; --ink: #1c2733; --soft: #5c6b7a; --line: #dfe5ea; --good: #1d7a46; --bad: #b3261e; }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1080px; padding: 32px 24px 64px; font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: #fff }
h1 { font-size: 28px; margin: 0 } h2 { font-size: 20px; margin: 44px 0 12px } h3 { font-size: 14px; margin: 22px 0 6px; color: var(--soft); font-weight: 600 }
p { margin: 4px 0 } .soft { color: var(--soft) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 24px 0 }
.tile { border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px } .tile b { display: block; font-size: 25px; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; margin: 4px 0 12px } th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 600; color: var(--soft) } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
img { max-width: 100%; height: auto } code { background: #f2f5f7; padding: 1px 6px; border-radius: 5px } .good { color: var(--good) } .bad { color: var(--bad) }
"""


def report_page(workspace: Workspace) -> str:
    """The page as HTML text. The lake must have been made by a run."""
    counts = lake_counts(workspace)
    parts = [_head(workspace, counts), _balances(counts), _checks(workspace)]
    for title, tables in SECTIONS:
        shown = "".join(_table_previews(workspace, name) for name in tables)
        parts.append(f"<h2>{html.escape(title)}</h2>{shown}")
    parts.append(_next_steps())
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One view of each customer</title><style>{STYLE}</style></head><body>{"".join(parts)}</body></html>'


def _head(workspace: Workspace, counts: LakeCounts) -> str:
    tiles = {
        "known customers": f"{counts.known:,}",
        "contactable by e-mail": f"{counts.contactable:,}",
        "anonymous visitors": f"{counts.customers - counts.known:,}",
        "orders": f"{counts.orders:,}",
        "revenue of customers, refunds taken off": f"{counts.revenue:,.0f}",
        "interactions": f"{counts.interactions:,}",
    }
    shown = "".join(
        f'<div class="tile"><b>{number}</b><span class="soft">{html.escape(name)}</span></div>' for name, number in tiles.items()
    )
    return f'<h1>One view of each customer</h1><p class="soft">Everything known before {workspace.as_of()} 00:00 UTC</p><div class="tiles">{shown}</div>'


def _balances(counts: LakeCounts) -> str:
    subjects = ["", *(balance.subject for balance in counts.balances)]
    rows = [
        ("" if balance.subject == before else balance.subject, f"{balance.total:,}", balance.unit, "= " + balance.equation())
        for before, balance in zip(subjects, counts.balances, strict=False)
    ]
    return f"<h2>Where every row went</h2><p class='soft'>Nothing is lost without a trace: each line adds up to the row.</p>{_html_table(('', 'rows', '', ''), rows)}"


def _checks(workspace: Workspace) -> str:
    outcomes = [
        (table.name, check)
        for table in workspace.tables.values()
        for manifest in workspace.lake.manifests(table).values()
        for check in manifest.checks
    ]
    failed = sorted({f"{name}: {check['name']}" for name, check in outcomes if not check["passed"]})
    line = f"<p class='good'>{len(outcomes):,} checks on {len({name for name, _ in outcomes})} tables hold.</p>"
    if failed:
        line = f"<p class='bad'>Checks that do not hold: {html.escape(', '.join(failed))}</p>"
    return f"<h2>Promises checked</h2>{line}<p class='soft'>Columns and grain as declared, rows conserved, expectations met. A table that breaks a promise is not published.</p>"


def _table_previews(workspace: Workspace, name: str) -> str:
    table = workspace.tables[name]
    parts = []
    for preview, columns, rows in preview_rows(workspace, table, PREVIEWS[name]):
        if isinstance(preview, Picture):
            encoded = base64.b64encode(bars(preview, rows)).decode("ascii")
            parts.append(f'<img alt="{html.escape(preview.title)}" src="data:image/png;base64,{encoded}">')
        else:
            parts.append(f"<h3>{html.escape(preview.title)}</h3>{_html_table([column.replace('_', ' ') for column in columns], rows)}")
    return "".join(parts)


def _html_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    rows = [[_text(value) for value in row] for row in rows]
    numeric = [
        all(row[index].replace(",", "").replace(".", "").replace("-", "").isdigit() or not row[index] for row in rows)
        for index in range(len(columns))
    ]
    head = "".join(f"<th{_kind(number)}>{html.escape(column)}</th>" for column, number in zip(columns, numeric, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{_kind(number)}>{html.escape(cell)}</td>" for cell, number in zip(row, numeric, strict=True)) + "</tr>"
        for row in rows[:20]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _kind(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) or not hasattr(value, "__add__") or hasattr(value, "isoformat") else f"{value:,}"


def _next_steps() -> str:
    commands = ("omnichannel explain someone@example.com", 'omnichannel sql "select * from customers limit 5"', "make dev")
    shown = "".join(f"<p><code>{html.escape(command)}</code></p>" for command in commands)
    return f"<h2>Look further</h2>{shown}"
