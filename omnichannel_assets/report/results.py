"""The part of the page about results: who got each offer, who was held out, what both did, and whether it was worth it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omnichannel_assets.assets.campaign_results import OUTCOMES, pictures
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.report.markup import escaped, heading, note, paragraph, picture, points, table
from omnichannel_assets.trials.balance import ALARM

ASKED = {"purchased": "bought anything", "spend": "spent, each", "unsubscribed": "unsubscribed"}
PARTS = {"variant": "sub-group", "churn_band": "churn band", "repurchase_decile": "tenth by repurchase score"}
Row = Mapping[str, Any]
REACHED = """select audience, count(*) filter (where arm = 'treatment') as treated, count(*) filter (where arm = 'control') as held_out,
    count(*) filter (where arm = 'treatment' and delivered) as delivered, count(*) filter (where arm = 'treatment' and opened) as opened,
    count(*) filter (where arm = 'treatment' and clicked) as clicked, count(*) filter (where not is_closed) as waiting, min(entered_on) as since
    from campaign_outcomes where as_of = $day group by audience order by audience"""


def results(engine: Engine) -> str:
    """The whole part."""
    ((as_of,),) = engine.rows("select max(as_of) from campaign_results")
    title = heading("Was it worth it", "results")
    if as_of is None:
        return title + note("No campaign has results yet: they come with the first audiences, and say something when the days that count are past.")
    rows = _rows(engine, as_of)
    people = [(_plain(name), since, treated, held, delivered, opened, clicked, waiting) for name, treated, held, delivered, opened, clicked, waiting, since in engine.rows(REACHED, {"day": as_of})]
    columns = ("campaign", "since", "got the offer", "held out", "delivered", "opened", "clicked", "still too early")
    drawn = pictures(rows)
    names = list(dict.fromkeys(row["audience"] for row in rows))
    return "".join(
        [
            title,
            paragraph(
                f"As of {as_of}. Everybody who ever entered a campaign is followed for the days that count for it, under whatever id they have now. Those held out show what happens "
                "without the offer; the difference is what the offer did. Everybody counts, whether a message reached them or not."
            ),
            table(columns, people, "stacks"),
            paragraph("Delivered, opened and clicked as the channels told. Opens and clicks of mail proxies and link scanners are left out.", "soft"),
            *(_campaign([row for row in rows if row["audience"] == name], drawn.get(name)) for name in names),
            "<h3>How to read it</h3>",
            points(
                (
                    "More or less: the interval leaves out zero. In brackets is where the true difference lies 95 times in 100.",
                    "Cannot tell is not the same as no effect: it says what the offer may have done, and how many people more it would take to know.",
                    "Looked at in many parts, some look clear by chance. A part is called clear only when it would be among all that were looked at.",
                )
            ),
        ]
    )


def _rows(engine: Engine, as_of: Any) -> list[Row]:
    columns, found = engine.select("select * from campaign_results order by as_of, audience, part, label, outcome, arm")
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    return [row for row in rows if row["as_of"] == as_of]


def _campaign(rows: Sequence[Row], png: bytes | None) -> str:
    """One campaign: a line a question, its picture, then its parts folded away."""
    everybody = sorted((row for row in rows if row["part"] == "all"), key=lambda row: OUTCOMES.index(row["outcome"]))
    shown = [(ASKED[row["outcome"]], _level(row, row["mean"]), _level(row, row["control_mean"]), row["verdict"]) for row in everybody]
    broken = [row for row in everybody if row["srm_p"] is not None and row["srm_p"] < ALARM]
    warning = "The arms have not the sizes that were planned: something took people out of one of them, or the share held out was changed. Do not trust these figures before that is found."
    parts = [
        (PARTS.get(row["part"], row["part"]), row["label"], ASKED[row["outcome"]], row["people"], row["control_people"], row["verdict"])
        for row in rows
        if row["part"] != "all" and row["outcome"] != "unsubscribed" and row["low"] is not None
    ]
    small = sum(row["part"] != "all" and row["outcome"] != "unsubscribed" and row["low"] is None for row in rows)
    left_out = paragraph(f"Left out: {small:,} comparisons of too few people to tell anything.", "soft") if small else ""
    folded = table(("by", "which", "question", "got the offer", "held out", "verdict"), parts, "stacks") + left_out if parts else ""
    return "".join(
        [
            f"<h3>{escaped(_plain(rows[0]['audience']))}</h3>",
            note(warning) if broken else "",
            table(("question", "got the offer", "held out", "verdict"), shown, "stacks"),
            picture(png, f"{_plain(rows[0]['audience'])}: differences with their intervals", scrolls=True) if png else "",
            f"<details><summary>By sub-group, band and tenth</summary>{folded}</details>" if folded else "",
        ]
    )


def _level(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if row["outcome"] == "spend" else f"{100 * value:.1f} %"


def _plain(name: str) -> str:
    return name.replace("_", " ")
