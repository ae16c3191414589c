-- ended_customers: customer ids that a channel holds, or may hold, and that nobody has any more: merged, split, renamed, or gone.
-- Grain: channel, customer_id. Reads: destination_customers, identities.
-- Identities without a single row say nothing about anybody, so that a failed step upstream deletes nobody.
select d.channel, d.customer_id
from destination_customers as d
left join identities as i on i.customer_id = d.customer_id and i.valid_to is null
where i.customer_id is null and exists (select 1 from identities)
