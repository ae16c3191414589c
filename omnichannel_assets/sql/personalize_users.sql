-- personalize_users: customers with an interaction as Personalize's user data set, without any campaign or arm.
-- Grain: user_id. Reads: interactions, propensity_scores, erased_customers.
with active as (
    select customer_id, count(*) filter (where channel = 'store') as in_store, count(*) filter (where channel = 'online') as online
    from interactions
    where event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Purchase') and item_id is not null
    group by customer_id
)
select a.customer_id as user_id, s.churn_band, cast(s.repurchase_decile as varchar) as repurchase_decile, case when a.in_store > a.online then 'store' else 'online' end as favourite_channel
from active as a
left join propensity_scores as s on s.customer_id = a.customer_id
left join erased_customers as e on e.customer_id = a.customer_id
where e.customer_id is null
