-- campaign_choices: what becomes of everybody a campaign's rule chooses: a member with arm and sub-group, or why not.
-- Grain: audience, customer_id. Reads: chosen, arms, campaign_rules, campaign_variants, contactable_customers, held_out_customers, campaign_history.
-- Cooling-off and the weekly cap hold for entering only, and for both arms alike: a control counts as contacted, or the arms would differ.
with members as (
    select audience, customer_id, entered_on, arm, variant from campaign_history where is_member
),
last_entries as (
    select audience, customer_id, max(entered_on) as entered_on from campaign_history where not is_member group by audience, customer_id
),
contacts as (
    select h.customer_id, count(distinct h.audience || ' ' || cast(h.entered_on as varchar)) as contacts
    from campaign_history as h
    left join campaign_rules as r on r.audience = h.audience
    where not h.is_member and h.entered_on > $week_before and coalesce(r.is_contact, true)
    group by h.customer_id
),
asked as (
    select c.audience, c.customer_id, r.is_contact, r.priority, m.entered_on as member_since, m.arm as member_arm, m.variant as member_variant,
        case when k.customer_id is null then 'not_contactable' when m.customer_id is not null then 'member' when l.entered_on > r.cools_since then 'cooling_off' else 'entering' end as outcome
    from chosen as c
    join campaign_rules as r on r.audience = c.audience
    left join contactable_customers as k on k.customer_id = c.customer_id
    left join members as m on m.audience = c.audience and m.customer_id = c.customer_id
    left join last_entries as l on l.audience = c.audience and l.customer_id = c.customer_id
),
ranked as (
    select audience, customer_id, row_number() over (partition by customer_id order by priority, audience) as place
    from asked
    where outcome = 'entering' and is_contact
)
select a.audience, a.customer_id,
    case when a.outcome = 'entering' and coalesce(t.contacts, 0) + p.place > $contacts_a_week then 'over_cap' when a.outcome = 'entering' then 'member' else a.outcome end as outcome,
    coalesce(a.member_since, $as_of_date) as entered_on,
    case when h.customer_id is not null then 'control' else coalesce(a.member_arm, d.arm) end as arm,
    coalesce(v.variant, d.variant) as variant
from asked as a
join arms as d on d.audience = a.audience and d.customer_id = a.customer_id
left join ranked as p on p.audience = a.audience and p.customer_id = a.customer_id
left join contacts as t on t.customer_id = a.customer_id
left join held_out_customers as h on h.audience = a.audience and h.customer_id = a.customer_id
left join campaign_variants as v on v.audience = a.audience and v.variant = a.member_variant
