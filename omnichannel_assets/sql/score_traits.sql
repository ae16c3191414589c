-- score_traits: the scores of everybody whom Segment can be told about, keyed by the id Segment knows them by.
-- Grain: customer_id. Reads: propensity_scores, customers, erased_customers, identities.
-- Ids sent: the login, else the smallest anonymous id; somebody with neither has destination_key null and is counted, not sent.
with devices as (
    select customer_id, min(identifier_value) as anonymous_id from identities where identifier_type = 'anonymous_id' and valid_to is null group by customer_id
)
select s.customer_id, case when c.user_id is not null then 'user_id' when d.anonymous_id is not null then 'anonymous_id' end as destination_type,
    coalesce(c.user_id, d.anonymous_id) as destination_key,
    s.churn_score, s.churn_band, s.repurchase_score, s.repurchase_decile, s.subscription_churn_score
from propensity_scores as s
join customers as c on c.customer_id = s.customer_id
left join devices as d on d.customer_id = s.customer_id
left join erased_customers as e on e.customer_id = s.customer_id
where e.customer_id is null
