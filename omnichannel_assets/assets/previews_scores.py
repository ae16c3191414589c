"""What to show of features, examples, models, their judgement and scores. Single customers appear by customer_id alone."""

from __future__ import annotations

from omnichannel_assets.assets.drawing import Picture, SmallTable
from omnichannel_assets.lake.tables_scores import FEATURES
from omnichannel_assets.propensity.baselines import JUDGES, JUDGES_OF_AMOUNTS
from omnichannel_assets.propensity.monitoring import DRIFTED as DRIFT_LIMIT

NUMBERS = tuple(column.name for column in FEATURES if column.kind != "text")
LABELS = ("repurchase", "inactivity", "subscription_churn")


def _newest(table: str) -> str:
    return f"as_of = (select max(as_of) from {table})"


def _newest_drift() -> str:
    return "as_of = (select max(as_of) from score_monitoring where measure <> 'outcome')"


def _profile(name: str) -> str:
    number = f"cast({name} as double)"
    return (
        f"select '{name}' as feature, round(min({number}), 2) as least, round(median({number}), 2) as median, round(max({number}), 2) as most, "
        f"round(100.0 * count(*) filter (where {name} is null) / count(*), 1) as missing_percent from customers_of_day"
    )


def _correlation(name: str) -> str:
    pairs = {label: f"corr(cast({name} as double), cast({label} as integer))" for label in LABELS}
    told = ", ".join(f"case when not isnan({found}) then round({found}, 2) end as {label}" for label, found in pairs.items())
    return f"select '{name}' as feature, {told} from examples_of_day"


PROFILE = f"""with customers_of_day as (select * from customer_features where {_newest("customer_features")}),
examples_of_day as (select * from training_examples where {_newest("training_examples")}),
profiles as ({" union all ".join(map(_profile, NUMBERS))}),
correlations as ({" union all ".join(map(_correlation, NUMBERS))})
select p.*, c.{", c.".join(f"{label} as with_{label}" for label in LABELS)} from profiles as p join correlations as c on c.feature = p.feature order by p.feature"""

CORRELATIONS = f"""with examples_of_day as (select * from training_examples where {_newest("training_examples")}),
correlations as ({" union all ".join(map(_correlation, NUMBERS))}),
told as ({" union all ".join(f"select '{label}' as label, feature, {label} as correlation from correlations" for label in LABELS[:2])})
select label, feature, correlation from told where correlation is not null order by label, abs(correlation) desc, feature"""


def _judged(table: str) -> str:
    return f"select * from {table} where {_newest(table)}"


AT_NEWEST = f"""judged as ({_judged("model_evaluation")}),
newest as (select model, max(origin) as origin from judged where origin <> 'mean' group by model),
at_newest as (select j.* from judged as j join newest as n on n.model = j.model and n.origin = j.origin where j.segment = 'all' and j.model <> 'expected_spend')"""

CALIBRATION = f"""with {AT_NEWEST}
select p.model, p.value as predicted, o.value as observed, c.value as customers
from at_newest as p
join at_newest as o on o.model = p.model and o.judge = p.judge and o.metric = replace(p.metric, '_predicted', '_observed')
join at_newest as c on c.model = p.model and c.judge = p.judge and c.metric = replace(p.metric, '_predicted', '_customers')
where p.judge = 'model' and p.metric like 'decile_%_predicted' order by p.model, p.metric desc"""

LIFT = f"""with {AT_NEWEST}
select m.model, cast(substr(m.metric, 8, 2) as integer) as tenth, m.value, r.value as recency
from at_newest as m
left join at_newest as r on r.model = m.model and r.metric = m.metric and r.judge = 'recency'
where m.judge = 'model' and m.metric like 'decile_%_lift' order by m.model, m.metric"""

WEIGHTS = f"""with {AT_NEWEST}
select model, replace(metric, 'weight_of_', '') as family, value from at_newest where metric like 'weight_of_%' order by model, value desc, metric"""

RANKINGS = f"""with judged as ({_judged("model_evaluation")})
select model, origin, max(value) filter (where judge = 'model' and metric = 'customers') as customers,
    {", ".join(f"round(max(value) filter (where judge = '{judge}' and metric = 'auc'), 3) as {judge}" for judge in JUDGES)},
    round(max(value) filter (where metric = 'auc_over_recency'), 3) as over_recency, round(max(low) filter (where metric = 'auc_over_recency'), 3) as at_least,
    round(max(value) filter (where judge = 'model' and metric = 'lift_at_10_percent'), 2) as lift_at_10_percent,
    round(max(value) filter (where judge = 'model' and metric = 'calibration_error'), 3) as calibration_error,
    round(max(value) filter (where judge = 'model' and metric = 'forecast_count'), 0) as forecast,
    round(max(value) filter (where judge = 'model' and metric = 'actual_count'), 0) as actual
from judged where segment = 'all' and model <> 'expected_spend' group by model, origin order by model, origin"""

AMOUNTS = f"""with judged as ({_judged("model_evaluation")})
select origin, max(value) filter (where judge = 'model' and metric = 'customers') as customers,
    round(max(value) filter (where judge = 'model' and metric = 'forecast_total'), 0) as forecast, round(max(value) filter (where judge = 'model' and metric = 'actual_total'), 0) as actual,
    {", ".join(f"round(max(value) filter (where judge = '{judge}' and metric = 'gini'), 3) as {judge}_gini" for judge in JUDGES_OF_AMOUNTS)},
    {", ".join(f"round(max(value) filter (where judge = '{judge}' and metric = 'mean_absolute_error'), 2) as {judge}_off_by" for judge in JUDGES_OF_AMOUNTS)},
    round(max(value) filter (where judge = 'model' and metric = 'top_tenth_share'), 3) as top_tenth_share
from judged where segment = 'all' and model = 'expected_spend' group by origin order by origin"""

SEGMENTS = f"""with judged as ({_judged("model_evaluation")})
select model, segment, round(max(value) filter (where judge = 'model' and metric = 'customers'), 0) as customers,
    round(max(value) filter (where judge = 'model' and metric = 'auc'), 3) as model_auc, round(max(value) filter (where judge = 'recency' and metric = 'auc'), 3) as recency_auc,
    round(max(value) filter (where judge = 'model' and metric = 'calibration_error'), 3) as calibration_error
from judged where origin = 'mean' and model <> 'expected_spend' group by model, segment order by model, segment"""


def _versions(table: str) -> tuple[SmallTable, Picture]:
    parts = f"select model, unnest(string_split(weights, ',')) as part from {table} where weights is not null and {_newest(table)}"
    return (
        SmallTable(
            "models by training date",
            f"select as_of, model, examples, positives, refusal is null as trained, in_force from {table} order by as_of desc, model",
        ),
        Picture(
            "what moves the scores: share of each feature family",
            f"select model, split_part(part, '=', 1), cast(split_part(part, '=', 2) as double) as share from ({parts}) order by model, share desc",
            "shares",
        ),
    )


def _first(score: str, reasons: str) -> str:
    return (
        f"select customer_id, round({score}, 3) as {score}, {reasons} from propensity_scores "
        f"where {score} is not null and {_newest('propensity_scores')} order by {score} desc, customer_id limit 5"
    )


DRIFTED = f"select case when measure = 'feature_drift' then 'inputs' else 'scores' end as kind, name, value, greatest({DRIFT_LIMIT}, chance) as most from score_monitoring where measure <> 'outcome' and words is not null and {_newest_drift()}"
OUTCOMES = "select * from score_monitoring as m where measure = 'outcome' and as_of = (select max(as_of) from score_monitoring where measure = 'outcome' and model = m.model)"

REASONS_LENGTH = 200
SCORE_PREVIEWS: dict[str, tuple[SmallTable | Picture, ...]] = {
    "customer_features": (
        SmallTable("features of the newest date, and their correlation with what happened later", PROFILE, ("training_examples",), most=100),
        Picture(
            "weeks since the last purchase",
            f"select cast(floor(recency_days / 7) as integer) as weeks, 'customers', count(*) from customer_features where {_newest('customer_features')} group by 1",
            "numbers",
            "weeks since the last purchase",
        ),
    ),
    "training_examples": (
        SmallTable(
            "cut-offs",
            "select as_of, cutoff, count(*) as customers, sum(cast(repurchase as integer)) as repurchase, sum(cast(inactivity as integer)) as inactivity, "
            "count(subscription_churn) as subscribers, sum(cast(subscription_churn as integer)) as subscription_churn, round(avg(future_spend), 2) as mean_future_spend "
            f"from training_examples where {_newest('training_examples')} group by 1, 2 order by 1, 2",
        ),
        Picture("correlation of features with what happened later", CORRELATIONS, "shares"),
    ),
    "churn_model": _versions("churn_model"),
    "repurchase_model": _versions("repurchase_model"),
    "spend_model": _versions("spend_model"),
    "model_evaluation": (
        SmallTable("area under the curve by origin: the model and the other judges", RANKINGS, most=40),
        SmallTable("mean over origins by segment", SEGMENTS, most=20),
        SmallTable("expected spend by origin: the model and the other judges", AMOUNTS),
        Picture("calibration: forecast and what happened", CALIBRATION, "calibration"),
        Picture("lift by tenth", LIFT, "lift"),
        Picture("what moves the scores: share of each feature family", WEIGHTS, "shares"),
    ),
    "propensity_scores": (
        SmallTable(
            "customers by band",
            "select churn_band, count(*) as customers, round(min(churn_score), 3) as from_score, round(max(churn_score), 3) as to_score, "
            f"round(avg(repurchase_score), 3) as mean_repurchase_score from propensity_scores where {_newest('propensity_scores')} group by 1 order by 3 desc",
        ),
        SmallTable("most likely to leave", _first("churn_score", "churn_reasons"), widest=REASONS_LENGTH),
        SmallTable("most likely to buy again", _first("repurchase_score", "repurchase_reasons"), widest=REASONS_LENGTH),
        Picture(
            "customers by churn score",
            "select least(cast(floor(churn_score * 20) as integer), 19) as part, 'customers', count(*) from propensity_scores "
            f"where churn_score is not null and {_newest('propensity_scores')} group by 1, 2",
            "numbers",
            "probability of leaving in twentieths (0: below 5 %, 19: 95 % and more)",
        ),
    ),
    "score_monitoring": (
        SmallTable(
            "alerts",
            "select as_of, model, scored_on, words from score_monitoring where is_alert order by as_of desc, model, name",
            widest=REASONS_LENGTH,
        ),
        SmallTable(
            "forecast and what happened, by day of the scores",
            "select scored_on, model, customers, round(forecast, 3) as forecast, round(actual, 3) as actual, round(low, 3) as expected_from, "
            "round(high, 3) as expected_to, is_alert from score_monitoring where measure = 'outcome' and name = 'all' order by scored_on desc, model",
        ),
        Picture(
            "forecast and what happened, newest closed scores",
            f"select model || ', scores of ' || cast(scored_on as varchar), cast(name as integer), forecast, actual, low, high from ({OUTCOMES}) as newest "
            "where name <> 'all' and model <> 'expected_spend' order by model, scored_on, name",
            "tenths",
        ),
        Picture(
            "expected spend and what was spent, newest closed scores",
            f"select 'scores of ' || cast(scored_on as varchar), cast(name as integer), forecast, actual, low, high from ({OUTCOMES}) as newest "
            "where name <> 'all' and model = 'expected_spend' order by scored_on, name",
            "amounts",
        ),
        Picture(
            "drift since the newest cut-off of the examples",
            f"select kind, name, value, most from ({DRIFTED}) as newest order by kind, value desc, name",
            "drift",
        ),
    ),
}
"""Table -> what to show of it."""
