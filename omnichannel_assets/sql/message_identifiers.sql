-- message_identifiers: the unblocked, normalised identifiers of each message, the best first.
-- Grain: received_day, message_id. Reads: segment_events, normal_identifiers, identifier_priority.
-- Engine: DuckDB (lists are built in order).
with carried as (
    select received_day, message_id, country, unnest(identifiers) as identifier from segment_events
),
usable as (
    select distinct c.received_day, c.message_id, n.identifier_type, n.identifier_value, p.priority
    from carried as c
    join normal_identifiers as n
        on n.identifier_type = c.identifier.identifier_type and n.raw_value = c.identifier."value" and n.country is not distinct from c.country
    join identifier_priority as p on p.identifier_type = n.identifier_type
    where n.identifier_value is not null and not n.is_blocked
)
select received_day, message_id,
    list({'identifier_type': identifier_type, 'value': identifier_value} order by priority, identifier_value) as identifiers
from usable
group by received_day, message_id
