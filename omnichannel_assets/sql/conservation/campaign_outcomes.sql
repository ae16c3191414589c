-- Everybody who ever entered a campaign = people here + those who became one with another + those nobody is any more.
-- Grain: one row an as-of date. Reads: audiences_until, campaign_heirs, built.
select $as_of_date as as_of, (select count(*) from (select distinct audience, customer_id from audiences_until) as entered) as rows_in, (select count(*) from built) as rows_out,
    count(*) filter (where turn > 1) as became_one, count(*) filter (where heir_id is null) as nobody_any_more
from campaign_heirs
