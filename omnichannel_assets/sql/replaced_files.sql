-- replaced_files: vanished objects of which newly arrived objects of the same source and day tell most messages again.
-- Grain: file. Reads: vanished_calls, usable_calls, arrived_files.
-- Segment re-copies cleaned objects on a deletion request; a few re-sent messages alone do not make a copy.
with told_again as (
    select distinct source_id, received_day, message_id
    from usable_calls
    where file in (select file from arrived_files) and rule is null
)
select v.file
from vanished_calls as v
left join told_again as t on t.source_id = v.source_id and t.received_day = v.received_day and t.message_id = v.message_id
group by v.file
having count(t.message_id) * 2 > count(*)
