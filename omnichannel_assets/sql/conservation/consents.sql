-- Answers of shop records and opt-outs that Segment told, known before $as_of = choices here + answers that are none.
-- Grain: one row. Reads: shop_choices, identities, event_facts, fact_owners, built.
-- unchanged: the answer the version before gave. deleted_record: of a record the shop deleted. outside_time: made at T or later. nobody: without a customer.
with records as (
    select record, bool_or((valid_to is null or valid_to >= $as_of) and not is_deleted) as is_current from shop_choices where known_at < $as_of group by record
),
answers as (
    select s.record, s.channel, s.opted_in, coalesce(s.changed_at, s.known_at) as chosen_at, r.is_current, i.customer_id,
        lag(s.opted_in) over (partition by s.record, s.channel order by s.version) as opted_in_before
    from shop_choices as s
    join records as r on r.record = s.record
    left join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = s.customer_ref and i.valid_to is null
    where s.opted_in is not null and not s.is_deleted and s.known_at < $as_of
),
judged as (
    select case
            when not is_current then 'deleted_record'
            when opted_in_before is not distinct from opted_in then 'unchanged'
            when chosen_at >= $as_of then 'outside_time'
            when customer_id is null then 'nobody'
            else 'kept' end as fate
    from answers
    union all
    select case when max(o.customer_id) is null then 'nobody' when bool_and(not f.event_time_suspect and f.event_at >= $as_of) then 'outside_time' else 'kept' end
    from event_facts as f
    left join fact_owners as o on o.message_id = f.message_id
    where f.event_type = 'Unsubscribed' and f.known_at < $as_of
    group by f.message_id
)
select count(*) as rows_in, (select count(*) from built) as rows_out, count(*) filter (where fate = 'deleted_record') as deleted_record,
    count(*) filter (where fate = 'unchanged') as unchanged, count(*) filter (where fate = 'outside_time') as outside_time, count(*) filter (where fate = 'nobody') as nobody
from judged
