"""The workspace: settings, landing zone and lake together, as every step takes them; and the as-of in force.

Belongs here: opening things. Does not: what is done with them (``assets``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from omnichannel_assets.activation.campaigns import Campaigns
from omnichannel_assets.activation.machine_events import ADDRESS_PATTERN, AGENT_PATTERN, SECONDS
from omnichannel_assets.dms.registry import TableSpec, load_registry
from omnichannel_assets.errors import InputError, SettingError
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.identity.rules_file import load_rules
from omnichannel_assets.lake.engine import EngineLimits
from omnichannel_assets.lake.lake import Lake, digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.store import LocalStore, landing_store
from omnichannel_assets.lake.tables import LANDING_FILES, STATIC_TABLES
from omnichannel_assets.lake.tables_identity import IDENTITIES
from omnichannel_assets.propensity.tasks import Horizons, Task, tasks
from omnichannel_assets.resources.campaigns import checked_campaigns
from omnichannel_assets.resources.dms_tables import dms_history_table, dms_log_table
from omnichannel_assets.settings import SECRETS, Settings, midnight

DEFAULT_REGISTRY = load_registry(None)
DEFAULT_DMS_TABLES = {table.name: table for table in map(dms_history_table, DEFAULT_REGISTRY.values())}
"""Histories that the trusted models read; one that a user's registry leaves out counts as empty."""


KNOWN_TYPES = ("user_id", "email", "phone", "customer_ref")
"""Identifier types that make a customer a known person, besides those of IDENTIFIER_TRAITS and the registry; others are devices."""
KEYS_READ = ("orders", "order_lines", "products")
"""DMS tables whose key the trusted tables rely on."""


@dataclass(frozen=True)
class Workspace:
    """Settings plus what they name. ``before_write(key)`` is called before each visible change of the lake (fault injection)."""

    settings: Settings
    before_write: Callable[[str], None] | None = None

    @cached_property
    def lake(self) -> Lake:
        limits = EngineLimits(self.settings.engine_memory_mb, self.settings.engine_threads)
        days = (self.settings.first_received_day, self.last_received_day())
        return Lake(LocalStore(self.settings.lake_uri, self.before_write), limits, self.settings.lock_wait_seconds, days)

    @cached_property
    def landing(self) -> LocalStore:
        """The landing zone, read-only. Raises InputError when the folder is missing."""
        return landing_store(self.settings.landing_uri)

    @cached_property
    def registry(self) -> dict[str, TableSpec]:
        """DMS tables by name."""
        registry = load_registry(Path(self.settings.dms_registry) if self.settings.dms_registry else None)
        for name, spec in registry.items():
            _keep_meaning(name, spec)
        return registry

    @cached_property
    def rules(self) -> IdentityRules:
        """The identity rules in force. Raises SettingError naming IDENTITY_RULES, also for a composite named like an identifier type."""
        rules = load_rules(Path(self.settings.identity_rules) if self.settings.identity_rules else None, self.settings.default_region or None)
        taken = rules.composite_types & {*self.settings.trait_identifier_types.values(), *self._registered_types()}
        if taken:
            raise SettingError(
                "IDENTITY_RULES",
                min(taken),
                expected="field composites: names that neither the registry nor IDENTIFIER_TRAITS gives an identifier",
                fix="rename the composite",
                source=self.settings.identity_rules,
            )
        return rules

    @cached_property
    def campaigns(self) -> Campaigns:
        """The campaigns in force. Raises SettingError naming CAMPAIGNS, also for a rule that compares what cannot be compared."""
        return checked_campaigns(Path(self.settings.campaigns) if self.settings.campaigns else None)

    @cached_property
    def tables(self) -> dict[str, TableSchema]:
        """Every table of the lake by name."""
        dms = [make(spec) for spec in self.registry.values() for make in (dms_log_table, dms_history_table)]
        return {table.name: table for table in (*STATIC_TABLES, *dms)}

    def as_of(self) -> date:
        """The as-of date in force: AS_OF, else the data clock. Raises InputError when nothing was catalogued yet."""
        found = self.settings.as_of or self.data_clock()
        if found is None:
            raise InputError(
                "data clock",
                "an empty catalogue",
                expected="at least one file with a received day in the landing zone",
                fix="check LANDING_URI, or set AS_OF",
            )
        return found

    def data_clock(self) -> date | None:
        """The date before whose midnight everything catalogued was known; None when nothing was catalogued yet."""
        manifest = self.lake.manifest(LANDING_FILES.name)
        clock = manifest.counts.get("data_clock_day") if manifest else None
        return date.fromordinal(clock) if clock else None

    def newest_known(self) -> date | None:
        """The newest as-of date the trusted tables can describe: that of the identities. None before the first run."""
        manifest = self.lake.manifest(IDENTITIES.name)
        return date.fromordinal(manifest.counts["as_of_day"]) if manifest else None

    def last_received_day(self) -> date:
        """LAST_DAY, but never a day still to come: it has no partition, and no folder of it is believed."""
        today = datetime.now(UTC).date()  # wall-clock: bounds the landing zone only
        return min(self.settings.last_day or today, today)

    def parameters(self) -> dict[str, Any]:
        """Values that trusted models bind: $as_of (00:00 UTC), $not_merchandise, $online_store_ids, $known_types and the rules about machines."""
        return {
            "as_of": midnight(self.as_of()),
            "not_merchandise": self.settings.not_merchandise,
            "online_store_ids": [name.lower() for name in self.settings.online_store_ids],
            "known_types": sorted({*KNOWN_TYPES, *self.settings.trait_identifier_types.values(), *self._registered_types()}),
            "machine_agents": AGENT_PATTERN,
            "machine_addresses": ADDRESS_PATTERN,
            "machine_seconds": SECONDS,
        }

    @cached_property
    def horizons(self) -> Horizons:
        """How far the models look ahead: REPURCHASE_DAYS and CHURN_DAYS."""
        return Horizons(self.settings.repurchase_days, self.settings.churn_days)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The questions the models answer, with the horizons in force."""
        return tasks(self.horizons)

    def feature_parameters(self) -> dict[str, Any]:
        """Values that customer_features binds besides those of an as-of date: $eligible_days."""
        return {"eligible_days": self.settings.eligible_days}

    def _registered_types(self) -> set[str]:
        return {identifier_type for spec in self.registry.values() for identifier_type in spec.identifiers.values()}

    def identifier_salt(self) -> str:
        """What keys the hashes that stand for identifiers where these must not be; made from IDENTITY_KEY, which it does not tell."""
        return digest_of(["identifier salt", self.settings.identity_key.get_secret_value()])

    def staging_parameters(self) -> dict[str, Any]:
        """Values that the Segment staging model binds: $first_day, $history_sources, $trait_names, $trait_types."""
        traits = self.settings.trait_identifier_types
        return {
            "first_day": midnight(self.settings.first_received_day),
            "history_sources": list(self.settings.history_sources),
            "trait_names": list(traits),
            "trait_types": list(traits.values()),
        }


def _keep_meaning(name: str, spec: TableSpec) -> None:
    """Refuse a column that the trusted tables read when the registry gives it another type, and another key of a table they count by key."""
    expected = DEFAULT_REGISTRY.get(name)
    if expected and name in KEYS_READ and set(spec.key) != set(expected.key):
        raise SettingError(
            "DMS_REGISTRY",
            spec.key,
            expected=f"table {name}: key {expected.key}, as the trusted tables count it",
            fix="correct the key",
            source="registry",
        )
    for column, kind in spec.columns.items():
        wanted = expected.columns.get(column, kind) if expected else kind
        if kind != wanted:
            raise SettingError(
                "DMS_REGISTRY",
                kind,
                expected=f"table {name}, column {column}: type {wanted}, as the trusted tables read it",
                fix="correct the type",
                source="registry",
            )


def data_clock(received_days: list[date], now: datetime) -> date | None:
    """The day whose midnight follows the last complete received day: never later than the current day's midnight."""
    if not received_days:
        return None
    return min(max(received_days) + timedelta(days=1), now.astimezone(UTC).date())


def plain_settings(settings: Settings) -> dict[str, str]:
    """All settings as text, without secrets: safe to show, and enough to open the same workspace elsewhere."""
    values = {name: getattr(settings, name) for name in Settings.model_fields if name not in SECRETS}
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> str:
    """A setting's value as it is written in the environment."""
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)
