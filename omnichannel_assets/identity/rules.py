"""The merge rules of identity as values: limits, priority, blocked values, composites, shared identifiers, caps, phone region.

Here: what the rules are, their validation and their fingerprint. Not here: reading them from the user's file (rules_file, which
also holds the defaults) and applying them (normalise, resolve). Nothing heavy is imported, so that definitions may import it.
"""

import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from omnichannel_assets.errors import SettingError

SETTING = "IDENTITY_RULES"
Window = Literal["ever", "year", "month", "week"]

# Raised when the algorithm itself changes its answers: tables built by an older one are then no longer current.
ALGORITHM_VERSION = 2

_WINDOW_DAYS: dict[str, int | None] = {"ever": None, "year": 365, "month": 30, "week": 7}
_DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True)
class Limit:
    """At most `count` distinct values of an identifier type in one customer, counted over `window` (365, 30 or 7 days, or ever).

    Source: design section 5, specs/segment.md 5.2. Raises SettingError for a count below 1 or an unknown window.
    """

    count: int
    window: Window

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise SettingError(
                SETTING, self.count, expected="limits: a whole number of at least 1", fix="give each limit a count such as 5"
            )
        if self.window not in get_args(Window):
            raise SettingError(SETTING, self.window, expected="limits: one of ever, year, month, week", fix="name one of these windows")

    @property
    def window_microseconds(self) -> int | None:
        """Length of the window in microseconds; None for `ever`."""
        days = _WINDOW_DAYS[self.window]
        return None if days is None else days * _DAY_MICROSECONDS


@dataclass(frozen=True)
class Composite:
    """An identifier made of several fields of one record, such as name and birth date: equal when all of them are.

    name   the identifier type it makes
    parts  at least two column names of a DMS table, or Segment traits (camelCase is read too); a record without one of them has none.
           `a|b`: the first of the two that is filled, for sources that name one thing differently; `address.city` lies inside a trait
    """

    name: str
    parts: tuple[str, ...]

    @property
    def options(self) -> tuple[tuple[str, ...], ...]:
        """Per part, the fields it may stand in, the best first."""
        return tuple(tuple(part.split("|")) for part in self.parts)


@dataclass(frozen=True)
class SharedValue:
    """An identifier that a person declared to be of several people: from `since` (an as-of date) on, or from the beginning."""

    identifier_type: str
    identifier_value: str
    since: datetime.date | None = None


@dataclass(frozen=True)
class SharedRules:
    """When an identifier is treated as blocked because several people use it (design section 5: the layer after replay).

    customers  one that is tied by links to more than this many customers that hold different user_ids; None: nothing is detected
    values     those that a person named
    """

    customers: int | None = None
    values: tuple[SharedValue, ...] = ()


@dataclass(frozen=True)
class Caps:
    """How large one customer may grow (specs/segment.md 5.4); None: without end.

    merges       joins of customers that both existed before; a link that would exceed it joins its highest-priority customers only
    identifiers  identifiers; a link that would exceed it attaches none of those that are too many
    """

    merges: int | None = None
    identifiers: int | None = None


@dataclass(frozen=True)
class IdentityRules:
    """Everything about merging that a retailer may choose. Immutable; equal rules have equal fingerprints.

    limits            identifier type -> Limit; types not named use `default_limit`
    priority          types that come first, highest first; all others follow alphabetically (specs/segment.md 5.2), composites last
    blocked_values    texts that are never an identifier, compared exactly
    blocked_patterns  regular expressions (Python) that must match the whole text
    default_region    ISO 3166 alpha-2 for phones whose row names no usable country; None: such phones need a leading +
    composites        identifiers made of several fields
    shared            when an identifier counts as several people's
    caps              how large one customer may grow
    Raises SettingError naming the setting at fault.
    """

    limits: Mapping[str, Limit] = field(hash=False)
    default_limit: Limit
    priority: tuple[str, ...] = ("user_id", "email")
    blocked_values: frozenset[str] = frozenset()
    blocked_patterns: tuple[str, ...] = ()
    default_region: str | None = None
    composites: tuple[Composite, ...] = ()
    shared: SharedRules = SharedRules()
    caps: Caps = Caps()
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        _check_limits(self.limits, self.default_limit)
        if len(set(self.priority)) != len(self.priority) or not all(self.priority):
            raise SettingError(
                SETTING, self.priority, expected="priority: identifier types, each once", fix="remove the repeated or empty one"
            )
        object.__setattr__(self, "limits", dict(self.limits))
        object.__setattr__(self, "_compiled", tuple(_compile(pattern) for pattern in self.blocked_patterns))
        object.__setattr__(self, "default_region", _checked_region(self.default_region))

    def limit_of(self, identifier_type: str) -> Limit:
        """The limit that holds for this identifier type."""
        return self.limits.get(identifier_type, self.default_limit)

    def priority_key(self, identifier_type: str) -> tuple[int, str]:
        """Sort key, highest priority first. Relative order never depends on which other types exist."""
        if identifier_type in self.priority:
            return (self.priority.index(identifier_type), identifier_type)
        return (len(self.priority) + (identifier_type in self.composite_types), identifier_type)

    def is_blocked(self, text: str) -> bool:
        """True if this text is never an identifier: a blocked value, or wholly matched by a blocked pattern."""
        return text in self.blocked_values or any(pattern.fullmatch(text) for pattern in self._compiled)

    @property
    def composite_types(self) -> frozenset[str]:
        """Identifier types that are made of several fields."""
        return frozenset(composite.name for composite in self.composites)

    def content(self) -> dict[str, Any]:
        """Everything the rules say, as plain values under the names of the user's file: equal rules say equal things."""
        return {
            "limits": {name: [limit.count, limit.window] for name, limit in sorted(self.limits.items())},
            "default_limit": [self.default_limit.count, self.default_limit.window],
            "priority": list(self.priority),
            "blocked.values": sorted(self.blocked_values),
            "blocked.patterns": sorted(self.blocked_patterns),
            "default_region": self.default_region,
            "composites": {composite.name: list(composite.parts) for composite in sorted(self.composites, key=lambda c: c.name)},
            "shared.customers": self.shared.customers,
            "shared.values": sorted([v.identifier_type, v.identifier_value, str(v.since or "")] for v in self.shared.values),
            "caps": [self.caps.merges, self.caps.identifiers],
        }

    def fingerprint(self) -> str:
        """32 hex digits that change when and only when a rule or the algorithm changes; holds no key."""
        return _digest({"algorithm": ALGORITHM_VERSION, **self.content()})

    def reading_fingerprint(self) -> str:
        """The same for what decides which identifiers a record carries, their spelling and their order; limits do not count."""
        kept = ("priority", "blocked.values", "blocked.patterns", "default_region", "composites")
        return _digest({name: said for name, said in self.content().items() if name in kept})


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _check_limits(limits: Mapping[str, Limit], default_limit: Limit) -> None:
    for name, limit in (*limits.items(), ("default", default_limit)):
        if not isinstance(limit, Limit):
            raise SettingError(SETTING, limit, expected=f"limits.{name}: a count and a window", fix="write for example 5 a year")
        if not name:
            raise SettingError(SETTING, name, expected="limits: the name of an identifier type", fix="name the type, for example email")


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise SettingError(SETTING, pattern, expected="blocked.patterns: a regular expression", fix=f"correct it ({error})") from error


def _checked_region(region: str | None) -> str | None:
    if region is None or region == "":
        return None
    if not re.fullmatch("[A-Za-z]{2}", region):
        raise SettingError("DEFAULT_REGION", region, expected="a country as two letters", fix="write for example AU, or leave it empty")
    return region.upper()


def __getattr__(name: str) -> IdentityRules:
    """DEFAULT_RULES, those of the file that comes with the package: read when first asked for, because its reader imports this module."""
    if name != "DEFAULT_RULES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from omnichannel_assets.identity.rules_file import load_rules

    return load_rules()
