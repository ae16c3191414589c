"""The declared tables of the recommend and activate groups: lists, audiences with arms, approvals, and the ledger of what was sent."""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required
from omnichannel_assets.lake.tables_scores import AS_OF, CUSTOMER

SIMILAR_ITEMS = TableSchema(
    "similar_items",
    "For each item up to 20 that are bought in one order with it or looked at on one day, best first. Merchandise on sale only; stock is looked at when a list is served.",
    (
        required("item_id", "text", "item somebody looks at or has"),
        AS_OF,
        required("rank", "integer", "1 is the most similar"),
        required("similar_item_id", "text", "item to show beside it"),
        required("score", "number", "0 to 1: how often the two meet in one basket, cosine with a discount for rare pairs"),
    ),
    ("item_id", "rank"),
    partition="as_of",
)
POPULAR_ITEMS = TableSchema(
    "popular_items",
    "Everything the shop can sell, most wanted first: customers who bought it in the last 30 days of data, then in a year. For people nobody knows yet.",
    (
        AS_OF,
        required("rank", "integer", "1 is the most wanted"),
        required("item_id", "text", "item"),
        required("customers", "integer", "customers who bought it in the last 30 days of data"),
        required("score", "number", "0 to 1: these customers over those of the most wanted item"),
        required("reason", "text", "why, in words for the shop's page"),
    ),
    ("rank",),
    partition="as_of",
)
RECOMMENDATIONS = TableSchema(
    "recommendations",
    "The 20 best items for each customer and visitor: what they buy again, what goes with what they have and look at, what is popular. On sale and in stock only.",
    (
        CUSTOMER,
        AS_OF,
        required("rank", "integer", "1 is the best"),
        required("item_id", "text", "item"),
        required("score", "number", "0 to 1, comparable for one customer only"),
        required("reason", "text", "why, in words for the shop's page"),
    ),
    ("customer_id", "rank"),
    partition="as_of",
)
PERSONALIZE_RECOMMENDATIONS = TableSchema(
    "personalize_recommendations",
    "What Amazon Personalize recommends each customer, read back from its batch job. Empty unless PERSONALIZE_CREATE names batch_inference; one partition a trained version.",
    (
        CUSTOMER,
        AS_OF,
        required("rank", "integer", "1 is the best"),
        required("item_id", "text", "item"),
        Column("score", "number", "Personalize's own, to compare within one customer's list only; NULL where the recipe gives none"),
    ),
    ("customer_id", "rank"),
    partition="as_of",
)
PERSONALIZE_SEGMENTS = TableSchema(
    "personalize_segments",
    "Whom Amazon Personalize expects to care for an item or a category, read back from its batch job. Empty unless PERSONALIZE_CREATE names batch_segment; no campaign reads it by itself, and it knows no consent.",
    (
        required("subject_type", "text", "item or attribute"),
        required("subject", "text", "item id, or the condition on items as Personalize was asked"),
        AS_OF,
        required("rank", "integer", "1 cares most"),
        CUSTOMER,
    ),
    ("subject_type", "subject", "rank"),
    partition="as_of",
)
PERSONALIZE_BATCH_ERRORS = TableSchema(
    "personalize_batch_errors",
    "Lines of Personalize's batch output that hold no answer, with their place and why. Everything else of the same file is in the tables above.",
    (
        required("batch", "text", "which run: recommendations or segments, and its as-of date"),
        required("file", "text", "output file"),
        required("line", "integer", "line in it, from 1"),
        Column("subject", "text", "customer, item or condition the line is about, where it says so"),
        required("words", "text", "what Personalize, or our own check, said"),
        required("payload", "text", "the line, at most 1,000 characters of it"),
    ),
    ("file", "line"),
    partition="batch",
)
AUDIENCES = TableSchema(
    "audiences",
    "Who is in which campaign, since when, and the arm they are in. Everybody in it may be contacted; a control is never sent to any channel.",
    (
        required("audience", "text", "name of the campaign, as in the campaigns file"),
        AS_OF,
        CUSTOMER,
        required("arm", "text", "treatment or control; once a control of an audience, always one"),
        Column("variant", "text", "sub-group of the treatment; NULL for controls, and where the campaign has none"),
        Column("entered_on", "date", "as-of date the person entered it, which is when they are contacted; kept while they stay. NULL in audiences of old"),
    ),
    ("audience", "customer_id"),
    partition="as_of",
)
AUDIENCE_SIZES = TableSchema(
    "audience_sizes",
    "What became of everybody each running campaign chose, in customers. chosen = treatment + control + not_contactable + cooling_off + over_cap.",
    (
        required("audience", "text", "name of the campaign"),
        AS_OF,
        required("chosen", "integer", "known customers its rule holds for"),
        required("treatment", "integer", "members who are reached"),
        required("control", "integer", "members held out from every channel"),
        required("entering", "integer", "members of either arm who entered on this date"),
        required("not_contactable", "integer", "no address of their own, never said yes, said no, or deleted by the shop"),
        required("cooling_off", "integer", "left it, and entered it too short a time ago to enter again"),
        required("over_cap", "integer", "contacted as often this week as one person may be"),
        Column("expected_share", "number", "mean repurchase_score of its members: about how many will buy anyway; NULL without scores"),
    ),
    ("audience",),
    partition="as_of",
)
AUDIENCE_ENTRIES = TableSchema(
    "audience_entries",
    "By which identifiers those who entered an audience on each as-of date were known, as keyed hashes: what cooling-off and the weekly cap go by. Only grows.",
    (
        required("audience", "text", "audience"),
        AS_OF,
        required("identifier_hash", "text", "as in control_identifiers"),
    ),
    ("audience", "identifier_hash"),
    partition="as_of",
)
CONTROL_IDENTIFIERS = TableSchema(
    "control_identifiers",
    "By which identifiers the controls of each as-of date were known, as keyed hashes: who holds one of them later is a control as well. Only grows.",
    (
        required("audience", "text", "audience"),
        AS_OF,
        required("identifier_hash", "text", "first 16 hex digits of a SHA-256 over a salt made from IDENTITY_KEY, the type and the value"),
    ),
    ("audience", "identifier_hash"),
    partition="as_of",
)
AUDIENCE_APPROVALS = TableSchema(
    "audience_approvals",
    "Which as-of dates a person has released for campaigns, and exactly which audiences: another digest needs another approval.",
    (
        AS_OF,
        required("audiences_digest", "text", "digest of the approved rows of audiences"),
        required("approved_at", "timestamp", "wall-clock time"),
    ),
    ("as_of", "audiences_digest"),
)
DELIVERY_LEDGER = TableSchema(
    "delivery_ledger",
    "What every channel was sent: one row a destination key and content. The newest sequence of a key is what the destination holds.",
    (
        required("channel", "text", "segment, pinpoint, connect or personalize; segment_live, personalize_live and connect_live are the real services"),
        required("stream", "text", "one kind of content: scores, an audience, a dataset"),
        required("destination_key", "text", "what the destination calls it: user id, endpoint id, customer id or data set"),
        Column("customer_id", "text", "customer; NULL for a whole data set"),
        required("content_hash", "text", "digest of the fields that are mapped to this stream"),
        required("state", "text", "pending (about to be sent), loaded, failed (will be tried again) or rejected (will not; data sets and removals on a newer date)"),
        required("attempts", "integer", "deliveries that tried it"),
        required("updated_at", "timestamp", "wall-clock time of the last change"),
        required("as_of", "date", "as-of date it was sent for"),
        required("sequence", "integer", "order of contents of one destination key, from 1"),
        Column("words", "text", "what the destination, or our own check, said about a failure or rejection"),
    ),
    ("stream", "destination_key", "content_hash"),
    partition="channel",
)
DESTINATION_CUSTOMERS = TableSchema(
    "destination_customers",
    "Customer ids that a channel keyed by them holds or may hold: from before they are sent until their deletion is queued. Tells which ended ids are still out there.",
    (
        required("channel", "text", "personalize, pinpoint or connect; personalize_live and connect_live are the real services"),
        required("customer_id", "text", "customer id as it was sent"),
    ),
    ("customer_id",),
    partition="channel",
)
DELETION_REQUESTS = TableSchema(
    "deletion_requests",
    "What channels are asked to forget, and what became of it. A request that is done keeps a keyed hash of its subject and no longer the subject.",
    (
        required("request_id", "text", "d_ and 16 hex digits: the same request is queued once"),
        required("channel", "text", "segment, personalize, connect or pinpoint; segment_live, personalize_live and connect_live are the real services"),
        required("subject_type", "text", "user_id, anonymous_id or customer_id"),
        Column("subject", "text", "the id to delete; NULL once nothing is left to do"),
        required("subject_hash", "text", "hash of type and id, keyed by IDENTITY_KEY"),
        required("reason", "text", "erasure (a person asked) or removed (the customer id ended)"),
        required("state", "text", "pending (to be sent, or under way), done, failed (refused; tried again) or not_needed"),
        Column("words", "text", "what the channel, or our own check, said"),
        Column("job", "text", "the channel's own id of a request under way; NULL otherwise"),
        required("requested_at", "timestamp", "wall-clock time it was queued"),
    ),
    ("request_id",),
)

ACTIVATION_TABLES: tuple[TableSchema, ...] = (
    SIMILAR_ITEMS,
    POPULAR_ITEMS,
    RECOMMENDATIONS,
    PERSONALIZE_RECOMMENDATIONS,
    PERSONALIZE_SEGMENTS,
    PERSONALIZE_BATCH_ERRORS,
    AUDIENCES,
    AUDIENCE_SIZES,
    AUDIENCE_ENTRIES,
    CONTROL_IDENTIFIERS,
    AUDIENCE_APPROVALS,
    DELIVERY_LEDGER,
    DESTINATION_CUSTOMERS,
    DELETION_REQUESTS,
)
