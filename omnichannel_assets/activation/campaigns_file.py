"""The campaigns file: YAML that a campaign person edits -> Campaigns, every mistake in it one line. The shipped file holds the defaults.

Here: the form of the file and its checks. Not here: what a campaign means (``campaigns``), what may stand in a rule (``campaign_rule``).
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from omnichannel_assets.activation.campaign_rule import checked_rule
from omnichannel_assets.activation.campaigns import CHANNELS, SETTING, TRAITS, Campaign, Campaigns, Guards
from omnichannel_assets.errors import SettingError
from omnichannel_assets.yaml_files import FieldMistake, first_mistake, mistake_error, read_yaml

SHIPPED = Path(__file__).with_name("campaigns.yaml")
TAKEN = ("scores", "interactions", "items", "users", "all", "mean")
"""Names of streams that are no campaign, and words that results use."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FIX = "copy the default campaigns.yaml and edit it"


def load_campaigns(path: Path | None = None) -> Campaigns:
    """The campaigns of a file; None: the file that comes with the package.

    Raises SettingError (one line naming CAMPAIGNS, the file and the field) for every mistake a person can make in it.
    """
    return _shipped() if path is None else _campaigns(path)


@cache
def _shipped() -> Campaigns:
    return _campaigns(SHIPPED)


def _campaigns(path: Path) -> Campaigns:
    document = read_yaml(path, SETTING, called="a campaigns file", fix=_FIX)
    if not isinstance(document, dict):
        raise SettingError(SETTING, type(document).__name__, expected="the key campaigns", fix=_FIX, source=str(path))
    try:
        said = _File.model_validate(document)
        rules = {name: one.rule if path == SHIPPED else _checked(name, one.rule) for name, one in said.campaigns.items()}
    except ValidationError as failure:
        raise mistake_error(SETTING, path, first_mistake(failure)) from None
    except FieldMistake as mistake:
        raise mistake_error(SETTING, path, mistake) from None
    found = tuple(_campaign(name, rules[name], one) for name, one in said.campaigns.items())
    return Campaigns(found, said.contacts_a_week, Guards(**dict(said.guards)))


def _checked(name: str, rule: str) -> str:
    """The shipped file's rules need no check at every start: a test makes it, and the parser's import is slow."""
    try:
        return checked_rule(rule)
    except FieldMistake as mistake:
        mistake.field = f"campaigns.{name}.rule"
        raise


def _campaign(name: str, rule: str, said: _Campaign) -> Campaign:
    told = {key: getattr(said, key) for key in ("channels", "holdout", "variants", "starts", "ends", "cooling_off_days", "priority", "measured_days")}
    return Campaign(name=name, title=said.title or name.replace("_", " "), rule=rule, is_contact=said.contacts, **told)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or value in TAKEN:
        raise FieldMistake("", value, f"up to 40 small letters, digits and _, a letter first, and none of {', '.join(TAKEN)}", "rename it")
    return value


def _channels(value: object) -> object:
    """A list of channels means: nothing but membership is told there."""
    found = dict.fromkeys(value, ()) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value
    if not isinstance(found, dict) or not found:
        raise FieldMistake("", value, f"one or more of {', '.join(CHANNELS)}", "write channels: [segment], for example")
    for channel in found:
        if channel not in CHANNELS:
            raise FieldMistake("", channel, f"one of {', '.join(CHANNELS)}", "correct the channel")
    return {channel: traits or () for channel, traits in found.items()}


def _trait(value: str) -> str:
    if value not in TRAITS:
        raise FieldMistake("", value, f"one of {', '.join(TRAITS)}", "correct the trait, or take it out")
    return value


def _variants(value: dict[str, float]) -> dict[str, float]:
    if value and (min(value.values()) <= 0 or abs(sum(value.values()) - 1) > 1e-9 or len(value) < 2):
        raise FieldMistake("", value, "two or more shares above 0 that add up to 1", "write {a: 0.5, b: 0.5}, for example")
    return value


def _date(value: object) -> date | None:
    if value is None or (isinstance(value, date) and type(value) is date):
        return value  # YAML reads dates itself
    raise FieldMistake("", value, "a date written YYYY-MM-DD, without quotes", "write 2026-11-01, for example, or leave it out")


def _count_or_off(value: object) -> int | None:
    if value is None or value is False or value == "off":  # YAML reads a bare off as false
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000:
        raise FieldMistake("", value, "a whole number from 1 to 1000, or off", "write 3, for example, or off")
    return value


Name = Annotated[StrictStr, AfterValidator(_name)]
Day = Annotated[date | None, BeforeValidator(_date)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Guards(_Part):
    removals: float = Field(Guards.removals, gt=0, le=1)
    growth: float = Field(Guards.growth, ge=1, le=1_000_000)
    stale_days: int = Field(Guards.stale_days, ge=0, le=36_500)


class _Campaign(_Part):
    title: StrictStr = ""
    rule: StrictStr
    channels: Annotated[dict[StrictStr, tuple[Annotated[StrictStr, AfterValidator(_trait)], ...]], BeforeValidator(_channels)]
    holdout: float | None = Field(None, ge=0, lt=1)
    variants: Annotated[dict[Name, float], AfterValidator(_variants)] = {}
    starts: Day = None
    ends: Day = None
    cooling_off_days: int = Field(0, ge=0, le=3650)
    priority: int = Field(1, ge=1, le=1_000)
    contacts: StrictBool = True
    measured_days: int = Field(30, ge=1, le=3650)

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> _Campaign:
        if self.starts and self.ends and self.ends < self.starts:
            raise FieldMistake("ends", str(self.ends), f"a date not before starts ({self.starts})", "swap or correct the two")
        return self


class _File(_Part):
    contacts_a_week: Annotated[int | None, BeforeValidator(_count_or_off)] = None
    guards: _Guards = _Guards()
    campaigns: dict[Name, _Campaign]
