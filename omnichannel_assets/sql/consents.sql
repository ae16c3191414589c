-- consents: every explicit choice of a customer about being contacted, by channel, as of $as_of; is_current marks the one in force.
-- Grain: customer_id, channel, chosen_at, source. Reads: shop_choices, identities, event_facts, fact_owners.
-- The latest choice of the shop database's current records and of Segment is in force; at the same time opted out wins. What a deleted record
-- said is not used, and a new version that leaves the answer alone is no new choice. An opt-out whose own time cannot be trusted counts from when it was known.
with current_records as (
    select distinct record from shop_choices where known_at < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted
),
answers as (
    select s.*, coalesce(s.changed_at, s.known_at) as chosen_at, lag(s.opted_in) over (partition by s.record, s.channel order by s.version) as opted_in_before
    from shop_choices as s
    join current_records as c on c.record = s.record
    where s.opted_in is not null and not s.is_deleted and s.known_at < $as_of
),
choices as (
    select i.customer_id, a.channel, a.opted_in, a.chosen_at, a.known_at, 'dms:' || a.record || '/' || cast(a.version as varchar) as choice_source
    from answers as a
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = a.customer_ref and i.valid_to is null
    where a.opted_in_before is distinct from a.opted_in and a.chosen_at < $as_of
    union all
    select distinct o.customer_id, 'email', false, case when f.event_time_suspect then f.known_at else f.event_at end, f.known_at, 'segment:' || f.message_id
    from event_facts as f
    join fact_owners as o on o.message_id = f.message_id
    where f.event_type = 'Unsubscribed' and f.known_at < $as_of and (f.event_time_suspect or f.event_at < $as_of)
)
select customer_id, channel, opted_in, chosen_at, known_at, choice_source as source,
    row_number() over (partition by customer_id, channel order by chosen_at desc, opted_in, choice_source) = 1 as is_current
from choices
