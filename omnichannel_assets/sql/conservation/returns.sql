-- Refunds told by either source before $as_of = refunds here + Segment refunds that the shop database tells item by item.
-- Grain: one row. Reads: dms_returns, order_facts, built.
with told as (
    select 'dms' as source, return_id from dms_returns
    where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted and returned_at < $as_of
    union all
    select 'segment', message_id from order_facts where fact = 'refunded' and event_at < $as_of and known_at < $as_of and not event_time_suspect
)
select count(*) as rows_in, (select count(*) from (select distinct return_id, channel from built) as refunds) as refunds_out,
    count(*) filter (where source = 'segment' and return_id not in (select return_id from built where channel = 'online')) as told_by_shop_or_empty
from told
