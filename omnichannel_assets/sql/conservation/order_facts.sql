-- Calls of a day = calls that told of an order + losing copies + calls Segment computed + other calls.
-- Grain: received_day. Reads: segment_events, segment_duplicates, event_names, built.
with calls as (
    select e.received_day, d.message_id is not null as is_losing, e.is_computed,
        e.type = 'track' and e.event_name in (select event_name from event_names where order_fact is not null) and e.order_id is not null as is_order
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
),
made as (
    select received_day, count(distinct message_id) as made_facts from built group by received_day
)
select c.received_day, count(*) as rows_in, coalesce(max(m.made_facts), 0) as made_facts,
    count(*) filter (where c.is_losing) as duplicates,
    count(*) filter (where not c.is_losing and c.is_computed) as computed,
    count(*) filter (where not c.is_losing and not c.is_computed and not coalesce(c.is_order, false)) as other_calls
from calls as c
left join made as m on m.received_day = c.received_day
group by c.received_day
