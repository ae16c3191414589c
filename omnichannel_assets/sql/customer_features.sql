-- customer_features: one row per eligible customer as of $as_of: a known customer with a purchase in the last $eligible_days days (0: ever).
-- Grain: as_of, customer_id. Reads: identities, orders, order_lines, returns, event_facts, fact_owners, dms_subscriptions, products.
-- A purchase is an order that was not called off. A window of w days is [T - w, T): what happened exactly w days before T is in it, T is not.
-- Counts of behaviour are NULL where the shop's events were not yet collected over the whole window: nothing seen is not nothing done. Since when
-- is told by when events were known: a device that was offline, or whose clock is wrong, tells of days that nobody collected.
-- A subscription is active by its start and end, never by its status. Its renewal is read from recorded changes only: in a full load a value
-- that changed later is empty, which would tell the future.
with people as (
    select customer_id, days_between(min(first_known_at), $as_of) as known_days
    from identities
    where valid_to is null
    group by customer_id
    having bool_or(list_contains($known_types, identifier_type))
),
purchases as (
    select o.customer_id, o.order_id, o.ordered_at, o.channel, o.total, cast(o.ordered_at as date) as order_day, days_between(o.ordered_at, $as_of) as age
    from orders as o
    join people as p on p.customer_id = o.customer_id
    where not is_called_off(o.status)
),
bought as (
    select customer_id, min(age) as recency_days, max(age) as first_order_days, count(*) filter (where age <= 365) as orders_365_days, count(distinct order_day) as order_days,
        count(distinct order_day) filter (where age <= 30) as order_days_30, count(distinct order_day) filter (where age <= 90) as order_days_90,
        count(distinct order_day) filter (where age <= 180) as order_days_180, count(distinct order_day) filter (where age <= 365) as order_days_365,
        coalesce(sum(total) filter (where age <= 30), 0) as spend_30_days, coalesce(sum(total) filter (where age <= 90), 0) as spend_90_days,
        coalesce(sum(total) filter (where age <= 180), 0) as spend_180_days, coalesce(sum(total) filter (where age <= 365), 0) as spend_365_days,
        count(*) filter (where age <= 365 and channel = 'online') as online_365_days, count(total) filter (where age <= 365) as priced_365_days
    from purchases
    group by customer_id
    having $eligible_days = 0 or min(age) <= $eligible_days
),
gaps as (
    select customer_id, max(days_between(day_before, day_at)) as longest_gap_days
    from (
        select customer_id, cast(order_day as timestamptz) as day_at, cast(lag(order_day) over (partition by customer_id order by order_day) as timestamptz) as day_before
        from (select distinct customer_id, order_day from purchases) as days
    ) as steps
    group by customer_id
),
lines as (
    select p.customer_id, p.age, l.item_id, l.quantity, l.line_total, coalesce(c.category, 'none') as category
    from purchases as p
    join order_lines as l on l.order_id = p.order_id
    left join products as c on c.product_id = l.item_id
    where l.is_merchandise and p.age <= 365
),
baskets as (
    select customer_id, count(*) as lines_365_days, sum(quantity) as items_365_days, count(distinct item_id) as distinct_items_365_days,
        count(*) filter (where age <= 90) as lines_90_days, count(distinct category) as categories_365_days
    from lines
    group by customer_id
),
category_lines as (
    select customer_id, category, count(*) as lines from lines group by customer_id, category
),
favourites as (
    select customer_id, category, lines, row_number() over (partition by customer_id order by lines desc, category) as place from category_lines
),
given_back as (
    select customer_id, count(*) filter (where position > 0) as returned_items_90_days, sum(amount) as returned_amount_90_days
    from returns
    where customer_id is not null and days_between(returned_at, $as_of) <= 90
    group by customer_id
),
events as (
    select i.customer_id, f.message_id, f.item_id, f.event_type, days_between(f.event_at, $as_of) as age
    from event_facts as f
    join fact_owners as i on i.message_id = f.message_id
    where f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
),
collected as (
    select max(days_between(known_at, $as_of)) as days from event_facts where event_at < $as_of and known_at < $as_of and not event_time_suspect
),
behaviour as (
    select customer_id, count(*) filter (where event_type = 'View' and age <= 30) as views_30, count(*) filter (where event_type = 'View' and age <= 90) as views_90,
        count(*) filter (where event_type = 'AddToCart' and age <= 30) as carts_30, count(*) filter (where event_type = 'AddToCart' and age <= 90) as carts_90,
        count(*) filter (where event_type = 'AddToWishlist' and age <= 30) as wishes_30, count(*) filter (where event_type = 'AddToWishlist' and age <= 90) as wishes_90,
        count(*) filter (where event_type = 'Search' and age <= 30) as searches_30, count(*) filter (where event_type = 'Search' and age <= 90) as searches_90,
        count(distinct message_id) filter (where event_type = 'EmailDelivered' and age <= 90) as delivered_90,
        count(distinct message_id) filter (where event_type = 'EmailOpened' and age <= 90) as opened_90,
        count(distinct message_id) filter (where event_type = 'EmailClicked' and age <= 90) as clicked_90,
        min(case when event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist', 'Search') then age end) as last_visit_days,
        bool_or(event_type = 'Unsubscribed') as has_unsubscribed
    from events
    group by customer_id
),
subscribed as (
    select i.customer_id, days_between(s.started_at, $as_of) as age, s.started_at < $as_of and (s.ended_at is null or s.ended_at >= $as_of) as is_active,
        case when not s.known_at_assumed then days_between($as_of, s.renews_at) end as renews_in
    from dms_subscriptions as s
    join identities as i on i.identifier_type = 'customer_ref' and i.identifier_value = trim(s.customer_id) and i.valid_to is null
    where s.valid_from < $as_of and (s.valid_to is null or s.valid_to >= $as_of) and not s.is_deleted and s.started_at < $as_of
),
subscriptions as (
    select customer_id, bool_or(is_active) as is_active, max(case when is_active then age end) as age, min(case when is_active and renews_in >= 0 then renews_in end) as renews_in,
        count(*) filter (where not is_active) as ended
    from subscribed
    group by customer_id
)
select b.customer_id, $as_of_date as as_of, b.recency_days, b.order_days_30 as order_days_30_days, b.order_days_90 as order_days_90_days, b.order_days_180 as order_days_180_days,
    b.order_days_365 as order_days_365_days, b.orders_365_days, b.spend_30_days, b.spend_90_days, b.spend_180_days, b.spend_365_days,
    coalesce(k.lines_365_days, 0) as lines_365_days, coalesce(k.lines_90_days, 0) as lines_90_days, coalesce(k.items_365_days, 0) as items_365_days,
    coalesce(k.distinct_items_365_days, 0) as distinct_items_365_days,
    (b.first_order_days - b.recency_days) / nullif(b.order_days - 1, 0) as mean_gap_days, g.longest_gap_days,
    b.recency_days * (b.order_days - 1) / nullif(b.first_order_days - b.recency_days, 0) as recency_over_gap,
    cast(b.spend_365_days / nullif(b.priced_365_days, 0) as decimal(18, 2)) as average_order_value,
    b.order_days_365 * 30 / nullif(greatest(least(b.first_order_days, 365), 30), 0) as order_days_per_month, b.first_order_days, p.known_days,
    coalesce(r.returned_items_90_days, 0) as returned_items_90_days, coalesce(r.returned_amount_90_days, 0) as returned_amount_90_days,
    case when c.days >= 30 then coalesce(v.views_30, 0) end as views_30_days, case when c.days >= 90 then coalesce(v.views_90, 0) end as views_90_days,
    case when c.days >= 30 then coalesce(v.carts_30, 0) end as carts_30_days, case when c.days >= 90 then coalesce(v.carts_90, 0) end as carts_90_days,
    case when c.days >= 30 then coalesce(v.wishes_30, 0) end as wishes_30_days, case when c.days >= 90 then coalesce(v.wishes_90, 0) end as wishes_90_days,
    case when c.days >= 30 then coalesce(v.searches_30, 0) end as searches_30_days, case when c.days >= 90 then coalesce(v.searches_90, 0) end as searches_90_days,
    v.last_visit_days, case when c.days >= 90 then coalesce(v.delivered_90, 0) end as mails_delivered_90_days,
    case when c.days >= 90 then coalesce(v.opened_90, 0) end as mails_opened_90_days, case when c.days >= 90 then coalesce(v.clicked_90, 0) end as mails_clicked_90_days,
    coalesce(v.has_unsubscribed, false) as has_unsubscribed, b.online_365_days / nullif(b.orders_365_days, 0) as online_share,
    f.category as top_category, f.lines / nullif(k.lines_365_days, 0) as top_category_share, coalesce(k.categories_365_days, 0) as categories_365_days,
    coalesce(s.is_active, false) as has_active_subscription, s.age as subscription_age_days, s.renews_in as renewal_in_days, coalesce(s.ended, 0) as ended_subscriptions
from bought as b
join people as p on p.customer_id = b.customer_id
join collected as c on true
left join gaps as g on g.customer_id = b.customer_id
left join baskets as k on k.customer_id = b.customer_id
left join favourites as f on f.customer_id = b.customer_id and f.place = 1
left join given_back as r on r.customer_id = b.customer_id
left join behaviour as v on v.customer_id = b.customer_id
left join subscriptions as s on s.customer_id = b.customer_id
