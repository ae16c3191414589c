"""Who of an audience each of Pinpoint and Connect would reach, and why the others are left out.

Belongs here: counts by reason, from the same row checks that make the files. Not here: who is in the audience, sending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import CHANNEL
from omnichannel_assets.activation.connect import checked as connect_rows
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import checked as pinpoint_rows

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Reach:
    """How many rows a channel would take, and how many it leaves out for which reason (the first one a row meets), most frequent first."""

    taken: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows were asked about."""
        return self.taken + sum(self.left_out.values())

    def in_words(self) -> str:
        """The counts on one line."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        return f"{self.taken:,} of {self.rows:,}" + (f"; left out: {reasons}" if reasons else "")


def reach(rows: pa.Table, campaign: Campaign) -> dict[str, Reach]:
    """Channel -> whom it would reach of the same rows: as many endpoints of Pinpoint, as many profiles of Connect.

    Reads ``campaign_members``. A channel the campaign does not go to is asked with the traits it would be told by default: none.
    """
    asked = replace(campaign, channels={CHANNEL: (), **campaign.channels})
    pinpoint, no_endpoint = pinpoint_rows(rows, campaign)
    connect, no_profile = connect_rows(rows, asked)
    return {"pinpoint": _reach(pinpoint.num_rows, no_endpoint), "connect": _reach(connect.num_rows, no_profile)}


def _reach(taken: int, rejected: Iterable[Outcome]) -> Reach:
    counts = Counter(outcome.words for outcome in rejected)
    return Reach(taken, dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))))
