-- customer_fields: every field of a customer as of $as_of: its value, who told it and when, why that one, and how many other values lost.
-- Grain: customer_id, field. Reads: told_fields.
-- One rule for all: the shop database's current records before Segment, then the newest, then the later source, then the lesser value. What the shop
-- database deleted or emptied is not used. A name comes whole from one record or message, and so does an address.
with ranked as (
    select *, row_number() over (partition by customer_id, kind order by rank, told_at desc, told_by desc, part) as place from told_fields
),
tellers as (
    select customer_id, kind, case kind when 'name' then ' names' when 'address' then ' addresses' else ' values' end as noun, count(*) filter (where rank = 0) as in_shop, count(*) filter (where rank = 1) as in_segment,
        count(distinct part) as parts, count(distinct part_2) as parts_2, count(distinct part_3) as parts_3, count(distinct part_4) as parts_4
    from told_fields
    group by customer_id, kind
),
chosen as (
    select r.*, t.parts, t.parts_2, t.parts_3, t.parts_4,
        case
            when r.rank = 0 and t.in_shop > 1 then 'newest of ' || cast(t.in_shop as varchar) || t.noun || ' in the shop database'
            when r.rank = 0 and t.in_segment > 0 then 'the shop database goes before Segment'
            when r.rank = 0 then 'only the shop database tells it'
            when r.rank = 1 and t.in_segment > 1 then 'newest of ' || cast(t.in_segment as varchar) || t.noun || ' that Segment tells'
            when r.rank = 1 then 'only Segment tells it'
            when r.kind = 'address' then 'nobody tells more than a country'
            else 'told by an earlier record of the shop database'
        end as reason
    from ranked as r
    join tellers as t on t.customer_id = r.customer_id and t.kind = r.kind
    where r.place = 1
)
select customer_id, case kind when 'name' then 'first_name' when 'address' then 'street' else kind end as field, part as "value",
    told_by as source, told_at, reason, parts - 1 as alternatives
from chosen
where part is not null
union all
select customer_id, case kind when 'name' then 'last_name' else 'city' end, part_2, told_by, told_at, reason, parts_2 - 1 from chosen where part_2 is not null
union all
select customer_id, 'postcode', part_3, told_by, told_at, reason, parts_3 - 1 from chosen where part_3 is not null
union all
select customer_id, 'country', part_4, told_by, told_at, reason, parts_4 - 1 from chosen where part_4 is not null
