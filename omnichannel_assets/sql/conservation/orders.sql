-- Orders told by either source before $as_of = orders here + orders with an untrustworthy time. Deleted shop orders are gone on purpose.
-- Grain: one row. Reads: dms_orders, order_facts, built.
with shop as (
    select distinct order_id from dms_orders where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted and ordered_at < $as_of
),
told as (
    select order_id, bool_or(not event_time_suspect and event_at < $as_of) as is_timely from order_facts where fact = 'completed' and known_at < $as_of group by order_id
),
every as (
    select coalesce(s.order_id, t.order_id) as order_id, coalesce(s.order_id is not null, false) or coalesce(t.is_timely, false) as is_counted
    from shop as s full join told as t on t.order_id = s.order_id
)
select count(*) as rows_in, (select count(*) from built) as rows_out, count(*) filter (where not is_counted) as suspect_time from every
