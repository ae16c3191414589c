"""Every setting of the project, typed, read once from options, environment, ``.env`` and the landing zone's own bounds.

Precedence, highest first: command option, environment variable, ``.env``, ``sample.env`` inside the landing zone (written by
``omnichannel sample``; holds FIRST_DAY and LAST_DAY only), default. Domain code gets values, never this object and never the environment.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from omnichannel_assets.errors import SettingError, UserError
from omnichannel_assets.settings_checks import check_device, check_live, check_matching
from omnichannel_assets.settings_personalize import check_personalize, suited
from omnichannel_assets.settings_words import EXPECTED, FIXES, FORMATS

EARLIEST_DAY = date(2000, 1, 1)
"""First received day when FIRST_DAY is empty: no Segment export is older, and partition definitions need a start."""

DEVELOPMENT_KEY = "omnichannel-development-key"
OTHER_TOOLS = ("AWS_", "DAGSTER_", "GX_")
"""Beginnings of names in ``.env`` that are for others."""
NOT_MERCHANDISE = r"POST|DOT|M|D|S|B|C2|C3|CRUK|PADS|SP1002|AMAZONFEE|BANK CHARGES|ADJUST\d*|TEST\d+|GIFT.*"


class Settings(BaseModel):
    """All settings, validated. A field's upper-case name is the name of its environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    landing_uri: str = Field("data/landing", description="Folder where Segment and DMS write their files; never written to.")
    lake_uri: str = Field("data/lake", description="Folder that holds the tables.")
    first_day: date | None = Field(None, description="First received day (UTC date). Empty: open.")
    last_day: date | None = Field(None, description="Last received day (UTC date). Empty: open.")
    as_of: date | None = Field(None, description="Instant the tables describe: 00:00 UTC of this date. Empty: the data clock.")
    as_of_first: date | None = Field(
        None, description="First as-of date of the graph. Empty: 7 days before LAST_DAY, or the day after FIRST_DAY when LAST_DAY is open."
    )
    history_sources: tuple[str, ...] = Field((), description="Segment source ids that import history: known_at = event_at there.")
    not_merchandise: str = Field(NOT_MERCHANDISE, description="Pattern over whole product ids that are no goods, such as postage and fees.")
    online_store_ids: tuple[str, ...] = Field(
        ("web",), description="store_id values of the shop database that mean the web shop, comma-separated."
    )
    default_region: str = Field("", description="Country (ISO 3166 alpha-2) of phone numbers whose row names none.")
    identity_key: SecretStr = Field(SecretStr(DEVELOPMENT_KEY), description="Secret that keys customer ids; change it before real use.")
    identifier_traits: tuple[str, ...] = Field(
        ("loyalty_id=customer_ref",), description="Segment traits that carry an identifier, as trait=identifier_type, comma-separated."
    )
    identity_matching: Literal["off", "on"] = Field(
        "off", description="on: customer records that are probably one person are proposed as links (needs `pip install omnichannel-assets[match]`)."
    )
    match_threshold: float = Field(0.95, gt=0.5, le=1, description="Probability from which a proposed pair is a link without a person's word.")
    dms_registry: str = Field("", description="YAML file of the DMS tables. Empty: the seven tables of the retail schema.")
    identity_rules: str = Field("", description="YAML file of the identity rules. Empty: the limits, blocked values and caps of the package.")
    engine_memory_mb: int = Field(1024, ge=256, description="Memory the SQL engine may use, in MiB.")
    engine_threads: int = Field(2, ge=1, le=256, description="Threads the SQL engine may use.")
    lock_wait_seconds: float = Field(
        300.0, ge=0, allow_inf_nan=False, description="How long to wait for another run that is writing to the lake."
    )
    eligible_days: int = Field(
        365, ge=0, le=36500, description="Who is scored: known customers with a purchase in this many days before. 0: with any purchase before."
    )
    repurchase_days: int = Field(30, ge=1, le=3650, description="Days after a date in which a purchase counts as buying again.")
    churn_days: int = Field(
        90, ge=1, le=3650, description="Days after a date in which no purchase, or the end of a subscription, counts as leaving."
    )
    training_cutoffs: int = Field(12, ge=2, le=240, description="Past dates, 30 days apart, that models learn from at most.")
    least_examples: int = Field(
        100, ge=30, description="Customers with a label, and without it, that a model needs at its past cut-offs; with fewer it is refused in words."
    )
    search_trials: int = Field(5, ge=0, le=10_000, description="Parameters tried for each model, held against later cut-offs. 0: the defaults.")
    model_max_age_days: int = Field(
        180, ge=0, description="Age at which a model makes way for a newer one that did not beat it. 0: the newest always scores."
    )
    model_device: Literal["cpu", "cuda"] = Field("cpu", description="Where trees grow; cuda needs `xgboost` in place of `xgboost-cpu`.")
    model_threads: int = Field(1, ge=1, le=1024, description="Threads that trees grow with; any number gives the same model.")
    seed: int = Field(20, ge=0, le=2**31 - 1, description="Of everything that is drawn while models learn.")
    campaigns: str = Field("", description="YAML file of the campaigns. Empty: win-back, reactivation and look-alike seed of the package.")
    holdout_share: float = Field(
        0.1, ge=0, lt=1, description="Share of each audience that is kept out of every channel, the control arm, where its campaign names none."
    )
    audience_approval: Literal["off", "required"] = Field(
        "off", description="required: campaigns wait until a person approves the as-of date (in the UI, or with `omnichannel approve`)."
    )
    delivery_mode: Literal["sandbox", "off", "live"] = Field(
        "sandbox", description="sandbox: local stand-ins that keep an inbox under the lake; off: nothing is sent; live: the real services."
    )
    live_channels: tuple[str, ...] = Field(
        (), description="Channels that `live` may reach, comma-separated: segment, personalize, connect. Pinpoint has ended."
    )
    sandbox_url: str = Field("", description="Address of a sandbox started with `omnichannel sandbox`. Empty: each delivery starts its own.")
    segment_url: str = Field("https://api.segment.io", description="Segment's tracking API; https://events.eu1.segmentapis.com in the EU.")
    segment_write_key: SecretStr = Field(SecretStr(""), description="Write key of the Segment source that receives traits.")
    segment_webhook_secret: SecretStr = Field(SecretStr(""), description="Shared secret that signs Segment's webhook. Empty: no call is accepted.")
    segment_public_api_url: str = Field("https://api.segmentapis.com", description="Segment's Public API, which takes deletions; https://eu1.api.segmentapis.com in the EU.")
    segment_public_api_token: SecretStr = Field(SecretStr(""), description="Token of Segment's Public API. Empty: deletions wait.")
    segment_source_id: str = Field("", description="Segment source whose archive is cleaned of anonymous ids, where the workspace may do that.")
    segment_integrations: dict[str, Any] = Field(
        {"All": True}, description='Destinations that Segment passes our messages on to, as JSON: `{"All": false, "Braze": true}` names one, by its display name.'
    )
    segment_audience_events: Literal["off", "on"] = Field("off", description="on: also tell Segment of each campaign `Audience Entered` and `Audience Exited` as events.")
    segment_s3_files: Literal["off", "on"] = Field("off", description='on: also write the scores as files for Segment\'s "Amazon S3 from Lambda" source, below outbox/.')
    aws_region: str = Field("eu-west-1", description="Region of Personalize and Connect.")
    personalize_group: str = Field("omnichannel", description="Name of the Personalize dataset group.")
    personalize_role_arn: str = Field("", description="Role that Personalize reads the files with.")
    personalize_s3_uri: str = Field("", description="Folder (s3://bucket/prefix) that Personalize imports from, for live use.")
    personalize_domain: Literal["", "ECOMMERCE"] = Field("", description="Domain of the dataset group; recommenders need ECOMMERCE. Empty: a custom group.")
    personalize_create: tuple[str, ...] = Field((), description="What Personalize shall run at your cost, comma-separated: event_tracker, metric_attribution, recommender, solution, campaign, batch_inference, batch_segment. Empty: data sets only.")
    personalize_recipe: str = Field("aws-user-personalization-v2", description="Recipe of the solution behind campaign and batch_inference.")
    personalize_segment_recipe: Literal["aws-item-affinity", "aws-item-attribute-affinity"] = Field("aws-item-affinity", description="Recipe of batch_segment: who cares for popular items, or for categories.")
    personalize_use_cases: tuple[str, ...] = Field(("aws-ecomm-recommended-for-you",), description="Use cases of the ECOMMERCE domain that get a recommender, comma-separated.")
    personalize_train_days: int = Field(7, ge=1, le=3650, description="Least days between two trainings of a solution; without new data there is none.")
    personalize_recommender_arn: str = Field("", description="Campaign or recommender that answers the shop. Empty: the lake's own lists do.")
    personalize_tracking_id: str = Field("", description="Event tracker that receives the shop's events. Empty: the one of PERSONALIZE_GROUP, looked up.")
    pinpoint_application_id: str = Field("", description="Pinpoint project named in the import request.")
    connect_domain: str = Field("omnichannel", description="Customer Profiles domain that receives the campaigns' profiles.")
    connect_create_domain: Literal["off", "on"] = Field("off", description="on: a missing domain is made in live use. Its profiles are billed.")
    connect_batch_rows: int = Field(200, ge=0, le=100_000, description="Changed profiles up to this many are put ten a call, each with its own answer; more go as one upload file.")
    connect_tolerance: float = Field(0.01, ge=0, lt=1, description="Share of an upload's records that may fail, and by which Connect's count of a segment may differ from what was loaded.")
    connect_campaigns: tuple[str, ...] = Field((), description="Outbound campaigns of Connect that are pointed at a campaign's segment: pairs such as win_back=id, comma-separated.")
    connect_instance_id: str = Field("", description="Connect instance in which outbound campaigns are made that CONNECT_CAMPAIGNS does not name. Empty: none is.")
    connect_source_email: str = Field("", description="Sender of such campaigns, an address of the instance.")
    connect_template_arn: str = Field("", description="Message template of such campaigns.")
    connect_start_campaigns: Literal["off", "on"] = Field("off", description="on: an outbound campaign is started once its segment is right. off: a person starts it.")
    evaluation_origins: int = Field(
        3, ge=1, le=60, description="Rolling origins: on how many of the newest past cut-offs with a closed horizon models are judged."
    )
    mostly_bad_share: float = Field(
        0.5, gt=0, le=1, description="A file of 20 rows or more with a larger share of unreadable rows goes to quarantine as a whole."
    )

    @field_validator("first_day", "last_day", "as_of", "as_of_first", mode="before")
    @classmethod
    def _empty_is_open(cls, value: object) -> object:
        if isinstance(value, str) and value and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError("a date written YYYY-MM-DD")  # the type alone would also read seconds since 1970
        return None if value == "" else value

    @field_validator(
        "history_sources", "identifier_traits", "online_store_ids", "live_channels", "connect_campaigns", "personalize_create", "personalize_use_cases", mode="before"
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("identifier_traits")
    @classmethod
    def _trait_pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            if not re.fullmatch(r"[A-Za-z0-9_.\- ]+=[a-z0-9_.]+", pair):
                raise ValueError("trait=identifier_type, such as loyalty_id=customer_ref")
        return value

    @field_validator("not_merchandise")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        if re.search(r"\(\?(?:<?[=!]|P=)|\\[1-9]", value):
            raise ValueError("a regular expression without look-around and back-references (the SQL engine has neither)")
        return value

    @field_validator("live_channels")
    @classmethod
    def _are_channels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "pinpoint" in value:
            raise ValueError("segment, personalize or connect: Pinpoint's service ended on 30 October 2026, its files are written only")
        if set(value) - {"segment", "personalize", "connect"}:
            raise ValueError("segment, personalize or connect, comma-separated")
        return value

    @field_validator("personalize_create", "personalize_recipe", "personalize_use_cases", "personalize_role_arn")
    @classmethod
    def _suits_personalize(cls, value: Any, info: ValidationInfo) -> Any:
        return suited(info.field_name or "", value)

    @field_validator("sandbox_url", "segment_url", "segment_public_api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
            raise ValueError("an address such as https://api.segment.io, without a user in it")
        return value.rstrip("/")

    @field_validator("segment_integrations", mode="before")
    @classmethod
    def _is_json(cls, value: object) -> object:
        try:
            return json.loads(value or '{"All": true}') if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON such as {"All": true}') from None

    @field_validator("segment_integrations")
    @classmethod
    def _are_integrations(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value or not all(name.strip() and isinstance(told, bool | dict) for name, told in value.items()):
            raise ValueError('true, false or options for each destination, such as {"All": true}')
        return value

    @field_validator("connect_campaigns")
    @classmethod
    def _are_campaigns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not re.fullmatch(r"[a-z][a-z0-9_]*=[-:/a-zA-Z0-9]{1,256}", pair) for pair in value) or len({pair.partition("=")[0] for pair in value}) < len(value):
            raise ValueError("one pair campaign=id for each campaign, such as win_back=11111111-2222-3333-4444-555555555555")
        return value

    @field_validator(*FORMATS)
    @classmethod
    def _is_of_format(cls, value: str, info: ValidationInfo) -> str:
        pattern, words = FORMATS[str(info.field_name)]
        if not re.fullmatch(pattern, value):
            raise ValueError(words)
        return value

    @field_validator("identity_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        if not 1 <= len(value.get_secret_value().encode()) <= 64:
            raise ValueError("1 to 64 bytes of text")
        return value

    @field_validator("default_region")
    @classmethod
    def _is_country(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z]{2}", value):
            raise ValueError("a two-letter country code such as GB")
        return value.upper()

    @field_validator("landing_uri", "lake_uri")
    @classmethod
    def _is_folder(cls, value: str) -> str:
        if not value.strip() or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", value) or any(sign in value for sign in "*?[]"):
            raise ValueError("a local folder without any of * ? [ ]")
        return value

    @property
    def first_received_day(self) -> date:
        """FIRST_DAY, or the floor that stands for an open start."""
        return self.first_day or EARLIEST_DAY

    @property
    def first_as_of(self) -> date:
        """AS_OF_FIRST, or its default."""
        default = self.last_day - timedelta(days=7) if self.last_day else day_after(self.first_received_day)
        return self.as_of_first or max(default, day_after(self.first_received_day))

    @property
    def trait_identifier_types(self) -> dict[str, str]:
        """Trait name -> identifier type, from IDENTIFIER_TRAITS."""
        return dict(pair.split("=", 1) for pair in self.identifier_traits)


SECRETS = frozenset(name for name, field in Settings.model_fields.items() if field.annotation is SecretStr)
"""Fields whose value is never shown, stored or handed to Dagster."""


def has_dagster_home() -> bool:
    """Whether DAGSTER_HOME names a folder for Dagster's own state; without one, runs leave no history."""
    return bool(os.environ.get("DAGSTER_HOME"))


def dagster_home() -> Path | None:
    """The folder of Dagster's own state, where DAGSTER_HOME names one."""
    return Path(os.environ["DAGSTER_HOME"]) if has_dagster_home() else None


def midnight(day: date) -> datetime:
    """00:00 UTC of a date."""
    return datetime.combine(day, time(), UTC)


def day_after(day: date) -> date:
    """The next UTC day."""
    return day + timedelta(days=1)


def load_settings(
    options: Mapping[str, Any] | None = None, *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """The settings in force.

    Args: options (field name -> value, from the command line), environment (default: the process's), folder (where ``.env`` is looked up).
    Raises: UserError naming every wrong setting, one line each; an unknown name in ``.env`` is refused with the nearest known one.
    """
    environment = os.environ if environment is None else environment
    folder = folder or Path.cwd()
    values: dict[str, tuple[Any, str]] = {}
    written = _read_env(folder / ".env")
    for source, found in (
        (".env", _known_names(written)),
        ("environment", {name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields}),
        ("command line", {name: value for name, value in (options or {}).items() if value is not None}),
    ):
        values |= {name: (value, source) for name, value in found.items()}
    landing = Path(str(values.get("landing_uri", (Settings.model_fields["landing_uri"].default, ""))[0]))
    bounds = _known_names(_read_env(landing / "sample.env"))
    values = {name: (value, "sample.env") for name, value in bounds.items() if name in ("first_day", "last_day")} | values
    return _validated(values, _unknown_names(written, ".env"))


def _validated(values: Mapping[str, tuple[Any, str]], problems: list[str]) -> Settings:
    try:
        settings = Settings(**{name: value for name, (value, _) in values.items()})
    except ValidationError as error:
        raise UserError("\n".join([*problems, *(_explain(problem, values) for problem in error.errors())])) from None
    if problems:
        raise UserError("\n".join(problems))
    if settings.first_day and settings.last_day and settings.first_day > settings.last_day:
        raise SettingError(
            "LAST_DAY",
            str(settings.last_day),
            expected=f"a day not before FIRST_DAY ({settings.first_day})",
            fix="swap or correct the two",
            source=values["last_day"][1],
        )
    check_live(settings)
    check_personalize(settings.personalize_create, settings.personalize_domain, values.get("personalize_create", ("", "default"))[1])
    check_matching(settings, values)
    check_device(settings, values)
    return settings


def _explain(problem: Any, values: Mapping[str, tuple[Any, str]]) -> str:
    name = str(problem["loc"][0])
    got, source = values.get(name, (problem.get("input"), "environment"))
    expected = problem["msg"].removeprefix("Value error, ")
    expected = EXPECTED.get(name, expected[0].lower() + expected[1:])
    return str(
        SettingError(
            name.upper(),
            str(got),
            expected=expected,
            fix=FIXES.get(name, "correct the value"),
            source=source,
            secret=name in SECRETS or ("://" in str(got) and "@" in str(got)),  # a password may stand in an address
        )
    )


def _read_env(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # deferred: most processes have no .env

    return {name: value or "" for name, value in dotenv_values(path).items()}


def _known_names(found: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in found.items() if name.lower() in Settings.model_fields}


def _unknown_names(found: Mapping[str, str], source: str) -> list[str]:
    """One line a name that is no setting (a typing error would otherwise be a silent default); other tools' names are let through."""
    lines = []
    for name in found:
        if name.lower() not in Settings.model_fields and not name.startswith(OTHER_TOOLS):
            near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1)
            hint = f"did you mean {near[0].upper()}?" if near else "see the settings table in README.md"
            lines.append(f"{name}: expected the name of a setting, got an unknown one (from {source}). Fix: {hint}")
    return lines
