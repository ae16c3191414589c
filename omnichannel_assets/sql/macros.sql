-- macros: what DuckDB spells in its own way, each under one name.
create or replace macro scalar_text(value) as case when json_type(value) not in ('OBJECT', 'ARRAY', 'NULL') then value->>'$' end;
create or replace macro instant(value) as case when regexp_full_match(value, '\s*[12]\d{3}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d*)?)?\s*([Zz]|UTC|[+-](0\d|1[0-8])(:?[0-5]\d)?)?\s*')
    then try_cast(upper(trim(value, e' \t\r\n\f')) as timestamptz) end;
create or replace macro money(value) as case when regexp_full_match(trim(value), '-?[$£€]?(\d{1,15}|\d{1,3}(,\d{3}){1,4})(\.\d+)?([eE][+-]?\d{1,2})?')
    then cast(try_cast(regexp_replace(trim(value), '[$£€,]', '', 'g') as decimal(13, 2)) as decimal(18, 2)) end;
create or replace macro whole_number(value) as case when regexp_full_match(trim(value), '-?\d{1,15}(\.0+)?') then cast(try_cast(regexp_replace(trim(value), '\.0+$', '') as integer) as bigint) end;
-- money of a line; null from a hundred thousand million up, so that no sender can make a sum overflow.
create or replace macro line_amount(price, quantity) as cast(try_cast(price * quantity as decimal(13, 2)) as decimal(18, 2));
create or replace macro without_write_key(value) as regexp_replace(value, '(?i)(write[_-]?key(\\*)"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|\\+"[^"]*(?:"|$)|[^\s",}\]{\[\\]+)', '\1\2"dropped\2"', 'g');
create or replace macro item_of(product) as coalesce(nullif(trim(scalar_text(json_extract(product, '$.product_id'))), ''), nullif(trim(scalar_text(json_extract(product, '$.sku'))), ''), nullif(trim(scalar_text(json_extract(product, '$.id'))), ''));
create or replace macro product_entry(product) as {
    'item_id': item_of(product),
    'product_id': nullif(trim(scalar_text(json_extract(product, '$.product_id'))), ''),
    'sku': nullif(trim(scalar_text(json_extract(product, '$.sku'))), ''),
    'name': scalar_text(json_extract(product, '$.name')),
    'category': scalar_text(json_extract(product, '$.category')),
    'price': money(scalar_text(json_extract(product, '$.price'))),
    'quantity': case when coalesce(json_type(json_extract(product, '$.quantity')), 'NULL') = 'NULL' then 1 else whole_number(scalar_text(json_extract(product, '$.quantity'))) end
};
create or replace macro first_identifier(identifiers) as identifiers[1];
create or replace macro other_identifiers(identifiers) as coalesce(identifiers[2:], []);
create or replace macro whole_match(value, pattern) as regexp_full_match(value, pattern);
-- an order that was cancelled or voided is no purchase and no revenue, however its status is spelled.
create or replace macro is_called_off(status) as coalesce(lower(trim(status)), '') in ('cancelled', 'canceled', 'voided');
-- one part of a link's name: a slash inside a key value must not read as the next part.
create or replace macro link_part(value) as replace(cast(value as varchar), '/', '%2F');
-- one part of a composite identifier; null when nothing is in it. The sign between parts is in none of them.
create or replace macro composite_part(value) as nullif(trim(replace(cast(value as varchar), '|', ' ')), '');
create or replace macro first_part(found) as found[1];
-- days from one instant to a later one, with the part of a day; exact at whole days.
create or replace macro days_between(earlier, later) as (epoch_us(later) - epoch_us(earlier)) / cast(86400000000 as double);
-- a product without a status is on sale.
create or replace macro is_on_sale(status) as coalesce(nullif(lower(trim(status)), ''), 'active') = 'active';
