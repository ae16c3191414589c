-- macros: what DuckDB spells in its own way, each under one name.
create or replace macro scalar_text(value) as case when json_type(value) not in ('OBJECT', 'ARRAY', 'NULL') then value->>'$' end;
create or replace macro instant(value) as case when regexp_full_match(value, '\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*') then try_cast(trim(value) as timestamptz) end;
create or replace macro money(value) as case when regexp_full_match(trim(value), '-?[$£€]?(\d{1,15}|\d{1,3}(,\d{3}){1,4})(\.\d+)?([eE][+-]?\d{1,2})?')
    then try_cast(regexp_replace(trim(value), '[$£€,]', '', 'g') as decimal(18, 2)) end;
create or replace macro whole_number(value) as case when regexp_full_match(trim(value), '-?\d{1,15}(\.0+)?') then try_cast(regexp_replace(trim(value), '\.0+$', '') as bigint) end;
create or replace macro without_write_key(value) as case when regexp_matches(value, '(?i)write_?key') then
    regexp_replace(regexp_replace(value, '(?i)("write_?key"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)', '\1"dropped"', 'g'),
        '(?i)(\\+"write_?key\\+"\s*:\s*\\+")[^"\\]*', '\1dropped', 'g') else value end;
create or replace macro item_of(product) as coalesce(nullif(trim(scalar_text(product->'$.product_id')), ''), nullif(trim(scalar_text(product->'$.sku')), ''), nullif(trim(scalar_text(product->'$.id')), ''));
create or replace macro product_entry(product) as {
    'item_id': item_of(product),
    'product_id': nullif(trim(scalar_text(product->'$.product_id')), ''),
    'sku': nullif(trim(scalar_text(product->'$.sku')), ''),
    'name': scalar_text(product->'$.name'),
    'category': scalar_text(product->'$.category'),
    'price': money(scalar_text(product->'$.price')),
    'quantity': case when coalesce(json_type(product->'$.quantity'), 'NULL') = 'NULL' then 1 else whole_number(scalar_text(product->'$.quantity')) end
};
create or replace macro whole_match(value, pattern) as regexp_full_match(value, pattern);
