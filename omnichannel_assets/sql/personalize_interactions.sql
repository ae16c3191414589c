-- personalize_interactions: what Personalize trains on: positive events with an item, of everybody but people the shop deleted.
-- Grain: customer_id, item_id, event_at, event_type, order_id, message_id. Reads: interactions, erased_customers.
select i.customer_id, i.item_id, i.event_at, i.event_type, i."value", i.channel, i.order_id, i.message_id
from interactions as i
left join erased_customers as e on e.customer_id = i.customer_id
where e.customer_id is null and i.item_id is not null and i.event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Purchase')
