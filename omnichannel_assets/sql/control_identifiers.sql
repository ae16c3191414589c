-- control_identifiers: by which identifiers the controls of an as-of date were known at it, as keyed hashes.
-- Grain: as_of, audience, identifier_hash. Reads: audiences, identities.
select distinct a.audience, a.as_of, identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) as identifier_hash
from audiences as a
join identities as i on i.customer_id = a.customer_id and i.valid_to is null
where a.arm = 'control'
