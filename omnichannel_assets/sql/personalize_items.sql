-- personalize_items: the shop's merchandise as Personalize's item data set.
-- Grain: product_id. Reads: products.
select product_id, coalesce(price, 0) as price, nullif(trim(category), '') as category, lower(trim(status)) = 'active' and (stock is null or stock > 0) as in_stock
from products
where is_merchandise
