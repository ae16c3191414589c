-- audience_entries: by which identifiers those who entered an audience at an as-of date were known at it, as keyed hashes. Both arms alike.
-- Grain: as_of, audience, identifier_hash. Reads: audiences, identities.
select distinct a.audience, a.as_of, identifier_hash($identifier_salt, i.identifier_type, i.identifier_value) as identifier_hash
from audiences as a
join identities as i on i.customer_id = a.customer_id and i.valid_to is null
where a.entered_on = a.as_of
