-- audiences: everybody the scores choose is in an arm or may not be contacted. Reads: propensity_scores, contactable_customers, built.
select $as_of_date as as_of, sum(case when s.churn_band = 'high' then 1 else 0 end + case when s.repurchase_decile = 1 then 1 else 0 end) as rows_in,
    (select count(*) from built where arm = 'treatment') as treatment, (select count(*) from built where arm = 'control') as control,
    sum(case when k.customer_id is null and s.churn_band = 'high' then 1 else 0 end + case when k.customer_id is null and s.repurchase_decile = 1 then 1 else 0 end) as not_contactable
from propensity_scores as s
left join contactable_customers as k on k.customer_id = s.customer_id
