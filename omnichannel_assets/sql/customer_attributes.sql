-- customer_attributes: what Segment itself computed about a customer, its traits and audiences, as last told before $as_of.
-- Grain: customer_id, kind, name. Reads: segment_events, segment_duplicates, identities.
-- Kept to be looked at: never behaviour, never a link and in no feature, for a model would learn from another model's answer. Such a call makes no
-- customer. A value of null takes the attribute away; an audience that was left stays, with the value false.
with told as (
    select coalesce(u.customer_id, a.customer_id) as customer_id, e.computed_kind as kind, e.computed_name as name, e.computed_value as "value",
        case when e.event_time_suspect then e.known_at else e.event_at end as set_at, e.known_at, e.message_id
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    left join identities as u on u.identifier_type = 'user_id' and u.identifier_value = e.user_id and u.valid_to is null
    left join identities as a on a.identifier_type = 'anonymous_id' and a.identifier_value = e.anonymous_id and a.valid_to is null
    where d.message_id is null and e.is_computed and e.computed_name is not null and e.computed_value is not null and e.known_at < $as_of
        and (e.event_time_suspect or e.event_at < $as_of)
),
ranked as (
    select *, row_number() over (partition by customer_id, kind, name order by set_at desc, known_at desc, message_id desc) as place from told where customer_id is not null
)
select customer_id, kind, name, "value", set_at, 'segment:' || message_id as source
from ranked
where place = 1 and "value" <> 'null'
