-- Values that Segment computed, told before $as_of = rows here + older values + values that were taken away + values of nobody.
-- Grain: one row. Reads: segment_events, segment_duplicates, identities, built.
with told as (
    select e.message_id, e.computed_kind as kind, e.computed_name as name, max(coalesce(u.customer_id, a.customer_id)) as customer_id
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    left join identities as u on u.identifier_type = 'user_id' and u.identifier_value = e.user_id and u.valid_to is null
    left join identities as a on a.identifier_type = 'anonymous_id' and a.identifier_value = e.anonymous_id and a.valid_to is null
    where d.message_id is null and e.is_computed and e.computed_name is not null and e.computed_value is not null and e.known_at < $as_of
        and (e.event_time_suspect or e.event_at < $as_of)
    group by e.message_id, e.computed_kind, e.computed_name
),
attributes as (
    select t.customer_id, t.kind, t.name, max(b.customer_id) as shown_of
    from told as t
    left join built as b on b.customer_id = t.customer_id and b.kind = t.kind and b.name = t.name
    where t.customer_id is not null
    group by t.customer_id, t.kind, t.name
)
select (select count(*) from told) as rows_in, (select count(*) from built) as rows_out, (select count(*) from told where customer_id is not null) - count(*) as older,
    count(*) filter (where shown_of is null) as taken_away, (select count(*) from told where customer_id is null) as nobody
from attributes
