-- campaign_outcomes: everybody who ever entered a campaign, once, with their arm and what they did in the days that count, as known before $as_of.
-- Grain: audience, customer_id. Reads: campaign_heirs, campaign_days, scores_until, orders, campaign_events.
-- By intention to treat: whether anything reached them decides nothing. The days start at the midnight that they entered on. An event is the campaign's
-- own when the channel's name for it is the audience's, or begins with it (win_back-2026-11-20).
with people as (
    select h.audience, h.heir_id as person_id, h.customer_id as drawn_id, h.seen_on, h.entered_on, cast(h.entered_on as timestamptz) as entered_at, h.arm, h.variant, d.days
    from campaign_heirs as h
    join campaign_days as d on d.audience = h.audience
    where h.turn = 1
),
bought as (
    select p.audience, p.person_id, sum(case when o.ordered_at >= p.entered_at and days_between(p.entered_at, o.ordered_at) < p.days then 1 else 0 end) as orders,
        sum(case when o.ordered_at >= p.entered_at and days_between(p.entered_at, o.ordered_at) < p.days then o.total end) as spend,
        sum(case when o.ordered_at < p.entered_at and days_between(o.ordered_at, p.entered_at) <= 365 then 1 else 0 end) as orders_before,
        sum(case when o.ordered_at < p.entered_at and days_between(o.ordered_at, p.entered_at) <= 365 then o.total end) as spend_before
    from people as p
    join orders as o on o.customer_id = p.person_id and not is_called_off(o.status)
    group by p.audience, p.person_id
),
told as (
    select p.audience, p.person_id, e.event_type, e.is_machine,
        left(replace(lower(e.campaign), '-', '_') || '_', length(p.audience) + 1) = replace(lower(p.audience), '-', '_') || '_' as is_its_own
    from people as p
    join campaign_events as e on e.customer_id = p.person_id and e.event_at >= p.entered_at and days_between(p.entered_at, e.event_at) < p.days
),
reacted as (
    select audience, person_id, max(case when event_type = 'unsubscribed' then 1 else 0 end) as unsubscribed,
        max(case when event_type = 'delivered' and is_its_own then 1 else 0 end) as delivered,
        max(case when event_type = 'opened' and is_its_own and not is_machine then 1 else 0 end) as opened,
        max(case when event_type = 'clicked' and is_its_own and not is_machine then 1 else 0 end) as clicked
    from told
    group by audience, person_id
)
select p.audience, $as_of_date as as_of, p.person_id as customer_id, p.arm, p.variant, p.entered_on, days_between(p.entered_at, $as_of) >= p.days as is_closed,
    coalesce(b.orders, 0) > 0 as purchased, coalesce(b.orders, 0) as orders, coalesce(b.spend, 0) as spend, coalesce(r.unsubscribed, 0) = 1 as unsubscribed,
    coalesce(b.orders_before, 0) as orders_before, coalesce(b.spend_before, 0) as spend_before, s.churn_band, s.repurchase_decile,
    coalesce(r.delivered, 0) = 1 as delivered, coalesce(r.opened, 0) = 1 as opened, coalesce(r.clicked, 0) = 1 as clicked
from people as p
left join bought as b on b.audience = p.audience and b.person_id = p.person_id
left join reacted as r on r.audience = p.audience and r.person_id = p.person_id
left join scores_until as s on s.customer_id = p.drawn_id and s.as_of = p.seen_on
