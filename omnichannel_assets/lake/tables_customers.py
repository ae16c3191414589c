"""The declared tables behind the customer table: fields with their tellers, choices about being contacted, what Segment computed itself."""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required

SHOP_CHOICES = TableSchema(
    "shop_choices",
    "What each record version of the shop database says about being contacted, by channel, for the columns the registry names (consent).",
    (
        required("record", "text", "table/key of the record"),
        required("version", "integer", "version of the record"),
        required("customer_ref", "text", "customer number of the record"),
        required("channel", "text", "email, sms, post or phone"),
        Column("opted_in", "boolean", "the answer; NULL: not asked"),
        Column("changed_at", "timestamp", "when the record says it was changed"),
        required("known_at", "timestamp", "known from"),
        Column("valid_to", "timestamp", "known until, exclusive; NULL: current"),
        required("is_deleted", "boolean", "the record is gone in this version"),
    ),
    ("record", "version", "channel"),
)

CUSTOMER_FIELDS = TableSchema(
    "customer_fields",
    "Every field of a customer with the source that won it, when that was told, why it won, and how many other values lost.",
    (
        required("customer_id", "text", "our person"),
        required(
            "field",
            "text",
            "user_id, customer_ref, email, phone, first_name, last_name, street, city, postcode, country or birth_date",
        ),
        required("value", "text", "the value in the customer table"),
        required("source", "text", "who told it: dms:table/key/version or segment:message"),
        required("told_at", "timestamp", "when that record version or message was known"),
        required("reason", "text", "why this value and no other, in words"),
        required("alternatives", "integer", "other values told for the field that lost"),
    ),
    ("customer_id", "field"),
)

CONSENTS = TableSchema(
    "consents",
    "Every explicit choice of a customer about being contacted, by channel: its history, and which choice is in force.",
    (
        required("customer_id", "text", "our person"),
        required("channel", "text", "email, sms, post or phone"),
        required("opted_in", "boolean", "true: may be contacted; false: may not"),
        required("chosen_at", "timestamp", "when the choice was made"),
        required("known_at", "timestamp", "when it was known"),
        required("source", "text", "who told it: dms:table/key/version or segment:message"),
        required("is_current", "boolean", "the choice in force; the others are its history"),
    ),
    ("customer_id", "channel", "chosen_at", "source"),
)

CUSTOMER_ATTRIBUTES = TableSchema(
    "customer_attributes",
    "Segment's own computed traits and audiences, as last told. To be looked at: never behaviour, never a link, in no feature of a model.",
    (
        required("customer_id", "text", "our person"),
        required("kind", "text", "trait or audience"),
        required("name", "text", "key of the trait or audience at Segment"),
        required("value", "text", "value as JSON text; false for an audience that was left"),
        required("set_at", "timestamp", "when Segment set it"),
        required("source", "text", "segment:message"),
    ),
    ("customer_id", "kind", "name"),
)

CUSTOMER_TABLES: tuple[TableSchema, ...] = (SHOP_CHOICES, CUSTOMER_FIELDS, CONSENTS, CUSTOMER_ATTRIBUTES)
