-- identifiers: links, one row per link and identifier, normalised; blocked and unreadable values make none.
-- Grain: source, link_id, identifier_type, identifier_value. Reads: raw_links, normal_identifiers.
select distinct r.source, r.link_id, r.known_at, n.identifier_type, n.identifier_value
from raw_links as r
join normal_identifiers as n
    on n.identifier_type = r.identifier_type and n.raw_value = r.raw_value and n.country is not distinct from r.country
where n.identifier_value is not null and not n.is_blocked
