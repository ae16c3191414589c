"""The merge rules of identity as values: limits, priority, blocked values, default phone region.

Here: what the rules are, their defaults, their validation and their fingerprint. Not here: applying them (normalise, resolve)
and reading them from the environment (settings). Standard library only, so that settings and definitions may import it.
"""

import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from omnichannel_assets.errors import SettingError

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
                "IDENTITY_LIMITS", self.count, expected="a whole number of at least 1", fix="give each limit a count such as 5"
            )
        if self.window not in get_args(Window):
            raise SettingError("IDENTITY_LIMITS", self.window, expected="one of ever, year, month, week", fix="name one of these windows")

    @property
    def window_microseconds(self) -> int | None:
        """Length of the window in microseconds; None for `ever`."""
        days = _WINDOW_DAYS[self.window]
        return None if days is None else days * _DAY_MICROSECONDS


@dataclass(frozen=True)
class Composite:
    """An identifier made of several fields of one record, such as name and birth date: equal when all of them are.

    name   the identifier type it makes
    parts  at least two column names of a DMS table, or Segment traits (camelCase is read too); a record without one of them has none
    """

    name: str
    parts: tuple[str, ...]


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
class IdentityRules:
    """Everything about merging that a retailer may choose. Immutable; equal rules have equal fingerprints.

    limits            identifier type -> Limit; types not named use `default_limit`
    priority          types that come first, highest first; all others follow alphabetically (specs/segment.md 5.2)
    blocked_values    texts that are never an identifier, compared exactly
    blocked_patterns  regular expressions (Python) that must match the whole text
    default_region    ISO 3166 alpha-2 for phones whose row names no usable country; None: such phones need a leading +
    composites        identifiers made of several fields
    shared            when an identifier counts as several people's
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
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        _check_limits(self.limits, self.default_limit)
        if len(set(self.priority)) != len(self.priority) or not all(self.priority):
            raise SettingError(
                "IDENTITY_PRIORITY", self.priority, expected="identifier types, each once", fix="remove the repeated or empty one"
            )
        object.__setattr__(self, "limits", dict(self.limits))
        object.__setattr__(self, "_compiled", tuple(_compile(pattern) for pattern in self.blocked_patterns))
        object.__setattr__(self, "default_region", _checked_region(self.default_region))

    def limit_of(self, identifier_type: str) -> Limit:
        """The limit that holds for this identifier type."""
        return self.limits.get(identifier_type, self.default_limit)

    def priority_key(self, identifier_type: str) -> tuple[int, str]:
        """Sort key, highest priority first. Relative order never depends on which other types exist."""
        named = identifier_type in self.priority
        return (self.priority.index(identifier_type) if named else len(self.priority), identifier_type)

    def is_blocked(self, text: str) -> bool:
        """True if this text is never an identifier: a blocked value, or wholly matched by a blocked pattern."""
        return text in self.blocked_values or any(pattern.fullmatch(text) for pattern in self._compiled)

    def fingerprint(self) -> str:
        """32 hex digits that change when and only when a rule or the algorithm changes; holds no key."""
        content = {
            "algorithm": ALGORITHM_VERSION,
            "limits": {name: [limit.count, limit.window] for name, limit in self.limits.items()},
            "default_limit": [self.default_limit.count, self.default_limit.window],
            "priority": list(self.priority),
            "blocked_values": sorted(self.blocked_values),
            "blocked_patterns": sorted(self.blocked_patterns),
            "default_region": self.default_region,
            "composites": [[composite.name, *composite.parts] for composite in self.composites],
            "shared": [self.shared.customers, sorted([v.identifier_type, v.identifier_value, str(v.since or "")] for v in self.shared.values)],
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _check_limits(limits: Mapping[str, Limit], default_limit: Limit) -> None:
    for name, limit in (*limits.items(), ("default", default_limit)):
        if not isinstance(limit, Limit):
            raise SettingError(
                "IDENTITY_LIMITS", limit, expected=f"a count and a window for {name}", fix="write it as a Limit, for example 5 a year"
            )
        if not name:
            raise SettingError("IDENTITY_LIMITS", name, expected="the name of an identifier type", fix="name the type, for example email")


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise SettingError("IDENTITY_BLOCKED_PATTERNS", pattern, expected="a regular expression", fix=f"correct it ({error})") from error


def _checked_region(region: str | None) -> str | None:
    if region is None or region == "":
        return None
    if not re.fullmatch("[A-Za-z]{2}", region):
        raise SettingError("DEFAULT_REGION", region, expected="a country as two letters", fix="write for example AU, or leave it empty")
    return region.upper()


DEFAULT_RULES = IdentityRules(
    limits={
        "user_id": Limit(1, "ever"),
        "email": Limit(5, "year"),
        "phone": Limit(5, "year"),
        "customer_ref": Limit(5, "ever"),
    },
    # anonymous_id, ios.id, android.idfa, ga_client_id, ...: Segment's "5 ever" loses real devices (design section 5)
    default_limit=Limit(5, "week"),
    blocked_values=frozenset({"-1", "null", "anonymous"}),
    blocked_patterns=("^[0-]*$", "(?i)null|none|nan|undefined|anonymous|n/a|#n/a|\\[object object\\]"),
    shared=SharedRules(customers=3),
)
