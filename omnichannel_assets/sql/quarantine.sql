-- quarantine: every row set aside, whatever it came from.
-- Grain: origin, file, position, rule. Reads: segment_quarantine, dms_quarantine, campaign_event_quarantine.
-- An object that was rewritten may have set the same row aside twice; one row tells it.
select origin, rule, file, position, min(payload) as payload, min(known_at) as known_at
from (
    select origin, rule, file, position, payload, known_at from segment_quarantine
    union all
    select origin, rule, file, position, payload, known_at from dms_quarantine
    union all
    select 'campaign' as origin, rule, file, line as position, cast(null as varchar) as payload, cast(null as timestamptz) as known_at from campaign_event_quarantine
) as every_origin
group by origin, rule, file, position
