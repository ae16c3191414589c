-- training_examples: features at past cut-offs with what happened afterwards, as far as it was known before $as_of.
-- Grain: as_of, cutoff, customer_id. Reads: cutoff_features, cutoff_identities, identities, orders, dms_subscriptions.
-- A customer at a cut-off is followed through any identifier they held to the customer of today who holds most of them (the smallest id of several).
-- Buying again looks $repurchase_days days ahead, leaving and the money spent $churn_days. A horizon counts when it has passed before $orders_until, midnight after the last order known: a feed that fell silent is nobody's leaving.
with shared as (
    select c.cutoff, c.customer_id, i.customer_id as heir_id, count(*) as identifiers
    from cutoff_identities as c
    join identities as i on i.identifier_type = c.identifier_type and i.identifier_value = c.identifier_value and i.valid_to is null
    group by c.cutoff, c.customer_id, i.customer_id
),
heirs as (
    select cutoff, customer_id, heir_id, row_number() over (partition by cutoff, customer_id order by identifiers desc, heir_id) as place from shared
),
followed as (
    select f.*, h.heir_id, cast(f.cutoff as timestamptz) as cutoff_at, days_between(cast(f.cutoff as timestamptz), $orders_until) as passed_days
    from cutoff_features as f
    left join heirs as h on h.cutoff = f.cutoff and h.customer_id = f.customer_id and h.place = 1
),
next_orders as (
    select f.cutoff, f.customer_id, min(days_between(f.cutoff_at, o.ordered_at)) as days,
        sum(case when days_between(f.cutoff_at, o.ordered_at) < $churn_days then o.total end) as spend
    from followed as f
    join orders as o on o.customer_id = f.heir_id and o.ordered_at >= f.cutoff_at and not is_called_off(o.status)
    group by f.cutoff, f.customer_id
),
subscribed as (
    select c.cutoff, c.customer_id, cast(c.cutoff as timestamptz) as cutoff_at, s.subscription_id
    from cutoff_identities as c
    join dms_subscriptions as s on trim(s.customer_id) = c.identifier_value
    where c.identifier_type = 'customer_ref' and s.valid_from < cast(c.cutoff as timestamptz) and (s.valid_to is null or s.valid_to >= cast(c.cutoff as timestamptz))
        and not s.is_deleted and s.started_at < cast(c.cutoff as timestamptz) and (s.ended_at is null or s.ended_at >= cast(c.cutoff as timestamptz))
),
subscription_ends as (
    select s.cutoff, s.customer_id, min(case when e.ended_at >= s.cutoff_at then days_between(s.cutoff_at, e.ended_at) end) as days
    from subscribed as s
    join dms_subscriptions as e on e.subscription_id = s.subscription_id and e.valid_from < $as_of and (e.valid_to is null or e.valid_to >= $as_of)
    group by s.cutoff, s.customer_id
)
select f.*, $as_of_date as as_of,
    case when f.passed_days >= $repurchase_days and f.heir_id is not null then coalesce(o.days < $repurchase_days, false) end as repurchase,
    case when f.passed_days >= $churn_days and f.heir_id is not null then not coalesce(o.days < $churn_days, false) end as inactivity,
    case when f.passed_days >= $churn_days and s.customer_id is not null then coalesce(s.days < $churn_days, false) end as subscription_churn,
    case when f.passed_days >= $churn_days and f.heir_id is not null then coalesce(o.spend, 0) end as future_spend
from followed as f
left join next_orders as o on o.cutoff = f.cutoff and o.customer_id = f.customer_id
left join subscription_ends as s on s.cutoff = f.cutoff and s.customer_id = f.customer_id
