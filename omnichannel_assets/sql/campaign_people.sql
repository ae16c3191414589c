-- campaign_people: what campaign rules may ask of a known customer as of $as_of: scores of the date and the customer table.
-- Grain: customer_id. Reads: customers, propensity_scores.
-- No name, no address and no identifier is among the columns: a rule needs none.
select c.customer_id, s.churn_score, s.churn_band, s.repurchase_score, s.repurchase_decile, s.subscription_churn_score, s.expected_spend, c.orders, c.lifetime_value,
    days_between(c.last_order_at, $as_of) as days_since_order, days_between(c.first_order_at, $as_of) as days_since_first_order, days_between(c.last_seen_at, $as_of) as days_since_seen,
    c.preferred_channel, c.preferred_store, c.favourite_categories, c.country, c.devices
from customers as c
left join propensity_scores as s on s.customer_id = c.customer_id
where c.is_known
