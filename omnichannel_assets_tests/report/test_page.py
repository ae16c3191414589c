"""The report page over lakes: what it shows before there are scores, with refused and judged models, held and delivered campaigns; and of nobody."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date
from html import unescape

import pyarrow as pa

from omnichannel_assets.assets import deliveries
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables_scores import CHURN_MODEL, MODEL_EVALUATION, PROPENSITY_SCORES, REPURCHASE_MODEL
from omnichannel_assets.report import report_page
from omnichannel_assets.resources.approvals import approve_audiences
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import running, scored

DAY, NEXT, TRAINED = date(2025, 6, 30), date(2025, 7, 1), date(2025, 6, 23)
REFUSAL = "Repurchase cannot be learned yet: 1 of the 2 needed cut-offs has customers and a closed horizon of 30 days."
HEADINGS = [
    "Scores", "Audiences", "What was delivered", "Was it worth it", "Recommendations", "Where every row went", "Promises checked",
    "Identity", "Customers", "What they do and buy", "What came in", "Look further",
]  # fmt: skip


def publish(workspace: Workspace, table: object, rows: list[dict], day: date | None = None) -> None:
    with workspace.lake.writing():
        workspace.lake.publish(table, pa.Table.from_pylist(rows, schema=table.arrow()), Provenance("by hand"), *([day.isoformat()] if day else []))


def judged(metric: str, value: float | None, judge: str, *, model: str = "churn_inactivity", origin: str = "2025-01-01", population: str = "110 judged people") -> dict:
    """One figure of ``model_evaluation``."""
    told = {"model": model, "horizon_days": 90, "origin": origin, "segment": "all", "judge": judge, "metric": metric}
    return {"as_of": TRAINED, **told, "value": value, "low": None, "high": None, "population": population}


def give_models(workspace: Workspace, refusal: str | None = REFUSAL) -> None:
    """A judged model of leaving, a refused one of buying again."""

    def version(model: str, why: str | None) -> dict:
        told = {"label": "l", "horizon_days": 30, "cutoffs": "2025-01-01", "examples": 10, "positives": 5, "digest": "d", "inputs": "{}", "settings": "{}", "data": "{}"}
        return {"as_of": TRAINED, "model": model, "refusal": why, "in_force": TRAINED, "verdict": "champion: there was none before", **told}

    publish(workspace, CHURN_MODEL, [version("churn_inactivity", None)], TRAINED)
    publish(workspace, REPURCHASE_MODEL, [version("repurchase", refusal)], TRAINED)
    metrics = {"auc": (0.8, 0.7), "lift_at_10_percent": (2.0, 1.5), "forecast_count": (60.0, None), "actual_count": (55.0, 55.0), "calibration_error": (0.02, None)}
    for n in range(1, 11):
        metrics |= {f"decile_{n:02}_predicted": (n / 11, None), f"decile_{n:02}_observed": (n / 12, None), f"decile_{n:02}_lift": (2 - n / 10, 1.5 - n / 20)}
    rows = [judged("auc", value, judge, origin="2024-12-01") for judge, value in (("model", 0.6), ("recency", 0.7))]
    for name, values in metrics.items():
        rows += [judged(name, value, judge) for judge, value in zip(("model", "recency"), values, strict=True) if value is not None]
    rows.append(judged("auc", None, "model", model="repurchase", origin="mean", population="nobody"))
    publish(workspace, MODEL_EVALUATION, rows, TRAINED)


def text(page: str) -> str:
    """What a reader sees: without tags, style and pictures."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))).split())


def tile(page: str, name: str) -> str:
    return re.search(rf'<div class="tile"><b>([^<]*)</b><span>{name}</span>', page)[1]


def table_rows(page: str, anchor: str) -> list[dict[str, str]]:
    """The first table of a section, by its headings."""
    found = page[page.index(f'id="{anchor}"') :]
    names = re.findall(r"<th[^>]*>([^<]*)</th>", found[: found.index("</tr>")])
    rows = re.findall(r"<tr>(.*?)</tr>", found[: found.index("</table>")])[1:]
    return [dict(zip(names, map(unescape, re.findall(r"<td[^>]*>(.*?)</td>", row)), strict=True)) for row in rows]


def number(shown: str) -> int:
    return int(shown.replace(",", ""))


def test_before_there_are_scores_the_page_says_so_and_shows_the_rest(opened: Callable[..., Workspace]) -> None:
    page = report_page(opened("trusted"))
    assert [unescape(title) for title in re.findall(r"<h2[^>]*>([^<]*)</h2>", page)] == HEADINGS
    assert [tile(page, name) for name in ("likely to leave", "likely to buy within 30 days", "in treatment", "held out", "rows delivered")] == ["–"] * 4 + ["0"]
    assert "Nobody has a score yet" in page
    assert "No audiences were chosen yet" in page
    assert "No lists were made yet" in page
    assert {row["delivered as of"] for row in table_rows(page, "delivered")} == {"nothing yet"}
    assert "lines read" in page


def test_headline_numbers_are_those_of_the_tables(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    page = report_page(workspace)
    people = running.rows(workspace, "customers")
    scores, audiences = running.rows(workspace, "propensity_scores"), running.rows(workspace, "audiences")
    assert number(tile(page, "known customers")) == sum(row["is_known"] for row in people)
    assert number(tile(page, "likely to leave")) == sum(row["churn_band"] == "high" for row in scores)
    assert number(tile(page, "likely to buy within 30 days")) == sum(row["repurchase_decile"] == 1 for row in scores)
    for name, arm in (("in treatment", "treatment"), ("held out", "control")):
        assert number(tile(page, name)) == len({row["customer_id"] for row in audiences if row["arm"] == arm})
    assert number(tile(page, "held out")) > 0


def test_arms_and_those_who_cannot_be_contacted_add_up_to_the_chosen(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    scores = running.rows(workspace, "propensity_scores")
    chosen = {"win back": sum(r["churn_band"] == "high" for r in scores), "repurchase lookalike": sum(r["repurchase_decile"] == 1 for r in scores), "reactivation": 0}
    shown = table_rows(report_page(workspace), "audiences")
    found = {row["audience"]: sum(number(row[name]) for name in ("treatment", "control", "chosen but not contactable", "chosen but resting")) for row in shown}
    assert found == chosen
    assert all(number(row["chosen but not contactable"]) > 0 for row in shown if chosen[row["audience"]])


def test_campaigns_that_wait_for_approval_are_held_and_say_how_to_release_them(opened: Callable[..., Workspace]) -> None:
    workspace = opened(audience_approval="required")
    with workspace.lake.writing():
        deliveries.deliver_segment(workspace, [DAY])
    page = report_page(workspace)
    assert {row["approval"] for row in table_rows(page, "audiences")} == {f"needed; waits for omnichannel approve {DAY}"}
    arms = {row["audience"]: row["treatment"] for row in table_rows(page, "audiences")}
    rows = {(row["channel"], row["stream"]): row for row in table_rows(page, "delivered")}
    assert rows["segment", "win back"]["held"] == arms["win back"]
    assert rows["segment", "win back"]["delivered as of"] == "waits for approval"
    assert (rows["segment", "scores"]["held"], rows["segment", "scores"]["delivered as of"]) == ("0", str(DAY))
    with workspace.lake.writing():
        approve_audiences(workspace, DAY)
    page = report_page(workspace)
    assert all(re.fullmatch(r"given \d{4}-\d\d-\d\d \d\d:\d\d UTC", row["approval"]) for row in table_rows(page, "audiences"))
    assert {row["held"] for row in table_rows(page, "delivered")} == {"0"}


def test_what_was_delivered_adds_up_with_who_was_to_be_told(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    with workspace.lake.writing():
        for deliver in (deliveries.deliver_segment, deliveries.deliver_pinpoint, deliveries.deliver_connect):
            deliver(workspace, [DAY])
    page = report_page(workspace)
    arms = {row["audience"]: number(row["treatment"]) for row in table_rows(page, "audiences")}
    rows = {(row["channel"], row["stream"]): row for row in table_rows(page, "delivered")}
    for channel, stream in (("segment", "win back"), ("segment", "repurchase lookalike"), ("pinpoint", "win back"), ("connect", "win back")):
        row = rows[channel, stream]
        assert number(row["loaded"]) + number(row["rejected"]) + number(row["not sendable"]) == arms[stream], (channel, stream)
        assert row["kind"] == "campaign"
    assert number(rows["segment", "scores"]["loaded"]) + number(rows["segment", "scores"]["not sendable"]) == len(running.rows(workspace, "propensity_scores"))
    assert rows["personalize", "Items"]["delivered as of"] == "nothing yet"
    assert number(tile(page, "rows delivered")) == sum(number(row["loaded"]) for row in rows.values())


def test_people_who_left_an_audience_are_removed_and_not_counted_as_loaded(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    with workspace.lake.writing():
        deliveries.deliver_segment(workspace, [DAY])
        deliveries.deliver_connect(workspace, [DAY])
    first = {(row["channel"], row["stream"]): row for row in table_rows(report_page(workspace), "delivered")}
    scored.give_scores(workspace, NEXT, seed=2)
    with workspace.lake.writing():
        deliveries.deliver_segment(workspace, [NEXT])
        deliveries.deliver_connect(workspace, [NEXT])
    rows = {(row["channel"], row["stream"]): row for row in table_rows(report_page(workspace), "delivered")}
    held = [row for row in running.rows(workspace, "audiences") if row["audience"] == "win_back" and row["arm"] == "treatment" and row["as_of"] == NEXT]
    assert number(rows["connect", "win back"]["loaded"]) == len(held)
    assert number(rows["connect", "win back"]["removed"]) > 0
    assert number(rows["segment", "win back"]["removed"]) > 0
    assert number(first["connect", "win back"]["removed"]) == 0


def test_with_deliveries_off_the_page_says_that_nothing_is_sent(opened: Callable[..., Workspace]) -> None:
    page = report_page(opened(delivery_mode="off"))
    assert "Delivery mode is off: nothing is sent" in page
    assert {row["delivered as of"] for row in table_rows(page, "delivered")} == {"not sent: delivery mode off"}


def test_live_channels_that_are_not_listed_are_not_sent(opened: Callable[..., Workspace]) -> None:
    rows = table_rows(report_page(opened(delivery_mode="live")), "delivered")
    assert {row["channel"]: row["delivered as of"] for row in rows} == {
        "segment": "not sent: delivery mode live", "personalize": "not sent: delivery mode live", "pinpoint": "nothing yet", "connect": "not sent: delivery mode live"
    }  # fmt: skip


def test_a_judged_model_is_told_in_words_and_pictures_a_refused_one_in_its_own_sentence(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    give_models(workspace)
    page = report_page(workspace)
    seen = text(page)
    assert f"No scores: {REFUSAL}" in seen
    assert "80 times in 100" in seen
    assert "Judged on 110 judged people." in seen
    alts = re.findall(r'<img alt="([^"]*)"', page)
    assert len(alts) == page.count("<img ")
    assert all(alts)
    assert any("9 % predicted, 8 % observed" in alt for alt in alts)
    assert sum(alt.startswith("Times the average") for alt in alts) == 1


def test_with_refused_models_only_nobody_is_likely_to_do_anything(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    people = [{"customer_id": row["customer_id"], "as_of": DAY} for row in running.rows(workspace, "propensity_scores")]
    publish(workspace, PROPENSITY_SCORES, people, DAY)
    give_models(workspace)
    page = report_page(workspace)
    assert (tile(page, "likely to leave"), tile(page, "likely to buy within 30 days")) == ("–", "–")
    assert "Where a model could not be trained the scores are empty" in page
    assert "Why people are likely to leave" not in page


def test_a_model_trained_on_or_after_the_scored_date_is_not_the_one_that_is_judged(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    give_models(workspace)
    later = [judged("auc", 0.99, "model", population="of the future") | {"as_of": DAY}]
    publish(workspace, MODEL_EVALUATION, later, DAY)
    seen = text(report_page(workspace))
    assert "of the future" not in seen
    assert "110 judged people" in seen


def test_orders_that_stopped_before_the_scores_date_are_told(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    assert "The newest order is of" not in report_page(workspace)
    early = [row for row in running.rows(workspace, "orders") if row["ordered_at"].date() < date(2025, 6, 1)]
    assert early
    publish(workspace, workspace.tables["orders"], early)
    last = max(row["ordered_at"] for row in early).date()
    assert f"The newest order is of {last}, {(DAY - last).days} days before {DAY}." in report_page(workspace)


def test_the_health_of_identity_is_told_in_figures_and_pictures_of_nobody(opened: Callable[..., Workspace]) -> None:
    workspace = opened("trusted")
    page = report_page(workspace)
    section = page[page.index('id="identity"') : page.index('id="customers"')]
    found = {row["measure"]: row["value"] for row in running.rows(workspace, "identity_health") if not row["bucket"]}
    identifiers = running.rows(workspace, "identities")
    sizes = Counter(row["customer_id"] for row in identifiers if row["valid_to"] is None)
    assert number(tile(section, "identifiers of the largest customer")) == max(sizes.values()) == found["most_identifiers"]
    assert number(tile(section, "weak links")) == found["weak_links"] > 0
    assert section.count("<img ") == 3
    assert "one login for each customer" in section.lower()
    assert "largest customers" not in section


def test_a_lake_without_measured_health_says_so(opened: Callable[..., Workspace]) -> None:
    workspace = opened("trusted")
    shutil.rmtree(workspace.lake.store.root / workspace.lake.folder("identity_health"))
    assert "health was not measured yet" in report_page(workspace)


def test_a_hostile_item_name_stays_text(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    bad = "<img src=x onerror=alert(1)>\"'</td><script>alert(2)</script>"
    publish(workspace, workspace.tables["products"], [row | {"name": bad, "category": bad} for row in running.rows(workspace, "products")])
    page = report_page(workspace)
    assert "<script" not in page
    assert "<img src" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_nobody_can_be_told_from_the_page(opened: Callable[..., Workspace]) -> None:
    workspace = opened()
    give_models(workspace)
    with workspace.lake.writing():
        deliveries.deliver_segment(workspace, [DAY])
        deliveries.deliver_pinpoint(workspace, [DAY])
    page = report_page(workspace)
    people, identities = running.rows(workspace, "customers"), running.rows(workspace, "identities")
    personal = {row["identifier_value"] for row in identities} | {row["customer_id"] for row in identities}
    personal |= {f"{row['first_name']} {row['last_name']}" for row in people if row["first_name"] and row["last_name"]}
    personal |= {row["destination_key"] for row in running.rows(workspace, "delivery_ledger")}
    personal = {value for value in personal if len(value) > 5}
    assert len(personal) > 300
    seen = re.sub(r"base64,[^\"]+", "", page)
    assert {value for value in personal if value in seen} == set()
    assert re.findall(r"c_[0-9a-f]{16}", seen) == []
    assert set(re.findall(r"[\w.+-]+@[\w-]+\.\w+", seen)) == {"someone@example.com"}


def test_the_page_needs_nothing_from_elsewhere_and_fits_a_phone(opened: Callable[..., Workspace]) -> None:
    page = report_page(opened())
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert re.findall(r"""(?:src|href)=["']?(?!data:image/png;base64,|#)[^"'> ]+""", page) == []
    anchors = set(re.findall(r'href="#(\w+)"', page))
    assert anchors <= set(re.findall(r'id="(\w+)"', page))
