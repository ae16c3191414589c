-- score_traits: the scores of everybody whom Segment can be told about, keyed by the id Segment knows them by.
-- Grain: customer_id. Reads: propensity_scores, segment_keys, erased_customers.
-- Somebody without an id there has destination_key null and is counted, not sent.
select s.customer_id, k.destination_type, k.destination_key, s.churn_score, s.churn_band, s.repurchase_score, s.repurchase_decile, s.subscription_churn_score
from propensity_scores as s
join segment_keys as k on k.customer_id = s.customer_id
left join erased_customers as e on e.customer_id = s.customer_id
where e.customer_id is null
