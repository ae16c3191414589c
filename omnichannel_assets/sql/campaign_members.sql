-- campaign_members: the treatment arm of each audience with what the channels' rows need; nobody else is in it.
-- Grain: audience, customer_id. Reads: audiences, held_out_customers, contactable_customers, customers, propensity_scores, recommendations, products, segment_keys, dms_customers.
-- Consent, deletion and controls are asked again here, at the as-of in force: an audience may be older than a person's last choice, or a merge.
with buyable as (
    select r.customer_id, r.item_id, row_number() over (partition by r.customer_id order by r.rank, r.item_id) as place
    from recommendations as r
    join products as p on p.product_id = r.item_id
    where p.is_merchandise and is_on_sale(p.status) and (p.stock is null or p.stock > 0)
),
picks as (
    select customer_id, max(case when place = 1 then item_id end) as pick_1, max(case when place = 2 then item_id end) as pick_2,
        max(case when place = 3 then item_id end) as pick_3
    from buyable
    where place <= 3
    group by customer_id
),
countries as (
    select trim(customer_id) as customer_ref, max(upper(trim(country))) as country
    from dms_customers
    where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted and length(trim(country)) = 2
    group by trim(customer_id)
)
select a.audience, a.customer_id, a.variant, a.entered_on, g.destination_type, g.destination_key, c.email, c.first_name, t.country,
    s.churn_score, s.churn_band, s.repurchase_score, s.repurchase_decile, s.subscription_churn_score, s.expected_spend, p.pick_1, p.pick_2, p.pick_3
from audiences as a
join contactable_customers as k on k.customer_id = a.customer_id
join customers as c on c.customer_id = a.customer_id
left join propensity_scores as s on s.customer_id = a.customer_id
left join picks as p on p.customer_id = a.customer_id
left join countries as t on t.customer_ref = c.customer_ref
left join segment_keys as g on g.customer_id = a.customer_id
left join held_out_customers as h on h.audience = a.audience and h.customer_id = a.customer_id
where a.arm = 'treatment' and h.customer_id is null
