-- segment_keys: the id Segment knows each customer by: the login, else the smallest anonymous id. Somebody with neither has nulls.
-- Grain: customer_id. Reads: customers, identities.
with devices as (
    select customer_id, min(identifier_value) as anonymous_id from identities where identifier_type = 'anonymous_id' and valid_to is null group by customer_id
)
select c.customer_id, case when c.user_id is not null then 'user_id' when d.anonymous_id is not null then 'anonymous_id' end as destination_type,
    coalesce(c.user_id, d.anonymous_id) as destination_key
from customers as c
left join devices as d on d.customer_id = c.customer_id
