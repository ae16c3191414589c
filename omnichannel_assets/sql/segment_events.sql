-- segment_events: one row per message of a received day; the earliest copy of the day is kept.
-- Grain: received_day, message_id. Reads: segment_calls.
with ranked as (
    select *, row_number() over (partition by received_day, message_id order by known_at, source_id, file, line) as place
    from segment_calls
    where rule is null
)
select * from ranked where place = 1
