-- order_facts: what Segment told about orders on a received day, keyed by source identifier.
-- Grain: received_day, message_id. Reads: segment_events, segment_duplicates, message_identifiers, event_names.
with kept as (
    select e.*
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    where d.message_id is null and not e.is_computed and e.type = 'track'
)
select k.message_id, names.order_fact as fact, k.order_id, k.event_at, k.known_at, k.event_time_suspect,
    first_identifier(m.identifiers).identifier_type as identifier_type, first_identifier(m.identifiers)."value" as identifier_value, other_identifiers(m.identifiers) as other_identifiers,
    k.total, k.currency, k.products, k.received_day
from kept as k
join (select distinct event_name, order_fact from event_names where order_fact is not null) as names on names.event_name = k.event_name
left join message_identifiers as m on m.message_id = k.message_id and m.received_day = k.received_day
where k.order_id is not null
