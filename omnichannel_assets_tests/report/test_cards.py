"""Model cards over stored versions: the figures of the judgement, the picture, and a refusal told as one; the same on the page and in the catalog."""

from __future__ import annotations

import pytest

from omnichannel_assets.assets import model_cards
from omnichannel_assets.assets.model_cards import cards_of, make_cards
from omnichannel_assets.assets.previews import previews_of
from omnichannel_assets.lake.tables_scores import MODEL_CARDS
from omnichannel_assets.report import report_page
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.report.test_page import REFUSAL, TRAINED, give_models, text


def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(model_cards, "training_dates", lambda _: [TRAINED])
    with workspace.lake.writing():
        make_cards(workspace)
    return {row["model"]: row["card"] for row in workspace.lake.read(MODEL_CARDS).to_pylist()}


def test_a_card_repeats_the_stored_judgement(opened, monkeypatch):
    workspace = opened()
    give_models(workspace)
    cards = made(workspace, monkeypatch)
    assert set(cards) == {"churn_inactivity", "repurchase"}
    assert "At the newest origin" not in cards["repurchase"] and f"There is no model. {REFUSAL}" in cards["repurchase"]
    (churn,) = [drawn.figures for drawn in cards_of(workspace, TRAINED) if drawn.card.task.model == "churn_inactivity"]
    assert churn.auc["model"] == {"2024-12-01": 0.6, "2025-01-01": 0.8} and churn.auc["recency"] == {"2024-12-01": 0.7, "2025-01-01": 0.7}
    assert churn.forecast == {"2025-01-01": (60.0, 55.0)} and len(churn.calibration) == len(churn.lift["model"]) == 10


def test_cards_are_made_again_only_when_the_judgement_is_another(opened, monkeypatch):
    workspace = opened()
    give_models(workspace)
    first = made(workspace, monkeypatch)
    with workspace.lake.writing():
        assert make_cards(workspace).rewritten == []
    give_models(workspace, refusal="Other words.")
    assert made(workspace, monkeypatch) != first


def test_the_catalog_shows_words_and_picture_and_the_page_shows_them_too(opened, monkeypatch):
    workspace = opened()
    give_models(workspace)
    made(workspace, monkeypatch)
    shown = previews_of(workspace, MODEL_CARDS)
    assert set(shown) == {"card: Churn by inactivity", "card: Repurchase"}
    assert all("### When not to use it" in card for card in shown.values())
    assert ["](data:image/png;base64," in card for card in shown.values()] == [True, False]
    page = report_page(workspace)
    assert page.count("<details>") == 2 and page.count('alt="Six charts of Churn by inactivity') == 1 and f"There is no model. {REFUSAL}" in text(page) and "What it cannot know" in text(page)
