"""The workspace: settings, landing zone and lake together, as every step takes them; and the as-of in force.

Belongs here: opening things. Does not: what is done with them (``assets``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from omnichannel_assets.dms.registry import TableSpec, load_registry
from omnichannel_assets.errors import InputError
from omnichannel_assets.identity.rules import DEFAULT_RULES, IdentityRules
from omnichannel_assets.lake.engine import EngineLimits
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.store import LocalStore, landing_store
from omnichannel_assets.lake.tables import LANDING_FILES, STATIC_TABLES, dms_history_table, dms_log_table
from omnichannel_assets.settings import Settings, midnight


DEFAULT_DMS_TABLES = {table.name: table for table in map(dms_history_table, load_registry(None).values())}
"""Histories that the trusted models read; one that a user's registry leaves out counts as empty."""


@dataclass(frozen=True)
class Workspace:
    """Settings plus what they name. ``before_write(key)`` is called before each visible change of the lake (fault injection)."""

    settings: Settings
    before_write: Callable[[str], None] | None = None

    @cached_property
    def lake(self) -> Lake:
        limits = EngineLimits(self.settings.engine_memory_mb, self.settings.engine_threads)
        return Lake(LocalStore(self.settings.lake_uri, self.before_write), limits, self.settings.lock_wait_seconds)

    @cached_property
    def landing(self) -> LocalStore:
        """The landing zone, read-only. Raises InputError when the folder is missing."""
        return landing_store(self.settings.landing_uri)

    @cached_property
    def registry(self) -> dict[str, TableSpec]:
        """DMS tables by name."""
        from pathlib import Path

        return load_registry(Path(self.settings.dms_registry) if self.settings.dms_registry else None)

    @cached_property
    def rules(self) -> IdentityRules:
        """Identity limits, priorities and blocked values."""
        from dataclasses import replace

        return replace(DEFAULT_RULES, default_region=self.settings.default_region or None)

    @cached_property
    def tables(self) -> dict[str, TableSchema]:
        """Every table of the lake by name."""
        dms = [make(spec) for spec in self.registry.values() for make in (dms_log_table, dms_history_table)]
        return {table.name: table for table in (*STATIC_TABLES, *dms)}

    def as_of(self) -> date:
        """The as-of date in force: AS_OF, else the data clock. Raises InputError when nothing was catalogued yet."""
        if self.settings.as_of:
            return self.settings.as_of
        manifest = self.lake.manifest(LANDING_FILES.name)
        clock = manifest.counts.get("data_clock_day") if manifest else None
        if not clock:
            raise InputError("data clock", "an empty catalogue", expected="at least one file with a received day in the landing zone", fix="check LANDING_URI, or set AS_OF")
        return date.fromordinal(clock)

    def parameters(self) -> dict[str, Any]:
        """Values that trusted models bind: $as_of (00:00 UTC), $not_merchandise and $online_store_ids."""
        shops = [name.lower() for name in self.settings.online_store_ids]
        return {"as_of": midnight(self.as_of()), "not_merchandise": self.settings.not_merchandise, "online_store_ids": shops}

    def staging_parameters(self) -> dict[str, Any]:
        """Values that the Segment staging model binds: $first_day, $history_sources, $trait_names, $trait_types."""
        traits = self.settings.trait_identifier_types
        return {
            "first_day": midnight(self.settings.first_received_day),
            "history_sources": list(self.settings.history_sources),
            "trait_names": list(traits),
            "trait_types": list(traits.values()),
        }


def data_clock(received_days: list[date], now: datetime) -> date | None:
    """The day whose midnight follows the last complete received day: never later than the current day's midnight."""
    if not received_days:
        return None
    return min(max(received_days) + timedelta(days=1), now.astimezone(UTC).date())


def plain_settings(settings: Settings) -> Mapping[str, str]:
    """Settings that differ from their defaults as text, without secrets: safe to show."""
    shown = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if name != "identity_key" and value != field.default:
            shown[name] = ",".join(value) if isinstance(value, tuple) else str(value)
    return shown
