-- Live lines of the shop database = its lines here + lines whose order is not here + lines without an item; and
-- orders here = orders with lines + orders of which neither source told a line.
-- Grain: one row. Reads: orders, dms_order_lines, order_facts, built.
with live as (
    select l.order_id, o.order_id is not null as has_order, coalesce(trim(l.product_id), '') <> '' as has_item
    from dms_order_lines as l
    left join orders as o on o.order_id = l.order_id and o.source in ('dms', 'both')
    where l.valid_from < $as_of and (l.valid_to is null or l.valid_to >= $as_of) and not l.is_deleted
),
lined as (
    select order_id from live where has_order and has_item
    union
    select order_id from order_facts
    where fact in ('completed', 'updated') and len(products) > 0 and event_at < $as_of and known_at < $as_of and not event_time_suspect
)
select (select count(*) from live) + (select count(*) from orders) as rows_in,
    (select count(*) from built where source = 'dms') as shop_lines,
    (select count(*) from live where not has_order) as without_live_order,
    (select count(*) from live where has_order and not has_item) as without_item,
    (select count(distinct order_id) from built) as orders_with_lines,
    (select count(*) from orders where order_id not in (select order_id from lined where order_id is not null)) as orders_without_lines
