-- popular_items: everything the shop can sell as of $as_of, most wanted first.
-- Grain: as_of, rank. Reads: interactions, products.
-- Buyable is merchandise on sale whose stock is above 0 or not kept. Wanted is by how many customers bought it: in the 30 days up to the last
-- purchase (a shop whose data end earlier still has a list), then in 365 days; items nobody bought close the list.
with bought as (
    select customer_id, item_id, event_at
    from interactions
    where event_type = 'Purchase' and event_at < $as_of and event_at >= $as_of - interval 365 day
),
newest as (
    select max(event_at) as last_at from bought
),
wanted as (
    select b.item_id, count(distinct b.customer_id) as year_customers,
        count(distinct case when b.event_at > n.last_at - interval 30 day then b.customer_id end) as customers
    from bought as b
    join newest as n on n.last_at >= b.event_at
    group by b.item_id
),
buyable as (
    select p.product_id as item_id, coalesce(w.customers, 0) as customers, coalesce(w.year_customers, 0) as year_customers
    from products as p
    left join wanted as w on w.item_id = p.product_id
    where p.is_merchandise and is_on_sale(p.status) and (p.stock is null or p.stock > 0)
),
most as (
    select max(customers) as customers from buyable
)
select cast($as_of_date as date) as as_of, row_number() over (order by b.customers desc, b.year_customers desc, b.item_id) as rank, b.item_id, b.customers,
    cast(b.customers as double) / nullif(greatest(m.customers, 1), 0) as score,
    case when b.customers > 0 then 'Popular this month' when b.year_customers > 0 then 'Popular this year' else 'In our shop' end as reason
from buyable as b
join most as m on m.customers >= b.customers
