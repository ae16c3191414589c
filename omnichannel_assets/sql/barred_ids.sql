-- barred_ids: the ids Segment knows people by whom no campaign may hold: who opted out, whom the shop deleted, an audience's controls; and ids of nobody.
-- Grain: audience, identifier_type, identifier_value. Reads: customers, erased_customers, held_out_customers, identities, identities_history.
-- An audience of NULL is every audience. Unlike an absence from an empty audience, each of these is something that somebody said or did.
with barred as (
    select cast(null as varchar) as audience, customer_id from customers where not email_opt_in
    union
    select cast(null as varchar), customer_id from erased_customers
    union
    select audience, customer_id from held_out_customers
)
select b.audience, i.identifier_type, i.identifier_value
from barred as b
join identities as i on i.customer_id = b.customer_id and i.identifier_type in ('user_id', 'anonymous_id') and i.valid_to is null
union
select cast(null as varchar), h.identifier_type, h.identifier_value
from identities_history as h
left join identities as i on i.identifier_type = h.identifier_type and i.identifier_value = h.identifier_value and i.valid_to is null
where h.identifier_type in ('user_id', 'anonymous_id') and i.customer_id is null
