-- segment_duplicates: copies of a message that lose to the copy of another received day.
-- Grain: received_day, message_id. Reads: segment_events.
-- The smallest (known_at, source_id, file, line) wins over all days; there is no window, because Segment may re-send at any time.
with ranked as (
    select message_id, received_day,
        row_number() over (partition by message_id order by known_at, source_id, file, line) as place,
        first_value(received_day) over (partition by message_id order by known_at, source_id, file, line) as winning_day
    from segment_events
)
select message_id, received_day, winning_day
from ranked
where place > 1
