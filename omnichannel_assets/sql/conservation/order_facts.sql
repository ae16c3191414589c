-- Calls of a day = calls that told of an order + losing copies + computed calls + other calls.
-- Grain: received_day. Reads: segment_events, segment_duplicates, built.
with calls as (
    select e.received_day, e.message_id, d.message_id is not null as is_losing, e.is_computed, b.message_id is not null as made_facts
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    left join (select distinct received_day, message_id from built) as b on b.message_id = e.message_id and b.received_day = e.received_day
)
select received_day, count(*) as rows_in,
    count(*) filter (where made_facts) as made_facts,
    count(*) filter (where not made_facts and is_losing) as duplicates,
    count(*) filter (where not made_facts and not is_losing and is_computed) as computed,
    count(*) filter (where not made_facts and not is_losing and not is_computed) as other_calls
from calls
group by received_day
