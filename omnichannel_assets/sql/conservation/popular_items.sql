-- Products = items of the list + no merchandise + no longer on sale + out of stock.
-- Grain: as_of. Reads: products, built.
select cast($as_of_date as date) as as_of, count(*) as rows_in, (select count(*) from built) as rows_out, count(*) filter (where not is_merchandise) as not_merchandise,
    count(*) filter (where is_merchandise and not is_on_sale(status)) as not_on_sale,
    count(*) filter (where is_merchandise and is_on_sale(status) and stock is not null and stock <= 0) as out_of_stock
from products
