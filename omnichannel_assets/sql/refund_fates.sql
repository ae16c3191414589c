-- refund_fates: what becomes of each refund that Segment told before $as_of.
-- Grain: message_id. Reads: order_facts, dms_returns, orders, order_lines.
-- items: its products, less those the shop database returned. whole_order: no products, and the amount (if told) covers the order
-- (e-commerce specification v2). money: an amount that no items explain, such as goodwill. told_by_shop: the shop database has all its items or paid it back.
-- repeated: the whole order was refunded by an earlier message. empty: neither items nor an amount.
with shop as (
    select order_id, nullif(trim(product_id), '') as item_id, refund_amount
    from dms_returns
    where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted and order_id is not null
),
lines_worth as (
    select order_id, sum(line_total) as total, count(*) as lines, count(*) filter (where exists (select 1 from shop where shop.order_id = l.order_id and shop.item_id = l.item_id)) as told_lines
    from order_lines as l
    group by order_id
),
shop_paid as (
    select order_id, sum(refund_amount) as amount from shop group by order_id
),
refunds as (
    select f.message_id, f.order_id, f.known_at, f.total, coalesce(len(f.products), 0) > 0 as has_items,
        coalesce(len(f.products), 0) = 0 and w.lines > 0 and (f.total is null or f.total >= coalesce(least(o.total, w.total), o.total, w.total, f.total)) as is_whole,
        w.lines = w.told_lines or p.amount >= coalesce(least(o.total, w.total), o.total, w.total, f.total) as is_told, f.products
    from order_facts as f
    left join orders as o on o.order_id = f.order_id
    left join lines_worth as w on w.order_id = f.order_id
    left join shop_paid as p on p.order_id = f.order_id
    where f.fact = 'refunded' and f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
),
entries as (
    select message_id, order_id, unnest(products) as product from refunds where has_items
),
items_left as (
    select message_id, count(*) filter (where not exists (select 1 from shop where shop.order_id = e.order_id and shop.item_id = e.product.item_id)) as entries_left
    from entries as e
    group by message_id
),
ranked as (
    select r.*, coalesce(i.entries_left, 0) as entries_left, row_number() over (partition by r.order_id, r.is_whole order by r.known_at, r.message_id) as place
    from refunds as r
    left join items_left as i on i.message_id = r.message_id
)
select message_id, order_id,
    case
        when exists (select 1 from shop where shop.order_id = ranked.order_id and shop.item_id is null) then 'told_by_shop'
        when has_items and entries_left = 0 then 'told_by_shop'
        when has_items then 'items'
        when is_whole and place > 1 then 'repeated'
        when is_whole and is_told then 'told_by_shop'
        when is_whole then 'whole_order'
        when total <> 0 then 'money'
        else 'empty'
    end as fate
from ranked
