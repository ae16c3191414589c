-- Orders told by either source before $as_of = orders here + orders with an untrustworthy time + orders the shop database deleted.
-- Grain: one row. Reads: dms_orders, order_facts, built.
with versions as (
    select o.order_id, bool_and(o.is_deleted) as is_deleted, min(coalesce(o.ordered_at, f.known_at)) as ordered_at
    from dms_orders as o
    join (select order_id, min(known_at) as known_at from dms_orders group by order_id) as f on f.order_id = o.order_id
    where o.valid_from < $as_of and (o.valid_to is null or o.valid_to >= $as_of)
    group by o.order_id
),
told as (
    select order_id, bool_or(not event_time_suspect and event_at < $as_of) as is_timely from order_facts where fact = 'completed' and known_at < $as_of group by order_id
),
every as (
    select coalesce(v.order_id, t.order_id) as order_id, v.is_deleted, v.ordered_at >= $as_of as is_later, t.is_timely
    from versions as v full join told as t on t.order_id = v.order_id
)
select count(*) as rows_in, (select count(*) from built) as rows_out,
    count(*) filter (where is_deleted) as deleted_in_shop,
    count(*) filter (where not coalesce(is_deleted, false) and coalesce(is_later, true) and not coalesce(is_timely, false)) as outside_time
from every
