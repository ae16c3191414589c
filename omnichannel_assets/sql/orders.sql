-- orders: every order known before $as_of, once; the shop database's facts win, the customer comes from whichever side knows one.
-- Grain: order_id. Reads: dms_orders, order_facts, fact_owners, identities.
-- An order that the shop database deleted is none, also when Segment told of it. The currency is the newest one told of the order;
-- when no message names any it is USD (Segment's default, e-commerce specification v2).
-- A shop database order with no customer number and no Segment message has customer_id null: a till sale to nobody known.
with shop as (
    select o.order_id, i.customer_id, case when list_contains($online_store_ids, lower(trim(o.store_id))) then 'online' else 'store' end as channel, nullif(trim(o.store_id), '') as store_id,
        coalesce(o.ordered_at, f.known_at) as ordered_at, o.total, o.currency, o.status, f.known_at
    from dms_orders as o
    join (select order_id, min(known_at) as known_at from dms_orders where not is_deleted group by order_id) as f on f.order_id = o.order_id
    left join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(o.customer_id) and i.valid_to is null
    where o.valid_from < $as_of and (o.valid_to is null or o.valid_to >= $as_of) and not o.is_deleted and coalesce(o.ordered_at, f.known_at) < $as_of
),
deleted as (
    select distinct order_id from dms_orders where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and is_deleted
),
told as (
    select *, row_number() over (partition by order_id, fact order by known_at, message_id) as place,
        row_number() over (partition by order_id, total is not null and fact in ('completed', 'updated') order by known_at desc, message_id desc) as newest
    from order_facts
    where event_at < $as_of and known_at < $as_of and not event_time_suspect
),
currencies as (
    select order_id, currency, row_number() over (partition by order_id order by known_at desc, message_id desc) as newest
    from told
    where currency is not null and fact in ('completed', 'updated')
),
told_orders as (
    select c.order_id, c.message_id, c.event_at, c.known_at, i.customer_id, t.total, coalesce(m.currency, 'USD') as currency, x.order_id is not null as is_cancelled
    from told as c
    left join currencies as m on m.order_id = c.order_id and m.newest = 1
    left join told as t on t.order_id = c.order_id and t.newest = 1 and t.total is not null and t.fact in ('completed', 'updated')
    left join told as x on x.order_id = c.order_id and x.fact = 'cancelled' and x.place = 1
    left join fact_owners as i on i.message_id = c.message_id
    where c.fact = 'completed' and c.place = 1 and c.order_id not in (select order_id from deleted where order_id is not null)
)
select coalesce(s.order_id, t.order_id) as order_id, coalesce(s.customer_id, t.customer_id) as customer_id, coalesce(s.channel, 'online') as channel, s.store_id,
    coalesce(s.ordered_at, t.event_at) as ordered_at,
    case when s.order_id is null then t.known_at when t.order_id is null then s.known_at else least(s.known_at, t.known_at) end as known_at,
    case when s.order_id is null then t.total else s.total end as total,
    case when s.order_id is null then t.currency else s.currency end as currency,
    case when s.order_id is not null then s.status when t.is_cancelled then 'cancelled' else 'completed' end as status,
    case when t.order_id is null then 'dms' when s.order_id is null then 'segment' else 'both' end as source,
    t.message_id
from shop as s
full join told_orders as t on t.order_id = s.order_id
