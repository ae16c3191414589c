-- Customers with a purchase in the last $eligible_days days (0: ever) = rows here + visitors; and no row counts other purchases than the orders tell.
-- Grain: as_of. Reads: orders, identities, built.
with counted as (
    select customer_id, min(days_between(ordered_at, $as_of)) as recency, count(case when days_between(ordered_at, $as_of) <= 365 then 1 end) as orders
    from orders
    where customer_id is not null and not is_called_off(status)
    group by customer_id
),
known as (
    select distinct customer_id from identities where valid_to is null and list_contains($known_types, identifier_type)
)
select $as_of_date as as_of, count(*) as rows_in, (select count(*) from built) as rows_out, count(*) filter (where k.customer_id is null) as visitors,
    (select count(*) from built as b left join counted as o on o.customer_id = b.customer_id
        where o.customer_id is null or b.orders_365_days <> o.orders or b.recency_days <> o.recency) as counted_otherwise
from counted as c
left join known as k on k.customer_id = c.customer_id
where $eligible_days = 0 or c.recency <= $eligible_days
