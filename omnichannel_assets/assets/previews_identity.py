"""What to show of identity's health: sizes, limits about to bite, weak links, merges a day. Single customers appear by customer_id alone.

The figures are rows of ``identity_health``; what happened when comes from the journal beside it.
"""

from __future__ import annotations

from omnichannel_assets.assets.drawing import Picture, SmallTable

LARGEST = 20
RECENT_DAYS = "interval 119 day"
FIGURES = {
    "most_identifiers": "identifiers of the largest customer",
    "weak_links": "weak links: one message or row alone holds two known parts of a customer together",
    "customers_on_weak_links": "customers that hang on a weak link",
    "customers_kept_apart": "customers that links tie to others and limits keep apart",
    "groups_kept_apart": "groups these would be without limits",
    "largest_group_kept_apart": "customers in the largest such group",
    "shared": "shared identifiers: they belong to nobody",
}
"""Measures without buckets, in words."""

_WORDS = " ".join(f"when '{measure}' then '{words}'" for measure, words in FIGURES.items())
_PLACES = " ".join(f"when '{measure}' then {place}" for place, measure in enumerate(FIGURES))
_CHANGES = "(select as_of, change from identity_changes union all select as_of, 'corrected: ' || change from identity_corrections) as changes"


def _per_day(condition: str) -> str:
    newest = f"(select max(as_of) from {_CHANGES})"
    return f"select as_of, change, count(*) as n from {_CHANGES} where {condition} and as_of >= {newest} - {RECENT_DAYS} group by 1, 2 order by 1, 2"


LARGEST_CUSTOMERS = """with held as (select customer_id, identifier_type, count(*) as n from identities where valid_to is null group by 1, 2),
largest as (
    select customer_id, sum(n) as identifiers, string_agg(n || ' ' || identifier_type, ', ' order by n desc, identifier_type) as by_type
    from held group by 1 order by 2 desc, 1 limit 10
)
select g.customer_id, cast(g.identifiers as bigint) as identifiers, g.by_type, count(distinct l.source || ':' || l.link_id) as links
from largest as g join identities as i on i.customer_id = g.customer_id and i.valid_to is null
join identifiers as l on l.identifier_type = i.identifier_type and l.identifier_value = i.identifier_value
group by 1, 2, 3 order by 2 desc, 1"""

HEALTH_FIGURES = SmallTable(
    "figures",
    f'select case measure {_WORDS} end as figure, "value" as number from identity_health where bucket = \'\' order by case measure {_PLACES} end',
    widest=100,
)
SIZES = Picture(
    "identifiers per known customer",
    f"select least(cast(bucket as integer), {LARGEST}) as size, 'known customers', cast(sum(\"value\") as bigint) from identity_health where measure = 'customers_of_size' group by 1",
    "numbers",
    f"identifiers of one known customer ({LARGEST}: or more)",
)
NEAR_LIMITS = SmallTable(
    "customers near a limit, in their fullest window",
    "select bucket as identifier_and_limit, max(\"value\") filter (where measure = 'customers_with') as customers_with_it, "
    "max(\"value\") filter (where measure = 'at_limit') as at_the_limit, max(\"value\") filter (where measure = 'one_below_limit') as one_below "
    "from identity_health where measure in ('customers_with', 'at_limit', 'one_below_limit') group by 1 order by 2 desc, 1",
)
WEAK_LINKS = SmallTable(
    "weak links by kind and source",
    "select bucket as parts_they_join_and_source, \"value\" as links from identity_health where measure = 'weak_links' and bucket <> '' order by 2 desc, 1",
)
SHARED = SmallTable(
    "shared identifiers",
    "select split_part(bucket, ': ', 2) as identifier_type, cast(sum(\"value\") as bigint) as identifiers, min(split_part(bucket, ': ', 1)) as first, "
    "max(split_part(bucket, ': ', 1)) as last from identity_health where measure = 'shared_from' group by 1 order by 2 desc, 1",
)
MERGES = Picture(
    "merges, splits and re-keys",
    _per_day("change <> 'new'"),
    "days",
    "as-of date at which the change first shows",
    ("identity_changes", "identity_corrections"),
)
NEW = Picture(
    "new customers and visitors", _per_day("change = 'new'"), "days", "as-of date", ("identity_changes", "identity_corrections")
)
LARGEST_TABLE = SmallTable("largest customers", LARGEST_CUSTOMERS, ("identities", "identifiers"), widest=100)

IDENTITY_PREVIEWS: dict[str, tuple[SmallTable | Picture, ...]] = {
    "identity_health": (HEALTH_FIGURES, SIZES, LARGEST_TABLE, NEAR_LIMITS, WEAK_LINKS, SHARED, MERGES, NEW)
}
"""Table -> what to show of it."""
