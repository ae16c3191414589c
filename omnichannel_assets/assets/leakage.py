"""The leakage alarm of ``training_examples``: a lake in which nothing known at or after a date is left, and the verdict as a blocking check.

Here: what is deleted and what is rebuilt. Not here: how examples are made (``training_examples``), and what rings (``propensity.leakage``).
Deleting is done on the stored tables, before any model or step sees them, so a time condition that is missing in one of these is found.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets.assets.model_versions import MODEL_FEATURES
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.checks.outcome import CheckOutcome
from omnichannel_assets.lake.engine import Engine, quoted, text_literal
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.propensity.leakage import alarms, rebuilt
from omnichannel_assets.propensity.tasks import Task
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

if TYPE_CHECKING:
    import pyarrow as pa

CHECK = "leakage"
REBUILT_CUTOFFS = 2
"""The oldest cut-off, which has most after it, and a drawn one: two of at most twelve keep the alarm at a fifth of what it guards."""


@dataclass(frozen=True)
class Rebuilt:
    """Rows made again: the features at some cut-offs, and the examples with them."""

    days: list[date]
    features: pa.Table
    examples: pa.Table


def rebuilt_cutoffs(days: Sequence[date], as_of: date) -> list[date]:
    """The cut-offs of a training date that are made again, the same every time."""
    drawn = random.Random(as_of.toordinal()).sample(list(days[1:]), min(len(days[1:]), REBUILT_CUTOFFS - 1))
    return sorted([*days[:1], *drawn])


@contextmanager
def lake_before(workspace: Workspace, tables: Iterable[str], as_of: date) -> Iterator[Workspace]:
    """A workspace over copies of some stored tables without anything known at or after an as-of date; gone afterwards."""
    with tempfile.TemporaryDirectory(dir=workspace.lake.store.scratch) as folder:
        then = Workspace(workspace.settings.model_copy(update={"lake_uri": folder, "as_of": as_of}))
        with workspace.lake.engine() as engine:
            for table in (workspace.tables[name] for name in tables if name in workspace.tables):
                _copy_before(workspace, engine, table, as_of, then)
        yield then


def _copy_before(workspace: Workspace, engine: Engine, table: TableSchema, as_of: date, then: Workspace) -> None:
    """All that is left of a table, as one partition of any value: readers of whole tables do not look at it."""
    values = sorted(workspace.lake.manifests(table))
    if not values:
        return
    folder = then.lake.folder(table.name, (table.partition, values[0]) if table.partition else None)
    engine.register_files(table, workspace.lake.paths(table, values if table.partition else None))
    target = Path(then.lake.store.root) / folder / "data.parquet"
    target.parent.mkdir(parents=True)
    engine.write_file(known_before(table, as_of), target)
    manifest = workspace.lake.folder(table.name, (table.partition, values[0]) if table.partition else None) + "_manifest.json"
    then.lake.store.write(folder + "_manifest.json", workspace.lake.store.read(manifest))


def known_before(table: TableSchema, as_of: date) -> str:
    """The SELECT that leaves of a table what was known before an as-of date: no later row, and no end that a later row gave an earlier one.

    Raises ValueError for a table whose columns do not say when its rows were known: it cannot be an input of what is known as of a date.
    """
    cut, day = f"timestamptz {text_literal(midnight(as_of).isoformat())}", f"date {text_literal(as_of.isoformat())}"
    kinds = {column.name: column.kind for column in table.columns}
    if {"valid_from", "valid_to"} <= kinds.keys():
        # By day: what holds from a day on was known before it. By instant: known at it.
        is_known, is_over = (
            (f"valid_from <= {day}", f"valid_to <= {day}")
            if kinds["valid_from"] == "date"
            else (f"valid_from < {cut}", f"valid_to < {cut}")
        )
    elif "known_at" in kinds:
        is_known, is_over = f"known_at < {cut}", ""
    else:
        raise ValueError(f"{table.name} has neither known_at nor valid_from and valid_to, so nothing can be deleted from it by time")
    if "event_at" in kinds:
        is_known += f" and (event_at is null or event_at < {cut})"
    columns = [f"case when {is_over} then valid_to end as valid_to" if name == "valid_to" and is_over else quoted(name) for name in kinds]
    return f"select {', '.join(columns)} from {quoted(table.name)} where {is_known}"


def verdict(tasks: Sequence[Task], examples: pa.Table, again: Rebuilt) -> CheckOutcome:
    """The blocking check: what rang, by alarm and column, and what could not be judged."""
    features = [name for name in CUSTOMER_FEATURES.names if name not in ("as_of", "customer_id")]
    afterwards = [name for name in TRAINING_EXAMPLES.names if name not in (*CUSTOMER_FEATURES.names, "cutoff")]
    found = rebuilt(examples, again.features, again.days, features)
    found += rebuilt(examples, again.examples, again.days, afterwards)
    found += alarms(tasks, examples, MODEL_FEATURES)
    details = {"rows_rebuilt": again.features.num_rows, "judgements": found.judged, "alarms": len(found.found)}
    words = {"found": "; ".join(dict.fromkeys(found.found)), "not_judged": "; ".join(found.not_judged)}
    return CheckOutcome(CHECK, not found.found, details=details | {name: text for name, text in words.items() if text})


def told(report: StepReport) -> str:
    """What the alarm looked at for each training date, as a Markdown list: also what it could not judge, and why."""
    lines = []
    for value, manifest in sorted(report.manifests.items()):
        for check in manifest.checks:
            if check["name"] == CHECK:
                details = check["details"]
                silent = f"; not judged: {details['not_judged']}" if "not_judged" in details else ""
                lines.append(
                    f"- **{value}**: {details['rows_rebuilt']:,} rows rebuilt, {details['judgements']} judgements, no alarm{silent}"
                )
    return "\n".join(lines)
