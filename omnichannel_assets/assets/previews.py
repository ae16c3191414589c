"""What a person would rather look at than read: small tables and pictures of the stored tables, for the metadata of a materialisation.

Counts and sums only: no query here selects an e-mail, phone, name, login, device id, payload or event name, so metadata stays free of
personal data. Labels that come from outside are shortened and cannot act as Markdown. Everything reads the stored table, newest part first.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RECENT_PARTITIONS = 120
"""A partitioned table is shown over its newest partitions, so that looking stays cheap when the table grows."""
SHOWN_ROWS, SHOWN_SERIES, LABEL_LENGTH = 15, 7, 40
COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#774411", "#BBBBBB")
"""Told apart with any colour vision (Paul Tol's bright set); the last one is for what is grouped as ``other``."""


@dataclass(frozen=True)
class SmallTable:
    """Rows of a query as a Markdown table; ``title`` becomes the metadata key, the query's column names the headings."""

    title: str
    sql: str


@dataclass(frozen=True)
class Picture:
    """Rows (position, series, number) of a query as bars. Positions are days, weeks or plain numbers."""

    title: str
    sql: str
    positions: Literal["days", "weeks", "numbers"]
    x_label: str = ""


Preview = SmallTable | Picture

YEAR = "interval 364 day"


def _per_week(table: str, at: str, series: str) -> str:
    return (
        f"select cast(date_trunc('week', {at}) as date) as week, {series}, count(*) as n from {table} "
        f"where {at} >= (select max({at}) from {table}) - {YEAR} group by 1, 2"
    )


def _changes(table: str) -> SmallTable:
    return SmallTable("changes by kind", f"select change, count(*) as changes, min(as_of) as first, max(as_of) as last from {table} group by 1 order by 2 desc, 1")


PREVIEWS: dict[str, tuple[Preview, ...]] = {
    "landing_files": (
        SmallTable("objects by origin", "select origin, state, count(*) as objects, sum(size) as bytes from landing_files group by 1, 2 order by 1, 2"),
    ),
    "segment_events": (
        SmallTable(
            "calls by type",
            "select type, count(*) as calls, count(*) filter (where is_computed) as computed_by_segment, count(*) filter (where receipt_suspect) as receipt_suspect, "
            "count(*) filter (where event_time_suspect) as event_time_suspect from segment_events group by 1 order by 2 desc, 1",
        ),
        Picture("calls per received day", "select received_day, type, count(*) as n from segment_events group by 1, 2", "days", "received day"),
    ),
    "segment_duplicates": (
        SmallTable("copies by days apart", "select received_day - winning_day as days_apart, count(*) as copies from segment_duplicates group by 1 order by 1"),
    ),
    "quarantine": (
        SmallTable("rows set aside by rule", 'select origin, rule, count(*) as "rows", count(distinct file) as files from quarantine group by 1, 2 order by 3 desc, 1, 2'),
    ),
    "event_facts": (
        SmallTable(
            "events by type",
            "select event_type, count(*) as events, count(*) filter (where identifier_type is null) as without_identifier, "
            "count(*) filter (where event_time_suspect) as event_time_suspect from event_facts group by 1 order by 2 desc, 1",
        ),
        Picture("events per received day", "select received_day, event_type, count(*) as n from event_facts group by 1, 2", "days", "received day"),
    ),
    "order_facts": (
        SmallTable("what Segment told of orders", "select fact, count(*) as facts, count(distinct order_id) as orders from order_facts group by 1 order by 2 desc, 1"),
    ),
    "identifiers": (
        SmallTable(
            "links by kind of identifier",
            "select identifier_type, count(distinct identifier_value) as identifiers, count(*) filter (where source = 'segment') as in_segment, "
            "count(*) filter (where source = 'dms') as in_shop_database from identifiers group by 1 order by 2 desc, 1",
        ),
    ),
    "identities": (
        SmallTable(
            "identifiers by kind",
            "select identifier_type, count(*) as identifiers, count(distinct customer_id) as customers from identities where valid_to is null group by 1 order by 2 desc, 1",
        ),
        Picture(
            "identifiers per customer",
            "select least(n, 20), 'customers', count(*) from (select count(*) as n from identities where valid_to is null group by customer_id) group by 1",
            "numbers",
            "identifiers of one customer (20: or more)",
        ),
    ),
    "identity_changes": (_changes("identity_changes"),),
    "identity_corrections": (_changes("identity_corrections"),),
    "customers": (
        SmallTable(
            "customers by kind",
            "select case when is_known then 'known' else 'visitor' end as kind, count(*) as customers, count(*) filter (where orders > 0) as with_orders, "
            "count(*) filter (where email_opt_in) as opted_in, count(*) filter (where not email_opt_in) as opted_out, "
            "count(*) filter (where email_opt_in is null) as never_asked from customers group by 1 order by 1",
        ),
        SmallTable(
            "which source won each field",
            " union all ".join(
                f"select '{field}' as field, count(*) filter (where starts_with({field}_source, 'dms:')) as shop_database, "
                f"count(*) filter (where starts_with({field}_source, 'segment:')) as segment, count(*) filter (where {field}_source is null) as nobody_knows from customers where is_known"
                for field in ("email", "phone", "name", "email_opt_in")
            ),
        ),
        Picture(
            "orders per customer",
            "select least(orders, 20), 'known customers', count(*) from customers where is_known group by 1",
            "numbers",
            "orders of one known customer (20: or more)",
        ),
    ),
    "products": (
        SmallTable(
            "products by category",
            "select category, count(*) as products, count(*) filter (where stock > 0) as in_stock, sum(stock) as units, "
            "count(*) filter (where not is_merchandise) as no_merchandise from products group by 1 order by 2 desc, 1",
        ),
    ),
    "orders": (
        SmallTable(
            "orders by channel",
            "select channel, source, count(*) as orders, count(customer_id) as with_customer, count(*) filter (where status = 'cancelled') as cancelled from orders group by 1, 2 order by 1, 2",
        ),
        Picture("orders per week", _per_week("orders", "ordered_at", "channel"), "weeks", "week of the order"),
    ),
    "order_lines": (
        SmallTable(
            "lines by source",
            "select source, is_merchandise, count(*) as lines, sum(quantity) as units, count(distinct item_id) as items from order_lines group by 1, 2 order by 1, 2 desc",
        ),
    ),
    "returns": (SmallTable("returned items by channel", "select channel, count(*) as items, count(distinct return_id) as refunds, sum(amount) as amount from returns group by 1 order by 1"),),
    "interactions": (
        SmallTable(
            "interactions by type",
            "select event_type, count(*) as interactions, count(distinct customer_id) as customers, count(distinct item_id) as items, "
            "count(*) filter (where channel = 'store') as in_store from interactions group by 1 order by 2 desc, 1",
        ),
        Picture("interactions per week", _per_week("interactions", "event_at", "event_type"), "weeks", "week of the event"),
    ),
}
"""Table -> what to show of it. The histories of DMS tables share ``dms_previews``."""


def dms_previews(table: str) -> tuple[Preview, ...]:
    """What to show of the version history of one DMS table."""
    sql = (
        "select count(*) as versions, count(*) filter (where valid_to is null and not is_deleted) as current, "
        f'count(*) filter (where valid_to is null and is_deleted) as deleted, count(*) filter (where known_at_assumed) as known_at_assumed from "{table}"'
    )
    return (SmallTable("versions", sql),)


def previews_of(workspace: Workspace, table: TableSchema) -> dict[str, str]:
    """Title -> Markdown of everything there is to show of a stored table; nothing for an empty one."""
    wanted = dms_previews(table.name) if "known_at_assumed" in table.names else PREVIEWS.get(table.name, ())
    paths = workspace.lake.paths(table, sorted(workspace.lake.manifests(table))[-RECENT_PARTITIONS:] if table.partition else None)
    if not wanted or not paths:
        return {}
    shown = {}
    with workspace.lake.engine() as engine:
        engine.register_files(table, paths)
        for preview in wanted:
            columns, rows = engine.select(preview.sql)
            if rows:
                shown[preview.title] = markdown_table(columns, rows) if isinstance(preview, SmallTable) else markdown_picture(preview, rows)
    return shown


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a Markdown table, numbers to the right; long ones are cut and say so."""
    head = [column.replace("_", " ") for column in columns]
    aligned = ["---:" if all(_is_number(row[index]) for row in rows) else "---" for index in range(len(columns))]
    lines = [_line(head), _line(aligned), *(_line([_cell(value) for value in row]) for row in rows[:SHOWN_ROWS])]
    hidden = len(rows) - SHOWN_ROWS
    return "\n".join(lines) + (f"\n\n{hidden:,} more rows" if hidden > 0 else "")


def markdown_picture(picture: Picture, rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a PNG inside Markdown, which Dagster's pages show in place."""
    encoded = base64.b64encode(bars(picture, rows)).decode("ascii")
    return f"![{picture.title}](data:image/png;base64,{encoded})"


def bars(picture: Picture, rows: Sequence[Sequence[Any]]) -> bytes:
    """Stacked bars as PNG bytes: one colour a series, the biggest series at the bottom, small ones together as ``other``."""
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
        boxes = [[(x - half, low), (x - half, high), (x + half, high), (x + half, low)] for x, low, high in zip(places, floor, tops, strict=True)]
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


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if _is_number(value) else re.sub(r"([\\`*_{}\[\]<>()#|!~])", r"\\\1", _plain(value))


def _plain(value: Any) -> str:
    """Text on one line, without control characters, at most LABEL_LENGTH long."""
    text = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", "(none)" if value is None else str(value)).split())
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
