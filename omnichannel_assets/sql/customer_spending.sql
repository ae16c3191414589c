-- customer_spending: what each customer bought so far, as of $as_of: orders, money after refunds, and what they prefer.
-- Grain: customer_id. Reads: orders, order_lines, products, returns.
-- A cancelled order is no purchase, so a refund of one is not taken off again. What is preferred is told by the orders of the last 365 days; of
-- several the one bought at last. A favourite category is one of the three with most lines of merchandise.
with bought as (
    select *, days_between(ordered_at, $as_of) <= 365 as is_recent from orders where customer_id is not null and not is_called_off(status)
),
spent as (
    select customer_id, count(*) as orders, sum(total) as total, min(ordered_at) as first_at, max(ordered_at) as last_at, min(currency) as lowest_currency, max(currency) as highest_currency
    from bought
    group by customer_id
),
refunded as (
    select r.customer_id, sum(case when not is_called_off(o.status) then r.amount else 0 end) as amount,
        min(r.returned_at) as first_at, max(r.returned_at) as last_at, min(r.currency) as lowest_currency, max(r.currency) as highest_currency
    from returns as r
    left join orders as o on o.order_id = r.order_id
    where r.customer_id is not null
    group by r.customer_id
),
visits as (
    select customer_id, 'channel' as kind, channel as place_name, count(*) as orders, max(ordered_at) as last_at from bought where is_recent group by customer_id, channel
    union all
    select customer_id, 'store', store_id, count(*), max(ordered_at) from bought where is_recent and channel = 'store' and store_id is not null group by customer_id, store_id
),
preferred as (
    select *, row_number() over (partition by customer_id, kind order by orders desc, last_at desc, place_name) as place from visits
),
category_lines as (
    select b.customer_id, p.category, count(*) as lines
    from bought as b
    join order_lines as l on l.order_id = b.order_id
    join products as p on p.product_id = l.item_id
    where b.is_recent and l.is_merchandise and nullif(trim(p.category), '') is not null
    group by b.customer_id, p.category
),
favourites as (
    select *, row_number() over (partition by customer_id order by lines desc, category) as place from category_lines
),
listed as (
    select customer_id, max(case when place = 1 then category end) || coalesce(', ' || max(case when place = 2 then category end), '')
            || coalesce(', ' || max(case when place = 3 then category end), '') as categories
    from favourites
    where place <= 3
    group by customer_id
)
select coalesce(s.customer_id, f.customer_id) as customer_id, coalesce(s.orders, 0) as orders, coalesce(s.total, 0) - coalesce(f.amount, 0) as lifetime_value,
    case when least(s.lowest_currency, f.lowest_currency) <> greatest(s.highest_currency, f.highest_currency) then 'mixed' else coalesce(s.highest_currency, f.highest_currency) end as currency,
    s.first_at as first_order_at, s.last_at as last_order_at, f.first_at as first_return_at, f.last_at as last_return_at,
    c.place_name as preferred_channel, t.place_name as preferred_store, l.categories as favourite_categories
from spent as s
full join refunded as f on f.customer_id = s.customer_id
left join preferred as c on c.customer_id = s.customer_id and c.kind = 'channel' and c.place = 1
left join preferred as t on t.customer_id = s.customer_id and t.kind = 'store' and t.place = 1
left join listed as l on l.customer_id = s.customer_id
