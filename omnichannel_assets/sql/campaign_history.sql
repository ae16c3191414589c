-- campaign_history: under today's ids, who was in an audience at the newest earlier date, and who entered one lately; by date of entering.
-- Grain: audience, customer_id, entered_on, is_member. Reads: previous_audiences, previous_identities, earlier_controls, earlier_entries, identities.
-- Members are followed by what they were known by at that date, controls and entries by keyed hashes too, so that they outlive merges, splits and
-- ids that end or that a correction says there never were. Where several members became one, the control of them counts.
with followed as (
    select p.audience, coalesce(n.customer_id, p.customer_id) as customer_id, p.entered_on, p.arm, p.variant
    from previous_audiences as p
    left join previous_identities as b on b.customer_id = p.customer_id
    left join identities as n on n.identifier_type = b.identifier_type and n.identifier_value = b.identifier_value and n.valid_to is null
    where p.entered_on is not null
),
controls as (
    select c.audience, i.customer_id, min(c.as_of) as entered_on, max(c.as_of) as last_on
    from earlier_controls as c
    join identities as i on i.valid_to is null and identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) = c.identifier_hash
    group by c.audience, i.customer_id
)
select audience, customer_id, min(entered_on) as entered_on, min(arm) as arm, min(variant) as variant, true as is_member
from followed
group by audience, customer_id
union all
select c.audience, c.customer_id, c.entered_on, 'control' as arm, cast(null as varchar) as variant, true as is_member
from controls as c
left join followed as f on f.audience = c.audience and f.customer_id = c.customer_id
where f.customer_id is null and c.last_on = (select max(as_of) from previous_audiences)
union all
select distinct e.audience, i.customer_id, e.as_of as entered_on, cast(null as varchar) as arm, cast(null as varchar) as variant, false as is_member
from earlier_entries as e
join identities as i on i.valid_to is null and identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) = e.identifier_hash
