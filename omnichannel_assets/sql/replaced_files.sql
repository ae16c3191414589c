-- replaced_files: vanished objects of which newly arrived copies of the same source and day tell at least half of the messages again.
-- Grain: file. Reads: vanished_calls, usable_calls, arrived_files.
-- Segment re-copies cleaned objects on a deletion request. A copy tells nothing that the vanished objects had not told; an object with any
-- message of its own is a late one that happens to carry re-sent messages.
with arrived as (
    select c.file, c.source_id, c.received_day, c.message_id, v.message_id is not null as was_told
    from usable_calls as c
    left join (select distinct source_id, received_day, message_id from vanished_calls) as v
        on v.source_id = c.source_id and v.received_day = c.received_day and v.message_id = c.message_id
    where c.rule is null and c.file in (select file from arrived_files)
),
copies as (
    select file from arrived group by file having bool_and(was_told)
),
told_again as (
    select distinct source_id, received_day, message_id from arrived where file in (select file from copies)
)
select v.file
from vanished_calls as v
left join told_again as t on t.source_id = v.source_id and t.received_day = v.received_day and t.message_id = v.message_id
group by v.file
having count(t.message_id) * 2 >= count(*)
