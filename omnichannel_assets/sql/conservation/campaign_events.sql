-- Events in files + e-mail events of Segment = events here + those told again + those not known before $as_of or out of time.
-- Grain: one row. Reads: campaign_event_log, event_facts, built.
with every as (
    select event_id, event_at < $as_of and known_at < $as_of as counts from campaign_event_log
    union all
    select message_id as event_id, event_at < $as_of and known_at < $as_of and not event_time_suspect as counts
    from event_facts
    where event_type in ('EmailDelivered', 'EmailOpened', 'EmailClicked', 'EmailBounced', 'EmailMarkedAsSpam', 'Unsubscribed')
)
select count(*) as rows_in, (select count(*) from built) as rows_out, count(*) filter (where counts) - count(distinct case when counts then event_id end) as repeated,
    count(*) filter (where not counts) as outside_time
from every
