-- personalize_items: the shop's merchandise as Personalize's item data set.
-- Grain: item_id. Reads: products.
select product_id as item_id, coalesce(price, 0) as price, nullif(trim(category), '') as category_l1,
    case when is_on_sale(status) and (stock is null or stock > 0) then 'True' else 'False' end as in_stock
from products
where is_merchandise
