-- campaign_history: under today's ids, who was in an audience at the newest earlier date, and who entered one lately; by date of entering.
-- Grain: audience, customer_id, entered_on, is_member. Reads: previous_audiences, previous_identities, earlier_entries, identities.
-- Members are followed by what they were known by at that date, entries by keyed hashes, so that both outlive merges, splits and ids that end. Where several members became one, the control of them counts.
with followed as (
    select p.audience, coalesce(n.customer_id, p.customer_id) as customer_id, p.entered_on, p.arm, p.variant
    from previous_audiences as p
    left join previous_identities as b on b.customer_id = p.customer_id
    left join identities as n on n.identifier_type = b.identifier_type and n.identifier_value = b.identifier_value and n.valid_to is null
    where p.entered_on is not null
)
select audience, customer_id, min(entered_on) as entered_on, min(arm) as arm, min(variant) as variant, true as is_member
from followed
group by audience, customer_id
union all
select distinct e.audience, i.customer_id, e.as_of as entered_on, cast(null as varchar) as arm, cast(null as varchar) as variant, false as is_member
from earlier_entries as e
join identities as i on i.valid_to is null and identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) = e.identifier_hash
