"""Tables as of T: the trusted models run again under what was known before T, identity included, so that nothing later can be seen.

Here: the world as of T (``register_world``) and building as-of partitions from an SQL model. Every model of the trusted zone binds ``$as_of``
and joins the identities in force; as of T both are T's own. The stored trusted tables, which describe today, are never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from omnichannel_assets.assets.steps import STEPS, Draft, StepReport, conserved, log, publish, read_by, register_inputs
from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.code import code_digest
from omnichannel_assets.lake.engine import Engine, model_exists, model_text
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import STATIC_TABLES
from omnichannel_assets.lake.tables_activation import AUDIENCE_ENTRIES, AUDIENCES, CONTROL_IDENTIFIERS
from omnichannel_assets.lake.tables_identity import IDENTITIES
from omnichannel_assets.resources.workspace import DEFAULT_DMS_TABLES, Workspace
from omnichannel_assets.settings import midnight

AS_OF_STEPS = STEPS | {"orders", "order_lines", "returns", "products", "customer_fields", "consents", "customers", "interactions", "campaign_events"}
"""Models that are run again as of T instead of being read from the lake."""
STORED = {table.name for table in STATIC_TABLES} | set(DEFAULT_DMS_TABLES)
EARLIER_CONTROLS = "earlier_controls"
"""By which identifiers controls were known: at every as-of date before T, and at the date of the partition that is read, where one is.
No digest covers it: whoever builds a table from it says what of it the rows depend on."""
EARLIER_ENTRIES = "earlier_entries"
"""By which identifiers people were known who entered an audience at an as-of date before T, as far back as campaigns ask. No digest either."""
PREVIOUS_AUDIENCES, PREVIOUS_IDENTITIES = "previous_audiences", "previous_identities"
"""The audiences of the newest as-of date before T, and whose each identifier was then. No digest either."""
BACK_FILLED = "back_filled"
"""Count of a partition of audiences that were chosen for a date before the newest: no later date takes anything from it."""
IDENTITIES_HISTORY = "identities_history"
"""Whose an identifier was, at every date up to T."""


def as_of_reads(*models: str) -> list[str]:
    """The stored tables behind some models as of T."""
    return [name for name in read_by(*models, steps=AS_OF_STEPS) if name in STORED and name not in AS_OF_STEPS]


def known_before(workspace: Workspace, as_ofs: Iterable[date]) -> list[date]:
    """The as-of dates that can be described: not later than the identities reach. Raises InputError when there are no identities."""
    newest = workspace.newest_known()
    if newest is None:
        raise InputError("as of", "a lake without identities", expected="trusted tables", fix="materialize the trusted group first")
    wanted = sorted(as_ofs)
    for day in wanted:
        if day > newest:
            log.warning("as of %s is left out: the lake knows what was known before %s only", day, newest)
    return [day for day in wanted if day <= newest]


def parameters_at(workspace: Workspace, as_of: date) -> dict[str, Any]:
    """What models bind, as of T: the trusted models' values with $as_of at T, $as_of_date, and $identifier_salt."""
    return {**workspace.parameters(), "as_of": midnight(as_of), "as_of_date": as_of, "identifier_salt": workspace.identifier_salt()}


def register_world(
    workspace: Workspace,
    engine: Engine,
    models: Iterable[str],
    as_of: date,
    partition: date | None = None,
    registered: frozenset[str] | set[str] = frozenset(),
) -> list[str]:
    """Make everything that some models read available as of T, and return its names. An as-of table among it means its partition T, or
    another one by date. What this engine has ``registered`` of the same world is not made again."""
    described = (partition or as_of).isoformat()
    names = [name for name in read_by(*models, steps=AS_OF_STEPS) if name not in registered]
    parameters = parameters_at(workspace, as_of)
    for name in names:
        table = workspace.tables.get(name)
        if name == IDENTITIES.name:
            register_identities(workspace, engine, as_of, name)
        elif name == EARLIER_CONTROLS:
            engine.register_files(CONTROL_IDENTIFIERS, workspace.lake.paths(CONTROL_IDENTIFIERS, _control_dates(workspace, as_of, partition)), name)
        elif name == EARLIER_ENTRIES:
            engine.register_files(AUDIENCE_ENTRIES, workspace.lake.paths(AUDIENCE_ENTRIES, _entry_dates(workspace, as_of)), name)
        elif name == PREVIOUS_AUDIENCES:
            previous = previous_audience_date(workspace, as_of)
            engine.register_files(AUDIENCES, workspace.lake.paths(AUDIENCES, [previous.isoformat()]) if previous else [], name)
        elif name == PREVIOUS_IDENTITIES:
            register_identities(workspace, engine, previous_audience_date(workspace, as_of) or as_of, name)
        elif name == IDENTITIES_HISTORY:
            _register_history(workspace, engine, as_of)
        elif table is not None and name in AS_OF_STEPS:
            engine.register(name, engine.model(table, parameters))
        elif name in STEPS:
            engine.store_query(name, model_text(name), parameters)
        elif table is not None and table.partition == "as_of":
            engine.register_files(table, workspace.lake.paths(table, [described]))
        else:
            register_inputs(workspace, engine, [name], parameters)
    return names


def _control_dates(workspace: Workspace, as_of: date, partition: date | None = None) -> list[str]:
    """The dates whose controls count at T: earlier ones, and the partition's own when it is read and not made."""
    last = partition.isoformat() if partition else as_of.isoformat()
    return [value for value in workspace.lake.manifests(CONTROL_IDENTIFIERS) if value < last or (partition and value == last)]


def _entry_dates(workspace: Workspace, as_of: date) -> list[str]:
    """The dates whose entries still matter at T."""
    first, held = (as_of - timedelta(days=workspace.campaigns.remembered_days)).isoformat(), workspace.lake.manifests(AUDIENCE_ENTRIES)
    return [value for value in _in_order(workspace, as_of) if first <= value and value in held]


def previous_audience_date(workspace: Workspace, as_of: date) -> date | None:
    """The newest as-of date before T that has audiences and was chosen in its turn."""
    earlier = _in_order(workspace, as_of)
    return date.fromisoformat(max(earlier)) if earlier else None


def _in_order(workspace: Workspace, as_of: date) -> list[str]:
    """The as-of dates before T whose audiences were chosen when no later ones were there. Nobody is ever sent those of another date."""
    return [value for value, manifest in workspace.lake.manifests(AUDIENCES).items() if value < as_of.isoformat() and not manifest.counts.get(BACK_FILLED)]


def _register_history(workspace: Workspace, engine: Engine, as_of: date) -> None:
    engine.register_files(IDENTITIES, workspace.lake.paths(IDENTITIES), "identities_stored")
    found = engine.query("select * from identities_stored where valid_from <= $as_of_date", {"as_of_date": as_of})
    engine.register(IDENTITIES_HISTORY, found)


def register_identities(workspace: Workspace, engine: Engine, as_of: date, name: str = IDENTITIES.name) -> None:
    """Make whose each identifier was as of T readable by name."""
    engine.register_files(IDENTITIES, workspace.lake.paths(IDENTITIES), "identities_stored")
    found = engine.query(
        """select identifier_type, identifier_value, customer_id, first_known_at, valid_from, cast(null as date) as valid_to
        from identities_stored where valid_from <= $as_of_date and (valid_to is null or valid_to > $as_of_date)""",
        {"as_of_date": as_of},
    )
    engine.register(name, found)


def world_digest(workspace: Workspace, models: Iterable[str], as_of: date, more: Any = None) -> str:
    """Digest of everything that some models' rows as of T depend on; ``more`` is whatever else their maker depends on."""
    names = read_by(*models, steps=AS_OF_STEPS)
    inputs = {name: _content(workspace, workspace.tables[name], as_of) for name in names if name in workspace.tables and name not in AS_OF_STEPS}
    texts = [f"sql/{name}.sql" for name in (*models, *names) if model_exists(name) and (name in models or name in AS_OF_STEPS)]
    sources = code_digest(*texts, "sql/macros.sql", "assets/as_of.py", "checks")
    return digest_of({"code": sources, "inputs": inputs, "parameters": parameters_at(workspace, as_of), "more": more})


def _content(workspace: Workspace, table: TableSchema, as_of: date) -> str:
    if table.partition != "as_of":
        return workspace.lake.content_digest(table)
    manifest = workspace.lake.manifest(table.name, ("as_of", as_of.isoformat()))
    return manifest.sha256 if manifest else ""


def _absent(workspace: Workspace, models: Iterable[str], as_of: date) -> list[str]:
    """As-of tables that some models read and that have no partition of the date: nothing made yet is not nobody."""
    read = [workspace.tables[name] for name in read_by(*models, steps=AS_OF_STEPS) if name in workspace.tables]
    return [table.name for table in read if table.partition == "as_of" and not _content(workspace, table, as_of)]


def build_as_of(
    workspace: Workspace,
    table: TableSchema,
    as_ofs: Iterable[date],
    *,
    parameters: Mapping[str, Any] | None = None,
    prepare: Callable[[Engine], None] | None = None,
    prepared: Sequence[str] = (),
    beside: Sequence[TableSchema] = (),
    counts: Mapping[str, int] | None = None,
    depends_on: Any = None,
) -> StepReport:
    """Bring as-of partitions of a table up to date from its SQL model. Raises ChecksFailedError.

    ``parameters`` are values the model binds besides those of ``parameters_at``; ``prepare`` makes inputs that are no tables, from what
    ``depends_on`` names, after what the models ``prepared`` in it read is there. Tables ``beside`` it are made of the same rows, without checks of
    their own beyond the contract; ``counts`` is kept with each partition.
    """
    law = f"conservation/{table.name}"
    laws = [law] if model_exists(law) else []
    tables = [table, *beside]
    models = [*(one.name for one in tables), *laws, *prepared]
    report, others = StepReport(table), [StepReport(one) for one in beside]
    for as_of in known_before(workspace, as_ofs):
        value = as_of.isoformat()
        absent = _absent(workspace, models, as_of)
        if absent:
            log.warning("%s as of %s is left out: there is no %s of that date", table.name, as_of, " and no ".join(absent))
            continue
        digest = world_digest(workspace, models, as_of, [[one.fingerprint() for one in tables], parameters, depends_on])
        if all(workspace.lake.is_current(one, digest, value) for one in tables):
            report.manifests[value] = workspace.lake.manifest(table.name, ("as_of", value))
            continue
        with workspace.lake.engine() as engine:
            register_world(workspace, engine, models, as_of)
            if prepare:
                prepare(engine)
            bound = {**parameters_at(workspace, as_of), **(parameters or {})}
            made = {one.name: engine.model(one, bound) for one in tables}
            checks = list(conserved(engine, table, made[table.name], bound).values()) if laws else []
        for one in (*others, report):
            data = made[one.table.name]
            log.info("%s as of %s: %s rows", one.table.name, as_of, f"{data.num_rows:,}")
            told = {**(counts or {}), "rows_out": data.num_rows}
            publish(workspace, one, Draft(data, digest, value, counts=told, checks=tuple(checks) if one is report else ()))
    for one in others:
        one.raise_failures()
    return report.raise_failures()
