"""Links in, customers out: the one call that turns `identifiers` into `identities` and their journal.

Here: `resolve` and its result. Not here: its steps, each a module of its own: encoding (links), what merges (merging), the two
tables (timeline). Two resolutions of the same date are compared in compare. The result is a pure function of the set of link
rows, the rules and the key: neither row order nor batching changes a byte.
"""

import datetime
from dataclasses import dataclass

import pyarrow as pa

from omnichannel_assets.identity.links import encode_links
from omnichannel_assets.identity.merging import find_merges
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.identity.timeline import changes_table, identities_table, lifetimes


@dataclass(frozen=True)
class Resolution:
    """identities: timeline.IDENTITIES_SCHEMA, valid at T where valid_from <= T and (valid_to is null or T < valid_to).

    changes: timeline.CHANGES_SCHEMA, `new` and `merge` rows only.
    """

    identities: pa.Table
    changes: pa.Table


def resolve(links: pa.Table, rules: IdentityRules, key: bytes, as_of: datetime.date | None = None) -> Resolution:
    """Resolve all links (links.LINKS_SCHEMA: normalised, unblocked identifiers), or those known before 00:00 UTC of `as_of`.

    Replay in the order of knowing makes the state as of T a prefix of every later state, so one pass answers all T
    (design section 5). Raises SettingError for an unusable key, ValueError for a malformed table.
    """
    encoded = encode_links(links, rules, as_of)
    lives = lifetimes(encoded, find_merges(encoded, rules), key)
    return Resolution(identities_table(encoded, lives), changes_table(encoded, lives))
