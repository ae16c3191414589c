-- Facts of behaviour + items bought + items given back = interactions + facts that are e-mail, outside time, without item, no merchandise,
-- or of nobody.
-- Grain: one row. Reads: event_facts, orders, order_lines, returns, fact_owners, built.
with judged as (
    select case
            when f.event_type in ('EmailDelivered', 'EmailOpened', 'EmailClicked', 'EmailBounced', 'EmailMarkedAsSpam', 'Unsubscribed') then 'email'
            when f.event_time_suspect or f.event_at >= $as_of or f.known_at >= $as_of then 'outside_time'
            when f.event_type not in ('Search', 'PromotionView', 'PromotionClick') and f.item_id = '' then 'without_item'
            when f.event_type not in ('Search', 'PromotionView', 'PromotionClick') and whole_match(f.item_id, $not_merchandise) then 'not_merchandise'
            when i.customer_id is null then 'nobody'
            else 'kept' end as fate
    from event_facts as f
    left join fact_owners as i on i.message_id = f.message_id
),
bought as (
    select distinct l.order_id, l.item_id
    from order_lines as l
    join orders as o on o.order_id = l.order_id
    where o.customer_id is not null and l.is_merchandise and not is_called_off(o.status)
),
given_back as (
    select distinct customer_id, item_id, returned_at, channel, order_id, case when channel = 'online' then return_id end as message_id
    from returns
    where customer_id is not null and item_id is not null and not whole_match(item_id, $not_merchandise)
)
select count(*) + (select count(*) from bought) + (select count(*) from given_back) as rows_in, (select count(*) from built) as rows_out,
    count(*) filter (where fate = 'email') as email, count(*) filter (where fate = 'outside_time') as outside_time, count(*) filter (where fate = 'without_item') as without_item,
    count(*) filter (where fate = 'not_merchandise') as not_merchandise, count(*) filter (where fate = 'nobody') as nobody
from judged
