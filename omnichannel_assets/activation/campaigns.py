"""Campaigns as data: who is chosen, where they are reached, how many are held out, how often anybody may be contacted.

Here: what a campaign is. Not here: the file a campaign person edits (``campaigns_file``), what may stand in a rule (``campaign_rule``), arms
(``arms``), choosing people (``assets.audiences``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

SETTING = "CAMPAIGNS"
WEEK_DAYS = 7
"""The week of the contact cap."""
CHANNELS = ("segment", "connect", "pinpoint")
"""Where a campaign may go."""
TRAITS = ("churn_score", "churn_band", "repurchase_score", "repurchase_decile", "subscription_churn_score", "expected_spend", "pick_1", "pick_2", "pick_3")
"""What a channel may be told of a member besides membership: columns of ``campaign_members``."""


@dataclass(frozen=True)
class Campaign:
    """One campaign.

    rule              condition over the columns of ``campaign_people``, validated
    channels          channel -> traits told there besides membership
    holdout           share that no channel reaches; None: HOLDOUT_SHARE
    variants          sub-group -> share of those who are reached; empty: none
    starts, ends      first and last as-of date, both included; None: open
    cooling_off_days  days after entering in which nobody enters again
    priority          the lower goes first where the weekly cap leaves room for one only
    is_contact        whether entering it is a contact; a seed of an advertiser's audience is none
    measured_days     days after entering in which an outcome counts
    """

    name: str
    title: str
    rule: str
    channels: Mapping[str, tuple[str, ...]]
    holdout: float | None = None
    variants: Mapping[str, float] = field(default_factory=dict)
    starts: date | None = None
    ends: date | None = None
    cooling_off_days: int = 0
    priority: int = 1
    is_contact: bool = True
    measured_days: int = 30

    def runs_on(self, day: date) -> bool:
        """Whether it has members on an as-of date."""
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)

    def has_ended(self, day: date) -> bool:
        """Whether its last date is past: then everybody leaves it, and no question is asked."""
        return self.ends is not None and self.ends < day

    def cools_since(self, day: date) -> date:
        """Whoever entered after this date may not enter again on ``day``."""
        return day - timedelta(days=self.cooling_off_days)


@dataclass(frozen=True)
class Guards:
    """When a delivery asks before its first call: share of removals, growth, and days between the scores and the newest data."""

    removals: float = 0.5
    growth: float = 5.0
    stale_days: int = 14


@dataclass(frozen=True)
class Campaigns:
    """Everything the file says. ``contacts_a_week``: new contacts of one person in seven days at most; None: no limit."""

    campaigns: tuple[Campaign, ...]
    contacts_a_week: int | None = None
    guards: Guards = Guards()

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order of the file."""
        return tuple(campaign.name for campaign in self.campaigns)

    def named(self, name: str) -> Campaign | None:
        """A campaign by its name."""
        return next((campaign for campaign in self.campaigns if campaign.name == name), None)

    def of_channel(self, channel: str) -> tuple[Campaign, ...]:
        """Those that go to a channel."""
        return tuple(campaign for campaign in self.campaigns if channel in campaign.channels)

    @property
    def remembered_days(self) -> int:
        """How long an entry matters for later ones."""
        return max([WEEK_DAYS, *(campaign.cooling_off_days for campaign in self.campaigns)])

    def choosing(self, day: date) -> list[object]:
        """What decides who is chosen on a date, plain: channels, titles and guards do not."""
        told = ("name", "rule", "holdout", "variants", "cooling_off_days", "priority", "is_contact")
        return [self.contacts_a_week, *([asdict(one)[name] for name in told] for one in self.campaigns if one.runs_on(day))]
