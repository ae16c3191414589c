"""Which columns the trusted tables' columns come from, as Dagster's column lineage shows it. Follows ``sql/customers.sql`` and
``sql/interactions.sql``; a test holds every name here against the declared tables.
"""

import dagster as dg

IDENTIFIER = ("identifiers.identifier_value", "identities.customer_id")
BOUGHT = ("orders.total", "orders.status", "returns.amount")
SCORED = ("propensity_scores.churn_score", "propensity_scores.repurchase_score", "propensity_scores.subscription_churn_score")
SEEN = ("segment_events.event_at", "orders.ordered_at")

COLUMN_SOURCES: dict[str, dict[str, tuple[str, ...]]] = {
    "customers": {
        "customer_id": ("identities.customer_id",),
        "is_known": ("identities.identifier_type",),
        "user_id": IDENTIFIER,
        "customer_ref": IDENTIFIER,
        "email": IDENTIFIER,
        "phone": IDENTIFIER,
        "first_name": ("dms_customers.first_name", "segment_events.first_name"),
        "last_name": ("dms_customers.last_name", "segment_events.last_name"),
        "street": ("dms_customers.street", "segment_events.street"),
        "city": ("dms_customers.city", "segment_events.city"),
        "postcode": ("dms_customers.postcode", "segment_events.postcode"),
        "country": ("dms_customers.country", "segment_events.country"),
        "birth_date": ("dms_customers.birth_date", "segment_events.birth_date"),
        "email_opt_in": ("shop_choices.opted_in", "event_facts.event_type"),
        "email_opt_in_at": ("shop_choices.changed_at", "event_facts.event_at"),
        "first_seen_at": (*SEEN, "dms_customers.created_at", "identities.first_known_at"),
        "last_seen_at": (*SEEN, "returns.returned_at"),
        "orders": ("orders.order_id", "orders.status"),
        "lifetime_value": BOUGHT,
        "currency": ("orders.currency", "returns.currency"),
        "first_order_at": ("orders.ordered_at", "orders.status"),
        "last_order_at": ("orders.ordered_at", "orders.status"),
        "preferred_channel": ("orders.channel", "orders.ordered_at"),
        "preferred_store": ("orders.store_id", "orders.ordered_at"),
        "favourite_categories": ("order_lines.item_id", "products.category"),
        "devices": ("identities.identifier_type",),
        "device_kinds": ("identities.identifier_type",),
        "email_source": ("identifiers.source", "identifiers.link_id"),
        "phone_source": ("identifiers.source", "identifiers.link_id"),
        "name_source": ("dms_customers.version", "segment_events.message_id"),
        "address_source": ("dms_customers.version", "segment_events.message_id"),
        "email_opt_in_source": ("shop_choices.version", "event_facts.message_id"),
    },
    "interactions": {
        "customer_id": ("identities.customer_id", "orders.customer_id", "returns.customer_id"),
        "item_id": ("event_facts.item_id", "order_lines.item_id", "returns.item_id"),
        "event_type": ("event_facts.event_type",),
        "event_at": ("event_facts.event_at", "orders.ordered_at", "returns.returned_at"),
        "known_at": ("event_facts.known_at", "orders.known_at", "returns.known_at"),
        "channel": ("orders.channel", "returns.channel"),
        "quantity": ("event_facts.quantity", "order_lines.quantity", "returns.quantity"),
        "value": ("event_facts.value", "order_lines.line_total", "returns.amount"),
        "order_id": ("orders.order_id", "returns.order_id"),
        "message_id": ("event_facts.message_id", "orders.message_id", "returns.return_id"),
    },
    "score_monitoring": {
        "scored_on": ("propensity_scores.as_of",),
        "forecast": SCORED,
        "actual": ("training_examples.cutoff", "orders.ordered_at", "dms_subscriptions.ended_at", "identities.customer_id"),
        "value": (*SCORED, "customer_features.recency_days", "training_examples.recency_days"),
    },
}
"""Table -> column -> ``table.column`` it is made from."""


def column_lineage(table: str) -> dg.TableColumnLineage | None:
    """The lineage of a table's columns, or None for tables that have none here."""
    sources = COLUMN_SOURCES.get(table)
    if sources is None:
        return None
    return dg.TableColumnLineage({column: [_dep(name) for name in names] for column, names in sources.items()})


def _dep(name: str) -> dg.TableColumnDep:
    table, column = name.split(".")
    return dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=column)
