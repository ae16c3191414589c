"""The declared tables of the features, models and scores groups. All are kept by as-of date: of the features and scores the date they
describe, of the models the date before which their training data were known.
"""

from __future__ import annotations

from omnichannel_assets.lake.schema import Column, TableSchema, required

AS_OF = required("as_of", "date", "as-of date: everything known before 00:00 UTC of it, and nothing later")
CUSTOMER = required("customer_id", "text", "customer")

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
    ),
    ("customer_id",),
    partition="as_of",
)

SCORE_TABLES: tuple[TableSchema, ...] = (MODEL_EVALUATION, PROPENSITY_SCORES)
