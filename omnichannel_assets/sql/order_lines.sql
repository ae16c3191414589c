-- order_lines: the lines of every order in orders: the shop database's where it has any, else those Segment told last.
-- Grain: order_id, line_no. Reads: orders, dms_order_lines, order_facts.
with shop_lines as (
    select l.order_id, l.line_no, nullif(trim(l.product_id), '') as item_id, l.quantity, l.unit_price, line_amount(l.unit_price, l.quantity) as line_total
    from dms_order_lines as l
    join orders as o on o.order_id = l.order_id and o.source in ('dms', 'both')
    where l.valid_from < $as_of and (l.valid_to is null or l.valid_to >= $as_of) and not l.is_deleted and trim(l.product_id) <> ''
),
told as (
    select f.order_id, f.products, row_number() over (partition by f.order_id order by f.known_at desc, f.message_id desc) as newest
    from order_facts as f
    join orders as o on o.order_id = f.order_id
    where f.fact in ('completed', 'updated') and len(f.products) > 0 and f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
        and f.order_id not in (select order_id from shop_lines)
),
told_lines as (
    select order_id, unnest(products) as product, generate_subscripts(products, 1) as line_no from told where newest = 1
)
select order_id, line_no, item_id, coalesce(quantity, 0) as quantity, unit_price, line_total, not whole_match(item_id, $not_merchandise) as is_merchandise, 'dms' as source
from shop_lines
union all
select order_id, line_no, product.item_id as item_id, coalesce(product.quantity, 1) as quantity, product.price as unit_price, line_amount(product.price, product.quantity) as line_total,
    not whole_match(product.item_id, $not_merchandise) as is_merchandise, 'segment' as source
from told_lines
