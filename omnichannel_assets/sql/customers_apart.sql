-- customers_apart: customers whom links tie together but limits keep apart, and how many links do, as of $as_of.
-- Grain: customer_id, other_customer_id. Reads: identifiers, numbered_identifiers.
-- A link that carries identifiers of three customers ties the first to each of the others.
with carried as (
    select distinct l.source, l.link_id, n.customer_id
    from identifiers as l
    join numbered_identifiers as n on n.identifier_type = l.identifier_type and n.identifier_value = l.identifier_value
    where l.known_at < $as_of
),
between_customers as (
    select source, link_id, min(customer_id) as first_id from carried group by source, link_id having count(*) > 1
)
select b.first_id as customer_id, c.customer_id as other_customer_id, count(*) as links
from between_customers as b
join carried as c on c.source = b.source and c.link_id = b.link_id and c.customer_id <> b.first_id
group by b.first_id, c.customer_id
