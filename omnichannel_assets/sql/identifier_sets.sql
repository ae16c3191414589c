-- identifier_sets: which identifiers of one customer links carried together, and how many links did, as of $as_of.
-- Grain: customer_id, source, members. Reads: identifiers, numbered_identifiers.
-- A link between customers whom limits keep apart counts in each of them, with the identifiers it has there.
-- Engine: DuckDB (lists are built in order).
with members as (
    select l.source, l.link_id, n.customer_id, list(n.number order by n.number) as members
    from identifiers as l
    join numbered_identifiers as n on n.identifier_type = l.identifier_type and n.identifier_value = l.identifier_value
    where l.known_at < $as_of
    group by l.source, l.link_id, n.customer_id
)
select customer_id, source, members, count(*) as links
from members
group by customer_id, source, members
