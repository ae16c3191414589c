-- Refunds told by either source before $as_of = refunds here + refunds that are counted elsewhere (see refund_fates).
-- Grain: one row. Reads: dms_returns, refund_fates, built.
-- A refund of zero total whose items are all at price zero stays: it has items.
with shop as (
    select distinct r.return_id
    from dms_returns as r
    join (select return_id, min(known_at) as known_at from dms_returns where not is_deleted group by return_id) as f on f.return_id = r.return_id
    where r.valid_from < $as_of and (r.valid_to is null or r.valid_to >= $as_of) and not r.is_deleted and coalesce(r.returned_at, f.known_at) < $as_of
)
select (select count(*) from shop) + count(*) as rows_in,
    (select count(*) from (select distinct return_id, channel from built) as refunds) as refunds_out,
    count(*) filter (where fate = 'told_by_shop') as told_by_shop, count(*) filter (where fate = 'repeated') as repeated,
    count(*) filter (where fate = 'empty') as empty
from refund_fates
