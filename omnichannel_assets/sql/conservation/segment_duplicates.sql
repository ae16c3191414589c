-- Copies over all days = distinct messages + losing copies.
-- Grain: one row. Reads: segment_events, built.
select count(*) as rows_in, count(distinct message_id) as messages, (select count(*) from built) as rows_out from segment_events
