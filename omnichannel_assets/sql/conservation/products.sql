-- Live products of the shop database = rows here.
-- Grain: one row. Reads: dms_products, built.
select count(*) as rows_in, (select count(*) from built) as rows_out
from dms_products
where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted
