-- Fields that anybody tells of customers = fields here + parts of a name or address that the chosen record does not tell.
-- Grain: one row. Reads: told_fields, built.
with fields as (
    select customer_id, case kind when 'name' then 'first_name' when 'address' then 'street' else kind end as field from told_fields where part is not null
    union
    select customer_id, case kind when 'name' then 'last_name' else 'city' end from told_fields where part_2 is not null
    union
    select customer_id, 'postcode' from told_fields where part_3 is not null
    union
    select customer_id, 'country' from told_fields where part_4 is not null
)
select count(*) as rows_in, (select count(*) from built) as rows_out,
    count(*) filter (where b.customer_id is null and f.field in ('first_name', 'last_name', 'street', 'city', 'postcode', 'country')) as left_out_by_the_record
from fields as f
left join built as b on b.customer_id = f.customer_id and b.field = f.field
