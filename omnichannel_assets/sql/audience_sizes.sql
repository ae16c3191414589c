-- audience_sizes: how many each running campaign chooses, and what becomes of them; the expected share of buyers among its members.
-- Grain: audience. Reads: campaign_rules, campaign_choices, propensity_scores.
select r.audience, $as_of_date as as_of, count(c.customer_id) as chosen, count(*) filter (where c.outcome = 'member' and c.arm = 'treatment') as treatment,
    count(*) filter (where c.outcome = 'member' and c.arm = 'control') as control, count(*) filter (where c.outcome = 'member' and c.entered_on = $as_of_date) as entering,
    count(*) filter (where c.outcome = 'not_contactable') as not_contactable, count(*) filter (where c.outcome = 'cooling_off') as cooling_off,
    count(*) filter (where c.outcome = 'over_cap') as over_cap, round(avg(case when c.outcome = 'member' then cast(s.repurchase_score as decimal(9, 6)) end), 6) as expected_share
from campaign_rules as r
left join campaign_choices as c on c.audience = r.audience
left join propensity_scores as s on s.customer_id = c.customer_id
group by r.audience
