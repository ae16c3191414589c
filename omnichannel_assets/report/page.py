"""The page: its headline, and its parts in the order in which people ask."""

from __future__ import annotations

from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.propensity.tasks import days_in_words
from omnichannel_assets.report import campaigns as acted
from omnichannel_assets.report import flow
from omnichannel_assets.report.identity import identity
from omnichannel_assets.report.lists import recommendations
from omnichannel_assets.report.markup import document, escaped, heading, paragraph, tiles
from omnichannel_assets.report.results import results
from omnichannel_assets.report.scores import newest_scores, scores
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.summary import LakeCounts, lake_counts

TITLE = "One view of each customer"
PARTS = {
    "scores": "Scores",
    "audiences": "Audiences",
    "delivered": "What was delivered",
    "results": "Was it worth it",
    "recommendations": "Recommendations",
    "rows": "Where every row went",
    "checks": "Promises checked",
    "identity": "Identity",
    "customers": "Customers",
    "input": "What came in",
}


def report_page(workspace: Workspace) -> str:
    """The page as HTML text. The lake must have been made by a run."""
    counts = lake_counts(workspace)
    with public_engine(workspace.lake, workspace.tables) as engine:
        found, scored = acted.campaigns(workspace, engine), newest_scores(engine)
        parts = [
            _head(workspace, engine, counts, found),
            scores(workspace, engine, scored, counts.known),
            acted.audiences(workspace, found),
            acted.deliveries(workspace, found),
            results(engine),
            recommendations(engine),
        ]
    parts += [flow.balances(counts), flow.checks(workspace), identity(workspace), flow.stored(workspace, counts), _next_steps()]
    return document(TITLE, "".join(parts))


def _head(workspace: Workspace, engine: Engine, counts: LakeCounts, found: acted.Campaigns) -> str:
    ((leaving, churn, buying, repurchase),) = engine.rows(
        "select count(*) filter (where churn_band = 'high'), count(churn_score), count(*) filter (where repurchase_decile = 1), count(repurchase_score) "
        "from propensity_scores where as_of = (select max(as_of) from propensity_scores)"
    )
    has_audiences = found.as_of is not None
    shown = {
        "known customers": (f"{counts.known:,}", ""),
        "contactable by e-mail": (f"{counts.contactable:,}", "have an address and said yes"),
        "likely to leave": (f"{leaving:,}", "high churn band") if churn else ("–", "no scores"),
        f"likely to buy within {days_in_words(workspace.horizons.repurchase_days)}": (f"{buying:,}", "top tenth") if repurchase else ("–", "no scores"),
        "in treatment": (f"{found.treated:,}", "get a campaign") if has_audiences else ("–", "no audiences"),
        "held out": (f"{found.held_out:,}", "withheld from a campaign") if has_audiences else ("–", "no audiences"),
        "rows delivered": (f"{found.delivered:,}", "acknowledged by channels"),
    }
    links = "".join(f'<a href="#{anchor}">{escaped(title)}</a>' for anchor, title in PARTS.items())
    as_of = paragraph(f"Everything known before {workspace.as_of()} 00:00 UTC", "soft")
    return f"<h1>{escaped(TITLE)}</h1>{as_of}{tiles(shown)}<nav>{links}</nav>"


def _next_steps() -> str:
    commands = (
        "omnichannel explain someone@example.com",
        'omnichannel sql "select * from propensity_scores limit 5"',
        "omnichannel sandbox",
        "make dev",
    )
    return heading("Look further", "further") + "".join(f"<p><code>{escaped(command)}</code></p>" for command in commands)
