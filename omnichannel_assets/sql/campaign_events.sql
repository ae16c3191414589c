-- campaign_events: what became of each message of a campaign, once an event, under the identities of $as_of. What machines did is marked, not dropped.
-- Grain: event_id. Reads: campaign_event_log, event_facts, segment_events, fact_owners, identities, identities_history.
-- Engine: DuckDB (JSON of a call's context).
-- Whoever an event names by address is asked first; a customer id that ended is followed to who holds its identifiers now.
with from_files as (
    select *, row_number() over (partition by event_id order by known_at, file_version, line) as copy
    from campaign_event_log
    where event_at < $as_of and known_at < $as_of
),
addresses as (
    select identifier_hash($identifier_salt, identifier_type, identifier_value) as address_hash, min(customer_id) as customer_id
    from identities
    where valid_to is null and identifier_type in ('email', 'phone')
    group by identifier_hash($identifier_salt, identifier_type, identifier_value)
),
living as (
    select identifier_hash($identifier_salt, 'customer_id', customer_id) as customer_hash, min(customer_id) as customer_id
    from identities
    where valid_to is null
    group by identifier_hash($identifier_salt, 'customer_id', customer_id)
),
moved as (
    select identifier_hash($identifier_salt, 'customer_id', h.customer_id) as customer_hash, min(n.customer_id) as customer_id
    from identities_history as h
    join identities as n on n.identifier_type = h.identifier_type and n.identifier_value = h.identifier_value and n.valid_to is null
    group by identifier_hash($identifier_salt, 'customer_id', h.customer_id)
),
told as (
    select f.event_id, f.channel, f.campaign, f.event_type, f.event_at, f.known_at, coalesce(a.customer_id, l.customer_id, m.customer_id) as customer_id, f.message_key, f.link_hash, f.machine_rule
    from from_files as f
    left join addresses as a on a.address_hash = f.address_hash
    left join living as l on l.customer_hash = f.customer_hash
    left join moved as m on m.customer_hash = f.customer_hash
    where f.copy = 1
    union all
    select f.message_id as event_id, 'segment' as channel, coalesce(f.campaign_id, scalar_text(json_extract(e.properties, '$.campaign_name')), 'unknown') as campaign,
        case f.event_type when 'EmailDelivered' then 'delivered' when 'EmailOpened' then 'opened' when 'EmailClicked' then 'clicked' when 'EmailBounced' then 'bounced'
            when 'EmailMarkedAsSpam' then 'complained' else 'unsubscribed' end as event_type,
        f.event_at, f.known_at, o.customer_id, scalar_text(json_extract(e.properties, '$.email_id')) as message_key, scalar_text(json_extract(e.properties, '$.link_url')) as link_hash,
        case when f.event_type not in ('EmailOpened', 'EmailClicked') then null
            when whole_match(lower(trim(scalar_text(json_extract(e.context, '$.userAgent')))), $machine_agents) then 'user agent'
            when whole_match(trim(scalar_text(json_extract(e.context, '$.ip'))), $machine_addresses) then 'address' end as machine_rule
    from event_facts as f
    left join segment_events as e on e.message_id = f.message_id and e.received_day = f.received_day
    left join fact_owners as o on o.message_id = f.message_id
    where f.event_type in ('EmailDelivered', 'EmailOpened', 'EmailClicked', 'EmailBounced', 'EmailMarkedAsSpam', 'Unsubscribed')
        and f.event_at < $as_of and f.known_at < $as_of and not f.event_time_suspect
),
deliveries as (
    select channel, message_key, min(event_at) as delivered_at from told where event_type = 'delivered' and message_key is not null group by channel, message_key
),
bursts as (
    select channel, message_key, date_trunc('second', event_at) as second
    from told
    where event_type = 'clicked' and message_key is not null
    group by channel, message_key, date_trunc('second', event_at)
    having count(distinct link_hash) > 1
),
judged as (
    select t.event_id, t.channel, t.campaign, t.event_type, t.event_at, t.known_at, t.customer_id, t.message_key,
        case when t.machine_rule is not null then t.machine_rule when t.event_type <> 'clicked' then null
            when t.event_at >= d.delivered_at and days_between(d.delivered_at, t.event_at) * 86400 < $machine_seconds then 'seconds after delivery'
            when b.message_key is not null then 'all links at once' end as machine_rule
    from told as t
    left join deliveries as d on d.channel = t.channel and d.message_key = t.message_key
    left join bursts as b on b.channel = t.channel and b.message_key = t.message_key and b.second = date_trunc('second', t.event_at)
)
select event_id, channel, campaign, event_type, event_at, known_at, customer_id, message_key, machine_rule is not null as is_machine, machine_rule from judged
