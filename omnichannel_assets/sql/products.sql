-- products: the shop database's live products as of $as_of, with stock summed over all locations.
-- Grain: product_id. Reads: dms_products, dms_inventory.
with stock as (
    select product_id, cast(sum(quantity) as bigint) as stock
    from dms_inventory
    where valid_from < $as_of and (valid_to is null or valid_to >= $as_of) and not is_deleted
    group by product_id
)
select p.product_id, p.name, p.category, p.price, p.currency, p.status, s.stock, not whole_match(p.product_id, $not_merchandise) as is_merchandise
from dms_products as p
left join stock as s on s.product_id = p.product_id
where p.valid_from < $as_of and (p.valid_to is null or p.valid_to >= $as_of) and not p.is_deleted
