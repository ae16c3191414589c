-- held_out_customers: the controls of each audience, under the ids they have now: who was joined with a control since then is one.
-- Grain: audience, customer_id. Reads: audiences, identities, identities_then.
select distinct a.audience, i.customer_id
from audiences as a
join identities_then as t on t.customer_id = a.customer_id
join identities as i on i.identifier_type = t.identifier_type and i.identifier_value = t.identifier_value and i.valid_to is null
where a.arm = 'control' and t.valid_to is null
