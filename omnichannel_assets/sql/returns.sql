-- returns: refunded items from both sources; the amounts of one refund add up to what was paid back.
-- Grain: return_id, channel, position. Reads: dms_returns, refund_fates, order_facts, fact_owners, order_lines, orders, identities.
-- What the shop database returned of an order is counted there; ``refund_fates`` says what becomes of each refund that Segment told.
-- Position 0 is the part of a refund that its items do not explain.
with shop as (
    select r.return_id, r.order_id, coalesce(i.customer_id, o.customer_id) as customer_id, nullif(trim(r.product_id), '') as item_id, r.quantity,
        coalesce(r.refund_amount, 0) as amount, o.currency, coalesce(r.returned_at, f.known_at) as returned_at, f.known_at, r.version
    from dms_returns as r
    join (select return_id, min(known_at) as known_at from dms_returns where not is_deleted group by return_id) as f on f.return_id = r.return_id
    left join orders as o on o.order_id = r.order_id
    left join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(r.customer_id) and i.valid_to is null
    where r.valid_from < $as_of and (r.valid_to is null or r.valid_to >= $as_of) and not r.is_deleted and coalesce(r.returned_at, f.known_at) < $as_of
),
told as (
    select f.*, t.fate, coalesce(o.customer_id, i.customer_id) as customer_id, coalesce(f.currency, o.currency, 'USD') as paid_in
    from order_facts as f
    join refund_fates as t on t.message_id = f.message_id
    left join orders as o on o.order_id = f.order_id
    left join fact_owners as i on i.message_id = f.message_id
    where f.fact = 'refunded' and t.fate in ('items', 'whole_order', 'money')
),
named_items as (
    select message_id, order_id, unnest(products) as product, generate_subscripts(products, 1) as position from told where fate = 'items'
),
told_items as (
    select message_id, order_id, position, product.item_id as item_id, product.quantity as quantity, coalesce(line_amount(product.price, product.quantity), 0) as amount
    from named_items
    union all
    select t.message_id, t.order_id, row_number() over (partition by t.message_id order by l.line_no) as position, l.item_id, l.quantity, coalesce(l.line_total, 0) as amount
    from told as t
    join order_lines as l on l.order_id = t.order_id
    where t.fate = 'whole_order'
),
told_rest as (
    select t.message_id, t.total - coalesce(sum(i.amount), 0) as amount
    from told as t left join told_items as i on i.message_id = t.message_id
    where t.total is not null
    group by t.message_id, t.total
    having t.total <> coalesce(sum(i.amount), 0)
),
told_parts as (
    select message_id, position, item_id, quantity, amount from told_items
    where not exists (select 1 from shop where shop.order_id = told_items.order_id and shop.item_id = told_items.item_id)
    union all
    select message_id, 0, null, null, amount from told_rest
)
select return_id, row_number() over (partition by return_id order by item_id, quantity, amount, returned_at, version) as position, order_id, customer_id, item_id, quantity, amount, currency,
    'store' as channel, returned_at, known_at
from shop
union all
select t.message_id as return_id, p.position, t.order_id, t.customer_id, p.item_id, p.quantity, p.amount, t.paid_in as currency, 'online' as channel, t.event_at as returned_at, t.known_at
from told_parts as p
join told as t on t.message_id = p.message_id
