-- event_facts: behaviour keyed by source identifier, one row per message and item (item_id '' where the event has none).
-- Grain: received_day, message_id, item_id. Reads: segment_events, segment_duplicates, message_identifiers, event_names.
-- Calls that Segment computed itself are no behaviour. Losing copies of a message are left out.
with kept as (
    select e.*
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    where d.message_id is null and not e.is_computed and e.type = 'track'
),
typed as (
    select kept.*, names.event_type
    from kept
    join (select distinct event_name, event_type from event_names where event_type is not null) as names on names.event_name = kept.event_name
),
items as (
    select message_id, received_day, unnest(products) as product from typed where len(products) > 0
),
item_totals as (
    select message_id, received_day, product.item_id as item_id,
        sum(product.quantity) as quantity, sum(line_amount(product.price, product.quantity)) as "value"
    from items
    group by message_id, received_day, product.item_id
)
select t.message_id, coalesce(i.item_id, '') as item_id, t.event_type, t.event_at, t.known_at, t.event_time_suspect,
    first_identifier(m.identifiers).identifier_type as identifier_type, first_identifier(m.identifiers)."value" as identifier_value, other_identifiers(m.identifiers) as other_identifiers,
    cast(i.quantity as bigint) as quantity, cast(i."value" as decimal(18, 2)) as "value", t.query, t.promotion_id, t.campaign_id, t.received_day
from typed as t
left join item_totals as i on i.message_id = t.message_id and i.received_day = t.received_day
left join message_identifiers as m on m.message_id = t.message_id and m.received_day = t.received_day
