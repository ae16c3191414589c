-- audiences: who is in which campaign as of $as_of, since when, in which arm and sub-group. Only people who may be contacted are in any arm.
-- Grain: audience, customer_id. Reads: campaign_choices.
-- Once a control of an audience, always a control of it; who is in it stays in their arm; the keyed hash of today's id decides for everybody else.
select audience, $as_of_date as as_of, customer_id, arm, case when arm = 'treatment' then variant end as variant, entered_on
from campaign_choices
where outcome = 'member'
