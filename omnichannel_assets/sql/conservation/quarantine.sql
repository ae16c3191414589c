-- Rows set aside by any origin = rows here + rows that two versions of an object set aside alike.
-- Grain: one row. Reads: segment_quarantine, dms_quarantine, campaign_event_quarantine, built.
with every as (
    select origin, file, position, rule from segment_quarantine union all select origin, file, position, rule from dms_quarantine
    union all select 'campaign' as origin, file, line as position, rule from campaign_event_quarantine
)
select (select count(*) from every) as rows_in, (select count(*) from built) as rows_out,
    (select count(*) from every) - (select count(*) from (select distinct origin, file, position, rule from every) as distinct_rows) as repeated
