-- interactions: customer x item x event type x time, as of $as_of; merchandise only, never without a customer.
-- Grain: customer_id, event_at, event_type, item_id, order_id, message_id. Reads: event_facts, orders, order_lines, returns, fact_owners.
-- Purchases and returns are one row per order and item with quantities summed; cancelled orders are no purchases.
with behaviour as (
    select i.customer_id, nullif(f.item_id, '') as item_id, f.event_type, f.event_at, f.known_at, 'online' as channel, f.quantity, f."value",
        cast(null as varchar) as order_id, f.message_id
    from event_facts as f
    join fact_owners as i on i.message_id = f.message_id
    where f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
        and (f.event_type in ('Search', 'PromotionView', 'PromotionClick')
            or f.event_type in ('View', 'Click', 'AddToCart', 'RemoveFromCart', 'AddToWishlist', 'RemoveFromWishlist')
                and f.item_id <> '' and not whole_match(f.item_id, $not_merchandise))
),
purchases as (
    select o.customer_id, l.item_id, 'Purchase' as event_type, o.ordered_at as event_at, o.known_at, o.channel,
        sum(l.quantity) as quantity, sum(l.line_total) as "value", o.order_id, o.message_id
    from orders as o
    join order_lines as l on l.order_id = o.order_id
    where o.customer_id is not null and l.is_merchandise and not is_called_off(o.status)
    group by o.customer_id, l.item_id, o.ordered_at, o.known_at, o.channel, o.order_id, o.message_id
),
given_back as (
    select customer_id, item_id, 'Return' as event_type, returned_at as event_at, min(known_at) as known_at, channel,
        sum(quantity) as quantity, sum(amount) as "value", order_id, case when channel = 'online' then return_id end as message_id
    from returns
    where customer_id is not null and item_id is not null and not whole_match(item_id, $not_merchandise)
    group by customer_id, item_id, returned_at, channel, order_id, case when channel = 'online' then return_id end
)
select customer_id, item_id, event_type, event_at, known_at, channel, quantity, "value", order_id, message_id from behaviour
union all
select customer_id, item_id, event_type, event_at, known_at, channel, cast(quantity as bigint), "value", order_id, message_id from purchases
union all
select customer_id, item_id, event_type, event_at, known_at, channel, cast(quantity as bigint), "value", order_id, message_id from given_back
