-- recommendations: twenty buyable items for everybody with an interaction in 365 days, as of $as_of; best first.
-- Grain: as_of, customer_id, rank. Reads: interactions, products, similar_items, popular_items.
-- Strength of an item = (orders of the customer that kept it, squared + closeness to the 30 items they touched last / 2 + 1/2 if on their wish
-- list + 1/100) times (customers who bought it lately + 50). Orders squared: what is bought again and again leads (measured against a later month:
-- docs/decisions/0011-recommendations.md). Popular items fill every list, so a list is short only when the shop has fewer than twenty things to sell.
with recent as (
    select customer_id, item_id, event_type, event_at, order_id, quantity
    from interactions
    where event_at < $as_of and event_at >= $as_of - interval 365 day
),
people as (
    select distinct customer_id from recent
),
given_back as (
    select customer_id, order_id, item_id, sum(quantity) as quantity
    from recent
    where event_type = 'Return' and order_id is not null
    group by customer_id, order_id, item_id
),
bought as (
    select b.customer_id, b.item_id, count(distinct b.order_id) as orders
    from recent as b
    left join given_back as g on g.customer_id = b.customer_id and g.order_id = b.order_id and g.item_id = b.item_id
    where b.event_type = 'Purchase' and coalesce(g.quantity, 0) < b.quantity
    group by b.customer_id, b.item_id
),
touched as (
    select customer_id, item_id, max(event_at) as last_at
    from recent
    where event_type in ('Purchase', 'View', 'Click', 'AddToCart', 'AddToWishlist')
    group by customer_id, item_id
),
touched_in_order as (
    select customer_id, item_id, row_number() over (partition by customer_id order by last_at desc, item_id) as place from touched
),
related as (
    select t.customer_id, s.similar_item_id as item_id, sum(cast(s.score as decimal(9, 6))) as closeness
    from touched_in_order as t
    join similar_items as s on s.item_id = t.item_id
    where t.place <= 30
    group by t.customer_id, s.similar_item_id
),
wishes as (
    select customer_id, item_id, max(case when event_type = 'AddToWishlist' then event_at end) as added_at,
        max(case when event_type in ('RemoveFromWishlist', 'Purchase') then event_at end) as ended_at
    from recent
    where event_type in ('AddToWishlist', 'RemoveFromWishlist', 'Purchase')
    group by customer_id, item_id
),
candidates as (
    select customer_id, item_id, orders, cast(0 as decimal(9, 6)) as closeness, 0 as wishes from bought
    union all
    select customer_id, item_id, 0 as orders, closeness, 0 as wishes from related
    union all
    select customer_id, item_id, 0 as orders, 0 as closeness, 1 as wishes from wishes where added_at is not null and (ended_at is null or added_at > ended_at)
    union all
    select p.customer_id, f.item_id, 0 as orders, 0 as closeness, 0 as wishes from people as p join popular_items as f on f.rank <= 20
),
judged as (
    select customer_id, item_id, max(orders) as orders, max(closeness) as closeness, max(wishes) as wishes
    from candidates
    group by customer_id, item_id
),
strong as (
    select j.customer_id, j.item_id, j.orders, j.closeness, j.wishes, f.reason as popular_reason,
        cast((j.orders * j.orders + 0.5 * j.closeness + 0.5 * j.wishes + 0.01) * (f.customers + 50) as decimal(38, 6)) as strength
    from judged as j
    join popular_items as f on f.item_id = j.item_id
),
ranked as (
    select customer_id, item_id, orders, closeness, wishes, popular_reason, strength,
        row_number() over (partition by customer_id order by strength desc, item_id) as place
    from strong
),
chosen as (
    select customer_id, item_id, orders, closeness, wishes, popular_reason, strength, place from ranked where place <= 20
),
causes as (
    select c.customer_id, c.item_id, t.item_id as cause_item_id,
        row_number() over (partition by c.customer_id, c.item_id order by s.score desc, t.place, t.item_id) as place
    from chosen as c
    join touched_in_order as t on t.customer_id = c.customer_id
    join similar_items as s on s.item_id = t.item_id and s.similar_item_id = c.item_id
    where t.place <= 30 and c.orders = 0 and c.wishes = 0
)
select c.customer_id, cast($as_of_date as date) as as_of, c.place as rank, c.item_id,
    cast(c.strength as double) / nullif(cast(c.strength as double) + 100, 0) as score,
    case when c.orders > 1 then 'Bought ' || cast(c.orders as varchar) || ' times in a year' when c.orders = 1 then 'Bought before'
        when c.wishes > 0 then 'On your wish list'
        when p.name is not null then 'Goes with ' || p.name
        when r.cause_item_id is not null then 'Goes with what you looked at'
        else c.popular_reason end as reason
from chosen as c
left join causes as r on r.customer_id = c.customer_id and r.item_id = c.item_id and r.place = 1
left join products as p on p.product_id = r.cause_item_id
