-- segment_calls: every good line of some received days, typed, with the rule it breaks (null for a call that can be used).
-- Grain: file, line. Reads: segment_lines, event_names.
-- Engine: DuckDB only. JSON is read here and nowhere after; on a cluster this same text runs once a day-partition.
with documents as (
    select *, case when json_valid(text) then case when json_type(text) = 'OBJECT' then text end end as document
    from segment_lines
),
envelopes as (
    select *, json_transform(document, '{"type": "JSON", "messageId": "JSON", "message_id": "JSON", "event": "JSON", "name": "JSON",
        "userId": "JSON", "user_id": "JSON", "anonymousId": "JSON", "anonymous_id": "JSON", "previousId": "JSON", "groupId": "JSON",
        "timestamp": "JSON", "receivedAt": "JSON", "received_at": "JSON", "channel": "JSON",
        "context": "JSON", "traits": "JSON", "properties": "JSON"}') as e
    from documents
),
parts as (
    select source_id, file, received_day, line, text, document, e,
        json_transform(e.context, '{"traits": "JSON", "personas": "JSON", "device": {"id": "JSON", "type": "JSON", "advertisingId": "JSON",
            "adTrackingEnabled": "JSON", "token": "JSON"}, "externalIds": "JSON", "integrations": {"Google Analytics": {"clientId": "JSON"}}}') as c,
        json_transform(e.properties, '{"order_id": "JSON", "total": "JSON", "revenue": "JSON", "value": "JSON", "currency": "JSON",
            "quantity": "JSON", "query": "JSON", "promotion_id": "JSON", "campaign_id": "JSON", "products": "JSON"}') as p,
        json_merge_patch(coalesce(case when json_type(e.context->'$.traits') = 'OBJECT' then e.context->'$.traits' end, '{}'::json),
            coalesce(case when json_type(e.traits) = 'OBJECT' then e.traits end, '{}'::json)) as t
    from envelopes
),
texts as (
    select source_id, file, received_day, line, text, document, e, c, p, t,
        nullif(lower(trim(scalar_text(e.type))), '') as type,
        nullif(trim(coalesce(scalar_text(e.messageId), scalar_text(e.message_id))), '') as message_id,
        nullif(trim(scalar_text(e.event)), '') as event,
        nullif(trim(coalesce(scalar_text(e.userId), scalar_text(e.user_id))), '') as user_id,
        nullif(trim(coalesce(scalar_text(e.anonymousId), scalar_text(e.anonymous_id))), '') as anonymous_id,
        instant(scalar_text(e."timestamp")) as told_at,
        instant(coalesce(scalar_text(e.receivedAt), scalar_text(e.received_at))) as received_at,
        lower(trim(scalar_text(c.device.type))) as device_type,
        case json_type(p.products)
            when 'ARRAY' then p.products
            when 'OBJECT' then json_array(p.products)
            when 'VARCHAR' then case when json_valid(p.products->>'$') then
                case json_type(p.products->>'$') when 'ARRAY' then (p.products->>'$')::json when 'OBJECT' then json_array((p.products->>'$')::json) end end
        end as product_list
    from parts
),
named as (
    select texts.*, names.event_name, names.order_fact, coalesce(names.is_single_product, false) as is_single_product
    from texts left join event_names as names on texts.type = 'track' and names.event_key = lower(texts.event)
),
itemised as (
    select *, list_transform(
            from_json(case when product_list is not null then product_list when is_single_product and json_type(e.properties) = 'OBJECT' then json_array(e.properties) end, '["JSON"]'),
            lambda product: product_entry(product)) as entries
    from named
),
judged as (
    select *,
        case
            when document is null then 'no_json_object'
            when message_id is null then 'missing_message_id'
            when type is null or type not in ('identify', 'track', 'page', 'screen', 'group', 'alias') then 'unknown_type'
            when type = 'track' and event is null then 'missing_event'
            when order_fact is not null and nullif(trim(scalar_text(p.order_id)), '') is null and not coalesce(json_type(c.personas) = 'OBJECT', false) then 'missing_order_id'
            when order_fact in ('completed', 'updated', 'refunded') and json_type(p.products) <> 'NULL'
                and (product_list is null or list_bool_or(list_transform(entries, lambda entry: entry.item_id is null or entry.quantity is null)))
                then 'unreadable_products'
        end as rule,
        received_at is null or cast(received_at as date) <> received_day as receipt_suspect,
        case when received_at is null or cast(received_at as date) <> received_day
            then cast(received_day as timestamptz) + interval 1 day - interval 1 microsecond else received_at end as receipt_at
    from itemised
),
known as (
    select *, case when list_contains($history_sources, source_id) and told_at < receipt_at then told_at else receipt_at end as known_at,
        case when json_type(c.personas) = 'OBJECT' then case when lower(scalar_text(c.personas->'$.computation_class')) = 'audience' then 'audience' else 'trait' end end as computed_kind,
        case when json_type(c.personas) = 'OBJECT' and whole_match(scalar_text(c.personas->'$.computation_key'), '[A-Za-z0-9_ .:-]{1,200}')
            then scalar_text(c.personas->'$.computation_key') end as computed_name
    from judged
)
select rule, message_id, type,
    coalesce(event, case when type in ('page', 'screen') then scalar_text(e.name) end) as event,
    event_name, coalesce(told_at, known_at) as event_at, known_at,
    user_id, anonymous_id, scalar_text(e.previousId) as previous_id, scalar_text(e.groupId) as group_id,
    list_filter(list_concat(
        [{'identifier_type': 'user_id', 'value': user_id},
         {'identifier_type': 'anonymous_id', 'value': anonymous_id},
         {'identifier_type': 'email', 'value': scalar_text(t->'$.email')},
         {'identifier_type': 'phone', 'value': scalar_text(t->'$.phone')},
         {'identifier_type': device_type || '.id', 'value': case when device_type in ('ios', 'android') then scalar_text(c.device.id) end},
         {'identifier_type': device_type || '.idfa', 'value': case when device_type in ('ios', 'android') and scalar_text(c.device.adTrackingEnabled) = 'true' then scalar_text(c.device.advertisingId) end},
         {'identifier_type': device_type || '.push_token', 'value': case when device_type in ('ios', 'android') then scalar_text(c.device."token") end},
         {'identifier_type': 'ga_client_id', 'value': scalar_text(c.integrations."Google Analytics".clientId)}],
        list_transform($trait_names, lambda name, place: {'identifier_type': $trait_types[place], 'value': scalar_text(json_extract(t, '$."' || name || '"'))}),
        list_transform(coalesce(list_filter(
            from_json(case when json_type(c.externalIds) = 'ARRAY' then c.externalIds end, '["JSON"]'),
            lambda entry: scalar_text(entry->'$.collection') = 'users' and scalar_text(entry->'$.encoding') = 'none'), []),
            lambda entry: {'identifier_type': lower(trim(scalar_text(entry->'$.type'))), 'value': scalar_text(entry->'$.id')})),
        lambda identifier: identifier.identifier_type <> '' and trim(identifier.value) <> '') as identifiers,
    coalesce(scalar_text(t->'$.firstName'), scalar_text(t->'$.first_name')) as first_name,
    coalesce(scalar_text(t->'$.lastName'), scalar_text(t->'$.last_name')) as last_name,
    scalar_text(t->'$.address.street') as street, scalar_text(t->'$.address.city') as city,
    coalesce(scalar_text(t->'$.address.postalCode'), scalar_text(t->'$.address.postal_code')) as postcode,
    scalar_text(t->'$.address.country') as country, scalar_text(t->'$.birthday') as birth_date,
    nullif(trim(scalar_text(p.order_id)), '') as order_id,
    coalesce(money(scalar_text(p.total)), money(scalar_text(p.revenue)), money(scalar_text(p.value))) as total,
    nullif(upper(trim(scalar_text(p.currency))), '') as currency,
    whole_number(scalar_text(p.quantity)) as quantity,
    scalar_text(p.query) as query, scalar_text(p.promotion_id) as promotion_id, scalar_text(p.campaign_id) as campaign_id,
    list_filter(entries, lambda entry: entry.item_id is not null) as products,
    without_write_key(cast(e.properties as varchar)) as properties,
    without_write_key(cast(e.traits as varchar)) as traits,
    without_write_key(cast(e.context as varchar)) as context,
    scalar_text(e.channel) as client_channel,
    coalesce(json_type(c.personas) = 'OBJECT', false) as is_computed, computed_kind, computed_name,
    case when computed_name is not null then without_write_key(cast(coalesce(
        json_extract(case when json_type(e.traits) = 'OBJECT' then e.traits end, '$."' || computed_name || '"'),
        json_extract(case when json_type(e.properties) = 'OBJECT' then e.properties end, '$."' || computed_name || '"')) as varchar)) end as computed_value,
    receipt_suspect,
    told_at is null or told_at > known_at + interval 1 hour or told_at < $first_day as event_time_suspect,
    source_id, received_day, file, line,
    case when rule is not null then without_write_key(text) end as payload, text
from known
