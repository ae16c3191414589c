"""The part of the page with the model cards: the words of ``propensity.card`` and their pictures, folded until somebody opens one."""

from __future__ import annotations

from datetime import date

from omnichannel_assets.assets.card_picture import card_picture
from omnichannel_assets.assets.model_cards import DrawnCard, read_cards
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.propensity.card import Section, sections
from omnichannel_assets.report.markup import escaped, paragraph, picture, points, table


def cards(engine: Engine, scored: date | None, eligible_days: int) -> str:
    """The cards of the versions behind the scores of a date (the newest at all without scores); nothing where none was ever trained."""
    ((as_of,),) = engine.rows("select max(as_of) from churn_model where as_of < $before", {"before": scored or date.max})
    found = read_cards(engine, as_of, eligible_days) if as_of else []
    return "<h3>Model cards</h3>" + "".join(map(_card, found)) if found else ""


def _card(drawn: DrawnCard) -> str:
    first, *rest = sections(drawn.card)
    words = f"Six charts of {drawn.card.task.title}: ROC, lift, calibration, what moves the scores, forecast and actual, AUC by origin"
    image = picture(card_picture(drawn.figures), words, scrolls=True) if drawn.figures else ""
    body = "".join([*(paragraph(text) for text in first.sentences), *map(_section, rest), image])
    return f"<details><summary>{escaped(first.title)}</summary>{body}</details>"


def _section(section: Section) -> str:
    parts = [f"<h4>{escaped(section.title)}</h4>", *(paragraph(text) for text in section.sentences)]
    parts += [points(section.points)] if section.points else []
    parts += [table(columns, rows) for columns, rows in section.tables]
    return "".join(parts)
