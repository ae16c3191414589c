-- segment_quarantine: lines that are no readable call: unreadable as text, or breaking a rule of the envelope.
-- Grain: file, position, rule. Reads: segment_calls, unreadable_lines, vanished_lines.
with set_aside as (
    select rule, file, line, payload, received_day from segment_calls where rule is not null
    union all
    select rule, file, line, payload, received_day from unreadable_lines
    union all
    select rule, file, position as line, payload, received_day from vanished_lines
)
select 'segment' as origin, rule, file, line as position, payload,
    cast(received_day as timestamp with time zone) + interval '1' day - interval '1' microsecond as known_at, received_day
from set_aside
