"""The declared tables of the landing, staged and trusted groups: columns, meaning, grain. Files, checks, the UI's schemas and
``omnichannel sql`` all follow these declarations. The staged tables of DMS follow the registry instead (``resources/dms_tables.py``).

Instants are UTC; money is in the currency of its row, in major units with two decimals (pounds, not pence).
"""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required
from omnichannel_assets.lake.tables_activation import ACTIVATION_TABLES
from omnichannel_assets.lake.tables_customers import CUSTOMER_TABLES
from omnichannel_assets.lake.tables_erasure import ERASURES
from omnichannel_assets.lake.tables_identity import IDENTITY_TABLES
from omnichannel_assets.lake.tables_results import RESULT_TABLES
from omnichannel_assets.lake.tables_scores import SCORE_TABLES

LANDING_FILES = TableSchema(
    "landing_files",
    "Catalogue of the landing zone: one row per object version. Written by a run, never by a sensor; first_seen_at is wall-clock time.",
    (
        required("origin", "text", "segment, dms, campaign (event files of Pinpoint and Connect) or unknown"),
        required("key", "text", "object key below the landing zone"),
        required("etag", "text", "MD5 of the content, hex: identifies the version"),
        required("size", "integer", "bytes"),
        required("token", "text", "what the listing showed for this version; lets the next listing skip unchanged objects"),
        Column("source_id", "text", "Segment source id"),
        Column("dms_table", "text", "table of the DMS registry"),
        Column("received_day", "date", "UTC day of receipt (Segment: folder; DMS: day in a CDC file name; full loads have none)"),
        required("state", "text", "present, replaced (the key has a newer version) or removed"),
        required("first_seen_at", "timestamp", "when a run first listed this version (wall clock)"),
    ),
    ("origin", "key", "first_seen_at", "etag"),
)

SEGMENT_EVENTS = TableSchema(
    "segment_events",
    "Segment calls of one received day, one row per message, typed envelope; nested parts kept as JSON text. writeKey is dropped.",
    (
        required("message_id", "text", "messageId: the only key Segment gives a call"),
        required("type", "text", "identify, track, page, screen, group or alias"),
        Column("event", "text", "event name as sent (track), or the page or screen name"),
        Column("event_name", "text", "event in today's e-commerce and e-mail vocabulary; NULL for other events"),
        required("event_at", "timestamp", "when it happened: timestamp"),
        required("known_at", "timestamp", "when the retailer's systems held it: receivedAt, or the end of the folder's day"),
        Column("user_id", "text", "userId as sent, trimmed; NULL when empty"),
        Column("anonymous_id", "text", "anonymousId as sent, trimmed; NULL when empty"),
        Column("previous_id", "text", "previousId of an alias call"),
        Column("group_id", "text", "groupId of a group call"),
        required(
            "identifiers",
            "identifiers",
            "identifiers the call carries, raw: user_id, anonymous_id, e-mail, phone, devices, configured traits",
        ),
        Column("first_name", "text", "trait firstName or first_name"),
        Column("last_name", "text", "trait lastName or last_name"),
        Column("street", "text", "trait address.street"),
        Column("city", "text", "trait address.city"),
        Column("postcode", "text", "trait address.postalCode or address.postal_code"),
        Column("country", "text", "trait address.country, used to read phone numbers"),
        Column("birth_date", "text", "trait birthday, as sent"),
        Column("order_id", "text", "properties.order_id"),
        Column("total", "decimal", "properties.total, else revenue, else value"),
        Column("currency", "text", "properties.currency, upper case"),
        Column("quantity", "integer", "properties.quantity"),
        Column("query", "text", "search text of Products Searched"),
        Column("promotion_id", "text", "promotion of Promotion Viewed or Clicked"),
        Column("campaign_id", "text", "campaign of e-mail events"),
        Column("products", "products", "products of the call, one entry each; a single-product event has one entry"),
        Column("properties", "text", "properties as JSON text"),
        Column("traits", "text", "traits as JSON text"),
        Column("context", "text", "context as JSON text"),
        Column("client_channel", "text", "channel of the envelope: browser, mobile or server"),
        required(
            "is_computed", "boolean", "emitted by Segment's own traits or audiences (context.personas): never behaviour, never a link"
        ),
        Column("computed_kind", "text", "of a call with is_computed: audience or trait"),
        Column("computed_name", "text", "key of that audience or trait"),
        Column("computed_value", "text", "its value as JSON text; NULL where the call does not carry it"),
        required("receipt_suspect", "boolean", "receivedAt is missing, unreadable or not on the folder's day"),
        required(
            "event_time_suspect", "boolean", "event_at is unreadable, over an hour after known_at, or before FIRST_DAY: in no time window"
        ),
        required("source_id", "text", "Segment source id"),
        required("received_day", "date", "UTC day of the folder"),
        required("file", "text", "object key below the landing zone"),
        required("line", "integer", "line in the object, from 1"),
    ),
    ("message_id",),
    partition="received_day",
)

QUARANTINE_COLUMNS = (
    required("origin", "text", "segment, dms or campaign"),
    required("rule", "text", "why the row was set aside"),
    required("file", "text", "object key below the landing zone"),
    required("position", "integer", "line or row in the object, from 1"),
    Column("payload", "text", "the row as received, without writeKey; undecodable bytes are replaced. NULL for events of campaigns: they stay in the landing zone"),
    Column("known_at", "timestamp", "end of the day the object belongs to; NULL for full loads"),
)
SEGMENT_QUARANTINE = TableSchema(
    "segment_quarantine",
    "Lines of one received day that are no readable call, with rule, file, line and payload.",
    (*QUARANTINE_COLUMNS, required("received_day", "date", "UTC day of the folder")),
    ("file", "position", "rule"),
    partition="received_day",
)
QUARANTINE = TableSchema(
    "quarantine",
    "Every row set aside, from Segment, DMS and event files of campaigns, with rule, file, position and payload; replayable.",
    QUARANTINE_COLUMNS,
    ("origin", "file", "position", "rule"),
)

SEGMENT_DUPLICATES = TableSchema(
    "segment_duplicates",
    "Copies of a message that lose to an earlier one of another day; within a day the losing copies are never written.",
    (
        required("message_id", "text", "messageId"),
        required("received_day", "date", "day whose copy loses"),
        required("winning_day", "date", "day whose copy is kept: smallest (known_at, source_id, file, line)"),
    ),
    ("received_day", "message_id"),
)

IDENTIFIER_OF_FACT = (
    Column("identifier_type", "text", "type of the highest-priority unblocked identifier of the message; NULL when it has none"),
    Column("identifier_value", "text", "its normalised value"),
    required("other_identifiers", "identifiers", "the message's other unblocked identifiers, normalised"),
)

EVENT_FACTS = TableSchema(
    "event_facts",
    "Behaviour of one received day keyed by source identifier, before any customer is known: one row per message and item.",
    (
        required("message_id", "text", "messageId"),
        required("item_id", "text", "item, or empty where the event has none (searches, promotions, e-mail)"),
        required(
            "event_type",
            "text",
            "View, Click, AddToCart, RemoveFromCart, AddToWishlist, RemoveFromWishlist, Search, PromotionView, PromotionClick or an e-mail event",
        ),
        required("event_at", "timestamp", "when it happened"),
        required("known_at", "timestamp", "when it was known"),
        required("event_time_suspect", "boolean", "event_at cannot be trusted: in no time window"),
        *IDENTIFIER_OF_FACT,
        Column("quantity", "integer", "units, summed over the item's entries"),
        Column("value", "decimal", "price times quantity where both are known"),
        Column("query", "text", "search text"),
        Column("promotion_id", "text", "promotion"),
        Column("campaign_id", "text", "e-mail campaign"),
        required("received_day", "date", "UTC day of receipt"),
    ),
    ("message_id", "item_id"),
    partition="received_day",
)

ORDER_FACTS = TableSchema(
    "order_facts",
    "Orders, changes, cancellations and refunds told by Segment on one received day, keyed by source identifier. The shop database's orders are dms_orders.",
    (
        required("message_id", "text", "messageId"),
        required("fact", "text", "completed, updated, cancelled or refunded"),
        required("order_id", "text", "order"),
        required("event_at", "timestamp", "when it happened"),
        required("known_at", "timestamp", "when it was known"),
        required("event_time_suspect", "boolean", "event_at cannot be trusted: in no time window"),
        *IDENTIFIER_OF_FACT,
        Column("total", "decimal", "order total, or amount refunded"),
        Column("currency", "text", "ISO 4217; USD when the event names none (Segment's default)"),
        Column("products", "products", "lines; NULL when the event has none"),
        required("received_day", "date", "UTC day of receipt"),
    ),
    ("message_id",),
    partition="received_day",
)

PRODUCTS = TableSchema(
    "products",
    "The shop database's live products with stock over all locations.",
    (
        required("product_id", "text", "item"),
        Column("name", "text", "name"),
        Column("category", "text", "category"),
        Column("price", "decimal", "list price"),
        Column("currency", "text", "ISO 4217"),
        Column("status", "text", "active, discontinued, ..."),
        Column("stock", "integer", "units over all locations; NULL when no stock is kept"),
        required("is_merchandise", "boolean", "false for postage, fees and the like (NOT_MERCHANDISE): never recommended"),
    ),
    ("product_id",),
)
ORDERS = TableSchema(
    "orders",
    "Every order once, from Segment and the shop database (its facts win), with the customer whichever side knows.",
    (
        required("order_id", "text", "order"),
        Column("customer_id", "text", "customer; NULL for a till sale to nobody known"),
        required("channel", "text", "online or store"),
        Column("store_id", "text", "store, as the shop database names it; NULL for an order that only Segment tells"),
        required("ordered_at", "timestamp", "when it was placed"),
        required("known_at", "timestamp", "when it was first known"),
        Column("total", "decimal", "amount"),
        Column("currency", "text", "ISO 4217"),
        Column("status", "text", "completed, cancelled, ..."),
        required("source", "text", "dms, segment or both"),
        Column("message_id", "text", "Segment's message, where it told of the order"),
    ),
    ("order_id",),
)
ORDER_LINES = TableSchema(
    "order_lines",
    "Lines of the orders: the shop database's where it has them, else Segment's.",
    (
        required("order_id", "text", "order"),
        required("line_no", "integer", "line"),
        required("item_id", "text", "item"),
        required("quantity", "integer", "units"),
        Column("unit_price", "decimal", "price of one unit"),
        Column("line_total", "decimal", "unit price times quantity"),
        required("is_merchandise", "boolean", "false for postage, fees and the like"),
        required("source", "text", "dms or segment"),
    ),
    ("order_id", "line_no"),
)
RETURNS = TableSchema(
    "returns",
    "Refunded items from both sources; amounts of one refund add up to what was paid back. A return is never an order.",
    (
        required("return_id", "text", "DMS return_id, or Segment's messageId"),
        required("position", "integer", "item of the refund, from 1; 0 holds an amount that no item explains (shipping, unknown items)"),
        Column("order_id", "text", "order, where named"),
        Column("customer_id", "text", "customer, where known"),
        Column("item_id", "text", "item; NULL at position 0"),
        Column("quantity", "integer", "units"),
        required("amount", "decimal", "paid back"),
        Column("currency", "text", "ISO 4217"),
        required("channel", "text", "online (Segment) or store (shop database)"),
        required("returned_at", "timestamp", "when"),
        required("known_at", "timestamp", "when it was known"),
    ),
    ("return_id", "channel", "position"),
)
INTERACTIONS = TableSchema(
    "interactions",
    "Customer x item x event type x time: what Personalize trains on. Merchandise only; one row per message and item, or per order and item.",
    (
        required("customer_id", "text", "customer"),
        Column("item_id", "text", "item; NULL for searches and promotions"),
        required(
            "event_type",
            "text",
            "View, Click, AddToCart, RemoveFromCart, AddToWishlist, RemoveFromWishlist, Search, PromotionView, PromotionClick, Purchase or Return",
        ),
        required("event_at", "timestamp", "when it happened"),
        required("known_at", "timestamp", "when it was known"),
        required("channel", "text", "online or store"),
        Column("quantity", "integer", "units"),
        Column("value", "decimal", "money, where the event tells it"),
        Column("order_id", "text", "order of a purchase or return"),
        Column("message_id", "text", "Segment's message; NULL for shop database facts"),
    ),
    ("customer_id", "event_at", "event_type", "item_id", "order_id", "message_id"),
)

DMS_QUARANTINE = TableSchema(
    "dms_quarantine",
    "Rows of one DMS object version that could not be read.",
    (*QUARANTINE_COLUMNS, required("object", "text", "version of the object")),
    ("file", "position", "rule"),
    partition="object",
)


STATIC_TABLES: tuple[TableSchema, ...] = (
    LANDING_FILES,
    SEGMENT_EVENTS,
    SEGMENT_QUARANTINE,
    SEGMENT_DUPLICATES,
    DMS_QUARANTINE,
    QUARANTINE,
    EVENT_FACTS,
    ORDER_FACTS,
    *IDENTITY_TABLES,
    *CUSTOMER_TABLES,
    PRODUCTS,
    ORDERS,
    ORDER_LINES,
    RETURNS,
    INTERACTIONS,
    *SCORE_TABLES,
    *ACTIVATION_TABLES,
    *RESULT_TABLES,
    ERASURES,
)
