"""Identity judged on labelled records: the real graph over a scratch lake that holds nothing but them.

Here: reading a CSV of records with their true person, writing it as a full load of the shop database, running the steps that make customers,
comparing. Not here: the measures (``identity.evaluation``), options and printing (``commands``). The truth never enters the lake.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.errors import InputError
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import load_settings

if TYPE_CHECKING:
    from omnichannel_assets.identity.evaluation import Evaluation, MixedCluster

MODES = ("exact", "probabilistic")
AS_OF = date(2100, 1, 1)
"""Later than whatever the records hold: everything they say counts."""
KNOWN_AT = "2025-01-01 00:00:00"
"""When records that name no time were known."""


@dataclass(frozen=True)
class LabelledRecords:
    """Records as texts by column, and the person of each."""

    rows: Sequence[Mapping[str, str]]
    people: Sequence[str]


@dataclass(frozen=True)
class Judged:
    """One mode's clusters against the truth. `alone`: records that got no customer, each counted as one. `to_review`: pairs left to a person."""

    mode: str
    evaluation: Evaluation
    worst: Sequence[MixedCluster]
    alone: int
    to_review: int


def read_labelled(path: Path, truth_column: str, truth_pattern: str = "") -> LabelledRecords:
    """Records of a CSV with a header; spaces around names and values do not count.

    The person of a record is its `truth_column`; with a `truth_pattern`, the pattern's first group in it. Raises InputError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = [{(name or "").strip(): value.strip() if isinstance(value, str) else "" for name, value in row.items()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("--records", f"{path.name}, which cannot be read ({type(error).__name__})", expected="a CSV file with a header, in UTF-8", fix="check the file") from None
    if not rows or truth_column not in rows[0]:
        got = f"columns {', '.join(sorted(rows[0]))}" if rows else "no rows"
        raise InputError("--truth-column", got, expected=f"a column {truth_column} that says who each record is", fix="name the column, or correct the file")
    return labelled(rows, truth_column, truth_pattern)


def labelled(rows: Sequence[Mapping[str, str]], truth_column: str, truth_pattern: str = "") -> LabelledRecords:
    """Records that are already read, with the person of each. Raises InputError for a pattern that does not fit."""
    try:
        pattern = re.compile(truth_pattern or "(?s)(.*)")
    except re.error as error:
        raise InputError("--truth-pattern", repr(truth_pattern), expected=f"a regular expression ({error})", fix="correct it") from None
    found = [pattern.match(row[truth_column]) for row in rows]
    if pattern.groups < 1 or not all(match and match[1] is not None for match in found):
        raise InputError("--truth-pattern", repr(truth_pattern), expected="a pattern whose first group is in every record's truth", fix="write rec-(\\d+)-, for example")
    return LabelledRecords(rows, [match[1] for match in found if match])


def judge(records: LabelledRecords, modes: Sequence[str], options: Mapping[str, Any], table: str = "") -> list[Judged]:
    """Each mode's customers against the truth. `options` are settings by field name, besides those in force.

    `table` is the registry's table that the records are rows of; empty: the one that describes people. Raises UserError.
    """
    with tempfile.TemporaryDirectory(prefix="labelled-") as folder:
        opened = {mode: _workspace(Path(folder), mode, options) for mode in modes}  # all, so that a wrong setting is told before any work
        spec = _table(next(iter(opened.values())).registry, table)
        ref_column = _checked_columns(records, spec)
        _write_full_load(Path(folder) / "landing" / spec.schema_name / spec.name / "LOAD00000001.csv", records, spec)
        return [_judged(mode, records, workspace, spec, ref_column) for mode, workspace in opened.items()]


def _workspace(folder: Path, mode: str, options: Mapping[str, Any]) -> Workspace:
    (folder / "landing").mkdir(exist_ok=True)
    matching = "on" if mode == "probabilistic" else "off"
    own = {"landing_uri": str(folder / "landing"), "lake_uri": str(folder / "lake"), "as_of": AS_OF, "identity_matching": matching}
    return Workspace(load_settings({**options, **own}))


def _table(registry: Mapping[str, TableSpec], name: str) -> TableSpec:
    if name and name not in registry:
        raise InputError("--table", name, expected=f"a table of the registry ({', '.join(registry)})", fix="name one of them, or another DMS_REGISTRY")
    describing = [spec for spec in registry.values() if spec.person] or [spec for spec in registry.values() if spec.identifiers]
    if not name and not describing:
        raise InputError("DMS_REGISTRY", "none", expected="a table with identifiers", fix="mark some in the registry, or name a table with --table")
    return registry[name] if name else describing[0]


def _checked_columns(records: LabelledRecords, spec: TableSpec) -> str:
    """The column that names each record. Raises InputError when the records cannot be rows of the table."""
    columns = [column for column, kind in spec.identifiers.items() if kind == "customer_ref" and spec.key == [column]]
    if not columns or columns[0] not in records.rows[0]:
        raise InputError(
            "--records",
            f"columns {', '.join(sorted(records.rows[0]))}",
            expected=f"the columns of table {spec.name}, whose key {', '.join(spec.key)} is its customer_ref",
            fix="name the registry that describes the file with --registry",
        )
    refs = [row[columns[0]] for row in records.rows]
    if len(set(refs)) < len(refs) or not all(refs):
        raise InputError("--records", f"column {columns[0]}", expected="one number for each record, each once", fix="remove the repeated and empty ones")
    return columns[0]


def _write_full_load(path: Path, records: LabelledRecords, spec: TableSpec) -> None:
    """As DMS writes it: the registry's columns, all of them, and no others: the truth must not enter the lake."""
    path.parent.mkdir(parents=True)
    # Without the table's own times a record would be known, but not what it says.
    absent = {name: KNOWN_AT if name in (spec.event_at, spec.changed_at) else "" for name in spec.columns if name not in records.rows[0]}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Op", *spec.columns])
        writer.writerows(["I", *((absent | row)[name] or spec.null_token for name in spec.columns)] for row in records.rows)


def customers_of_lake(workspace: Workspace, table: str) -> dict[str, str]:
    """Run the steps that make customers of one table's rows; customer_ref -> customer."""
    from omnichannel_assets.assets import dms, identity, landing, links, matching
    from omnichannel_assets.lake.tables_identity import IDENTITIES

    with workspace.lake.writing():
        landing.catalogue(workspace)
        dms.stage_table(workspace, table)
        links.collect_links(workspace)
        matching.propose_matches(workspace)
        identity.resolve_identities(workspace)
    rows = workspace.lake.read(IDENTITIES).to_pylist()
    return {row["identifier_value"]: row["customer_id"] for row in rows if row["identifier_type"] == "customer_ref" and row["valid_to"] is None}


def _judged(mode: str, records: LabelledRecords, workspace: Workspace, spec: TableSpec, ref_column: str) -> Judged:
    from omnichannel_assets.identity.evaluation import evaluate, worst_clusters
    from omnichannel_assets.lake.tables_identity import IDENTITY_MATCHES

    customer_of = customers_of_lake(workspace, spec.name)
    refs = [row[ref_column] for row in records.rows]
    clusters = [customer_of.get(ref, f"no customer {ref}") for ref in refs]
    to_review = sum(row["state"] == "to_review" for row in workspace.lake.read(IDENTITY_MATCHES).to_pylist())
    return Judged(mode, evaluate(clusters, records.people), worst_clusters(clusters, records.people), sum(ref not in customer_of for ref in refs), to_review)


def generated(count: int, seed: int) -> LabelledRecords:
    """Made-up records of `count` people."""
    from omnichannel_assets.sample.labelled_people import TRUTH, labelled_people

    return labelled(labelled_people(count, seed), TRUTH)

