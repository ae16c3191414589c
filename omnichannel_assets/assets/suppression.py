"""The list of erased people, held against everything that is staged. With an empty list nothing is computed.

Here: applying the list while files are read. Not here: whom it recognises (``erasure``), and taking people out of what is staged already
(``erasure_staged``): the list is in no digest, because an erasure leaves every partition as staging it again would.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.resources.erased import suppression_of
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    from omnichannel_assets.dms.files import ParsedObject
    from omnichannel_assets.erasure.shop import ShopTable

def people_types(workspace: Workspace) -> frozenset[str]:
    """Identifier types that name a person; the others are devices."""
    return frozenset(workspace.parameters()["known_types"])


def without_erased_calls(workspace: Workspace, engine: Engine) -> Counter[date]:
    """Take erased people out of ``usable_calls`` and ``unreadable_lines``; how many lines of each received day went."""
    suppression = suppression_of(workspace)
    if suppression is None:
        return Counter()
    from omnichannel_assets.erasure.calls import clean_calls, clean_payloads

    calls = clean_calls(engine.query("from usable_calls"), suppression, people_types(workspace))
    lines = clean_payloads(engine.query("from unreadable_lines"), suppression)
    engine.register("usable_calls", calls.kept)
    engine.register("unreadable_lines", lines.kept)
    return Counter(day for cleaned in (calls, lines) for day in cleaned.gone["received_day"].to_pylist())


def without_erased_rows(workspace: Workspace, spec: TableSpec, parsed: ParsedObject) -> ParsedObject:
    """An object of the shop database without erased people: its rows read stay what the file holds."""
    suppression = suppression_of(workspace)
    if suppression is None:
        return parsed
    from dataclasses import replace

    from omnichannel_assets.erasure.shop import clean_broken_rows, clean_changes

    table = shop_table(workspace, spec)
    changes = clean_changes(parsed.changes, table, suppression)
    return replace(parsed, changes=changes.kept, quarantined=clean_broken_rows(parsed.quarantined, table, suppression).kept)


def shop_table(workspace: Workspace, spec: TableSpec) -> ShopTable:
    """What the registry says of one table, as erasure asks it: a column that children take their time by names an order."""
    from omnichannel_assets.erasure.shop import ShopTable

    orders = {"order_id", *(child.time_from.split(".")[1] for child in workspace.registry.values() if child.time_from)}
    texts = [name for name, kind in spec.columns.items() if kind == "text" and name not in spec.identifying_columns]
    return ShopTable(spec.identifiers, spec.country_column, [name for name in spec.columns if name in orders], texts)
