-- contactable_customers: who may be sent a campaign by e-mail: known, with an address, opted in, not deleted by the shop, at an address of their own.
-- Grain: customer_id. Reads: customers, erased_customers, shared_addresses.
-- A choice nobody made is no consent (design: unknown is not contactable).
select c.customer_id
from customers as c
left join erased_customers as e on e.customer_id = c.customer_id
left join shared_addresses as a on a.email = c.email
where c.is_known and c.email is not null and c.email_opt_in and e.customer_id is null and a.email is null
