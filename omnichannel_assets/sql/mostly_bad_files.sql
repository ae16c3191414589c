-- mostly_bad_files: objects of which more than $mostly_bad_share of the lines cannot be used, from 20 lines on.
-- Grain: file. Reads: read_calls, unreadable_lines.
-- Such an object is damaged as a whole: its few readable lines are not believed either. It stops that file, not the graph.
select file, count(*) as lines, count(*) filter (where is_bad) as bad
from (
    select file, rule is not null as is_bad from read_calls
    union all
    select file, true from unreadable_lines
) as every_line
group by file
having count(*) >= 20 and count(*) filter (where is_bad) > $mostly_bad_share * count(*)
