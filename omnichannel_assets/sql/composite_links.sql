-- composite_links: identifiers made of several traits of one Segment call, before normalising: the parts with | between them.
-- Grain: source, link_id, identifier_type. Reads: segment_events, segment_duplicates.
-- Read only when the identity rules name composites. Traits of the call win over those of its context; a call that lacks a part has none.
-- $composite_paths: per composite and part, the JSON paths it may stand at, the best first. $composite_names: the types, in that order.
-- Engine: DuckDB (lists, JSON).
with told as (
    select s.message_id, s.known_at, s.country, try_cast(s.traits as json) as own, json_extract(try_cast(s.context as json), '$.traits') as carried
    from segment_events as s
    left join segment_duplicates as d on d.message_id = s.message_id and d.received_day = s.received_day
    where d.message_id is null and not s.is_computed and s.type not in ('alias', 'group')
        and (s.traits is not null or s.context like '%"traits"%')
),
merged as (
    select message_id, known_at, country,
        json_merge_patch(coalesce(case when json_type(carried) = 'OBJECT' then carried end, '{}'::json),
            coalesce(case when json_type(own) = 'OBJECT' then own end, '{}'::json)) as traits
    from told
),
made as (
    select message_id, known_at, country, unnest($composite_names) as identifier_type,
        unnest(list_transform($composite_paths, lambda parts: list_transform(parts, lambda paths:
            list_filter(list_transform(paths, lambda path: composite_part(scalar_text(json_extract(traits, path)))), lambda part: part is not null)))) as parts
    from merged
)
select 'segment' as source, message_id as link_id, known_at, identifier_type,
    array_to_string(list_transform(parts, lambda found: first_part(found)), '|') as raw_value, country
from made
where list_bool_and(list_transform(parts, lambda found: len(found) > 0))
