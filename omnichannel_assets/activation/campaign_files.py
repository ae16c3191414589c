"""Keys of event files of campaigns: ``[prefix/]campaign-events/{pinpoint or connect}/…``, whatever Firehose or an export calls the files below."""

from __future__ import annotations

import re

CAMPAIGN = "campaign"
"""Origin of such files in the catalogue."""
KEY = re.compile(r"^(?:.+/)?campaign-events/(?P<channel>pinpoint|connect)/(?:[^/]+/)*[^/]+\Z")


def channel_of(key: str) -> str | None:
    """The channel whose events a file holds, or None for another file."""
    found = KEY.match(key)
    return found["channel"] if found else None
