"""The parts of the page about the data itself: where every row went, the promises that were checked, and what came in."""

from __future__ import annotations

from omnichannel_assets.assets.drawing import bars
from omnichannel_assets.assets.previews import PREVIEWS, Picture, preview_rows
from omnichannel_assets.report.markup import escaped, heading, paragraph, picture, table, tiles
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.summary import LakeCounts

SECTIONS = (
    ("Customers", "customers", ("customers", "identities")),
    ("What they do and buy", "behaviour", ("interactions", "orders", "returns", "products")),
    ("What came in", "input", ("segment_events", "landing_files", "quarantine")),
)


def balances(counts: LakeCounts) -> str:
    """Where every row went."""
    subjects = ["", *(balance.subject for balance in counts.balances)]
    rows = [
        ("" if balance.subject == before else balance.subject, f"{balance.total:,}", balance.unit, "= " + balance.equation())
        for before, balance in zip(subjects, counts.balances, strict=False)
    ]
    words = paragraph("Nothing is lost without a trace: each line adds up to the row.", "soft")
    return heading("Where every row went", "rows") + words + table(("", "rows", "", ""), rows, "lines")


def checks(workspace: Workspace) -> str:
    """The promises that were checked."""
    outcomes = [
        (stored.name, check)
        for stored in workspace.tables.values()
        for manifest in workspace.lake.manifests(stored).values()
        for check in manifest.checks
    ]
    failed = sorted({f"{name}: {check['name']}" for name, check in outcomes if not check["passed"]})
    line = paragraph(f"{len(outcomes):,} checks on {len({name for name, _ in outcomes})} tables hold.", "good")
    if failed:
        line = paragraph(f"Checks that do not hold: {', '.join(failed)}", "bad")
    words = "Columns and grain as declared, rows conserved, expectations met. A table that breaks a promise is not published."
    return heading("Promises checked", "checks") + line + paragraph(words, "soft")


def stored(workspace: Workspace, counts: LakeCounts) -> str:
    """The pictures and small tables of the asset catalog."""
    parts = []
    for title, anchor, names in SECTIONS:
        parts += [heading(title, anchor), _headline(counts) if anchor == "behaviour" else ""]
        parts += [_previews(workspace, name) for name in names]
    return "".join(parts)


def _headline(counts: LakeCounts) -> str:
    return tiles(
        {
            "orders": (f"{counts.orders:,}", ""),
            "revenue of customers": (f"{counts.revenue:,.0f}", "refunds taken off"),
            "interactions": (f"{counts.interactions:,}", ""),
            "anonymous visitors": (f"{counts.customers - counts.known:,}", "never scored or addressed"),
        }
    )


def _previews(workspace: Workspace, name: str) -> str:
    parts = []
    for preview, columns, rows in preview_rows(workspace, workspace.tables[name], PREVIEWS[name]):
        if isinstance(preview, Picture):
            parts.append(picture(bars(preview, rows), preview.title, scrolls=True))
        else:
            parts.append(f"<h3>{escaped(preview.title)}</h3>{table([column.replace('_', ' ') for column in columns], rows)}")
    return "".join(parts)
