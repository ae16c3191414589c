-- audiences: everybody the scores choose is in an arm or may not be contacted.
-- Grain: one row an as-of date. Reads: propensity_scores, contactable_customers, built.
select $as_of_date as as_of, count(*) filter (where s.churn_band = 'high') + count(*) filter (where s.repurchase_decile = 1) as rows_in,
    (select count(*) from built where arm = 'treatment') as treatment, (select count(*) from built where arm = 'control') as control,
    count(*) filter (where k.customer_id is null and s.churn_band = 'high') + count(*) filter (where k.customer_id is null and s.repurchase_decile = 1) as not_contactable
from propensity_scores as s
left join contactable_customers as k on k.customer_id = s.customer_id
