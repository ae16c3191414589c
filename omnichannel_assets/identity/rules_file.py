"""The rules file: YAML that the user edits -> IdentityRules, every mistake in it one line. The shipped file holds the defaults.

Here: the form of the file and its checks. Not here: what the rules mean (rules). A key that a user's file leaves out holds as in
the shipped one. Values of people (shared.values) never appear in an error.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictStr, ValidationError, model_validator

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.phones import e164, is_region
from omnichannel_assets.identity.rules import SETTING, Caps, Composite, IdentityRules, Limit, SharedRules, SharedValue
from omnichannel_assets.yaml_files import FieldMistake, first_mistake, mistake_error, read_yaml

SHIPPED = Path(__file__).with_name("rules.yaml")
OUR_TYPES = re.compile(r"user_id|email|phone|customer_ref|anonymous_id|ga_client_id|(ios|android)\.(id|idfa|push_token)")
"""Identifier types that messages and shop records have without being told to."""
_FIX = "copy the default rules.yaml and edit it"
_TYPE = re.compile(r"[a-z0-9_.]+")
_LIMIT = re.compile(r"([1-9]\d{0,8}) (ever|a year|a month|a week)")
_FIELD = r"[A-Za-z_][A-Za-z0-9_$]*(?:\.[A-Za-z_][A-Za-z0-9_$]*)*"
_PART = re.compile(rf"{_FIELD}(?:\|{_FIELD})*")


def load_rules(path: Path | None = None, default_region: str | None = None) -> IdentityRules:
    """The rules of a file; None: the file that comes with the package. ``default_region`` is the country of phones that name none.

    Raises SettingError (one line naming IDENTITY_RULES, the file and the field) for every mistake a person can make in it.
    """
    return _shipped_rules(default_region) if path is None else _rules(path, default_region)


@cache
def _shipped_rules(default_region: str | None) -> IdentityRules:
    return _rules(SHIPPED, default_region)


def _rules(path: Path, default_region: str | None) -> IdentityRules:
    said = _parsed(_with_shipped(_document(path)), path)
    values = tuple(_normal_value(value, default_region, path) for value in said.shared.values)
    return IdentityRules(
        limits=said.limits,
        default_limit=said.default_limit,
        priority=tuple(said.priority),
        blocked_values=frozenset(said.blocked.values),
        blocked_patterns=tuple(said.blocked.patterns),
        default_region=default_region,
        composites=tuple(Composite(name, tuple(parts)) for name, parts in said.composites.items()),
        shared=SharedRules(said.shared.customers, values),
        caps=Caps(said.caps.merges, said.caps.identifiers),
    )


def _document(path: Path) -> dict[str, Any]:
    document = read_yaml(path, SETTING, called="a rules file", fix=_FIX)
    if not isinstance(document, dict):
        raise SettingError(SETTING, type(document).__name__, expected="keys such as limits and blocked", fix=_FIX, source=str(path))
    return document


def _with_shipped(own: dict[str, Any]) -> dict[str, Any]:
    """The user's keys over the shipped ones; inside `blocked`, `shared` and `caps` key by key, where keys are ours and not the user's."""
    shipped = _document(SHIPPED)
    for name in ("blocked", "shared", "caps"):
        if isinstance(own.get(name), dict):
            own = {**own, name: {**shipped[name], **own[name]}}
    return {**shipped, **own}


def _type_name(value: str) -> str:
    if not _TYPE.fullmatch(value):
        raise FieldMistake("", value, "an identifier type of small letters, digits, _ and .", "correct the name, for example email")
    return value


def _limit(value: object) -> Limit:
    found = _LIMIT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise FieldMistake("", value, "a limit such as 1 ever, 5 a year, 5 a month or 5 a week", "write a count and a window")
    return Limit(int(found[1]), found[2].removeprefix("a "))  # type: ignore[arg-type]


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise FieldMistake("", type(value).__name__, "a text", "write it in quotes")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise FieldMistake("", value, "a regular expression", f"correct it ({error})") from None
    return value


def _part(value: str) -> str:
    if not _PART.fullmatch(value):
        raise FieldMistake("", value, "the name of a column or trait, or several with | between them", "correct the name")
    return value


def _count_or_off(value: object) -> int | None:
    if value is False or value == "off":  # YAML reads a bare off as false
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise FieldMistake("", value, "a whole number of at least 1, or off", "write 3, for example, or off")
    return value


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise FieldMistake("", values, "each entry once", "remove the repeated one")
    return values


def _composite_name(value: str) -> str:
    if OUR_TYPES.fullmatch(value):
        raise FieldMistake("", value, "a name that is no identifier type already", "choose another, such as name_birth_date")
    return _type_name(value)


def _several(parts: list[str]) -> list[str]:
    if len(parts) < 2:
        raise FieldMistake("", parts, "at least two parts", "name another column, or use the registry's identifiers for a single one")
    return _each_once(parts)


def _date(value: object) -> date | None:
    if value is None or (isinstance(value, date) and type(value) is date):
        return value  # YAML reads dates itself
    raise FieldMistake("", value, "a date written YYYY-MM-DD, without quotes", "write 2026-03-01, for example, or leave it out")


Text = Annotated[StrictStr, BeforeValidator(_text)]
TypeName = Annotated[Text, AfterValidator(_type_name)]
LimitText = Annotated[Limit, BeforeValidator(_limit)]
CountOrOff = Annotated[int | None, BeforeValidator(_count_or_off)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Blocked(_Part):
    values: list[Text]
    patterns: list[Annotated[Text, AfterValidator(_pattern)]]


class _SharedEntry(_Part):
    type: TypeName
    value: Text
    since: Annotated[date | None, BeforeValidator(_date)] = None


class _Shared(_Part):
    customers: CountOrOff
    values: list[_SharedEntry]


class _Caps(_Part):
    merges: CountOrOff
    identifiers: CountOrOff


class _File(_Part):
    limits: dict[TypeName, LimitText]
    default_limit: LimitText
    priority: Annotated[list[TypeName], AfterValidator(_each_once)]
    blocked: _Blocked
    composites: dict[
        Annotated[Text, AfterValidator(_composite_name)], Annotated[list[Annotated[Text, AfterValidator(_part)]], AfterValidator(_several)]
    ]
    shared: _Shared
    caps: _Caps

    @model_validator(mode="after")
    def _names_agree(self) -> _File:
        for name in self.composites:
            if name in self.priority:
                raise FieldMistake("priority", name, "types that are no composite, which always come last", "take it out")
        return self


def _parsed(document: dict[str, Any], path: Path) -> _File:
    try:
        return _File.model_validate(document)
    except ValidationError as failure:
        mistake = first_mistake(failure)
        if mistake.field.startswith("shared.values"):
            mistake.got = type(mistake.got).__name__  # what stands there may be somebody's address
        raise mistake_error(SETTING, path, mistake) from None


def _normal_value(entry: _SharedEntry, region: str | None, path: Path) -> SharedValue:
    """A declared value, spelled as normalise_identifiers spells it."""
    value: str | None = entry.value.strip()
    if entry.type == "email":
        value = str(value).casefold()
    if entry.type == "phone":
        value = e164(str(value), region.upper() if region and is_region(region.upper()) else None)
    if not value:
        mistake = FieldMistake(
            "shared.values", "a value that is not shown", f"a readable {entry.type}", "correct it; a phone starts with + and its country"
        )
        raise mistake_error(SETTING, path, mistake)
    return SharedValue(entry.type, value, entry.since)
