"""The declared tables of identity and of the people it makes: links, customers at every date, the journal, the unified customer table."""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required

IDENTIFIERS = TableSchema(
    "identifiers",
    "Links: which identifiers one message or one DMS row version carried together; one row per link and identifier, normalised, unblocked.",
    (
        required("source", "text", "segment or dms"),
        required("link_id", "text", "messageId, or table/key/version of the DMS row"),
        required("known_at", "timestamp", "when the link was known"),
        required("identifier_type", "text", "user_id, email, phone, customer_ref, anonymous_id, device and custom ids"),
        required("identifier_value", "text", "normalised value"),
    ),
    ("source", "link_id", "identifier_type", "identifier_value"),
    partition="part",
)
"""A part (a text that is no column) holds the links of one received day of Segment or of one DMS table; a link is in one part only."""

IDENTITIES = TableSchema(
    "identities",
    "Identifier to customer, for every as-of date: a row holds at T when valid_from <= T and (valid_to is null or T < valid_to).",
    (
        required("identifier_type", "text", "type of the identifier"),
        required("identifier_value", "text", "normalised value"),
        required("customer_id", "text", "our person: c_ and 16 hex digits"),
        required("first_known_at", "timestamp", "first link that carried the identifier"),
        required("valid_from", "date", "first as-of date at which this holds"),
        Column("valid_to", "date", "first as-of date at which it no longer holds; NULL: still holds"),
    ),
    ("identifier_type", "identifier_value", "valid_from"),
)
IDENTITY_CHANGES = TableSchema(
    "identity_changes",
    "Journal along the as-of axis: customers that appear (new), end in another (merge), or come apart, change their id or end when an identifier is found to be shared (split, rekey), with the link that caused it.",
    (
        required("as_of", "date", "as-of date at which the change first shows"),
        required("change", "text", "new, merge, split or rekey"),
        Column("from_customer_id", "text", "customer that ends; NULL for new"),
        Column("to_customer_id", "text", "customer that begins or remains; NULL: it ended, its identifiers belong to nobody"),
        required("cause", "text", "source:link_id of the link behind it; after shared: the link that made an identifier shared, or rule"),
    ),
    ("as_of", "change", "to_customer_id", "from_customer_id", "cause"),
)
IDENTITY_CORRECTIONS = TableSchema(
    "identity_corrections",
    "Ids that an earlier run had published and a later one changed (late links, changed settings). Tells of runs, so it depends on their order.",
    IDENTITY_CHANGES.columns,
    IDENTITY_CHANGES.key,
)

SHARED_IDENTIFIERS = TableSchema(
    "shared_identifiers",
    "Identifiers that several people use (a kiosk, a shared phone, a family's e-mail): from shared_from on they belong to nobody and join nobody.",
    (
        required("identifier_type", "text", "type of the identifier"),
        required("identifier_value", "text", "normalised value"),
        required("shared_from", "date", "first as-of date at which it belongs to nobody"),
        required("customers", "integer", "customers with different user ids it was tied to at that date; 0 when a person declared it"),
        required("cause", "text", "source:link_id of the link that was one customer too many, or rule"),
    ),
    ("identifier_type", "identifier_value"),
)

CUSTOMERS = TableSchema(
    "customers",
    "The unified customer table: one row per customer, each field with the source that won it (shop database before Segment, then newest).",
    (
        required("customer_id", "text", "our person"),
        required("is_known", "boolean", "has a user id, e-mail, phone or customer number; others are visitors"),
        Column("user_id", "text", "login"),
        Column("customer_ref", "text", "customer number of the newest shop database record"),
        Column("email", "text", "e-mail, lower case"),
        Column("phone", "text", "phone, E.164"),
        Column("first_name", "text", "first name"),
        Column("last_name", "text", "last name"),
        Column("email_opt_in", "boolean", "latest explicit choice about e-mail; NULL: never asked, so not contactable"),
        Column("email_opt_in_at", "timestamp", "when that choice was made"),
        Column("first_seen_at", "timestamp", "first event, order, return or shop record"),
        Column("last_seen_at", "timestamp", "last event, order or return"),
        required("orders", "integer", "orders, cancelled ones left out"),
        required("revenue", "decimal", "order totals minus refunds"),
        Column("currency", "text", "currency of revenue; 'mixed' when orders name several"),
        Column("email_source", "text", "where email came from, as source:record"),
        Column("phone_source", "text", "where phone came from"),
        Column("name_source", "text", "where first and last name came from"),
        Column("email_opt_in_source", "text", "where the consent choice came from"),
    ),
    ("customer_id",),
)

IDENTITY_TABLES: tuple[TableSchema, ...] = (IDENTIFIERS, IDENTITIES, IDENTITY_CHANGES, SHARED_IDENTIFIERS, IDENTITY_CORRECTIONS, CUSTOMERS)
