-- customer_features: one row per eligible customer as of $as_of: a known customer with a purchase in the last $eligible_days days (0: ever).
-- Grain: as_of, customer_id. Reads: identities, orders, order_lines, returns, event_facts, fact_owners, dms_subscriptions, dms_products, products.
-- A line that ends in a comment declares a feature, and is the only place that does: family | kind | unit | direction | words of a reason | description.
-- Its column, the models' inputs and the reasons come from that line; ``sql/features.py`` reads it and says what each part may be. Columns without one stay inside.
-- A purchase is an order that was not called off. A window of w days is [T - w, T): what happened exactly w days before T is in it, T is not.
-- Counts of behaviour are NULL where the shop's events were not yet collected over the whole window: nothing seen is not nothing done. Since when
-- is told by when events were known: a device that was offline, or whose clock is wrong, tells of days that nobody collected.
-- A subscription is active by its start and end, never by its status. Its renewal is read from recorded changes only: in a full load a value
-- that changed later is empty, which would tell the future. A list price is the one in force when the order was placed.
with people as (
    select customer_id, min(first_known_at) as first_known_at from identities where valid_to is null group by customer_id having bool_or(list_contains($known_types, identifier_type))
),
purchases as (
    select o.customer_id, o.order_id, o.ordered_at, o.channel, o.total, cast(o.ordered_at as date) as order_day, days_between(o.ordered_at, $as_of) as age
    from orders as o
    join people as p on p.customer_id = o.customer_id
    where not is_called_off(o.status)
),
collected as (
    select max(days_between(known_at, $as_of)) as collected_days from event_facts where event_at < $as_of and known_at < $as_of and not event_time_suspect
),
eligible as (
    select b.customer_id, c.collected_days,
        days_between(p.first_known_at, $as_of) as known_days -- tenure | number | day/days | either | known for {} | time from the first instant any of the customer's identifiers was known to T
    from (select customer_id, min(age) as age from purchases group by customer_id) as b
    join people as p on p.customer_id = b.customer_id
    join collected as c on true
    where $eligible_days = 0 or b.age <= $eligible_days
),
shopping_days as (
    select customer_id, age, oldest_age, cast(days_between(cast(lag(order_day) over (partition by customer_id order by order_day) as timestamptz), cast(order_day as timestamptz)) as decimal(9, 0)) as gap
    from (select customer_id, order_day, min(age) as age, max(age) as oldest_age from purchases group by customer_id, order_day) as days
),
rhythm as (
    select customer_id,
        min(age) as recency_days, -- recency | number | day/days | leaves | last order {} ago | time from the last purchase to T, with the part of a day
        min(age) * (count(age) - 1) / nullif(max(oldest_age) - min(age), 0) as recency_over_gap, -- recency | number | ratio | leaves | last order <recency_days> ago (usually every <mean_gap_days>) | recency_days over mean_gap_days: above 1 the customer is later than usual
        max(oldest_age) as first_order_days, -- tenure | number | day/days | either | first order {} ago | time from the first purchase to T
        count(*) filter (where age <= 7) as order_days_7_days, -- frequency | integer | day/days | stays | ordered on {} in 7 days | days with a purchase in [T-7 d, T)
        count(*) filter (where age <= 30) as order_days_30_days, -- frequency | integer | day/days | stays | ordered on {} in 30 days | days with a purchase in [T-30 d, T)
        count(*) filter (where age <= 90) as order_days_90_days, -- frequency | integer | day/days | stays | ordered on {} in 90 days | days with a purchase in [T-90 d, T)
        count(*) filter (where age <= 180) as order_days_180_days, -- frequency | integer | day/days | stays | ordered on {} in 180 days | days with a purchase in [T-180 d, T)
        count(*) filter (where age <= 365) as order_days_365_days, -- frequency | integer | day/days | stays | ordered on {} in a year | days with a purchase in [T-365 d, T)
        count(age) as order_days_ever, -- frequency | integer | day/days | stays | ordered on {} so far | days with a purchase before T
        count(*) filter (where age <= 365) * 30 / nullif(greatest(least(max(oldest_age), 365), 30), 0) as order_days_per_month, -- frequency | number | ratio | stays | orders on {} days a month | days with a purchase per 30 days, in [T-365 d, T) since the first purchase, but over 30 days at least
        (max(oldest_age) - min(age)) / nullif(count(age) - 1, 0) as mean_gap_days, -- regularity | number | day/days | leaves | {} between orders | mean time from one day with a purchase to the next, over all purchases before T; NULL with one such day
        cast(max(gap) as double) as longest_gap_days, -- regularity | number | day/days | leaves | longest pause {} | longest time between two days with a purchase before T; NULL with one such day
        sqrt((count(gap) * cast(sum(gap * gap) as double) - cast(sum(gap) as double) * cast(sum(gap) as double)) / nullif(count(gap) * (count(gap) - 1), 0)) as gap_spread_days -- regularity | number | day/days | either | time between orders varies by {} | standard deviation of the time between two days with a purchase before T; NULL with less than three such days
    from eligible left join shopping_days using (customer_id)
    group by customer_id
),
money as (
    select customer_id,
        count(*) filter (where age <= 365) as orders_365_days, -- frequency | integer | order/orders | stays | {} in a year | purchases in [T-365 d, T)
        coalesce(sum(total) filter (where age <= 7), 0) as spend_7_days, -- spend | decimal | money | stays | spent {} in 7 days | order totals in [T-7 d, T)
        coalesce(sum(total) filter (where age <= 30), 0) as spend_30_days, -- spend | decimal | money | stays | spent {} in 30 days | order totals in [T-30 d, T)
        coalesce(sum(total) filter (where age <= 90), 0) as spend_90_days, -- spend | decimal | money | stays | spent {} in 90 days | order totals in [T-90 d, T)
        coalesce(sum(total) filter (where age <= 180), 0) as spend_180_days, -- spend | decimal | money | stays | spent {} in 180 days | order totals in [T-180 d, T)
        coalesce(sum(total) filter (where age <= 365), 0) as spend_365_days, -- spend | decimal | money | stays | spent {} in a year | order totals in [T-365 d, T)
        coalesce(sum(total), 0) as spend_ever, -- spend | decimal | money | stays | spent {} so far | order totals before T
        cast(floor(cast(100 * sum(total) filter (where age <= 365) as double) / nullif(count(total) filter (where age <= 365), 0) + 0.5) * 0.01 as decimal(18, 2)) as average_order_value, -- spend | decimal | money | either | orders worth {} on average | mean order total in [T-365 d, T), half a cent rounded up
        count(*) filter (where age <= 365 and channel = 'online') / nullif(count(*) filter (where age <= 365), 0) as online_share, -- channel | number | share | either | {} of orders online | share of the purchases in [T-365 d, T) that were online
        count(*) filter (where age <= 90 and channel = 'online') as online_orders_90_days, -- channel | integer | order/orders | stays | {} online in 90 days | online purchases in [T-90 d, T)
        count(*) filter (where age <= 90 and channel = 'store') as store_orders_90_days -- channel | integer | order/orders | stays | {} in a store in 90 days | store purchases in [T-90 d, T)
    from eligible left join purchases using (customer_id)
    group by customer_id
),
lines as (
    select p.customer_id, p.age, l.item_id, l.quantity, l.unit_price, v.price as list_price, coalesce(c.category, 'none') as category
    from purchases as p
    join order_lines as l on l.order_id = p.order_id
    left join products as c on c.product_id = l.item_id
    left join dms_products as v on v.product_id = l.item_id and v.valid_from <= p.ordered_at and (v.valid_to is null or v.valid_to > p.ordered_at) and v.valid_from < $as_of and not v.is_deleted
    where l.is_merchandise
),
baskets as (
    select customer_id,
        count(*) filter (where age <= 90) as lines_90_days, -- basket | integer | order line/order lines | stays | {} in 90 days | order lines of merchandise in [T-90 d, T)
        count(*) filter (where age <= 365) as lines_365_days, -- basket | integer | order line/order lines | stays | {} in a year | order lines of merchandise in [T-365 d, T)
        count(age) as lines_ever, -- basket | integer | order line/order lines | stays | {} so far | order lines of merchandise before T
        coalesce(sum(quantity) filter (where age <= 365), 0) as items_365_days, -- basket | integer | unit/units | stays | bought {} in a year | units of merchandise in [T-365 d, T)
        count(distinct item_id) filter (where age <= 365) as distinct_items_365_days, -- basket | integer | different item/different items | stays | bought {} in a year | different items of merchandise in [T-365 d, T)
        count(distinct item_id) as distinct_items_ever, -- basket | integer | different item/different items | stays | bought {} so far | different items of merchandise before T
        count(*) filter (where age <= 90 and unit_price < list_price) as discounted_lines_90_days, -- discounts | integer | order line/order lines | either | {} below list price in 90 days | order lines in [T-90 d, T) sold below the list price of the moment
        count(*) filter (where age <= 365 and unit_price < list_price) / nullif(count(*) filter (where age <= 365 and unit_price is not null and list_price is not null), 0) as discounted_share, -- discounts | number | share | either | {} of purchases below list price | share of the order lines in [T-365 d, T) sold below the list price of the moment, of those whose prices are known
        coalesce(sum(line_amount(list_price - unit_price, quantity)) filter (where age <= 365 and unit_price < list_price), 0) as saved_365_days -- discounts | decimal | money | either | saved {} against list prices in a year | list prices less what was paid, in [T-365 d, T), over the order lines sold below it
    from eligible left join lines using (customer_id)
    group by customer_id
),
favourites as (
    select customer_id, category, lines, row_number() over (partition by customer_id order by lines desc, category) as place
    from (select customer_id, category, count(*) as lines from lines where age <= 365 group by customer_id, category) as counted
),
taste as (
    select customer_id,
        min(case when place = 1 then category end) as top_category, -- taste | text | none | either | none | category with most order lines in [T-365 d, T), by the products at T; no input of a model
        max(lines) / nullif(sum(lines), 0) as top_category_share, -- taste | number | share | either | {} of purchases from one category | share of the order lines in [T-365 d, T) in that category
        count(category) as categories_365_days -- taste | integer | category/categories | either | bought from {} in a year | categories bought from in [T-365 d, T)
    from eligible left join favourites using (customer_id)
    group by customer_id
),
given_back as (
    select customer_id, position, amount, days_between(returned_at, $as_of) as age from returns where customer_id is not null
),
refunds as (
    select customer_id,
        count(*) filter (where position > 0 and age <= 90) as returned_items_90_days, -- returns | integer | return/returns | leaves | {} in 90 days | items given back in [T-90 d, T)
        count(*) filter (where position > 0 and age <= 365) as returned_items_365_days, -- returns | integer | return/returns | leaves | {} in a year | items given back in [T-365 d, T)
        count(*) filter (where position > 0) as returned_items_ever, -- returns | integer | return/returns | leaves | {} so far | items given back before T
        coalesce(sum(amount) filter (where age <= 90), 0) as returned_amount_90_days -- returns | decimal | money | leaves | {} paid back for returns in 90 days | amount paid back in [T-90 d, T)
    from eligible left join given_back using (customer_id)
    group by customer_id
),
events as (
    select i.customer_id, f.message_id, f.event_type, days_between(f.event_at, $as_of) as age
    from event_facts as f
    join fact_owners as i on i.message_id = f.message_id
    where f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
        and f.event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Search', 'EmailDelivered', 'EmailOpened', 'EmailClicked', 'Unsubscribed')
),
behaviour as (
    select customer_id,
        case when collected_days >= 7 then count(*) filter (where event_type = 'View' and age <= 7) end as views_7_days, -- browsing | integer | product/products | stays | viewed {} in 7 days | product views in [T-7 d, T); NULL when events were not collected that long
        case when collected_days >= 30 then count(*) filter (where event_type = 'View' and age <= 30) end as views_30_days, -- browsing | integer | product/products | stays | viewed {} in 30 days | product views in [T-30 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'View' and age <= 90) end as views_90_days, -- browsing | integer | product/products | stays | viewed {} in 90 days | product views in [T-90 d, T); NULL when events were not collected that long
        case when collected_days >= 30 then count(*) filter (where event_type = 'AddToCart' and age <= 30) end as carts_30_days, -- browsing | integer | product/products | stays | put {} in the basket in 30 days | products put in the basket in [T-30 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'AddToCart' and age <= 90) end as carts_90_days, -- browsing | integer | product/products | stays | put {} in the basket in 90 days | products put in the basket in [T-90 d, T); NULL when events were not collected that long
        case when collected_days >= 30 then count(*) filter (where event_type = 'Search' and age <= 30) end as searches_30_days, -- browsing | integer | time/times | stays | searched {} in 30 days | searches in [T-30 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'Search' and age <= 90) end as searches_90_days, -- browsing | integer | time/times | stays | searched {} in 90 days | searches in [T-90 d, T); NULL when events were not collected that long
        min(case when event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Search') then age end) as last_visit_days, -- browsing | number | day/days | leaves | last visit {} ago | time from the last view, click, basket, wish or search to T; NULL without any
        case when collected_days >= 30 then count(*) filter (where event_type = 'AddToWishlist' and age <= 30) end as wishes_30_days, -- wishes | integer | product/products | stays | put {} on the wish list in 30 days | products put on the wish list in [T-30 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'AddToWishlist' and age <= 90) end as wishes_90_days -- wishes | integer | product/products | stays | put {} on the wish list in 90 days | products put on the wish list in [T-90 d, T); NULL when events were not collected that long
    from eligible left join events using (customer_id)
    group by customer_id, collected_days
),
mails as (
    select distinct customer_id, message_id, event_type, age from events where event_type in ('EmailDelivered', 'EmailOpened', 'EmailClicked', 'Unsubscribed')
),
mailing as (
    select customer_id,
        case when collected_days >= 90 then count(*) filter (where event_type = 'EmailDelivered' and age <= 90) end as mails_delivered_90_days, -- mails | integer | e-mail/e-mails | either | got {} in 90 days | e-mails delivered in [T-90 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'EmailOpened' and age <= 90) end as mails_opened_90_days, -- mails | integer | e-mail/e-mails | stays | opened {} in 90 days | e-mails opened in [T-90 d, T); NULL when events were not collected that long
        case when collected_days >= 90 then count(*) filter (where event_type = 'EmailClicked' and age <= 90) end as mails_clicked_90_days, -- mails | integer | e-mail/e-mails | stays | clicked in {} in 90 days | e-mails clicked in [T-90 d, T); NULL when events were not collected that long
        min(case when event_type in ('EmailOpened', 'EmailClicked') then age end) as last_mail_read_days, -- mails | number | day/days | leaves | last e-mail opened {} ago | time from the last e-mail opened or clicked to T; NULL without any
        coalesce(bool_or(event_type = 'Unsubscribed'), false) as has_unsubscribed -- mails | boolean | yes/no | leaves | unsubscribed from e-mail / still gets e-mail, where most do not | unsubscribed from e-mail at any time before T
    from eligible left join mails using (customer_id)
    group by customer_id, collected_days
),
subscribed as (
    select i.customer_id, s.subscription_id, days_between(s.started_at, $as_of) as age, s.started_at < $as_of and (s.ended_at is null or s.ended_at >= $as_of) as is_active,
        case when not s.known_at_assumed then days_between($as_of, s.renews_at) end as renews_in
    from dms_subscriptions as s
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(s.customer_id) and i.valid_to is null
    where s.valid_from < $as_of and (s.valid_to is null or s.valid_to >= $as_of) and not s.is_deleted and s.started_at < $as_of
),
renewals as (
    select subscription_id, count(distinct renews_at) as renewed
    from dms_subscriptions
    where valid_from < $as_of and not known_at_assumed and not is_deleted and renews_at < $as_of and (ended_at is null or renews_at < ended_at) and (valid_to is null or valid_to >= renews_at)
    group by subscription_id
),
subscriptions as (
    select customer_id,
        coalesce(bool_or(is_active), false) as has_active_subscription, -- subscription | boolean | yes/no | stays | has a running subscription / no running subscription, where most have one | a subscription has started before T and not ended before T
        max(case when is_active then s.age end) as subscription_age_days, -- subscription | number | day/days | stays | subscribed for {} | time from the start of the oldest active subscription to T; NULL without one
        min(case when is_active and renews_in >= 0 then renews_in end) as renewal_in_days, -- subscription | number | day/days | either | subscription renews in {} | time from T to the next renewal of an active subscription; NULL without one, or where no change recorded it
        max(case when is_active then coalesce(r.renewed, 0) end) as subscription_renewals, -- subscription | integer | time/times | stays | subscription renewed {} so far | renewals of an active subscription before T that changes recorded; NULL without one
        count(*) filter (where not is_active) as ended_subscriptions -- subscription | integer | subscription/subscriptions | leaves | {} ended so far | subscriptions that ended before T
    from eligible left join subscribed as s using (customer_id) left join renewals as r using (subscription_id)
    group by customer_id
)
select $as_of_date as as_of, *
from eligible join rhythm using (customer_id) join money using (customer_id) join baskets using (customer_id) join taste using (customer_id)
join refunds using (customer_id) join behaviour using (customer_id) join mailing using (customer_id) join subscriptions using (customer_id)
