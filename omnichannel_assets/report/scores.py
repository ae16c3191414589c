"""The part of the page about scores: how they are spread, how good they are, why people are likely to leave, who has none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from omnichannel_assets.assets.models import questions
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.propensity.tasks import days_in_words
from omnichannel_assets.report import charts
from omnichannel_assets.report.cards import cards
from omnichannel_assets.report.judgement import Judgement, judgements
from omnichannel_assets.report.markup import Share, escaped, heading, note, paragraph, percent, picture, pictures, points, table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sql.features import FEATURES

BANDS = {"low": charts.GREY, "medium": charts.YELLOW, "high": charts.RED}
DECILES = {"other nine tenths": charts.GREY, "top tenth": charts.BLUE}
SHOWN_REASONS, SILENT_DAYS = 10, 7
COUNTED = dict(sorted({feature.nouns for feature in FEATURES if feature.nouns}, key=lambda nouns: (-len(nouns[0]), nouns)))
"""Nouns that reasons count, one -> many, the longest first."""
USUAL = re.compile(r"^(?P<text>.*) \(usually (?P<every>every )?(?P<usual>[^()]*)\)$")
NUMBER = re.compile(r"less than 1|\d[\d,]*(?:\.\d+)?")


def newest_scores(engine: Engine) -> date | None:
    """The newest as-of date that has scores."""
    ((found,),) = engine.rows("select max(as_of) from propensity_scores")
    return found


def scores(workspace: Workspace, engine: Engine, scored: date | None, known: int) -> str:
    """The whole part; ``known`` is how many known customers there are."""
    found = judgements(engine, scored, list(questions(workspace).values()))
    parts = [heading("Scores", "scores")]
    if scored is None:
        parts.append(note("Nobody has a score yet: run omnichannel run, or materialize the groups features, models and scores."))
        return "".join([*parts, *(_judgement(judged) for judged in found)])
    parts.append(
        paragraph(
            f"As of {scored}: the churn score is the probability of no purchase in the next {days_in_words(workspace.horizons.churn_days)}, "
            f"the repurchase score the probability of a purchase in the next {days_in_words(workspace.horizons.repurchase_days)}. "
            "Bands and tenths are ranks: high is the fifth most likely to leave, medium the next 30 %; the top tenth is the tenth most likely to buy."
        )
    )
    parts += [_silence(engine, scored), _spreads(engine, scored), "<h3>How good they are</h3>", *(_judgement(judged) for judged in found)]
    carded = cards(engine, scored, workspace.settings.eligible_days)
    return "".join([*parts, carded, _reasons(engine, scored), _population(workspace, engine, scored, known, found)])


def _silence(engine: Engine, scored: date) -> str:
    """A warning when orders stopped arriving well before the scores' date: everybody then looks as if they had stopped buying."""
    ((last,),) = engine.rows("select cast(max(ordered_at) as date) from orders where ordered_at < $day", {"day": scored})
    days = (scored - last).days if last else 0
    if days <= SILENT_DAYS:
        return ""
    return note(
        f"The newest order is of {last}, {days} days before {scored}. Either the shop sold nothing, or orders no longer arrive: "
        "then everybody looks less active than they are. Look at the feed before you act on these scores."
    )


def _spreads(engine: Engine, scored: date) -> str:
    images = []
    for title, score, group, colours in (
        ("Likely to leave: churn scores by band", "churn_score", "churn_band", BANDS),
        (
            "Likely to buy: repurchase scores",
            "repurchase_score",
            "case when repurchase_decile = 1 then 'top tenth' else 'other nine tenths' end",
            DECILES,
        ),
    ):
        rows = engine.rows(
            f"select {group} as series, least(cast(floor({score} * {charts.BINS}) as integer), {charts.BINS - 1}) as place, count(*) from propensity_scores "
            f"where as_of = $day and {score} is not null group by 1, 2 order by 1, 2",
            {"day": scored},
        )
        if rows:
            series = {name: {place: number for of, place, number in rows if of == name} for name in colours}
            total = sum(number for _, _, number in rows)
            images.append(picture(charts.spread(title, series, colours), f"{title}, {total:,} customers, in steps of 5 %"))
    return pictures(images)


def _judgement(judged: Judgement) -> str:
    parts = [f"<h3>{escaped(judged.heading)}</h3>"]
    if not judged.is_judged:
        return "".join([*parts, *(note(text) for text in judged.sentences())])
    parts.append(points(judged.sentences()))
    images = []
    if judged.is_drawn and (bins := judged.bins()):
        alt = "; ".join(f"{100 * predicted:.0f} % predicted, {100 * observed:.0f} % observed" for predicted, observed in bins)
        images.append(picture(charts.calibration(f"{judged.title}: predicted and observed", bins), f"Ten groups by score: {alt}"))
    model, recency = judged.lifts()
    if judged.is_drawn and model:
        alt = ", ".join(f"{value:.1f}" for value in model)
        images.append(
            picture(
                charts.lift(f"{judged.title}: how often, by tenth", model, recency),
                f"Times the average in each tenth, highest scores first: {alt}",
            )
        )
    return "".join([*parts, pictures(images), paragraph(f"Judged on {judged.population}.", "soft")])


def _reasons(engine: Engine, scored: date) -> str:
    rows = engine.rows(
        "select split_part(churn_reasons, '; ', 1) as reason, count(*) from propensity_scores "
        "where as_of = $day and churn_band = 'high' and churn_reasons is not null group by 1 order by 2 desc, 1",
        {"day": scored},
    )
    if not rows:
        return ""
    total = sum(number for _, number in rows)
    grouped = counted_reasons(rows)
    shown = [(*reason, number, percent(number / total), Share(number / grouped[0][1])) for reason, number in grouped[:SHOWN_REASONS]]
    words = f"The first reason of the {total:,} customers in the high band, most frequent first. … stands for the customer's own number. A reason is what moves the score, not proof of a cause."
    return (
        "<h3>Why people are likely to leave</h3>"
        + paragraph(words, "soft")
        + table(("first reason", "than usual", "customers", "share", ""), shown)
    )


def counted_reasons(rows: Iterable[tuple[str, int]]) -> list[tuple[tuple[str, str], int]]:
    """Reasons without anybody's own numbers and how they compare with what is usual, with the customers they hold for, most frequent first."""
    found: dict[tuple[str, str], int] = {}
    for reason, number in rows:
        kind = reason_kind(reason)
        found[kind] = found.get(kind, 0) + number
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def reason_kind(reason: str) -> tuple[str, str]:
    """A reason without the customer's own number, and how that compares: ``2 order lines in 90 days (usually 4)`` is fewer than 4."""
    told = USUAL.match(reason)
    own = NUMBER.search(told["text"]) if told else None
    if told is None or own is None:
        return reason, ""
    rest = told["text"][own.end() :]
    for noun, many in COUNTED.items() if own[0] in ("1", "less than 1") else ():
        if re.match(rf" {noun}(?!\w)", rest):
            rest = f" {many}{rest[len(noun) + 1 :]}"
            break
    direction = "less" if _number(own[0]) < _number(told["usual"]) else "more"
    usual = "the customer's own rhythm" if told["every"] else told["usual"]
    return f"{told['text'][: own.start()]}…{rest}", f"{direction} than {usual}"


def _number(text: str) -> float:
    found = NUMBER.search(text)
    return 0.5 if found is None or found[0].startswith("less") else float(found[0].replace(",", ""))


def _population(workspace: Workspace, engine: Engine, scored: date, known: int, found: Iterable[Judgement]) -> str:
    ((total, leaving, buying),) = engine.rows(
        "select count(*), count(churn_score), count(repurchase_score) from propensity_scores where as_of = $day", {"day": scored}
    )
    cautions = [
        f"Scored are {total:,} {workspace.tasks[0].asked_of(workspace.settings.eligible_days)} {scored}, of {known:,} known customers.",
        "Everybody else has no score; no score does not mean unlikely to leave.",
        "The models learned from the past. A closed shop, a strike, a new price list or a sale season that was never seen before is not in them.",
        "Numbers of how good they are come from one later date the models had not seen, not from today. Small differences between two customers mean nothing; bands do.",
        "A high score says who is likely to leave, not who would stay because of an offer. Only the held-out customers tell that.",
    ]
    if not (leaving and buying) or any(judged.refusal for judged in found):
        cautions.insert(0, "Where a model could not be trained the scores are empty; audiences made from them are empty too.")
    return "<h3>Who was scored, and when not to trust it</h3>" + points(cautions)
