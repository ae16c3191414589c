-- fact_owners: whose each fact of Segment's is, as of $as_of: the customer of its best identifier that has one. A fact of nobody is not here.
-- Grain: message_id. Reads: event_facts, order_facts, identities.
-- An identifier without a customer is shared by several people (a kiosk, a family's e-mail): the fact then belongs to the next best one's customer.
with told as (
    select message_id, identifier_type, identifier_value, other_identifiers from event_facts where known_at < $as_of
    union all
    select message_id, identifier_type, identifier_value, other_identifiers from order_facts where known_at < $as_of
),
owned as (
    select t.message_id, t.other_identifiers, i.customer_id
    from told as t
    left join identities as i on i.identifier_type = t.identifier_type and i.identifier_value = t.identifier_value and i.valid_to is null
),
others as (
    select distinct message_id, unnest(other_identifiers) as other, generate_subscripts(other_identifiers, 1) as position
    from owned
    where customer_id is null
),
heirs as (
    select o.message_id, i.customer_id, row_number() over (partition by o.message_id order by o.position) as place
    from others as o
    join identities as i on i.identifier_type = o.other.identifier_type and i.identifier_value = o.other."value" and i.valid_to is null
)
select message_id, min(customer_id) as customer_id from owned where customer_id is not null group by message_id
union all
select message_id, customer_id from heirs where place = 1
