-- Live lines of the shop database = its lines here + lines whose order is not here + lines without an item.
-- Grain: one row. Reads: orders, dms_order_lines, built.
with live as (
    select l.order_id, l.line_no, o.order_id is not null as has_order, l.product_id is not null as has_item
    from dms_order_lines as l
    left join orders as o on o.order_id = l.order_id and o.source in ('dms', 'both')
    where l.valid_from < $as_of and (l.valid_to is null or l.valid_to >= $as_of) and not l.is_deleted
)
select count(*) as rows_in, (select count(*) from built where source = 'dms') as rows_out,
    count(*) filter (where not has_order) as without_live_order, count(*) filter (where has_order and not has_item) as without_item
from live
