"""Readings of past and present scores, one partition for each date at which something could be told for the first time.

The partition of D holds the drift of the scores of D, and the outcome of each earlier day's scores whose horizon was known to have passed before
D but not before the day earlier. It is made from what was known before D and never again, so a reading stays what it was when it was read;
only the as-of date in force is made again when the code behind it changes. Days between runs are made up for.

Here: which readings are due, and the world they are read in. Not here: the readings (``propensity.monitoring``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.assets.as_of import as_of_reads, parameters_at, register_identities, register_world
from omnichannel_assets.assets.model_versions import MODEL_FEATURES, OWNERS, log, partition_of
from omnichannel_assets.assets.models import champions, questions
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.assets.training_examples import AT_CUTOFFS, HELD
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_scores import (
    CUSTOMER_FEATURES,
    MODEL_TABLES,
    PROPENSITY_SCORES,
    SCORE_MONITORING,
    TRAINING_EXAMPLES,
)
from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.monitoring import Reading, Reference, closed_on, drift, outcome, same_season
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.propensity.training import Model
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHECK = "monitoring"
SCORES = {"churn_inactivity": "churn_score", "churn_subscription": "subscription_churn_score", "repurchase": "repurchase_score", "expected_spend": "expected_spend"}
"""Model -> the column of ``propensity_scores`` that holds its probability or amount."""
DRIFT = "drift"
DECIMALS = 6
SHOWN_ALERTS = 12


@dataclass(frozen=True)
class Closed:
    """A day's scores of one model whose horizon has closed."""

    task: Task
    scored_on: date

    @property
    def key(self) -> str:
        return f"{self.task.model} {self.scored_on}"


def monitor_scores(workspace: Workspace) -> StepReport:
    """Bring the readings up to the as-of date in force up to date. Raises ChecksFailedError; an alert is a warning and raises nothing."""
    report = StepReport(SCORE_MONITORING)
    newest = min(workspace.as_of(), workspace.newest_known() or workspace.as_of())
    scored = [day for value in workspace.lake.manifests(PROPENSITY_SCORES) if (day := date.fromisoformat(value)) <= newest]
    made = workspace.lake.manifests(SCORE_MONITORING)
    due = _due(workspace, scored, newest, {key for manifest in made.values() for key in manifest.inputs})
    for day in sorted({*scored, *due}):
        value = day.isoformat()
        held = made[value].inputs if value in made else {}
        read = [*_held(workspace, held), *due.get(day, ())]
        inputs = {closed.key: _sha(workspace, closed.scored_on) for closed in read} | (
            {DRIFT: _sha(workspace, day)} if day in scored else {}
        )
        digest = digest_of({"code": _code(), "columns": SCORE_MONITORING.fingerprint(), "inputs": inputs})
        is_current = value in made and (
            inputs.keys() <= held.keys() if day < newest else workspace.lake.is_current(SCORE_MONITORING, digest, value)
        )
        if not is_current:
            _make(workspace, report, day, read, day in scored, Draft(SCORE_MONITORING.arrow().empty_table(), digest, value, inputs=inputs))
    return _told(workspace, report)


def _code() -> str:
    return code_digest("propensity", "assets/score_monitoring.py", "sql/training_examples.sql")


def _sha(workspace: Workspace, day: date) -> str:
    manifest = workspace.lake.manifest(PROPENSITY_SCORES.name, ("as_of", day.isoformat()))
    return manifest.sha256 if manifest else ""


def _held(workspace: Workspace, inputs: Mapping[str, str]) -> list[Closed]:
    """The outcomes that a partition holds."""
    known = questions(workspace)
    pairs = (key.split(" ") for key in inputs if key != DRIFT)
    return [Closed(known[model], date.fromisoformat(day)) for model, day in pairs if model in known]


def _due(workspace: Workspace, scored: Iterable[date], newest: date, read: set[str]) -> dict[date, list[Closed]]:
    """What has closed by the newest date and was never read, by the date at which it had. Reads orders only when something may be due."""
    asked = [Closed(task, day) for day in scored for task in questions(workspace).values() if task.model in SCORES]
    may_be = [
        closed for closed in asked if closed.key not in read and closed.scored_on + timedelta(days=closed.task.horizon_days) <= newest
    ]
    if not may_be:
        return {}
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [TRAINING_EXAMPLES.name], newest)
        orders = engine.rows("select ordered_at, min(known_at) from orders group by ordered_at")
    due: dict[date, list[Closed]] = {}
    for closed in may_be:
        on = closed_on(closed.scored_on, closed.task.horizon_days, orders)
        if on and on <= newest:
            due.setdefault(on, []).append(closed)
    return due


def _make(workspace: Workspace, report: StepReport, day: date, read: Sequence[Closed], has_scores: bool, draft: Draft) -> None:
    """Publish the partition of a day."""
    import pyarrow as pa

    rows = [
        _row(day, "features" if r.measure == "feature_drift" else model, day, r)
        for model, r in (_drift(workspace, day) if has_scores else ())
    ]
    if read:
        rows += [
            _row(day, closed.task.model, closed.scored_on, r) for closed, readings in _outcomes(workspace, day, read) for r in readings
        ]
    data = pa.Table.from_pylist(rows, schema=SCORE_MONITORING.arrow())
    alerts = [f"{row['model']} {row['scored_on']}: {row['words']}" for row in rows if row["is_alert"]]
    details = {"readings": len(rows), "alerts": len(alerts)} | ({"told": "; ".join(alerts[:SHOWN_ALERTS])} if alerts else {})
    check = CheckOutcome(CHECK, not alerts, blocking=False, details=details)
    publish(
        workspace, report, Draft(data, draft.digest, draft.value, counts={"rows_out": data.num_rows}, inputs=draft.inputs, checks=(check,))
    )


def _row(day: date, model: str, scored_on: date, reading: Reading) -> dict[str, Any]:
    numbers = {name: round(value, DECIMALS) if isinstance(value, float) else value for name, value in asdict(reading).items()}
    return {"as_of": day, "model": model, "scored_on": scored_on, **numbers}


def _outcomes(workspace: Workspace, day: date, read: Sequence[Closed]) -> list[tuple[Closed, list[Reading]]]:
    """Forecast and outcome of some days' scores, from what was known before ``day``; customers are followed through later merges."""
    found = []
    with workspace.lake.engine() as engine:
        register_world(workspace, engine, [TRAINING_EXAMPLES.name], day)
        (last,) = engine.rows("select max(ordered_at) from orders")[0]
        until = midnight(calendar.orders_until(last, day)) if last else midnight(day)
        bound = {**parameters_at(workspace, day), **asdict(workspace.horizons), "orders_until": until}
        for closed in sorted(read, key=lambda closed: closed.key):
            if closed.task.model not in champions(workspace, closed.scored_on)[0]:
                continue  # nothing scored that day, or with another horizon than the one in force
            column = SCORES[closed.task.model]
            scores = partition_of(workspace, PROPENSITY_SCORES, closed.scored_on, ["customer_id", "as_of", column])
            engine.register(AT_CUTOFFS[0], scores.rename_columns(["customer_id", "cutoff", "forecast"]))
            engine.register(AT_CUTOFFS[1], _identities(workspace, closed.scored_on))
            told = f"select customer_id, forecast, {closed.task.label} as actual from (\n{model_text(TRAINING_EXAMPLES.name)}\n) as told"
            rows = engine.query(
                f"select * from ({told}) as known where forecast is not null and actual is not null order by customer_id", bound
            )
            if rows.num_rows:
                forecast, actual = (_numbers(rows.column(name)) for name in ("forecast", "actual"))
                season = _Examples.before(workspace, day).season_rate(closed.task, closed.scored_on)
                found.append((closed, outcome(forecast, actual, rows.column("customer_id").to_pylist(), season, closed.task.target)))
    return found


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa

    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _identities(workspace: Workspace, day: date) -> pa.Table:
    with workspace.lake.engine() as engine:
        register_identities(workspace, engine, day)
        return engine.query(HELD, {"day": day})


@dataclass(frozen=True)
class _Examples:
    """The examples of the newest training date before a day: what the scores of that day are held against."""

    table: pa.Table | None

    @staticmethod
    def before(workspace: Workspace, day: date) -> _Examples:
        values = [value for value in workspace.lake.manifests(TRAINING_EXAMPLES) if date.fromisoformat(value) < day]
        return _Examples(partition_of(workspace, TRAINING_EXAMPLES, date.fromisoformat(max(values))) if values else None)

    @cached_property
    def days(self) -> list[date]:
        return sorted(set(self.table.column("cutoff").to_pylist())) if self.table is not None else []

    def at(self, day: date) -> pa.Table:
        import pyarrow.compute as pc

        return self.table.filter(pc.equal(self.table.column("cutoff"), day))

    def season_rate(self, task: Task, scored_on: date) -> tuple[str, float] | None:
        """How often the label came at the cut-off a year earlier, or how much was spent."""
        import pyarrow as pa
        import pyarrow.compute as pc

        day = same_season(self.days, scored_on)
        rate = pc.mean(self.at(day).column(task.label).cast(pa.float64())).as_py() if day else None
        return None if rate is None else (f"cut-off {day}", rate)


def _drift(workspace: Workspace, day: date) -> list[tuple[str, Reading]]:
    """How far inputs and scores of a day have moved, by model."""
    from omnichannel_assets.propensity.scoring import score
    from omnichannel_assets.propensity.trees import matrix

    examples = _Examples.before(workspace, day)
    if not workspace.lake.has_data(CUSTOMER_FEATURES, day.isoformat()):
        return []
    customers = partition_of(workspace, CUSTOMER_FEATURES, day)
    if not examples.days or not customers.num_rows or not set(MODEL_FEATURES) <= set(customers.column_names):
        return []
    season = same_season(examples.days[:-1], day)

    def readings(measure: str, names: Sequence[str], now: np.ndarray, of: Any) -> list[Reading]:
        at = [Reference(f"cut-off {when}", of(examples.at(when))) if when else None for when in (examples.days[-1], season)]
        return drift(measure, names, now, *at)

    found = [
        ("features", r)
        for r in readings("feature_drift", MODEL_FEATURES, matrix(customers, MODEL_FEATURES), lambda rows: matrix(rows, MODEL_FEATURES))
    ]
    scores = partition_of(workspace, PROPENSITY_SCORES, day)
    for name, model in champions(workspace, day)[0].items():
        if model.booster and name in SCORES:
            now = _numbers(scores.column(SCORES[name]).drop_null()).reshape(-1, 1)

            def scored(rows: pa.Table, model: Model = model) -> np.ndarray:
                return score(model, _asked(model.task, rows)).reshape(-1, 1)

            found += [(name, r) for r in readings("score_drift", [SCORES[name]], now, scored)]
    return found


def _asked(task: Task, rows: pa.Table) -> pa.Table:
    """Those of whom the question is asked."""
    return rows.filter(rows.column("has_active_subscription")) if task.population == "subscribers" else rows


def _told(workspace: Workspace, report: StepReport) -> StepReport:
    """The report of what was made now, or of the newest partition when nothing was: old alerts are not told again."""
    made = workspace.lake.manifests(SCORE_MONITORING)
    if not report.manifests and made:
        report.manifests[max(made)] = made[max(made)]
    for value, manifest in sorted(report.manifests.items()):
        told = [check["details"]["told"] for check in manifest.checks if check["name"] == CHECK and "told" in check["details"]]
        if told:
            log.warning("%s as of %s: %s", report.table.name, value, told[0])
            report.shown[f"alerts as of {value}"] = "\n".join(f"- {text}" for text in told[0].split("; "))
    return report.raise_failures()


def assets() -> list[dg.AssetsDefinition]:
    """The Dagster asset of this stage."""
    examples = [name for name in as_of_reads(TRAINING_EXAMPLES.name) if name not in AT_CUTOFFS]
    models = [TRAINING_EXAMPLES.name, *(table.name for table in MODEL_TABLES)]
    return [
        step_asset(
            SCORE_MONITORING,
            monitor_scores,
            group="scores",
            deps=[PROPENSITY_SCORES.name, CUSTOMER_FEATURES.name, *models, *examples],
            warning_checks=(CHECK,),
            kinds=("python", "parquet"),
            owners=OWNERS,
        )
    ]
