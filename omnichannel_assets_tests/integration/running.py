"""Runs the graph's plain steps in order, without Dagster and without delivering, and reads back what a lake holds. No assertions here.

The order is that of ``omnichannel_assets.run``; one test proves that both give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from omnichannel_assets.assets import (
    audiences,
    campaign_events,
    campaign_results,
    consent,
    customers,
    dms,
    features,
    identity,
    identity_health,
    interactions,
    landing,
    links,
    matching,
    model_cards,
    propensity,
    recommendations,
    score_monitoring,
    segment,
)
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.tables import EVENT_FACTS, ORDER_FACTS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings, load_settings

RESULTS = (campaign_results.collect_outcomes, campaign_results.judge_campaigns)
TELLS_OF_RUNS = (
    "landing_files", "identity_corrections", "identity_matches", "match_reviews", "delivery_ledger", "deletion_requests", "control_identifiers",
    "erasures", "destination_customers",
)
"""Tables outside byte equality: they hold wall-clock time, or tell which runs there were."""


def workspace(landing_zone: Path, lake: Path, *, before_write: Callable[[str], None] | None = None, **options: Any) -> Workspace:
    """A workspace whose settings come from its landing zone and the options, not from the environment or a ``.env``."""
    return Workspace(settings(landing_zone, lake, **options), before_write)


def settings(landing_zone: Path, lake: Path, **options: Any) -> Settings:
    """Settings under which models cost little: nothing is searched and one origin judged, unless the options say so."""
    given = {"landing_uri": str(landing_zone), "lake_uri": str(lake), "search_trials": 0, "evaluation_origins": 1, **options}
    return load_settings(given, environment={}, folder=landing_zone)


def steps(opened: Workspace) -> Iterator[Callable[[], StepReport | tuple[StepReport, StepReport]]]:
    """Every step of a run, in order; parents among the DMS tables come before their children."""
    yield lambda: landing.catalogue(opened)
    yield lambda: (opened.as_of(), segment.stage_calls(opened))[1]
    yield lambda: segment.find_duplicates(opened)
    for name in sorted(opened.registry, key=lambda name: opened.registry[name].parent is not None):
        yield lambda name=name: dms.stage_table(opened, name)
    yield lambda: campaign_events.read_campaign_files(opened)
    yield lambda: dms.gather_quarantine(opened)
    for facts in (EVENT_FACTS, ORDER_FACTS):
        yield lambda facts=facts: segment.build_facts(opened, facts)
    yield lambda: links.collect_links(opened)
    yield lambda: matching.propose_matches(opened)
    yield lambda: identity.resolve_identities(opened)
    yield lambda: identity_health.measure_health(opened)
    yield lambda: consent.collect_choices(opened)
    for table in customers.MODELS:
        yield lambda table=table: customers.build(opened, table)
    yield lambda: interactions.build_interactions(opened)
    yield lambda: campaign_events.build_campaign_events(opened)


def acting_steps(opened: Workspace) -> Iterator[Callable[[], StepReport]]:
    """Every step from features to audiences, of the as-of date in force; they follow the others."""
    days = [opened.as_of()]
    yield lambda: propensity.collect_training_examples(opened)
    for train in (propensity.train_churn, propensity.train_repurchase, propensity.train_spend, propensity.evaluate_models):
        yield lambda train=train: train(opened)
    yield lambda: model_cards.make_cards(opened)
    dated = (features.build_customer_features, propensity.score_customers, *recommendations.STEPS.values(), audiences.choose_audiences, *RESULTS)
    for step in dated:
        yield lambda step=step: step(opened, days)
    yield lambda: score_monitoring.monitor_scores(opened)


def act(opened: Workspace) -> dict[str, list[str]]:
    """Bring everything from features to audiences up to date, over trusted tables; returns what ``run_steps`` does."""
    with opened.lake.writing():
        return {report.table.name: report.rewritten for report in (step() for step in acting_steps(opened)) if report.rewritten}


def run_steps(opened: Workspace) -> dict[str, list[str]]:
    """Bring the lake up to date; returns the rewritten partition values by table, tables without any left out."""
    rewritten: dict[str, list[str]] = {}
    with opened.lake.writing():
        for step in steps(opened):
            done = step()
            for report in done if isinstance(done, tuple) else (done,):
                if report.rewritten:
                    rewritten[report.table.name] = report.rewritten
    return rewritten


def lake_bytes(lake: Path, *, without: tuple[str, ...] = TELLS_OF_RUNS) -> dict[str, str]:
    """Digest of every data file and manifest by path below ``tables/``."""
    root = lake / "tables"
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.relative_to(root).parts[0] not in without
    }


def differing(left: dict[str, str], right: dict[str, str]) -> list[str]:
    """Paths that one side lacks or holds with other bytes: what a failing comparison shows."""
    return sorted(path for path in {*left, *right} if left.get(path) != right.get(path))


def rows(opened: Workspace, table: str) -> list[dict[str, Any]]:
    """All rows of one stored table."""
    return opened.lake.read(opened.tables[table]).to_pylist()


def counts(opened: Workspace, table: str) -> dict[str, int]:
    """The manifests' counts of one table, added up over its partitions."""
    total: dict[str, int] = {}
    for manifest in opened.lake.manifests(opened.tables[table]).values():
        for name, number in manifest.counts.items():
            total[name] = total.get(name, 0) + number
    return total
