"""The declared tables of identity and of the people it makes: links, customers at every date, the journal, the unified customer table."""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required

IDENTIFIERS = TableSchema(
    "identifiers",
    "Links: which identifiers one message or one DMS row version carried together; one row per link and identifier, normalised, unblocked.",
    (
        required("source", "text", "segment, dms or match (two records that are probably one person)"),
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
CORRECTION_CAUSE = "late links, erasure, rules changed, settings changed (key, registry, traits), new version (of the algorithm), or matches reviewed or switched"
IDENTITY_CORRECTIONS = TableSchema(
    "identity_corrections",
    "Ids that an earlier run had published and a later one changed, and why. Tells of runs, so it depends on their order.",
    tuple(
        Column(c.name, c.kind, CORRECTION_CAUSE if c.name == "cause" else c.description, c.required and c.name != "to_customer_id")
        for c in IDENTITY_CHANGES.columns
    ),
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

IDENTITY_MATCHES = TableSchema(
    "identity_matches",
    "Pairs of customer records without a common identifier that are probably one person. Tells of runs: a proposal is kept as first made.",
    (
        required("left_ref", "text", "customer number of one record"),
        required("right_ref", "text", "customer number of the other, later in the alphabet"),
        required("probability", "number", "how probable it is that both are one person, when first proposed"),
        required("match_weight", "number", "the same as a weight: log2 of the odds"),
        required("explanation", "text", "how the fields agree, in words; never what they hold"),
        Column("doubt", "text", "why a person must look at it however probable it is; NULL: nothing speaks against it"),
        required("proposed_as_of", "date", "as-of date of the run that first proposed it"),
        required("state", "text", "accepted, to_review, rejected, kept_apart or blocked (by the limits of identity)"),
        Column("linked_as_of", "date", "first as-of date at which it is a link; NULL: it is none"),
    ),
    ("left_ref", "right_ref"),
)
MATCH_REVIEWS = TableSchema(
    "match_reviews",
    "What a person said about a proposed pair. It beats the threshold, and is honoured by every later run.",
    (
        required("left_ref", "text", "customer number of one record"),
        required("right_ref", "text", "customer number of the other, later in the alphabet"),
        required("verdict", "text", "accepted or rejected"),
        required("reviewed_at", "timestamp", "wall-clock time"),
    ),
    ("left_ref", "right_ref"),
)

IDENTITY_HEALTH = TableSchema(
    "identity_health",
    "How healthy the customers are that identity made: sizes, limits about to bite, weak links, customers kept apart. Counts only.",
    (
        required("as_of", "date", "as-of date of the identities that were measured"),
        required("measure", "text", "customers_of_size, visitors_of_size, at_limit, one_below_limit, weak_links, shared, shared_from, or a figure of its own"),
        required("bucket", "text", "what is counted: a size, an identifier type with its limit, a kind of link with its source, a date; empty for a figure"),
        required("value", "integer", "how many"),
    ),
    ("as_of", "measure", "bucket"),
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
        Column("last_name", "text", "last name, told together with the first"),
        Column("street", "text", "street and house"),
        Column("city", "text", "town"),
        Column("postcode", "text", "postal code"),
        Column("country", "text", "country, told together with street, city and postcode"),
        Column("birth_date", "text", "date of birth as told; text, because shops hold impossible dates"),
        Column("email_opt_in", "boolean", "latest explicit choice about e-mail; NULL: never asked, so not contactable"),
        Column("email_opt_in_at", "timestamp", "when that choice was made"),
        Column("first_seen_at", "timestamp", "first event, order, return or shop record"),
        Column("last_seen_at", "timestamp", "last event, order or return"),
        required("orders", "integer", "orders, cancelled ones left out"),
        required("lifetime_value", "decimal", "what the customer spent so far: order totals minus refunds"),
        Column("currency", "text", "currency of lifetime_value; 'mixed' when orders name several"),
        Column("first_order_at", "timestamp", "first order"),
        Column("last_order_at", "timestamp", "last order"),
        Column("preferred_channel", "text", "online or store: where most orders of the last 365 days were placed"),
        Column("preferred_store", "text", "store with most store orders of the last 365 days"),
        Column("favourite_categories", "text", "up to three categories with most lines in the last 365 days, the first the most, separated by ', '"),
        required("devices", "integer", "browsers and apps the customer was seen on: anonymous ids and ids of phones and tablets"),
        Column("device_kinds", "text", "ios, android, web: what these are, separated by ', '"),
        Column("email_source", "text", "where email came from, as source:record"),
        Column("phone_source", "text", "where phone came from"),
        Column("name_source", "text", "where first and last name came from"),
        Column("address_source", "text", "where street, city, postcode and country came from"),
        Column("email_opt_in_source", "text", "where the consent choice came from"),
    ),
    ("customer_id",),
)

IDENTITY_TABLES: tuple[TableSchema, ...] = (
    IDENTIFIERS,
    IDENTITIES,
    IDENTITY_CHANGES,
    SHARED_IDENTIFIERS,
    IDENTITY_CORRECTIONS,
    IDENTITY_HEALTH,
    IDENTITY_MATCHES,
    MATCH_REVIEWS,
    CUSTOMERS,
)
