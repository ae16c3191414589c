-- customers: one row per customer as of $as_of, each field with the source that won it.
-- Grain: customer_id. Reads: identities, identifiers, segment_events, segment_duplicates, event_facts, fact_owners, dms_customers, orders, returns.
-- A cancelled order is no revenue, so a refund of one is not taken off again.
-- Survivorship: the shop database's current records before Segment, then the newest; what the shop database deleted or emptied is not used.
-- Consent: the latest explicit choice of current records and of Segment; at the same time opted out wins. An opt-out whose own time cannot
-- be trusted counts from when it was known. $known_types are the identifier types that make a person known.
with people as (
    select customer_id, bool_or(list_contains($known_types, identifier_type)) as is_known, min(first_known_at) as first_known_at
    from identities
    where valid_to is null
    group by customer_id
),
shop as (
    select i.customer_id, c.customer_id as customer_ref, c.version, c.first_name, c.last_name, c.created_at, c.known_at,
        'customers/' || link_part(c.customer_id) || '/' || cast(c.version as varchar) as link_id
    from dms_customers as c
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(c.customer_id) and i.valid_to is null
    where c.valid_from < $as_of and (c.valid_to is null or c.valid_to >= $as_of) and not c.is_deleted
),
carried as (
    select i.customer_id, l.source, l.link_id, l.identifier_type, l.identifier_value,
        row_number() over (partition by i.customer_id, l.identifier_type
            order by case when s.link_id is not null then 0 when l.source = 'segment' then 1 else 2 end, l.known_at desc, l.link_id desc, l.identifier_value) as place
    from identifiers as l
    join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value and i.valid_to is null
    left join (select distinct link_id from shop) as s on l.source = 'dms' and s.link_id = l.link_id
    where l.known_at < $as_of and (l.identifier_type in ('user_id', 'customer_ref') or l.identifier_type in ('email', 'phone') and (l.source = 'segment' or s.link_id is not null))
),
chosen as (
    select customer_id,
        max(case when identifier_type = 'user_id' then identifier_value end) as user_id,
        max(case when identifier_type = 'customer_ref' then identifier_value end) as customer_ref,
        max(case when identifier_type = 'email' then identifier_value end) as email,
        max(case when identifier_type = 'phone' then identifier_value end) as phone,
        max(case when identifier_type = 'email' then source || ':' || link_id end) as email_source,
        max(case when identifier_type = 'phone' then source || ':' || link_id end) as phone_source
    from carried
    where place = 1
    group by customer_id
),
messages as (
    select l.link_id as message_id, i.customer_id,
        row_number() over (partition by l.link_id order by case l.identifier_type when 'user_id' then 0 when 'email' then 1 else 2 end, l.identifier_type, l.identifier_value) as place
    from identifiers as l
    join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value and i.valid_to is null
    where l.source = 'segment'
),
calls as (
    select m.customer_id, e.message_id, e.event_at, e.known_at, e.event_name, e.first_name, e.last_name
    from segment_events as e
    join messages as m on m.message_id = e.message_id and m.place = 1
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    where d.message_id is null and e.event_at < $as_of and e.known_at < $as_of and not e.event_time_suspect and not e.is_computed
),
names as (
    select *, row_number() over (partition by customer_id order by rank, known_at desc, name_source desc) as place
    from (
        select customer_id, 0 as rank, known_at, nullif(trim(first_name), '') as first_name, nullif(trim(last_name), '') as last_name,
            'dms:' || link_id as name_source from shop
        union all
        select customer_id, 1, known_at, nullif(trim(first_name), ''), nullif(trim(last_name), ''), 'segment:' || message_id from calls
    ) as told
    where first_name is not null or last_name is not null
),
opt_ins as (
    select customer_id, version, marketing_opt_in, coalesce(updated_at, known_at) as chosen_at,
        lag(marketing_opt_in) over (partition by customer_id order by version) as opted_in_before
    from dms_customers
    where marketing_opt_in is not null and not is_deleted and valid_from < $as_of and customer_id in (select customer_ref from shop)
),
choices as (
    select i.customer_id, o.chosen_at, o.marketing_opt_in as opted_in, 'dms:customers/' || link_part(o.customer_id) || '/' || cast(o.version as varchar) as choice_source
    from opt_ins as o
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(o.customer_id) and i.valid_to is null
    where o.opted_in_before is distinct from o.marketing_opt_in and o.chosen_at < $as_of
    union all
    select i.customer_id, case when f.event_time_suspect then f.known_at else f.event_at end, false, 'segment:' || f.message_id
    from event_facts as f
    join fact_owners as i on i.message_id = f.message_id
    where f.event_type = 'Unsubscribed' and f.known_at < $as_of and (f.event_time_suspect or f.event_at < $as_of)
),
consent as (
    select *, row_number() over (partition by customer_id order by chosen_at desc, opted_in, choice_source) as place from choices
),
bought as (
    select customer_id, count(*) as orders, sum(total) as revenue, min(ordered_at) as first_at, max(ordered_at) as last_at,
        min(currency) as lowest_currency, max(currency) as highest_currency
    from orders
    where customer_id is not null and not is_called_off(status)
    group by customer_id
),
refunded as (
    select r.customer_id, sum(case when not is_called_off(o.status) then r.amount else 0 end) as amount,
        min(r.returned_at) as first_at, max(r.returned_at) as last_at,
        min(r.currency) as lowest_currency, max(r.currency) as highest_currency
    from returns as r
    left join orders as o on o.order_id = r.order_id
    where r.customer_id is not null
    group by r.customer_id
),
seen as (
    select customer_id, min(event_at) as first_at, max(event_at) as last_at from calls where coalesce(event_name, '') <> 'Email Delivered' group by customer_id
),
registered as (
    select customer_id, min(created_at) as first_at from shop group by customer_id
)
select p.customer_id, p.is_known, c.user_id, c.customer_ref, c.email, c.phone, n.first_name, n.last_name, o.opted_in as email_opt_in, o.chosen_at as email_opt_in_at,
    coalesce(least(s.first_at, b.first_at, r.first_at, f.first_at), p.first_known_at) as first_seen_at,
    greatest(s.last_at, b.last_at, f.last_at) as last_seen_at,
    coalesce(b.orders, 0) as orders, coalesce(b.revenue, 0) - coalesce(f.amount, 0) as revenue,
    case when least(b.lowest_currency, f.lowest_currency) <> greatest(b.highest_currency, f.highest_currency) then 'mixed' else coalesce(b.highest_currency, f.highest_currency) end as currency,
    c.email_source, c.phone_source, n.name_source, o.choice_source as email_opt_in_source
from people as p
left join chosen as c on c.customer_id = p.customer_id
left join names as n on n.customer_id = p.customer_id and n.place = 1
left join consent as o on o.customer_id = p.customer_id and o.place = 1
left join bought as b on b.customer_id = p.customer_id
left join refunded as f on f.customer_id = p.customer_id
left join seen as s on s.customer_id = p.customer_id
left join registered as r on r.customer_id = p.customer_id
