-- customers: one row per customer as of $as_of, with what is known of them and who told it.
-- Grain: customer_id. Reads: identities, identifiers, segment_events, segment_duplicates, dms_customers, customer_fields, consents, customer_spending.
-- Which value of a field wins is said in customer_fields, which choice in consents, what counts as bought in customer_spending.
-- $known_types are the identifier types that make a person known. A device is an anonymous id or the id of a phone or tablet.
with people as (
    select customer_id, bool_or(list_contains($known_types, identifier_type)) as is_known, min(first_known_at) as first_known_at,
        count(*) filter (where identifier_type in ('anonymous_id', 'ios.id', 'android.id')) as devices, bool_or(identifier_type in ('anonymous_id', 'ga_client_id')) as has_web,
        bool_or(identifier_type like 'ios.%') as has_ios, bool_or(identifier_type like 'android.%') as has_android
    from identities
    where valid_to is null
    group by customer_id
),
fields as (
    select customer_id, max(case when field = 'user_id' then "value" end) as user_id, max(case when field = 'customer_ref' then "value" end) as customer_ref,
        max(case when field = 'email' then "value" end) as email, max(case when field = 'phone' then "value" end) as phone,
        max(case when field = 'first_name' then "value" end) as first_name, max(case when field = 'last_name' then "value" end) as last_name,
        max(case when field = 'street' then "value" end) as street, max(case when field = 'city' then "value" end) as city,
        max(case when field = 'postcode' then "value" end) as postcode, max(case when field = 'country' then "value" end) as country,
        max(case when field = 'birth_date' then "value" end) as birth_date,
        max(case when field = 'email' then source end) as email_source, max(case when field = 'phone' then source end) as phone_source,
        max(case when field in ('first_name', 'last_name') then source end) as name_source,
        max(case when field in ('street', 'city', 'postcode', 'country') then source end) as address_source
    from customer_fields
    group by customer_id
),
messages as (
    select l.link_id as message_id, i.customer_id,
        row_number() over (partition by l.link_id order by case l.identifier_type when 'user_id' then 0 when 'email' then 1 else 2 end, l.identifier_type, l.identifier_value) as place
    from identifiers as l
    join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value and i.valid_to is null
    where l.source = 'segment'
),
seen as (
    select m.customer_id, min(e.event_at) as first_at, max(e.event_at) as last_at
    from segment_events as e
    join messages as m on m.message_id = e.message_id and m.place = 1
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    where d.message_id is null and e.event_at < $as_of and e.known_at < $as_of and not e.event_time_suspect and not e.is_computed and coalesce(e.event_name, '') <> 'Email Delivered'
    group by m.customer_id
),
registered as (
    select i.customer_id, min(c.created_at) as first_at
    from dms_customers as c
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(c.customer_id) and i.valid_to is null
    where c.valid_from < $as_of and (c.valid_to is null or c.valid_to >= $as_of) and not c.is_deleted
    group by i.customer_id
)
select p.customer_id, p.is_known, f.user_id, f.customer_ref, f.email, f.phone, f.first_name, f.last_name, f.street, f.city, f.postcode, f.country, f.birth_date,
    o.opted_in as email_opt_in, o.chosen_at as email_opt_in_at,
    coalesce(least(s.first_at, b.first_order_at, r.first_at, b.first_return_at), p.first_known_at) as first_seen_at, greatest(s.last_at, b.last_order_at, b.last_return_at) as last_seen_at,
    coalesce(b.orders, 0) as orders, coalesce(b.lifetime_value, 0) as lifetime_value, b.currency, b.first_order_at, b.last_order_at, b.preferred_channel, b.preferred_store, b.favourite_categories,
    p.devices, nullif(substring(case when p.has_ios then ', ios' else '' end || case when p.has_android then ', android' else '' end || case when p.has_web then ', web' else '' end, 3), '') as device_kinds,
    f.email_source, f.phone_source, f.name_source, f.address_source, o.source as email_opt_in_source
from people as p
left join fields as f on f.customer_id = p.customer_id
left join consents as o on o.customer_id = p.customer_id and o.channel = 'email' and o.is_current
left join customer_spending as b on b.customer_id = p.customer_id
left join seen as s on s.customer_id = p.customer_id
left join registered as r on r.customer_id = p.customer_id
