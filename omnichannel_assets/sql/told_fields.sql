-- told_fields: what current records of the shop database and Segment's calls tell of each customer's fields as of $as_of, each value with its newest teller.
-- Grain: customer_id, kind, rank, part, part_2, part_3, part_4. Reads: identifiers, identities, dms_customers, segment_events, segment_duplicates.
-- The parts of a name are told together (part: first, part_2: last), and so are those of an address (street, city, postcode, country).
-- rank says who goes first: 0 the shop database's current records, 1 Segment, 2 its earlier records (numbers only); an address of a country alone comes 2 later.
with shop as (
    select i.customer_id, c.known_at as told_at, 'customers/' || link_part(c.customer_id) || '/' || cast(c.version as varchar) as link_id,
        nullif(trim(c.first_name), '') as first_name, nullif(trim(c.last_name), '') as last_name, nullif(trim(c.street), '') as street, nullif(trim(c.city), '') as city,
        nullif(trim(c.postcode), '') as postcode, nullif(trim(c.country), '') as country, nullif(trim(c.birth_date), '') as birth_date
    from dms_customers as c
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(c.customer_id) and i.valid_to is null
    where c.valid_from < $as_of and (c.valid_to is null or c.valid_to >= $as_of) and not c.is_deleted
),
calls as (
    select e.message_id, e.known_at, nullif(trim(e.first_name), '') as first_name, nullif(trim(e.last_name), '') as last_name, nullif(trim(e.street), '') as street,
        nullif(trim(e.city), '') as city, nullif(trim(e.postcode), '') as postcode, nullif(trim(e.country), '') as country, nullif(trim(e.birth_date), '') as birth_date
    from segment_events as e
    left join segment_duplicates as d on d.message_id = e.message_id and d.received_day = e.received_day
    where d.message_id is null and e.event_at < $as_of and e.known_at < $as_of and not e.event_time_suspect and not e.is_computed
        and coalesce(e.first_name, e.last_name, e.street, e.city, e.postcode, e.country, e.birth_date) is not null
),
callers as (
    select l.link_id as message_id, i.customer_id,
        row_number() over (partition by l.link_id order by case l.identifier_type when 'user_id' then 0 when 'email' then 1 else 2 end, l.identifier_type, l.identifier_value) as place
    from identifiers as l
    join calls as c on c.message_id = l.link_id
    join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value and i.valid_to is null
    where l.source = 'segment'
),
records as (
    select customer_id, 0 as rank, told_at, 'dms:' || link_id as told_by, first_name, last_name, street, city, postcode, country, birth_date from shop
    union all
    select m.customer_id, 1, c.known_at, 'segment:' || c.message_id, c.first_name, c.last_name, c.street, c.city, c.postcode, c.country, c.birth_date
    from calls as c
    join callers as m on m.message_id = c.message_id and m.place = 1
),
told as (
    select i.customer_id, l.identifier_type as kind, case when s.link_id is not null then 0 when l.source = 'segment' then 1 else 2 end as rank, l.known_at as told_at,
        l.source || ':' || l.link_id as told_by, l.identifier_value as part, cast(null as varchar) as part_2, cast(null as varchar) as part_3, cast(null as varchar) as part_4
    from identifiers as l
    join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value and i.valid_to is null
    left join (select distinct link_id from shop) as s on l.source = 'dms' and s.link_id = l.link_id
    where l.known_at < $as_of and l.source in ('dms', 'segment')
        and (l.identifier_type in ('user_id', 'customer_ref') or l.identifier_type in ('email', 'phone') and (l.source = 'segment' or s.link_id is not null))
    union all
    select customer_id, 'name', rank, told_at, told_by, first_name, last_name, null, null from records where coalesce(first_name, last_name) is not null
    union all
    select customer_id, 'address', case when coalesce(street, city, postcode) is null then rank + 2 else rank end, told_at, told_by, street, city, postcode, country
    from records
    where coalesce(street, city, postcode, country) is not null
    union all
    select customer_id, 'birth_date', rank, told_at, told_by, birth_date, null, null, null from records where birth_date is not null
),
newest as (
    select customer_id, kind, rank, part, part_2, part_3, part_4, max({'told_at': told_at, 'told_by': told_by}) as teller
    from told
    group by customer_id, kind, rank, part, part_2, part_3, part_4
)
select customer_id, kind, rank, part, part_2, part_3, part_4, teller.told_at as told_at, teller.told_by as told_by from newest
