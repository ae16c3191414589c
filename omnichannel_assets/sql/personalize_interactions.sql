-- personalize_interactions: what Personalize trains on: positive events with an item, of everybody but people the shop deleted.
-- Grain: user_id, item_id, timestamp, event_type. Reads: interactions, erased_customers.
-- Columns as Personalize names them (in lower case). Two equal rows of one second are one event there. known_at stays here: it tells which rows are new.
select i.customer_id as user_id, i.item_id, i.event_at as "timestamp", i.event_type, i."value" as event_value, i.channel, i.known_at
from interactions as i
left join erased_customers as e on e.customer_id = i.customer_id
where e.customer_id is null and i.item_id is not null and i.event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Purchase')
