-- similar_items: what is bought in one order with an item, or looked at by one customer on one day, as of $as_of; best first.
-- Grain: as_of, item_id, rank. Reads: interactions, products.
-- A basket is one order, or the items one customer looked at on one day (UTC). Baskets of more than 50 items are left out: they are wholesale
-- orders and robots, say little about any pair, and their pairs grow with the square. A pair needs two baskets. Closeness of a pair is
-- cosine (n_ab / sqrt(n_a * n_b)) times n_ab / (n_ab + 10), which keeps pairs seen by chance down; orders weigh 0.7 and visits 0.3.
with seen as (
    select distinct 'order' as kind, order_id as basket, item_id
    from interactions
    where event_type = 'Purchase' and event_at < $as_of and event_at >= $as_of - interval 365 day
    union all
    select distinct 'visit' as kind, customer_id || '/' || cast(cast(event_at as date) as varchar) as basket, item_id
    from interactions
    where event_type in ('View', 'Click') and event_at < $as_of and event_at >= $as_of - interval 365 day
),
usable as (
    select kind, basket from seen group by kind, basket having count(*) <= 50
),
baskets as (
    select s.kind, s.basket, s.item_id from seen as s join usable as u on u.kind = s.kind and u.basket = s.basket
),
items as (
    select kind, item_id, count(*) as n from baskets group by kind, item_id
),
pairs as (
    select a.kind, a.item_id as item_a, b.item_id as item_b, count(*) as n
    from baskets as a
    join baskets as b on b.kind = a.kind and b.basket = a.basket and b.item_id > a.item_id
    group by a.kind, a.item_id, b.item_id
    having count(*) >= 2
),
close as (
    select p.kind, p.item_a, p.item_b,
        cast(cast(p.n as double) / nullif(sqrt(cast(a.n * b.n as double)), 0) * cast(p.n as double) / nullif(p.n + 10, 0) as decimal(9, 6)) as closeness
    from pairs as p
    join items as a on a.kind = p.kind and a.item_id = p.item_a
    join items as b on b.kind = p.kind and b.item_id = p.item_b
),
both_ways as (
    select kind, item_a as item_id, item_b as similar_item_id, closeness from close
    union all
    select kind, item_b as item_id, item_a as similar_item_id, closeness from close
),
weighed as (
    select c.item_id, c.similar_item_id, sum(c.closeness * case when c.kind = 'order' then 0.7 else 0.3 end) as closeness
    from both_ways as c
    join products as p on p.product_id = c.similar_item_id
    where p.is_merchandise and is_on_sale(p.status)
    group by c.item_id, c.similar_item_id
),
ranked as (
    select item_id, similar_item_id, closeness, row_number() over (partition by item_id order by closeness desc, similar_item_id) as place
    from weighed
)
select item_id, cast($as_of_date as date) as as_of, place as rank, similar_item_id, cast(closeness as double) as score
from ranked
where place <= 20
