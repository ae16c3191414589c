-- stopped_calls: segment_calls once more, with every call of a mostly bad object set aside.
-- Grain: file, line. Reads: read_calls, mostly_bad_files.
-- Engine: DuckDB only (replace list).
select c.* replace (
    case when c.rule is null and m.file is not null then 'mostly_bad_file' else c.rule end as rule,
    case when c.rule is null and m.file is not null then without_write_key(c.text) else c.payload end as payload)
from read_calls as c
left join mostly_bad_files as m on m.file = c.file
