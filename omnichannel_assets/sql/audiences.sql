-- audiences: who is chosen for which campaign as of $as_of, with the arm. Only people who may be contacted are in any arm.
-- Grain: audience, customer_id. Reads: propensity_scores, contactable_customers, arms, held_out_customers.
-- Once a control of an audience, always a control of it; the keyed hash of today's id decides for everybody else.
with chosen as (
    select 'win_back' as audience, customer_id from propensity_scores where churn_band = 'high'
    union all
    select 'repurchase_lookalike' as audience, customer_id from propensity_scores where repurchase_decile = 1
)
select c.audience, $as_of_date as as_of, c.customer_id, case when h.customer_id is not null then 'control' else a.arm end as arm
from chosen as c
join contactable_customers as k on k.customer_id = c.customer_id
join arms as a on a.audience = c.audience and a.customer_id = c.customer_id
left join held_out_customers as h on h.audience = c.audience and h.customer_id = c.customer_id
