-- Facts of behaviour = interactions + e-mail facts + facts outside time, without item, of no merchandise, or of nobody.
-- Grain: one row. Reads: event_facts, identities, built.
with judged as (
    select case
            when f.event_type in ('EmailDelivered', 'EmailOpened', 'EmailClicked', 'EmailBounced', 'EmailMarkedAsSpam', 'Unsubscribed') then 'email'
            when f.event_time_suspect or f.event_at >= $as_of or f.known_at >= $as_of then 'outside_time'
            when f.event_type not in ('Search', 'PromotionView', 'PromotionClick') and f.item_id = '' then 'without_item'
            when f.event_type not in ('Search', 'PromotionView', 'PromotionClick') and whole_match(f.item_id, $not_merchandise) then 'not_merchandise'
            when i.customer_id is null then 'nobody'
            else 'kept' end as fate
    from event_facts as f
    left join identities as i on i.identifier_type = f.identifier_type and i.identifier_value = f.identifier_value and i.valid_to is null
)
select count(*) as rows_in, (select count(*) from built where event_type not in ('Purchase', 'Return')) as behaviour_out,
    count(*) filter (where fate = 'email') as email, count(*) filter (where fate = 'outside_time') as outside_time, count(*) filter (where fate = 'without_item') as without_item,
    count(*) filter (where fate = 'not_merchandise') as not_merchandise, count(*) filter (where fate = 'nobody') as nobody
from judged
