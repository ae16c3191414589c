-- audiences: everybody a campaign's rule chooses is in an arm, or may not be contacted, cools off, or was contacted often enough this week.
-- Grain: one row an as-of date. Reads: chosen, campaign_choices, built.
select $as_of_date as as_of, (select count(*) from chosen) as rows_in,
    (select count(*) from built where arm = 'treatment') as treatment, (select count(*) from built where arm = 'control') as control,
    count(*) filter (where outcome = 'not_contactable') as not_contactable, count(*) filter (where outcome = 'cooling_off') as cooling_off, count(*) filter (where outcome = 'over_cap') as over_cap
from campaign_choices
