"""The part of the page about recommendations: why items are on the lists, and which are on most."""

from __future__ import annotations

from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.report.markup import Share, heading, label, note, paragraph, percent, table

SHOWN_ITEMS = 10
REASONS = """case when starts_with(reason, 'Bought') then 'bought before' when starts_with(reason, 'Goes with') then 'goes with what they have or look at'
    when reason = 'On your wish list' then 'on the wish list' when starts_with(reason, 'Popular') then 'popular' else 'other' end"""


def recommendations(engine: Engine) -> str:
    """The whole part."""
    ((as_of, people, places),) = engine.rows(
        "select max(as_of), count(distinct customer_id), count(*) from recommendations where as_of = (select max(as_of) from recommendations)"
    )
    if as_of is None:
        return heading("Recommendations", "recommendations") + note("No lists were made yet: they come with the first scores.")
    reasons = engine.rows(
        f"select {REASONS} as why, count(*) as places from recommendations where as_of = $day group by 1 order by 2 desc, 1", {"day": as_of}
    )
    items = engine.rows(
        "select coalesce(any_value(p.name), r.item_id) as name, any_value(p.category), count(*) as lists, count(*) filter (where r.rank <= 3) as leading "
        "from recommendations as r left join products as p on p.product_id = r.item_id where r.as_of = $day group by r.item_id order by lists desc, r.item_id limit $items",
        {"day": as_of, "items": SHOWN_ITEMS},
    )
    words = f"As of {as_of}: {places:,} places on the lists of {people:,} customers and visitors. On sale and in stock when the lists were made; looked at again when one is shown."
    why = [(reason, number, percent(number / places), Share(number / places)) for reason, number in reasons]
    most = [(label(name), label(category or ""), number, leading, Share(number / people)) for name, category, number, leading in items]
    return (
        heading("Recommendations", "recommendations")
        + paragraph(words)
        + "<h3>Why items are recommended</h3>"
        + table(("reason", "places", "share", "of all places"), why)
        + "<h3>Most recommended items</h3>"
        + table(("item", "category", "lists", "in the first three", "of all lists"), most)
    )
