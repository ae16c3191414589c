"""The declared tables of the features, models and scores groups. All are kept by as-of date: of the features and scores the date they
describe, of the models the date before which their training data were known.
"""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required

AS_OF = required("as_of", "date", "as-of date: everything known before 00:00 UTC of it, and nothing later")
CUSTOMER = required("customer_id", "text", "customer")

FEATURES: tuple[Column, ...] = (
    Column("recency_days", "number", "days from the last purchase to T, with the part of a day"),
    Column("order_days_30_days", "integer", "days with a purchase in [T-30 d, T)"),
    Column("order_days_90_days", "integer", "days with a purchase in [T-90 d, T)"),
    Column("order_days_180_days", "integer", "days with a purchase in [T-180 d, T)"),
    Column("order_days_365_days", "integer", "days with a purchase in [T-365 d, T)"),
    Column("orders_365_days", "integer", "purchases in [T-365 d, T)"),
    Column("spend_30_days", "decimal", "order totals in [T-30 d, T)"),
    Column("spend_90_days", "decimal", "order totals in [T-90 d, T)"),
    Column("spend_180_days", "decimal", "order totals in [T-180 d, T)"),
    Column("spend_365_days", "decimal", "order totals in [T-365 d, T)"),
    Column("lines_365_days", "integer", "order lines of merchandise in [T-365 d, T)"),
    Column("lines_90_days", "integer", "order lines of merchandise in [T-90 d, T)"),
    Column("items_365_days", "integer", "units of merchandise in [T-365 d, T)"),
    Column("distinct_items_365_days", "integer", "different items of merchandise in [T-365 d, T)"),
    Column(
        "mean_gap_days", "number", "mean days from one day with a purchase to the next, over all purchases before T; NULL with one such day"
    ),
    Column("longest_gap_days", "number", "longest time in days between two days with a purchase before T; NULL with one such day"),
    Column("recency_over_gap", "number", "recency_days over mean_gap_days: above 1 the customer is later than usual"),
    Column("average_order_value", "decimal", "mean order total in [T-365 d, T)"),
    Column(
        "order_days_per_month",
        "number",
        "days with a purchase per 30 days, in [T-365 d, T) since the first purchase, but over 30 days at least",
    ),
    Column("first_order_days", "number", "days from the first purchase to T"),
    Column("known_days", "number", "days from the first time any of the customer's identifiers was known to T"),
    Column("returned_items_90_days", "integer", "items given back in [T-90 d, T)"),
    Column("returned_amount_90_days", "decimal", "amount paid back in [T-90 d, T)"),
    Column("views_30_days", "integer", "product views in [T-30 d, T); NULL when events were not collected that long"),
    Column("views_90_days", "integer", "product views in [T-90 d, T); NULL when events were not collected that long"),
    Column("carts_30_days", "integer", "products put in the basket in [T-30 d, T); NULL when events were not collected that long"),
    Column("carts_90_days", "integer", "products put in the basket in [T-90 d, T); NULL when events were not collected that long"),
    Column("wishes_30_days", "integer", "products put on the wish list in [T-30 d, T); NULL when events were not collected that long"),
    Column("wishes_90_days", "integer", "products put on the wish list in [T-90 d, T); NULL when events were not collected that long"),
    Column("searches_30_days", "integer", "searches in [T-30 d, T); NULL when events were not collected that long"),
    Column("searches_90_days", "integer", "searches in [T-90 d, T); NULL when events were not collected that long"),
    Column("last_visit_days", "number", "days from the last view, click, basket, wish or search to T; NULL without any"),
    Column("mails_delivered_90_days", "integer", "e-mails delivered in [T-90 d, T); NULL when events were not collected that long"),
    Column("mails_opened_90_days", "integer", "e-mails opened in [T-90 d, T); NULL when events were not collected that long"),
    Column("mails_clicked_90_days", "integer", "e-mails clicked in [T-90 d, T); NULL when events were not collected that long"),
    Column("has_unsubscribed", "boolean", "unsubscribed from e-mail at any time before T"),
    Column("online_share", "number", "share of the purchases in [T-365 d, T) that were online"),
    Column("top_category", "text", "category with most lines in [T-365 d, T), by today's products at T; no input of a model"),
    Column("top_category_share", "number", "share of the lines in [T-365 d, T) in that category"),
    Column("categories_365_days", "integer", "categories bought from in [T-365 d, T)"),
    Column("has_active_subscription", "boolean", "a subscription has started before T and not ended before T"),
    Column("subscription_age_days", "number", "days from the start of the oldest active subscription to T; NULL without one"),
    Column(
        "renewal_in_days",
        "number",
        "days from T to the next renewal of an active subscription; NULL without one, or where no change recorded it",
    ),
    Column("ended_subscriptions", "integer", "subscriptions that ended before T"),
)
"""What is known of a customer before T. All but ``top_category`` are inputs of the models."""

CUSTOMER_FEATURES = TableSchema(
    "customer_features",
    "One row per eligible customer as of a date: a known customer with a purchase in the last 365 days, with what was known of them before T.",
    (CUSTOMER, AS_OF, *FEATURES),
    ("customer_id",),
    partition="as_of",
)

TRAINING_EXAMPLES = TableSchema(
    "training_examples",
    "Features at own past cut-offs, and what happened afterwards as far as it was known before the training as-of date.",
    (
        AS_OF,
        required("cutoff", "date", "the T of the features: 00:00 UTC of this date"),
        required("customer_id", "text", "customer as of the cut-off"),
        Column("heir_id", "text", "the same person as of the training as-of date, after merges"),
        *FEATURES,
        Column("repurchase_30", "boolean", "a purchase in [cut-off, cut-off + 30 d); NULL when that has not fully passed"),
        Column("inactivity_90", "boolean", "no purchase in [cut-off, cut-off + 90 d); NULL when that has not fully passed"),
        Column(
            "subscription_churn_90",
            "boolean",
            "a subscription active at the cut-off ends in [cut-off, cut-off + 90 d); NULL without one, or when that has not fully passed",
        ),
    ),
    ("cutoff", "customer_id"),
    partition="as_of",
)


def _model_table(name: str, models: str, description: str) -> TableSchema:
    return TableSchema(
        name,
        description,
        (
            AS_OF,
            required("model", "text", models),
            required("label", "text", "label of training_examples that is learned"),
            required("horizon_days", "integer", "days after the cut-off that the label speaks of"),
            required("cutoffs", "text", "cut-offs the trees grew on, comma-separated"),
            Column("calibrated_on", "text", "the newest cut-off that versions of back then were held against, to choose by; NULL without any"),
            required("examples", "integer", "customers at the cut-offs with a closed horizon"),
            required("positives", "integer", "those of them with the label (an amount above 0)"),
            Column("refusal", "text", "why no model could be trained, in one sentence; NULL when there is one"),
            required("in_force", "date", "training as-of date of the version that scores from here on: this one, or the champion that stays"),
            required("verdict", "text", "why that version is in force, in one sentence"),
            Column("features", "text", "names of the inputs that are read, in their order, comma-separated"),
            required("inputs", "text", "JSON: the kind of every input that was there to read"),
            Column("slope", "number", "calibration: probability = 1 / (1 + exp(-(slope * margin + intercept)))"),
            Column("intercept", "number", "see slope"),
            Column("knots", "text", "JSON: [margin, log-odds] points of an isotonic calibration, which stand in place of the line; NULL without"),
            Column("weights", "text", "family=share, comma-separated: how much each feature family moves the scores at the newest cut-off"),
            required("settings", "text", "JSON: settings and versions of libraries it was made with"),
            required("data", "text", "JSON: digest of the examples, and how many there were at each cut-off"),
            Column("learning", "text", "JSON: parameters, trials, worth of each input, ways to calibrate, each with its loss on later cut-offs"),
            required("card", "text", "in sentences: what it learned from, how it was chosen, what it cannot know, when not to use it"),
            Column("booster", "text", "the trees as XGBoost's JSON"),
            required("digest", "text", "digest of the code, settings and examples behind this version"),
        ),
        ("model",),
        partition="as_of",
    )


CHURN_MODEL = _model_table(
    "churn_model",
    "churn_inactivity or churn_subscription",
    "Versions of the models of leaving: no purchase for some time, and the end of a subscription in that time.",
)
REPURCHASE_MODEL = _model_table("repurchase_model", "repurchase", "Versions of the model of buying again soon.")
SPEND_MODEL = _model_table("spend_model", "expected_spend", "Versions of the model of how much a customer will spend.")
MODEL_TABLES = (CHURN_MODEL, REPURCHASE_MODEL, SPEND_MODEL)

MODEL_EVALUATION = TableSchema(
    "model_evaluation",
    "How good the models are on cut-offs they were not trained on, beside a baseline.",
    (
        required("model", "text", "churn_inactivity, churn_subscription or repurchase"),
        required("as_of", "date", "training as-of date of the version that is judged"),
        required("population", "text", "who was judged: rule, cut-off, customers and positives, in words"),
        required("metric", "text", "auc, average_precision, log_loss, lift_at_10_percent, calibration_error, ..."),
        Column("value", "number", "of the model; NULL when it cannot be told"),
        Column("baseline", "number", "of recency alone, where that means something"),
    ),
    ("model", "population", "metric"),
    partition="as_of",
)

PROPENSITY_SCORES = TableSchema(
    "propensity_scores",
    "What campaign people read: how likely each eligible customer is to leave and to buy again, as of a date, with the reasons in words.",
    (
        CUSTOMER,
        AS_OF,
        Column("churn_score", "number", "probability of no purchase in the next 90 days; NULL when no model could be trained"),
        Column("churn_band", "text", "high (the 20 % most likely to leave), medium (the next 30 %) or low"),
        Column("churn_reasons", "text", "up to three reasons, the strongest first, separated by semicolons"),
        Column("repurchase_score", "number", "probability of a purchase in the next 30 days; NULL when no model could be trained"),
        Column("repurchase_decile", "integer", "1 (the tenth most likely to buy) to 10"),
        Column("repurchase_reasons", "text", "up to three reasons, the strongest first, separated by semicolons"),
        Column(
            "subscription_churn_score",
            "number",
            "probability that the active subscription ends in the next 90 days; NULL without an active subscription or a model",
        ),
        Column("expected_spend", "decimal", "what the customer is expected to spend in the days that churn speaks of, in the currency of the orders; NULL when no model could be trained"),
    ),
    ("customer_id",),
    partition="as_of",
)

SCORE_TABLES: tuple[TableSchema, ...] = (
    CUSTOMER_FEATURES,
    TRAINING_EXAMPLES,
    CHURN_MODEL,
    REPURCHASE_MODEL,
    SPEND_MODEL,
    MODEL_EVALUATION,
    PROPENSITY_SCORES,
)
