"""The declared tables of the features, models and scores groups. All are kept by as-of date: of the features and scores the date they
describe, of the models the date before which their training data were known.
"""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required
from omnichannel_assets.sql import features

AS_OF = required("as_of", "date", "as-of date: everything known before 00:00 UTC of it, and nothing later")
CUSTOMER = required("customer_id", "text", "customer")

FEATURES: tuple[Column, ...] = tuple(Column(feature.name, feature.kind, feature.explained) for feature in features.FEATURES)
"""What is known of a customer before T, as ``sql/customer_features.sql`` declares it. Texts are no inputs of the models."""

CUSTOMER_FEATURES = TableSchema(
    "customer_features",
    "One row per eligible customer as of a date: a known customer with a purchase in the last ELIGIBLE_DAYS days, with what was known of them before T.",
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
        Column("repurchase", "boolean", "a purchase in [cut-off, cut-off + REPURCHASE_DAYS); NULL when that has not fully passed"),
        Column("inactivity", "boolean", "no purchase in [cut-off, cut-off + CHURN_DAYS); NULL when that has not fully passed"),
        Column(
            "subscription_churn",
            "boolean",
            "a subscription active at the cut-off ends in [cut-off, cut-off + CHURN_DAYS); NULL without one, or when that has not fully passed",
        ),
        Column("future_spend", "decimal", "order totals in [cut-off, cut-off + CHURN_DAYS); NULL when that has not fully passed"),
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
            Column("booster", "text", "the trees as XGBoost's JSON"),
            required("digest", "text", "digest of the code, settings and examples behind this version"),
        ),
        ("model",),
        partition="as_of",
    )


CHURN_MODEL = _model_table(
    "churn_model",
    "churn_inactivity or churn_subscription",
    "Versions of the models of leaving: no purchase for CHURN_DAYS days, and the end of a subscription within them.",
)
REPURCHASE_MODEL = _model_table("repurchase_model", "repurchase", "Versions of the model of buying again within REPURCHASE_DAYS days.")
SPEND_MODEL = _model_table("spend_model", "expected_spend", "Versions of the model of how much a customer will spend in CHURN_DAYS days.")
MODEL_TABLES = (CHURN_MODEL, REPURCHASE_MODEL, SPEND_MODEL)

MODEL_EVALUATION = TableSchema(
    "model_evaluation",
    "How good the models are on past cut-offs that they had not learned from (rolling origins), beside judges that need no model.",
    (
        AS_OF,
        required("model", "text", "churn_inactivity, churn_subscription, repurchase or expected_spend"),
        required("horizon_days", "integer", "days after the cut-off that were forecast"),
        required("origin", "text", "the cut-off judged on, YYYY-MM-DD; mean: the mean over all origins of this as-of date"),
        required(
            "segment",
            "text",
            "all; new: first purchase in the last 90 days; loyal: purchases on 4 days or more in the last 365, the first more than 90 days ago; "
            "store_only, online_only: so were all purchases of the last 365 days. A part that is empty, too small or everybody has no rows",
        ),
        required(
            "judge",
            "text",
            "model; recency: days since the last purchase alone; frequency: days with a purchase in the last 365 alone; "
            "rfm: regression on recency, frequency and money; bgnbd: purchases that BG/NBD expects; of expected_spend last_spend: what was spent in the "
            "90 days before, made as long as the horizon; mean: everybody's mean",
        ),
        required(
            "metric",
            "text",
            "auc, average_precision, log_loss, brier, lift_at_5_percent, lift_at_10_percent, lift_at_20_percent, calibration_error, customers, actual_count, "
            "forecast_count; of the model auc_over_<judge> and weight_of_<feature family>; decile_01_observed to decile_10_lift, 01 with the highest scores; roc_01 to roc_19: share of those with the label above each twentieth of the others; "
            "of expected_spend instead mean_absolute_error, total_ratio (forecast over actual total), top_tenth_share (of the actual total, by the tenth with the largest forecasts), gini (normalised), "
            "actual_total, forecast_total, gini_over_<judge>, mean_absolute_error_over_<judge>",
        ),
        Column("value", "number", "NULL when it cannot be told; the population then says why"),
        Column("low", "number", "lower end of the 95 % interval, by 200 seeded draws of customers; NULL where there is none"),
        Column("high", "number", "upper end of it"),
        required("population", "text", "who was judged: rule, cut-off, customers and positives, and what the model had learned from, in words"),
    ),
    ("model", "horizon_days", "origin", "segment", "judge", "metric"),
    partition="as_of",
)

MODEL_CARDS = TableSchema(
    "model_cards",
    "One card a model and training date: about whom it speaks, how it learned, how good it was, what it cannot know and when not to use it.",
    (
        AS_OF,
        required("model", "text", "churn_inactivity, churn_subscription, repurchase or expected_spend"),
        required("card", "text", "the card, as Markdown"),
    ),
    ("model",),
    partition="as_of",
)

PROPENSITY_SCORES = TableSchema(
    "propensity_scores",
    "What campaign people read: how likely each eligible customer is to leave and to buy again, as of a date, with the reasons in words.",
    (
        CUSTOMER,
        AS_OF,
        Column("churn_score", "number", "probability of no purchase in the next CHURN_DAYS days; NULL when no model could be trained"),
        Column("churn_band", "text", "high (the 20 % most likely to leave), medium (the next 30 %) or low"),
        Column("churn_reasons", "text", "up to three reasons, the strongest first, separated by semicolons"),
        Column("repurchase_score", "number", "probability of a purchase in the next REPURCHASE_DAYS days; NULL when no model could be trained"),
        Column("repurchase_decile", "integer", "1 (the tenth most likely to buy) to 10"),
        Column("repurchase_reasons", "text", "up to three reasons, the strongest first, separated by semicolons"),
        Column(
            "subscription_churn_score",
            "number",
            "probability that the active subscription ends in the next CHURN_DAYS days; NULL without an active subscription or a model",
        ),
        Column("expected_spend", "decimal", "what the customer is expected to spend in the days that churn speaks of, in the currency of the orders; NULL when no model could be trained"),
    ),
    ("customer_id",),
    partition="as_of",
)

SCORE_MONITORING = TableSchema(
    "score_monitoring",
    "How scores hold up: forecast beside what happened, once a horizon has closed, and drift of inputs and scores. As of the date by which it could be told.",
    (
        AS_OF,
        required("model", "text", "model that was read; features: the inputs of all models"),
        required("scored_on", "date", "as-of date of the scores that were read"),
        required("measure", "text", "outcome, score_drift or feature_drift"),
        required("name", "text", "of an outcome all, or a tenth of the customers (01: the highest scores); of drift what may have moved"),
        required("compared_with", "text", "what happened, or the earlier cut-off that is the reference"),
        required("customers", "integer", "customers read"),
        required("value", "number", "of an outcome: actual less forecast; of drift: population stability index (PSI)"),
        required("chance", "number", "what chance alone rarely exceeds with so many customers (three standard errors)"),
        Column("forecast", "number", "mean forecast of these customers"),
        Column("actual", "number", "share of them to whom it happened by as_of, or mean amount"),
        Column("low", "number", "lower end of where actual is expected, at 95 %, when the forecast is right"),
        Column("high", "number", "upper end of it"),
        required("is_alert", "boolean", "beyond the limit, beyond chance, and not what the same season was a year earlier"),
        Column("words", "text", "the reading in one sentence"),
    ),
    ("model", "scored_on", "measure", "name", "compared_with"),
    partition="as_of",
)

SCORE_TABLES: tuple[TableSchema, ...] = (
    CUSTOMER_FEATURES,
    TRAINING_EXAMPLES,
    CHURN_MODEL,
    REPURCHASE_MODEL,
    SPEND_MODEL,
    MODEL_EVALUATION,
    MODEL_CARDS,
    PROPENSITY_SCORES,
    SCORE_MONITORING,
)
