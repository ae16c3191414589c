"""The part of the page about identity's health: how large customers are, what limits keep apart, what hangs on one link. Nobody's id.

From the stored ``identity_health`` and the journal; the small table of the largest customers stays in the catalog, which may name ids.
"""

from __future__ import annotations

from omnichannel_assets.assets.drawing import Picture, SmallTable, bars
from omnichannel_assets.assets.previews import preview_rows
from omnichannel_assets.assets.previews_identity import MERGES, NEAR_LIMITS, NEW, SHARED, SIZES, WEAK_LINKS
from omnichannel_assets.lake.tables_identity import IDENTITY_HEALTH
from omnichannel_assets.report.markup import escaped, heading, note, paragraph, picture, pictures, table, tiles
from omnichannel_assets.resources.workspace import Workspace

SHOWN: tuple[SmallTable | Picture, ...] = (SIZES, MERGES, NEW, NEAR_LIMITS, WEAK_LINKS, SHARED)
WORDS = {
    NEAR_LIMITS.title: "A customer at a limit takes no further value of that type: what comes next stays apart. One login for each customer is the rule, not a sign of trouble.",
    WEAK_LINKS.title: "Only this one message or row says that two known parts are one person. Most are right; a wrong one shows where two people were taken for one.",
    SHARED.title: "Kiosks, shared phones and family addresses: from that date on they belong to nobody.",
}


def identity(workspace: Workspace) -> str:
    """The whole part."""
    title = heading("Identity", "identity")
    found = {row["measure"]: row["value"] for row in workspace.lake.read(IDENTITY_HEALTH).to_pylist() if not row["bucket"]}
    if not found:
        return title + note("Identity's health was not measured yet: it comes with the next run.")
    images, parts = [], []
    for shown, columns, rows in preview_rows(workspace, IDENTITY_HEALTH, SHOWN):
        if isinstance(shown, Picture):
            images.append(picture(bars(shown, rows), shown.title))
        else:
            words = paragraph(WORDS[shown.title], "soft")
            parts.append(f"<h3>{escaped(shown.title)}</h3>{words}{table([column.replace('_', ' ') for column in columns], rows)}")
    return title + _headline(found) + pictures(images) + "".join(parts)


def _headline(found: dict[str, int]) -> str:
    return tiles(
        {
            "identifiers of the largest customer": (f"{found['most_identifiers']:,}", ""),
            "customers kept apart": (f"{found['customers_kept_apart']:,}", f"by limits; the largest group {found['largest_group_kept_apart']:,}"),
            "weak links": (f"{found['weak_links']:,}", f"{found['customers_on_weak_links']:,} customers hang on one"),
            "shared identifiers": (f"{found['shared']:,}", "belong to nobody"),
        }
    )
