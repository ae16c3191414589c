-- Everybody with an interaction in 365 days has a list as long as the shop can make it.
-- Grain: as_of. Reads: interactions, popular_items, built.
with people as (
    select count(distinct customer_id) as customers from interactions where event_at < $as_of and event_at >= $as_of - interval 365 day
),
lists as (
    select least(20, count(*)) as length from popular_items
)
select cast($as_of_date as date) as as_of, p.customers * l.length as rows_in, (select count(*) from built) as rows_out, 0 as missing
from people as p
join lists as l on l.length >= 0
