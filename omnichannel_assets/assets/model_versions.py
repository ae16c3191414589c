"""What the steps around a model share: its training dates, its inputs, and making one partition of a table for each training date.

A version is made once: it learned from what was known before its date, so later data never change it; changed code of learning or settings
make it again, and so does more data where no model could be trained at all. How models are judged, watched and drawn is no part of that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_scores import FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.propensity import calendar
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("omnichannel_assets")

OWNERS = ["team:data-science"]
MODEL_FEATURES = tuple(column.name for column in FEATURES if column.kind != "text")
LEARNING = (
    *(f"propensity/{name}.py" for name in ("terms", "tasks", "calendar", "trees", "validation", "search", "selection", "calibration")),
    *(f"propensity/{name}.py" for name in ("training", "champion", "scoring", "importance")),
    *("assets/model_versions.py", "assets/models.py", "sql/customer_features.sql", "sql/features.py", "propensity/reasons.py"),
)
"""The code behind a version."""


@dataclass(frozen=True)
class Version:
    """A version about to be made: its training date, the digest of everything behind it, and that of its examples."""

    as_of: date
    digest: str
    examples: str


def terms_of(workspace: Workspace) -> Terms:
    """The terms on which models learn, from the settings."""
    found = workspace.settings
    return Terms(found.search_trials, found.model_device, found.model_threads, found.least_examples, found.seed)


def told_terms(terms: Terms) -> dict[str, Any]:
    """The terms that a version depends on: any number of threads gives the same trees."""
    return {name: value for name, value in asdict(terms).items() if name != "threads"}


def training_dates(workspace: Workspace) -> list[date]:
    """The training dates whose versions must be there: that of the as-of date in force, and those of the week before it."""
    return calendar.training_dates(workspace.as_of(), workspace.settings.first_as_of)


def is_kept(workspace: Workspace, report: StepReport, digest: str, as_of: date) -> bool:
    """Whether the stored partition of a date was made from the same code and inputs; the report then tells of it."""
    value = as_of.isoformat()
    if workspace.lake.is_current(report.table, digest, value):
        report.manifests[value] = workspace.lake.manifest(report.table.name, ("as_of", value))
        return True
    return False


def partition_of(workspace: Workspace, table: TableSchema, as_of: date, columns: list[str] | None = None) -> pa.Table:
    """The stored partition of one date, or some of its columns."""
    import pyarrow.parquet as pq

    return pq.read_table(workspace.lake.paths(table, [as_of.isoformat()])[0], columns=columns, partitioning=None)


def from_examples(
    workspace: Workspace,
    table: TableSchema,
    rows: Callable[[pa.Table, Version], list[dict[str, Any]]],
    *,
    also: tuple[str, ...] = (),
    parameters: Mapping[str, Any] | None = None,
) -> StepReport:
    """Make one partition a training date from its examples; kept while the code (``LEARNING`` and ``also``), the terms, the questions, the
    examples and the maker's ``parameters`` are the same.
    """
    import pyarrow as pa

    report = StepReport(table)
    behind = {
        "code": code_digest(*LEARNING, *also),
        "columns": table.fingerprint(),
        "terms": told_terms(terms_of(workspace)),
        "tasks": [asdict(task) for task in workspace.tasks],
        "population": workspace.feature_parameters(),
        "parameters": parameters or {},
    }
    for as_of in training_dates(workspace):
        value = as_of.isoformat()
        made = workspace.lake.manifest(TRAINING_EXAMPLES.name, ("as_of", value))
        if made is None:
            log.warning("%s as of %s is left out: there are no examples of that date", table.name, as_of)
            continue
        digest = digest_of({**behind, "examples": made.sha256})
        if is_kept(workspace, report, digest, as_of):
            continue
        found = rows(partition_of(workspace, TRAINING_EXAMPLES, as_of), Version(as_of, digest, made.sha256))
        data = pa.Table.from_pylist([{"as_of": as_of, **row} for row in found], schema=table.arrow())
        publish(workspace, report, Draft(data, digest, value))
    return report.raise_failures()


def newest_words(workspace: Workspace, table: TableSchema, name: str, words: str, only: Mapping[str, str] | None = None) -> str:
    """What the newest version says of each model in one of its columns, as a Markdown list: whole sentences, which a table would cut.

    ``only``: column -> the value of the rows that are meant, where a model has several.
    """
    wanted = only or {}
    values = workspace.lake.manifests(table)
    if not values:
        return ""
    rows = partition_of(workspace, table, date.fromisoformat(max(values)), [name, words, *wanted]).to_pylist()
    said = {row[name]: row[words] or "trained" for row in rows if all(row[column] == value for column, value in wanted.items())}
    return "\n".join(f"- **{model.replace('_', ' ')}** (as of {max(values)}): {text}" for model, text in said.items())
