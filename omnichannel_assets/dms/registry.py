"""The table registry: what the user says about each table DMS copies, checked before any file is read.

Belongs here: the typed registry, its checks and its one-line errors. Not here: file names (`keys`), file contents (`files`),
time rules (`history`). Every table and column name that reaches SQL text comes from here and has passed `NAME`.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from omnichannel_assets.errors import SettingError
from omnichannel_assets.yaml_files import FieldMistake, first_mistake, mistake_error, read_yaml

SETTING = "DMS_REGISTRY"
DEFAULT_REGISTRY = Path(__file__).with_name("registry.yaml")
NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_$]{0,127}")  # two underscores in front are the history SQL's own
# Columns we add to the change log and the history; a source column of that name stays out of `columns` and lands in `extra`.
RESERVED = frozenset(
    {"extra", "op", "kind", "committed_at", "change_seq", "file_at", "object_key", "object_etag", "row", "unsupplied"}
    | {"is_deleted", "event_at", "valid_from", "valid_to", "known_at", "known_at_assumed", "version"}
)
PersonRole = Literal["first_name", "last_name", "birth_date", "street", "city", "postcode", "email", "phone", "national_id"]
"""What a column may tell about a person, for probabilistic matching."""
ColumnType = Literal["text", "integer", "decimal", "boolean", "date", "timestamp"]
ConsentChannel = Literal["email", "sms", "post", "phone"]
DEFAULT_CONSENT: dict[str, ConsentChannel] = {"marketing_opt_in": "email"}
"""What a customers table that says nothing of consent means by its opt-in column: registries written before could not say it."""
CUSTOMER_NUMBER = "customer_ref"


def _checked_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise FieldMistake("", value, "a name of letters, digits, _ and $ that starts with a letter", "rename it")
    return value


Name = Annotated[str, AfterValidator(_checked_name)]


class TableSpec(BaseModel):
    """One source table. Field meanings are those of the comments in `registry.yaml`.

    `schema_name` is the YAML key `schema`; `columns` keeps the order of the source table; `load_time` is UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name
    schema_name: Annotated[str, Field(alias="schema", min_length=1, pattern=r"^[^/]+$")]
    columns: Annotated[dict[Name, ColumnType], Field(min_length=1)]
    key: Annotated[list[Name], Field(min_length=1)]
    event_at: Name | None = None
    time_from: Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")] | None = None
    changed_at: Name | None = None
    fixed: list[Name] | Literal["all"] = []
    commit_column: Annotated[str, Field(min_length=1)] = "dms_ts"
    null_token: str = "\\N"
    no_value_token: Annotated[str, Field(min_length=1)] | None = None
    change_seq: Annotated[str, Field(min_length=1)] | None = None
    load_time: datetime | None = None
    identifiers: dict[Name, Name] = {}
    country_column: Name | None = None
    consent: dict[Name, ConsentChannel] | None = None
    person: dict[Name, PersonRole] = {}

    @field_validator("load_time")
    @classmethod
    def _load_time_is_utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @model_validator(mode="after")
    def _fields_agree(self) -> "TableSpec":
        self._check_reserved_names()
        self._check_references()
        self._check_time_columns()
        self._check_consent()
        return self

    def _check_reserved_names(self) -> None:
        for column in self.columns:
            if column.lower() in RESERVED:
                raise FieldMistake(
                    "columns", column, "a name we do not add ourselves", "leave it out: it is kept in `extra`, or rename it in the DMS task"
                )
        if len({c.lower() for c in self.columns}) < len(self.columns):
            raise FieldMistake("columns", list(self.columns), "names that differ in more than case", "rename one")
        for field in ("commit_column", "change_seq"):
            value = getattr(self, field)
            if value is not None and (value in self.columns or value.lower() == "op"):
                raise FieldMistake(field, value, "a column that is not a data column", "take it out of columns")
        if self.change_seq is not None and self.change_seq == self.commit_column:
            raise FieldMistake("change_seq", self.change_seq, "a column other than commit_column", "name the right one")

    def _check_references(self) -> None:
        listed = [] if self.fixed == "all" else self.fixed
        named: list[tuple[str, str | None]] = [("key", c) for c in self.key] + [("fixed", c) for c in listed]
        named += [(f, getattr(self, f)) for f in ("event_at", "changed_at", "country_column")]
        named += [("identifiers", c) for c in self.identifiers] + [("person", c) for c in self.person]
        for field, column in named:
            if column is not None and column not in self.columns:
                raise FieldMistake(field, column, "one of the table's columns", "add it to columns, or correct the name")
        self._check_person()
        if len(set(self.key)) < len(self.key):
            raise FieldMistake("key", self.key, "each key column once", "remove the repeated one")

    def _check_person(self) -> None:
        if self.person and (len(self.key) > 1 or self.identifiers.get(self.key[0]) != "customer_ref"):
            raise FieldMistake("person", self.key, "a table whose key is one column that is a customer_ref", "add the key to identifiers, or leave person out")
        if len(set(self.person.values())) < len(self.person):
            raise FieldMistake("person", list(self.person.values()), "each role once", "name one column for each")

    def _check_time_columns(self) -> None:
        for field in ("event_at", "changed_at"):
            column = getattr(self, field)
            if column is not None and self.columns[column] not in ("timestamp", "date"):
                raise FieldMistake(field, column, "a column of type timestamp or date", "change its type or name another column")
        if self.event_at and self.time_from:
            raise FieldMistake("time_from", self.time_from, "only one of event_at and time_from", "remove one")
        if self.time_from and self.time_from.split(".")[1] not in self.columns:
            raise FieldMistake(
                "time_from", self.time_from, "a column that this table has under the same name", "correct the column name"
            )

    def _check_consent(self) -> None:
        for column in self.consent or {}:
            if self.columns.get(column) != "boolean":
                raise FieldMistake("consent", column, "a column of type boolean", "change its type or name another column")
        channels = list((self.consent or {}).values())
        if len(set(channels)) < len(channels):
            raise FieldMistake("consent", channels, "each channel once", "name the column whose answer counts")
        if self.consent and self.customer_column is None:
            raise FieldMistake(
                "consent", list(self.consent), "a table whose identifiers name a customer_ref", "add the customer number to identifiers"
            )

    @property
    def customer_column(self) -> str | None:
        """The column that holds the customer number, if any."""
        return next((column for column, kind in self.identifiers.items() if kind == CUSTOMER_NUMBER), None)

    @property
    def choices(self) -> dict[str, ConsentChannel]:
        """Column -> channel: what a customer's choice about being contacted is read from."""
        if self.consent is not None:
            return dict(self.consent)
        is_told = self.name == "customers" and self.customer_column is not None
        return {c: channel for c, channel in DEFAULT_CONSENT.items() if is_told and self.columns.get(c) == "boolean"}

    @property
    def fixed_columns(self) -> frozenset[str]:
        """Columns a full-load row is believed to have had since event_at: the key, event_at itself, and those named `fixed`."""
        if self.fixed == "all":
            return frozenset(self.columns)
        own = {self.event_at} if self.event_at and self.event_at != self.changed_at else set()
        return frozenset({*self.key, *self.fixed, *own})

    @property
    def identifying_columns(self) -> frozenset[str]:
        """Columns that say which row, parent or person is meant: key, identifiers, time_from's column, names ending in `_id`.

        Their integers may be any 64-bit ones. Their texts lose trailing spaces: DMS pads fixed-width CHAR columns (spec section 2), and
        one thing must not go by two names.
        """
        joined = {self.time_from.split(".")[1]} if self.time_from else set()
        return frozenset({*self.key, *self.identifiers, *joined, *(c for c in self.columns if c.lower().endswith("_id"))})

    @property
    def parent(self) -> str | None:
        """The table `time_from` points to, if any."""
        return self.time_from.split(".")[0] if self.time_from else None

    def fingerprint(self) -> str:
        """16 hex digits that change whenever anything the user says about this table changes; goes into input digests."""
        said = self.model_dump(mode="json")
        said["columns"] = list(said["columns"].items())  # the order matters for files without a header
        del said["person"]  # read by matching only, which digests it itself
        return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()


def load_registry(path: Path | None = None) -> dict[str, TableSpec]:
    """The tables of a registry file by name, in file order; `None` means the registry that comes with the package.

    Raises `SettingError` (one line naming DMS_REGISTRY, the table and the field) for every mistake a person can make in it.
    """
    return dict(_shipped_registry()) if path is None else _registry(Path(path))


@cache
def _shipped_registry() -> dict[str, TableSpec]:
    return _registry(DEFAULT_REGISTRY)


def _registry(source: Path) -> dict[str, TableSpec]:
    tables = _read_tables(source)
    registry: dict[str, TableSpec] = {}
    for name, body in tables.items():
        registry[str(name)] = _read_spec(str(name), body, source)
    for spec in registry.values():
        _check_parent(spec, registry, source)
        _check_table_name(spec, registry, source)
    return registry


def _read_tables(source: Path) -> dict[Any, Any]:
    fix = "copy the default registry and edit it"
    document = read_yaml(source, SETTING, called="a registry file", fix=fix)
    tables = document.get("tables") if isinstance(document, dict) else None
    if not isinstance(tables, dict) or not tables or set(document) != {"tables"}:
        got = sorted(map(str, document)) if isinstance(document, dict) else type(document).__name__
        raise SettingError(SETTING, got, expected="one key `tables` holding at least one table", fix=fix, source=str(source))
    return tables


def _read_spec(name: str, body: Any, source: Path) -> TableSpec:
    if not isinstance(body, dict) or "name" in body:
        got = "name" if isinstance(body, dict) else type(body).__name__
        raise _error(name, FieldMistake("", got, "a mapping of fields without `name`", "see registry.yaml"), source)
    try:
        return TableSpec.model_validate({**body, "name": name})
    except ValidationError as failure:
        raise _error(name, first_mistake(failure), source) from None


def _check_parent(spec: TableSpec, registry: dict[str, TableSpec], source: Path) -> None:
    if spec.time_from is None:
        return
    table, column = spec.time_from.split(".")
    parent = registry.get(table)
    if parent is None or parent.event_at is None:
        mistake = FieldMistake("time_from", spec.time_from, "a table of this registry that names event_at", "name the parent table")
        raise _error(spec.name, mistake, source)
    if parent.columns.get(column) != spec.columns[column]:
        mistake = FieldMistake("time_from", spec.time_from, "a column of the same type in both tables", "correct the column or its type")
        raise _error(spec.name, mistake, source)


def _check_table_name(spec: TableSpec, registry: dict[str, TableSpec], source: Path) -> None:
    """Each table becomes `dms_<name>`, `dms_<name>_log` and `dms_<name>_latest`, beside our own `dms_quarantine`."""
    derived = {f"{name}{ending}" for name in registry for ending in ("_log", "_latest")}
    if spec.name in {"quarantine", *derived}:
        mistake = FieldMistake("", spec.name, "a name that is not taken by one of our own tables", "rename the table in the DMS task")
        raise _error(spec.name, mistake, source)


def _error(table: str, mistake: FieldMistake, source: Path) -> SettingError:
    return mistake_error(SETTING, source, mistake, inside=f"table {table}")
