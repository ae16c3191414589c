"""The declared tables of the feedback group: what became of messages, what people in campaigns did, and what campaigns were worth."""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required
from omnichannel_assets.lake.tables_scores import AS_OF, CUSTOMER

CHANNEL = required("channel", "text", "who told it: segment (an e-mail tool by way of it), pinpoint or connect")
CAMPAIGN = required("campaign", "text", "campaign as the channel names it; unknown where it names none")
EVENT_TYPE = required("event_type", "text", "sent, delivered, opened, clicked, bounced, rejected, complained, unsubscribed or other")
EVENT_AT = required("event_at", "timestamp", "when it happened")
KNOWN_AT = required("known_at", "timestamp", "when the service had it, which is taken for when it was known here")
MACHINE = "user agent, address, seconds after delivery or all links at once: a mail proxy or scanner, not a person; NULL: nothing says so"

CAMPAIGN_EVENT_LOG = TableSchema(
    "campaign_event_log",
    "Events of campaigns as Pinpoint's and Connect's files tell them, one partition a version of a file. No address, id or link is in it, only hashes.",
    (
        required("event_id", "text", "channel and the event's id, or a digest of what tells it apart; repeated where the service sent it again"),
        CHANNEL,
        CAMPAIGN,
        EVENT_TYPE,
        EVENT_AT,
        KNOWN_AT,
        Column("customer_hash", "text", "stands for the customer id that the event carries"),
        Column("address_hash", "text", "stands for the address, as in control_identifiers"),
        Column("message_key", "text", "the channel's id of the message, shared by its events"),
        Column("link_hash", "text", "digest of a clicked link"),
        Column("machine_rule", "text", MACHINE),
        required("file", "text", "object key below the landing zone"),
        required("line", "integer", "event in the file, from 1"),
        required("file_version", "text", "key and content of the file, as a digest"),
    ),
    ("file", "line"),
    partition="file_version",
)
CAMPAIGN_EVENT_QUARANTINE = TableSchema(
    "campaign_event_quarantine",
    "Parts of those files that are no event, with rule, file and line. Their text stays in the landing zone: it may hold addresses.",
    (
        required("rule", "text", "why it was set aside"),
        required("file", "text", "object key below the landing zone"),
        required("line", "integer", "event in the file, from 1"),
        required("file_version", "text", "key and content of the file, as a digest"),
    ),
    ("file", "line"),
    partition="file_version",
)
CAMPAIGN_EVENTS = TableSchema(
    "campaign_events",
    "What became of each message of a campaign: sent, delivered, opened, clicked, unsubscribed. One row an event; what machines did is marked.",
    (
        required("event_id", "text", "Segment's message, or channel and id of the event"),
        CHANNEL,
        CAMPAIGN,
        EVENT_TYPE,
        EVENT_AT,
        KNOWN_AT,
        Column("customer_id", "text", "whose it is, under the identities in force; NULL: nobody's any more, or never"),
        Column("message_key", "text", "the channel's id of the message, shared by its events"),
        required("is_machine", "boolean", "an open or click that no person made"),
        Column("machine_rule", "text", MACHINE),
    ),
    ("event_id",),
)
CAMPAIGN_OUTCOMES = TableSchema(
    "campaign_outcomes",
    "Everybody who ever entered a campaign, once, by intention to treat: their arm, reached or not, and what they did in the days that count. To be joined to training examples by who wants to know what campaigns did to labels.",
    (
        required("audience", "text", "name of the campaign"),
        AS_OF,
        CUSTOMER,
        required("arm", "text", "treatment or control, as drawn when they entered"),
        Column("variant", "text", "sub-group of the treatment"),
        required("entered_on", "date", "as-of date they first entered; the days that count start at its midnight"),
        required("is_closed", "boolean", "all days that count are past"),
        required("purchased", "boolean", "bought anything in the days that count, as far as they are past"),
        required("orders", "integer", "orders in these days, called off ones left out"),
        required("spend", "decimal", "their totals"),
        required("unsubscribed", "boolean", "unsubscribed from anything in these days"),
        required("orders_before", "integer", "orders in the 365 days before"),
        required("spend_before", "decimal", "their totals"),
        Column("churn_band", "text", "band of the scores they entered with"),
        Column("repurchase_decile", "integer", "decile of the scores they entered with"),
        required("delivered", "boolean", "a message of the campaign was delivered to them"),
        required("opened", "boolean", "and opened, by a person"),
        required("clicked", "boolean", "and a link in it followed, by a person"),
    ),
    ("audience", "customer_id"),
    partition="as_of",
)
CAMPAIGN_RESULTS = TableSchema(
    "campaign_results",
    "Was it worth it: each campaign's arms against its control, of everybody whose days that count are past, with intervals and a verdict in words.",
    (
        required("audience", "text", "name of the campaign"),
        AS_OF,
        required("part", "text", "all, or what people are parted by: variant, churn_band, repurchase_decile"),
        required("label", "text", "all, or which part"),
        required("outcome", "text", "purchased, spend or unsubscribed"),
        required("arm", "text", "treatment"),
        required("people", "integer", "people in the arm"),
        Column("mean", "number", "share of them, or mean amount"),
        required("control_people", "integer", "people held out"),
        Column("control_mean", "number", "share of them, or mean amount"),
        Column("difference", "number", "arm less control, after CUPED where it is used"),
        Column("low", "number", "lower end of the 95 % interval"),
        Column("high", "number", "upper end of it"),
        Column("relative", "number", "difference over control's mean"),
        Column("p", "number", "p value of no difference"),
        Column("p_among", "number", "the same with all comparisons of the campaign taken into account (Holm)"),
        Column("srm_p", "number", "p value of the arms having the planned sizes; below 0.001 no figure is to be trusted"),
        required("is_adjusted", "boolean", "CUPED was used: what people bought in the year before explains enough"),
        Column("variance_before", "number", "variance inside the arms"),
        Column("variance_after", "number", "the same without what the year before explains"),
        Column("detectable", "number", "the smallest true difference so many people are expected to show"),
        Column("more_people", "integer", "how many more it would take to tell, if the true difference is the measured one"),
        required("waiting", "integer", "people of both arms whose days that count are not yet past"),
        required("verdict", "text", "what it says, in words"),
    ),
    ("audience", "part", "label", "outcome", "arm"),
    partition="as_of",
)

RESULT_TABLES: tuple[TableSchema, ...] = (CAMPAIGN_EVENT_LOG, CAMPAIGN_EVENT_QUARANTINE, CAMPAIGN_EVENTS, CAMPAIGN_OUTCOMES, CAMPAIGN_RESULTS)
