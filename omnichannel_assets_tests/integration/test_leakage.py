"""Four planted leaks, one a kind, in the models that the graph really runs: each rings the alarm, and nothing is published or trained.

The world is a small sample with orders that became known long after they were made, and calls that make several people one: facts of which an
honest graph uses nothing at a cut-off, and a leaking one too much.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from omnichannel_assets.assets import propensity
from omnichannel_assets.checks.outcome import ChecksFailedError
from omnichannel_assets.definitions import build_definitions
from omnichannel_assets.lake import engine
from omnichannel_assets.lake.tables_scores import CHURN_MODEL, REPURCHASE_MODEL, TRAINING_EXAMPLES
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.project.sources import PACKAGE
from omnichannel_assets_tests.properties.temptations import loaded, put

LAST_DAY, DAYS = date(2025, 6, 30), 8
AS_OF = LAST_DAY + timedelta(days=1)
"""A Tuesday: one training date, the Monday before."""
TOLD = LAST_DAY - timedelta(days=3)
OPTIONS = {
    "as_of": AS_OF.isoformat(),
    "as_of_first": AS_OF.isoformat(),
    "first_day": (LAST_DAY - timedelta(days=DAYS)).isoformat(),
    "last_day": LAST_DAY.isoformat(),
    "training_cutoffs": 4,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with a landing zone and a lake of trusted tables."""
    folder = tmp_path_factory.mktemp("world")
    landing = folder / "landing"
    write_sample(landing, None, customers=220, days=DAYS, seed=5, last_day=LAST_DAY)
    orders = loaded(landing, "orders")
    late = [row | {"Op": "I", "order_id": f"late-{n}", "ordered_at": f"{row['ordered_at'][:10]} 12:00:00", "dms_ts": f"{TOLD} 01:00:00"} for n, row in enumerate(orders) if n % 4 == 0]
    put(landing, "orders", f"{TOLD:%Y%m%d}-010000000.csv", late)
    people = [row["email"] for row in loaded(landing, "customers") if row["email"] not in ("", r"\N")][:30]
    zone.put_segment(
        landing,
        "merging",
        [zone.call(f"merging-{n}", TOLD, n, type="identify", userId=None, anonymousId=f"a-{n // 2}", properties={}, traits={"email": email}) for n, email in enumerate(people)],
        day=TOLD,
    )
    running.run_steps(running.workspace(landing, folder / "lake", **OPTIONS))
    return folder


@dataclass(frozen=True)
class Leak:
    """A change of one or more SQL models (name -> text, text in its place), and what must ring."""

    changes: tuple[tuple[str, str, str], ...]
    rings: frozenset[str]
    names: str


KNOWN_ORDER = "o.valid_from < $as_of and (o.valid_to is null or o.valid_to >= $as_of) and not o.is_deleted"
TODAYS = "(select * from identities_stored where valid_to is null)"
LEAKS = {
    "an order that is still to come": Leak(
        (
            ("orders", f"{KNOWN_ORDER} and coalesce(o.ordered_at, f.known_at) < $as_of", "o.valid_to is null and not o.is_deleted"),
        ),
        frozenset({"rebuilt", "single feature"}),
        "recency_days",
    ),
    "an order that was not yet known": Leak((("orders", KNOWN_ORDER, "o.valid_to is null and not o.is_deleted"),), frozenset({"rebuilt"}), "orders_365_days"),
    "people who were not yet known to be one": Leak(
        (
            ("orders", "left join identities as i on i.identifier_type = 'customer_ref'", f"left join {TODAYS} as i on i.identifier_type = 'customer_ref'"),
            ("customer_features", "from identities where valid_to is null", f"from {TODAYS} as i"),
        ),
        frozenset({"rebuilt"}),
        "customers are not there",
    ),
    "a column made from the label": Leak(
        (("training_examples", "select f.*, $as_of_date", "select f.* replace (f.online_share - case when o.days < 30 then 2 else 0 end as online_share), $as_of_date"),),
        frozenset({"rebuilt", "single feature"}),
        "online_share",
    ),
}


def plant(leak: Leak, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph read its models from a copy with the leak in it."""
    shutil.copytree(PACKAGE / "sql", folder)
    for name, text, instead in leak.changes:
        path = folder / f"{name}.sql"
        assert text in path.read_text(encoding="utf-8"), f"{name}.sql has changed: plant the leak anew"
        path.write_text(path.read_text(encoding="utf-8").replace(text, instead), encoding="utf-8")
    monkeypatch.setattr(engine, "SQL", folder)


def trained(opened: Workspace) -> dict[str, int]:
    return {table.name: len(opened.lake.manifests(table)) for table in (TRAINING_EXAMPLES, CHURN_MODEL, REPURCHASE_MODEL)}


@pytest.fixture
def opened(world, tmp_path) -> Workspace:
    shutil.copytree(world / "lake", tmp_path / "lake")
    return running.workspace(world / "landing", tmp_path / "lake", **OPTIONS)


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_rings_the_alarm_and_nothing_is_published(name, opened, tmp_path, monkeypatch):
    leak = LEAKS[name]
    plant(leak, tmp_path / "sql", monkeypatch)
    with opened.lake.writing(), pytest.raises(ChecksFailedError) as told:
        propensity.collect_training_examples(opened)
    (outcome,) = [outcome for outcomes in told.value.failed.values() for outcome in outcomes]
    rang = outcome.details["found"].split("; ")
    assert outcome.name == "leakage"
    assert {text.split(":")[0] for text in rang} == leak.rings
    assert leak.names in str(told.value)
    with opened.lake.writing():
        assert propensity.train_churn(opened).rewritten == []
    assert trained(opened) == {"training_examples": 0, "churn_model": 0, "repurchase_model": 0}


def test_the_honest_world_rings_nothing_and_a_leak_planted_later_trains_no_version(opened, tmp_path, monkeypatch):
    definitions = build_definitions(opened.settings)
    assets = [asset for asset in definitions.assets if isinstance(asset, dg.AssetsDefinition)]
    models = ["training_examples", "churn_model", "repurchase_model"]

    def materialize() -> dg.ExecuteInProcessResult:
        return dg.materialize(assets, selection=models, resources=definitions.resources, raise_on_error=False)

    assert materialize().success
    before = opened.lake.manifests(TRAINING_EXAMPLES), opened.lake.manifests(CHURN_MODEL)
    (check,) = [check for manifest in before[0].values() for check in manifest.checks if check["name"] == "leakage"]
    assert check["details"]["rows_rebuilt"] > 50
    assert check["details"]["judgements"] > 8

    opened.lake.vouch_for_nothing(TRAINING_EXAMPLES, min(before[0]))
    plant(LEAKS["a column made from the label"], tmp_path / "sql", monkeypatch)
    bad = materialize()
    assert not bad.success
    assert {(found.asset_key.to_user_string(), found.check_name): found.passed for found in bad.get_asset_check_evaluations()} == {("training_examples", "leakage"): False}
    assert {event.step_key for event in bad.all_node_events if event.event_type == dg.DagsterEventType.STEP_START} == {"training_examples"}
    assert opened.lake.manifests(CHURN_MODEL) == before[1]
