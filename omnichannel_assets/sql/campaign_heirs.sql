-- campaign_heirs: everybody who ever entered a campaign, with who they are at $as_of: the customer who holds most of the identifiers they had then.
-- Grain: audience, customer_id. Reads: audiences_until, identities_history, identities.
-- heir_id is null when nobody holds any of them. Of several who became one customer the first to enter has turn 1; entering on one day, the control.
with entered as (
    select audience, customer_id, min(as_of) as seen_on, min(coalesce(entered_on, as_of)) as entered_on from audiences_until group by audience, customer_id
),
shared as (
    select e.audience, e.customer_id, n.customer_id as heir_id, count(*) as identifiers
    from entered as e
    join identities_history as h on h.customer_id = e.customer_id and h.valid_from <= e.seen_on and (h.valid_to is null or h.valid_to > e.seen_on)
    join identities as n on n.identifier_type = h.identifier_type and n.identifier_value = h.identifier_value and n.valid_to is null
    group by e.audience, e.customer_id, n.customer_id
),
heirs as (
    select audience, customer_id, heir_id, row_number() over (partition by audience, customer_id order by identifiers desc, heir_id) as place from shared
),
followed as (
    select e.audience, e.customer_id, e.seen_on, e.entered_on, a.arm, a.variant, h.heir_id
    from entered as e
    join audiences_until as a on a.audience = e.audience and a.customer_id = e.customer_id and a.as_of = e.seen_on
    left join heirs as h on h.audience = e.audience and h.customer_id = e.customer_id and h.place = 1
)
select audience, customer_id, seen_on, entered_on, arm, variant, heir_id,
    case when heir_id is not null then row_number() over (partition by audience, heir_id order by entered_on, arm, customer_id) end as turn
from followed
