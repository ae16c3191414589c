-- raw_links: identifiers that Segment's calls carried together, before normalising.
-- Grain: source, link_id, identifier_type, raw_value. Reads: segment_events, segment_duplicates.
-- Alias and group calls make no links, nor do calls that Segment computed itself (identity resolution settings; design section 5).
select 'segment' as source, e.message_id as link_id, e.known_at, e.identifier.identifier_type as identifier_type, e.identifier."value" as raw_value, e.country
from (
    select s.message_id, s.known_at, s.country, unnest(s.identifiers) as identifier
    from segment_events as s
    left join segment_duplicates as d on d.message_id = s.message_id and d.received_day = s.received_day
    where d.message_id is null and not s.is_computed and s.type not in ('alias', 'group')
) as e
