-- shared_addresses: e-mail addresses that the records of several customers carry, as of $as_of: a message there reaches more people than it is meant for.
-- Grain: email. Reads: identifiers, identities.
-- Identity gives an address to one customer; others who gave it too (limits kept them apart) have no address of their own, and a choice of their own.
select e.identifier_value as email
from identifiers as e
join identifiers as o on o.source = e.source and o.link_id = e.link_id and o.identifier_type in ('user_id', 'customer_ref')
join identities as i on i.identifier_type = o.identifier_type and i.identifier_value = o.identifier_value and i.valid_to is null
where e.identifier_type = 'email' and e.known_at < $as_of
group by e.identifier_value
having min(i.customer_id) <> max(i.customer_id)
