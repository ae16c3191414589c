"""Opens and clicks that no person made: mail privacy proxies that load every picture, and scanners that follow every link before delivery is done.

Here: the rules, as data, and the patterns made of them. Not here: marking (``campaign_events`` for what a line tells, ``sql/campaign_events.sql`` for what
only time tells). A marked event stays in the table; it counts as no interest. Add what you see in your own events.
"""

from __future__ import annotations

import re

AGENTS = (
    *("barracuda", "mimecast", "proofpoint", "urldefense", "safelinks", "fireeye", "ironport", "symantec", "trendmicro", "zscaler", "scanner"),
    *("headlesschrome", "phantomjs", "python-requests", "python-urllib", "go-http-client", "curl/", "wget/", "bot/", "crawler", "spider"),
)
"""Parts of user agents, lower case: link scanners of mail gateways, and programs."""
BARE_AGENTS = ("mozilla/5.0",)
"""Whole user agents: what Apple's Mail Privacy Protection sends when it loads pictures whether or not anybody reads."""
ADDRESS_PREFIXES = ("17.",)
"""Beginnings of IP addresses: 17.0.0.0/8 is Apple's, where its mail privacy proxies are."""
SECONDS = 5
"""Nobody reads and follows a link so soon after delivery."""
AGENT_PATTERN = "|".join([f"(?:{'|'.join(re.escape(agent) for agent in BARE_AGENTS)})", f".*(?:{'|'.join(re.escape(agent) for agent in AGENTS)}).*"])
"""Whole match over a lower-case user agent. Plain enough to mean the same in SQL."""
ADDRESS_PATTERN = f"(?:{'|'.join(re.escape(prefix) for prefix in ADDRESS_PREFIXES)}).*"
BY_AGENT, BY_ADDRESS = "user agent", "address"


def machine_rule(agent: object, address: object) -> str | None:
    """Which rule says that no person did it: ``user agent``, ``address``, or None."""
    if isinstance(agent, str) and re.fullmatch(AGENT_PATTERN, agent.strip().lower(), re.DOTALL):
        return BY_AGENT
    return BY_ADDRESS if isinstance(address, str) and re.fullmatch(ADDRESS_PATTERN, address.strip()) else None
