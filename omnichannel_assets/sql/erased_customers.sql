-- erased_customers: customers whom the shop database knew and has deleted, every record of theirs, as of $as_of.
-- Grain: customer_id. Reads: identities, dms_customers.
-- A deletion there is how a person leaves: no campaign and no data stream sends them any more, also when Segment still knows them.
select i.customer_id
from dms_customers as c
join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(c.customer_id) and i.valid_to is null
where c.valid_from < $as_of and (c.valid_to is null or c.valid_to >= $as_of)
group by i.customer_id
having bool_and(c.is_deleted)
