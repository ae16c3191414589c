"""What a person would rather look at than read: small tables and pictures of the stored tables, for the metadata of a materialisation.

Counts and sums only: no query here selects an e-mail, phone, name, login, device id, payload or event name, so metadata stays free of
personal data. Labels that come from outside are shortened and cannot act as Markdown. Everything reads the stored table, newest part first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omnichannel_assets.assets.drawing import Picture, SmallTable, markdown_picture, markdown_table
from omnichannel_assets.assets.model_cards import card_previews
from omnichannel_assets.assets.previews_identity import IDENTITY_PREVIEWS
from omnichannel_assets.assets.previews_scores import SCORE_PREVIEWS
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.resources.workspace import Workspace

RECENT_PARTITIONS = 120
"""A partitioned table is shown over its newest partitions, so that looking stays cheap when the table grows."""
Preview = SmallTable | Picture

YEAR = "interval 364 day"


def _per_week(table: str, at: str, series: str) -> str:
    return (
        f"select cast(date_trunc('week', {at}) as date) as week, {series}, count(*) as n from {table} "
        f"where {at} >= (select max({at}) from {table}) - {YEAR} group by 1, 2"
    )


def _changes(table: str) -> SmallTable:
    return SmallTable(
        "changes by kind",
        f"select change, count(*) as changes, min(as_of) as first, max(as_of) as last from {table} group by 1 order by 2 desc, 1",
    )


def _newest(table: str) -> str:
    return f"(select * from {table} where as_of = (select max(as_of) from {table})) as newest"


REASON_KIND = (
    "case when starts_with(reason, 'Bought') then 'bought before' when starts_with(reason, 'Goes with') then 'goes with what they touched' "
    "when starts_with(reason, 'On your') then 'wish list' else 'popular' end"
)
"""Reasons in a few kinds: the words themselves name items."""

PREVIEWS: dict[str, tuple[Preview, ...]] = {
    "landing_files": (
        SmallTable(
            "objects by origin",
            "select origin, state, count(*) as objects, sum(size) as bytes from landing_files group by 1, 2 order by 1, 2",
        ),
    ),
    "segment_events": (
        SmallTable(
            "calls by type",
            "select type, count(*) as calls, count(*) filter (where is_computed) as computed_by_segment, count(*) filter (where receipt_suspect) as receipt_suspect, "
            "count(*) filter (where event_time_suspect) as event_time_suspect from segment_events group by 1 order by 2 desc, 1",
        ),
        Picture(
            "calls per received day", "select received_day, type, count(*) as n from segment_events group by 1, 2", "days", "received day"
        ),
    ),
    "segment_duplicates": (
        SmallTable(
            "copies by days apart",
            "select received_day - winning_day as days_apart, count(*) as copies from segment_duplicates group by 1 order by 1",
        ),
    ),
    "quarantine": (
        SmallTable(
            "rows set aside by rule",
            'select origin, rule, count(*) as "rows", count(distinct file) as files from quarantine group by 1, 2 order by 3 desc, 1, 2',
        ),
    ),
    "event_facts": (
        SmallTable(
            "events by type",
            "select event_type, count(*) as events, count(*) filter (where identifier_type is null) as without_identifier, "
            "count(*) filter (where event_time_suspect) as event_time_suspect from event_facts group by 1 order by 2 desc, 1",
        ),
        Picture(
            "events per received day",
            "select received_day, event_type, count(*) as n from event_facts group by 1, 2",
            "days",
            "received day",
        ),
    ),
    "order_facts": (
        SmallTable(
            "what Segment told of orders",
            "select fact, count(*) as facts, count(distinct order_id) as orders from order_facts group by 1 order by 2 desc, 1",
        ),
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
    **IDENTITY_PREVIEWS,
    "identity_changes": (_changes("identity_changes"),),
    "shared_identifiers": (
        SmallTable(
            "shared identifiers by kind",
            "select identifier_type, count(*) as identifiers, count(*) filter (where cause = 'rule') as declared, max(customers) as most_customers, min(shared_from) as first_day "
            "from shared_identifiers group by 1 order by 2 desc, 1",
        ),
    ),
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
                for field in ("email", "phone", "name", "address", "email_opt_in")
            )
            + " order by field",
        ),
        Picture(
            "orders per customer",
            "select least(orders, 20), 'known customers', count(*) from customers where is_known group by 1",
            "numbers",
            "orders of one known customer (20: or more)",
        ),
    ),
    "customer_fields": (
        SmallTable(
            "fields by teller",
            "select field, count(*) as customers, count(*) filter (where starts_with(source, 'dms:')) as shop_database, count(*) filter (where starts_with(source, 'segment:')) as segment, "
            "count(*) filter (where alternatives > 0) as with_others_that_lost from customer_fields group by 1 order by 2 desc, 1",
        ),
    ),
    "shop_choices": (
        SmallTable(
            "answers in the shop database by channel",
            "select channel, count(*) filter (where opted_in) as opted_in, count(*) filter (where not opted_in) as opted_out, "
            "count(*) filter (where opted_in is null) as not_asked from shop_choices where valid_to is null and not is_deleted group by 1 order by 1",
        ),
    ),
    "consents": (
        SmallTable(
            "choices by channel",
            "select channel, count(*) as choices, count(distinct customer_id) as customers, count(*) filter (where is_current and opted_in) as opted_in, "
            "count(*) filter (where is_current and not opted_in) as opted_out from consents group by 1 order by 1",
        ),
    ),
    "customer_attributes": (
        SmallTable(
            "attributes by kind",
            "select kind, count(*) as attributes, count(distinct customer_id) as customers from customer_attributes group by 1 order by 1",
        ),
    ),
    "audiences": (
        SmallTable(
            "who is in which arm",
            "select as_of, audience, count(*) filter (where arm = 'treatment') as treatment, count(*) filter (where arm = 'control') as control, "
            "count(*) filter (where entered_on = as_of) as new, count(*) as people from audiences group by 1, 2 order by 1 desc, 2",
        ),
    ),
    "campaign_events": (
        SmallTable(
            "events by channel and kind",
            "select channel, campaign, event_type, count(*) as events, count(distinct customer_id) as customers, count(*) filter (where is_machine) as by_machines "
            "from campaign_events group by 1, 2, 3 order by 1, 2, 3",
        ),
    ),
    "campaign_event_log": (
        SmallTable("events by channel and kind", "select channel, event_type, count(*) as events from campaign_event_log group by 1, 2 order by 1, 2"),
    ),
    "campaign_results": (
        SmallTable(
            "was it worth it",
            "select as_of, audience, outcome, round(difference, 4) as difference, round(low, 4) as low, round(high, 4) as high, verdict "
            "from campaign_results where part = 'all' order by 1 desc, 2, 3",
        ),
    ),
    "campaign_outcomes": (
        SmallTable(
            "who entered, and what they did",
            "select as_of, audience, arm, count(*) as people, count(*) filter (where is_closed) as judged, count(*) filter (where purchased) as bought "
            "from campaign_outcomes group by 1, 2, 3 order by 1 desc, 2, 3",
        ),
    ),
    "delivery_ledger": (
        SmallTable(
            "what the channels hold",
            "select channel, stream, as_of, state, count(*) as entries, sum(attempts) as attempts "
            "from delivery_ledger group by 1, 2, 3, 4 order by 3 desc, 1, 2, 4",
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
            "select channel, source, count(*) as orders, count(customer_id) as with_customer, count(*) filter (where is_called_off(status)) as cancelled from orders group by 1, 2 order by 1, 2",
        ),
        Picture("orders per week", _per_week("orders", "ordered_at", "channel"), "weeks", "week of the order"),
    ),
    "order_lines": (
        SmallTable(
            "lines by source",
            "select source, is_merchandise, count(*) as lines, sum(quantity) as units, count(distinct item_id) as items from order_lines group by 1, 2 order by 1, 2 desc",
        ),
    ),
    "returns": (
        SmallTable(
            "returned items by channel",
            "select channel, count(*) as items, count(distinct return_id) as refunds, sum(amount) as amount from returns group by 1 order by 1",
        ),
    ),
    **SCORE_PREVIEWS,
    "interactions": (
        SmallTable(
            "interactions by type",
            "select event_type, count(*) as interactions, count(distinct customer_id) as customers, count(distinct item_id) as items, "
            "count(*) filter (where channel = 'store') as in_store from interactions group by 1 order by 2 desc, 1",
        ),
        Picture("interactions per week", _per_week("interactions", "event_at", "event_type"), "weeks", "week of the event"),
    ),
    "similar_items": (
        SmallTable(
            "items with a list, newest as-of date",
            "select n as list_length, count(*) as items from (select item_id, count(*) as n from "
            + _newest("similar_items")
            + " group by item_id) group by 1 order by 1 desc",
        ),
    ),
    "popular_items": (
        SmallTable(
            "what the shop can sell, newest as-of date",
            f"select reason, count(*) as items, max(customers) as most_customers from {_newest('popular_items')} group by 1 order by 2 desc, 1",
        ),
    ),
    "recommendations": (
        SmallTable(
            "reasons, newest as-of date",
            f"select {REASON_KIND} as reason, count(*) as places, count(*) filter (where rank = 1) as first_places, "
            f"count(distinct customer_id) as customers, count(distinct item_id) as items from {_newest('recommendations')} group by 1 order by 2 desc, 1",
        ),
        SmallTable(
            "coverage, newest as-of date",
            "select count(distinct customer_id) as customers, count(*) as places, count(distinct item_id) as items_recommended, "
            f"count(distinct case when rank <= 3 then item_id end) as items_in_the_first_three_places from {_newest('recommendations')}",
        ),
        Picture(
            "reasons by place in the list",
            f"select rank, {REASON_KIND}, count(*) from {_newest('recommendations')} group by 1, 2",
            "numbers",
            "place in the list",
        ),
    ),
}
"""Table -> what to show of it. The histories of DMS tables share ``dms_previews``."""


COMPOSED: Mapping[str, Callable[[Workspace], dict[str, str]]] = {"model_cards": card_previews}
"""Table -> what to show of it that is more than one query."""


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
    shown = {}
    for preview, columns, rows in preview_rows(workspace, table, wanted):
        shown[preview.title] = (
            markdown_picture(preview, rows) if isinstance(preview, Picture) else markdown_table(columns, rows, preview.most, preview.widest)
        )
    return shown | (COMPOSED[table.name](workspace) if table.name in COMPOSED else {})


def preview_rows(
    workspace: Workspace, table: TableSchema, wanted: Sequence[Preview]
) -> list[tuple[Preview, list[str], list[tuple[Any, ...]]]]:
    """Each preview of a stored table with its columns and rows; those without rows are left out. Partitioned tables: the newest partitions."""
    paths = workspace.lake.paths(table, sorted(workspace.lake.manifests(table))[-RECENT_PARTITIONS:] if table.partition else None)
    if not wanted or not paths:
        return []
    with workspace.lake.engine(reading=True) as engine:
        engine.register_files(table, paths)
        for name in {name for preview in wanted for name in preview.beside}:
            engine.register_files(workspace.tables[name], workspace.lake.paths(workspace.tables[name]))
        found = [(preview, *engine.select(preview.sql)) for preview in wanted]
    return [(preview, columns, rows) for preview, columns, rows in found if rows]
