-- held_out_customers: the controls of each audience: once a control, always one. Whoever holds an identifier that a control held before is one.
-- Grain: audience, customer_id. Reads: earlier_controls, identities.
-- By identifiers and not by customer ids, so that the rule outlives merges, splits and ids that a later run corrects.
select distinct c.audience, i.customer_id
from earlier_controls as c
join identities as i on i.valid_to is null and identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) = c.identifier_hash
