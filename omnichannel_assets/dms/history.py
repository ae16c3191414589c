"""SQL for a table's version history: what the shop's database held, and since when we may say so.

Belongs here: the order of changes, repeats, tombstones, and the clock rules of full loads and change files, as DuckDB SQL text over
views the caller names `changes` and `parents`. Not here: reading files, running SQL, storing tables. The result is a function of the set
of log rows alone: their order, their batches and a repeated object change nothing. Names in the SQL come from a checked `TableSpec` only.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.dms.registry import SETTING, TableSpec
from omnichannel_assets.errors import SettingError

if TYPE_CHECKING:
    import pyarrow as pa

_NO_TIME = "cast(null as timestamptz)"


def history_schema(spec: TableSpec) -> "pa.Schema":
    """Columns of the version history. Sort key: the table's key, version.

    The registry's columns and `extra`, then: `op` (I, U, D), `is_deleted`, `event_at`, `valid_from`, `valid_to` (UTC; null = current;
    the state as of T is the version with valid_from < T <= valid_to), `known_at` (= valid_from), `known_at_assumed` (from a full load),
    `version` (1.. within a key), `object_key`, `object_etag`, `row` (the log row it comes from).
    """
    import pyarrow as pa

    from omnichannel_assets.dms.values import arrow_type

    moment = arrow_type("timestamp")
    added = [("extra", pa.string()), ("op", pa.string()), ("is_deleted", pa.bool_())]
    added += [(name, moment) for name in ("event_at", "valid_from", "valid_to", "known_at")]
    added += [("known_at_assumed", pa.bool_()), ("version", pa.int64())]
    added += [("object_key", pa.string()), ("object_etag", pa.string()), ("row", pa.int64())]
    return pa.schema([(name, arrow_type(kind)) for name, kind in spec.columns.items()] + added)


def history_sql(spec: TableSpec, parent: TableSpec | None = None) -> str:
    """One SELECT giving the version history (`history_schema`) from the view `changes` (`files.changes_schema`, any order).

    A table with `time_from` needs its `parent` and a view `parents`: the parent's history, at least the named column and event_at.
    Rules: design section 4 "Time"; order of changes: spec section 5. Check `undated_sql` first.
    """
    names = _Names(spec)
    return f"""with {_steps(spec, parent)},
{_clocks(spec)},
{_versions(names)},
valid as (
    select *, max(__known_at) over (partition by {names.key} order by __seq, __part rows unbounded preceding) as __valid_from
    from versions
)
select {names.all}, extra, op, op = 'D' as is_deleted, {_event_at(spec)} as event_at,
       __valid_from as valid_from,
       lead(__valid_from) over (partition by {names.key} order by __seq, __part) as valid_to,
       __valid_from as known_at,
       kind = 'full_load' as known_at_assumed,
       row_number() over (partition by {names.key} order by __seq, __part) as version,
       object_key, object_etag, "row"
from valid"""


def repeated_sql(spec: TableSpec, parent: TableSpec | None = None) -> str:
    """The log rows that say nothing new, with `object_key`, `object_etag`, `row`: equal to the version before, or deleted again."""
    return f'with {_steps(spec, parent)}\nselect object_key, object_etag, "row" from compared where __is_repeated'


def counts_sql(spec: TableSpec, parent: TableSpec | None = None) -> str:
    """One row `log_rows, repeated_rows, changes`; log_rows = repeated_rows + changes, and `changes` is the number of
    distinct (object_key, object_etag, row) in the history.
    """
    return f"""with {_steps(spec, parent)}
select count(*) as log_rows, count(*) filter (where __is_repeated) as repeated_rows, count(*) filter (where not __is_repeated) as changes
from compared"""


def latest_sql(spec: TableSpec, history: str = "history") -> str:
    """The rows the shop's database holds now, from a view or table called `history`: the registry's columns, extra, event_at, known_at."""
    return f"select {_Names(spec).all}, extra, event_at, known_at from {_quoted(history)} where valid_to is null and not is_deleted"


def as_of_sql(spec: TableSpec, history: str = "history") -> str:
    """The rows known strictly before `$as_of` (a bound timestamptz); columns as in `latest_sql`."""
    columns = f"{_Names(spec).all}, extra, event_at, known_at"
    when = "valid_from < $as_of and (valid_to is null or valid_to >= $as_of)"
    return f"select {columns} from {_quoted(history)} where {when} and not is_deleted"


def undated_sql(spec: TableSpec, parent: TableSpec | None = None) -> str:
    """One row `undated_rows`: full-load rows for which nothing says when they were loaded. If not 0, raise `load_time_missing`."""
    return f"with {_placed(spec, parent)}\nselect count(*) filter (where __position_at is null) as undated_rows from placed"


def load_time_missing(spec: TableSpec, undated_rows: int) -> SettingError:
    """The error to raise when `undated_sql` counts any rows."""
    return SettingError(
        SETTING,
        f"{undated_rows} rows without any time",
        expected=f"table {spec.name}, field load_time: the time of a full load that has no commit column, change files or time columns",
        fix="set load_time to when the load ran",
        source="registry",
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class _Names:
    """Comma-joined quoted column names."""

    spec: TableSpec

    @property
    def key(self) -> str:
        return ", ".join(_quoted(column) for column in self.spec.key)

    @property
    def all(self) -> str:
        return ", ".join(_quoted(column) for column in self.spec.columns)


def _moment(spec: TableSpec, column: str | None) -> str:
    """A registry time column as timestamptz; a date counts from its midnight in UTC whatever the session's zone."""
    if column is None:
        return _NO_TIME
    quoted = f"c.{_quoted(column)}"
    return f"timezone('UTC', cast({quoted} as timestamp))" if spec.columns[column] == "date" else quoted


def _steps(spec: TableSpec, parent: TableSpec | None) -> str:
    return ",\n".join([_placed(spec, parent), _ordered(spec), _compared(spec)])


def _placed(spec: TableSpec, parent: TableSpec | None) -> str:
    """Each log row with its own times and its place among the changes.

    loaded_at: the load row's commit column, else load_time, else the earliest change file. The last is only the earliest it can have
    been: a bare reload also holds later changes, so a row is never placed before the times it names itself.
    """
    event, join = _moment(spec, spec.event_at), ""
    if spec.time_from is not None:
        if parent is None or parent.name != spec.parent:
            raise ValueError(f"{spec.name} needs the spec of its parent table {spec.parent}")
        column = _quoted(spec.time_from.split(".")[1])
        event = "p.__parent_event_at"
        # The child's column has lost its padding; the parent's need not be one of its identifying columns.
        told = f"rtrim({column}, ' ')" if spec.columns[spec.time_from.split(".")[1]] == "text" else column
        join = f"""
    left join (select {told} as __parent_key, min(event_at) as __parent_event_at from parents group by 1) p
      on c.{column} = p.__parent_key"""
    load_time = f"timestamptz '{spec.load_time.isoformat()}'" if spec.load_time else _NO_TIME
    return f"""timed as (
    select c.*, {event} as __event_at, {_moment(spec, spec.changed_at)} as __changed_at
    from changes c{join}
),
first_cdc as (select min(file_at) as __first_cdc_at from changes where kind = 'cdc'),
placed as (
    select *, case when kind = 'cdc' then file_at else __loaded_at end as __position_at
    from (
        select t.*, case when kind = 'full_load'
                         then coalesce(committed_at, {load_time}, greatest(__first_cdc_at, __changed_at, __event_at)) end as __loaded_at
        from timed t cross join first_cdc
    )
)"""


def _ordered(spec: TableSpec) -> str:
    """The changes of each key numbered in order, cells that a change did not carry filled from the change before it."""
    key = _Names(spec).key
    numbered = f"""numbered as (
    select *, row_number() over (
        partition by {key}
        order by __position_at nulls first, case kind when 'cdc' then 1 else 0 end, case when kind = 'cdc' then change_seq end nulls first,
                 case when kind = 'full_load' then __changed_at end nulls first, object_key, "row", object_etag
    ) as __seq
    from placed
)"""
    if spec.no_value_token is None:
        return numbered.replace("numbered as", "ordered as", 1)
    sources = [(_quoted(c), c) for c in spec.columns if c not in spec.key]
    sources += [
        (own, c) for own, c in (("__event_at", spec.event_at), ("__changed_at", spec.changed_at)) if c is not None and c not in spec.key
    ]
    filled = ",\n           ".join(
        f"""coalesce(last_value(case when op = 'D' or contains(',' || coalesce(unsupplied, '') || ',', ',{column},') then null
                               else struct_pack(v := {name}) end ignore nulls)
                over (partition by {key} order by __seq rows unbounded preceding).v, {name}) as {name}"""
        for name, column in sources
    )
    return (
        f"{numbered},\nordered as (\n    select * replace ({filled})\n    from numbered\n)"
        if sources
        else f"{numbered},\nordered as (from numbered)"
    )


def _compared(spec: TableSpec) -> str:
    """Which changes repeat the state before them; a deletion carries the values of the row it deletes."""
    key = _Names(spec).key
    own = [_quoted(column) for column in spec.columns if column not in spec.key] + ["extra"]
    before = {name: f'"__was_{at}"' for at, name in enumerate([*own, "__event_at", "__changed_at"])}
    lags = ",\n           ".join(f"lag({name}) over w as {was}" for name, was in before.items())
    carried = ", ".join(f"case when op = 'D' and __was_op is not null then {was} else {name} end as {name}" for name, was in before.items())
    equal = " and ".join(f"{name} is not distinct from {before[name]}" for name in own)
    return f"""looking_back as (
    select *, lag(op) over w as __was_op,
           {lags}
    from ordered
    window w as (partition by {key} order by __seq)
),
compared as (
    select * replace ({carried}),
           case when __was_op is null then false
                when op = 'D' or __was_op = 'D' then op = __was_op
                else {equal} end as __is_repeated
    from looking_back
)"""


def _clocks(spec: TableSpec) -> str:
    """When each change was known. A full load's first row of a key: see `_versions`. One that differs from the version before it: at
    its changed_at where that is news too, else not before the load, for then changed_at tells of an earlier change.
    """
    key = _Names(spec).key
    exists_at = "least(coalesce(__event_at, __changed_at, __loaded_at), __loaded_at)"
    whole_at = "__exists_at" if spec.fixed == "all" else "least(greatest(__exists_at, coalesce(__changed_at, __loaded_at)), __loaded_at)"
    return f"""kept as (
    select *, lag(op) over w as __before_op, lag(__changed_at) over w as __before_changed_at,
           lag(coalesce(committed_at, file_at)) over w as __before_committed_at,
           coalesce(committed_at, file_at) as __committed_at,
           {exists_at} as __exists_at
    from compared
    where not __is_repeated
    window w as (partition by {key} order by __seq)
),
clocked as (
    select *, case
        when kind = 'cdc' then       -- the commit clock may only have seconds: an event later in that second is not later than itself
            case when __event_at >= __committed_at and __event_at < __committed_at + interval 1 second then __event_at else __committed_at end
        when __before_op is null then {whole_at}
        when __changed_at > coalesce(__before_changed_at, timestamptz '-infinity')
             and (__before_op <> 'D' or __changed_at > __before_committed_at) then least(__changed_at, __loaded_at)
        else __loaded_at end as __known_at
    from kept
)"""


def _versions(names: _Names) -> str:
    """One version a change; two for a full load's first row of a key whose other columns were known later than the fixed ones."""
    spec = names.spec
    meta = 'op, kind, __event_at, __changed_at, __loaded_at, object_key, object_etag, "row", __seq'
    whole = f"select {names.all}, extra, {meta}, 1 as __part, __known_at from clocked"
    if spec.fixed == "all":
        return f"versions as (\n    {whole}\n)"
    fixed = spec.fixed_columns
    early = ", ".join(_quoted(c) if c in fixed else f"null as {_quoted(c)}" for c in spec.columns)
    return f"""versions as (
    {whole}
    union all
    select {early}, null as extra, {meta}, 0 as __part, __exists_at as __known_at
    from clocked
    where kind = 'full_load' and __before_op is null and __exists_at < __known_at
)"""


def _event_at(spec: TableSpec) -> str:
    """The version's event_at. A missing parent, or a registry that names no time, leaves the load or the change itself."""
    if spec.event_at is not None:
        return "__event_at"
    own = "case when kind = 'full_load' then __loaded_at else __known_at end"
    return f"coalesce(__event_at, __changed_at, {own})"
