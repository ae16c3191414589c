"""From merges to the two tables: `identities`, for every as-of date, and `identity_changes`.

Here: day boundaries, customer ids, building and sorting both tables. Not here: deciding what merges (merging).
Only states at 00:00 UTC exist: what happens between two midnights collapses into one step, and a fact known on a day is
first visible at the as-of date of the next.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.links import DAY_MICROSECONDS, INSTANT, EncodedLinks
from omnichannel_assets.identity.merging import Merges

IDENTITIES_SCHEMA = pa.schema(
    [
        pa.field("identifier_type", pa.string(), nullable=False),
        pa.field("identifier_value", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("first_known_at", INSTANT, nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_to", pa.date32()),
    ]
)

CHANGES_SCHEMA = pa.schema(
    [
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
        pa.field("from_customer_id", pa.string()),
        pa.field("to_customer_id", pa.string()),
        pa.field("cause", pa.string(), nullable=False),
    ]
)

# Later than any date: the as-of date at which a customer that still exists has ended.
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Lifetimes:
    """Per identifier number [n], the customer named after it, in days since 1970 on the as-of axis.

    starts, ends  it exists at T when starts <= T < ends; with starts == ends it is never visible
    heir          who holds its identifiers at `ends`: itself if it never ends; always visible then
    end_link      the link that ended it; -1 if none
    customer_ids  string array: `c_` + 16 hex where visible, else null
    """

    starts: np.ndarray
    ends: np.ndarray
    heir: np.ndarray
    end_link: np.ndarray
    customer_ids: pa.Array

    @property
    def is_visible(self) -> np.ndarray:
        """[n] True where some day boundary saw this customer."""
        return self.starts < self.ends


def lifetimes(links: EncodedLinks, merges: Merges, key: bytes) -> Lifetimes:
    """When each customer starts, ends and into whom, collapsed to day boundaries."""
    starts = _first_as_of(links.first_known)
    ends = np.full(links.identifier_count, _NEVER, np.int64)
    heir = np.arange(links.identifier_count)
    end_link = np.full(links.identifier_count, -1, np.int64)
    ends[merges.loser] = _first_as_of(links.link_known[merges.link])
    heir[merges.loser] = merges.winner
    end_link[merges.loser] = merges.link
    # Skip heirs that end at the same boundary; jumping to the heir's heir halves what is left of a chain each round.
    while (is_gone := (ends[heir] == ends) & (heir[heir] != heir)).any():
        heir = np.where(is_gone, heir[heir], heir)
    return Lifetimes(starts, ends, heir, end_link, _customer_ids(links, starts < ends, key))


def identities_table(links: EncodedLinks, lives: Lifetimes) -> pa.Table:
    """IDENTITIES_SCHEMA sorted by (identifier_type, identifier_value, valid_from): who holds each identifier from when to when."""
    who, holder, since = np.arange(links.identifier_count), np.arange(links.identifier_count), lives.starts
    steps = []
    while len(who):
        until = lives.ends[holder]
        seen = since < until
        steps.append((who[seen], holder[seen], since[seen], until[seen]))
        goes_on = until != _NEVER
        who, holder, since = who[goes_on], lives.heir[holder[goes_on]], until[goes_on]
    who, holder, since, until = (np.concatenate(column) for column in zip(*steps, strict=True)) if steps else [who] * 4
    names = pa.array(links.types, pa.string())
    alphabetical = np.argsort(np.argsort(np.array(links.types, object), kind="stable")) if links.types else np.zeros(0, np.int64)
    order = np.lexsort((since, links.value_of[who], alphabetical[links.type_of[who]]))
    who, holder, since, until = who[order], holder[order], since[order], until[order]
    columns = [
        names.take(pa.array(links.type_of[who])),
        links.values.take(pa.array(links.value_of[who])).cast(pa.string()),
        lives.customer_ids.take(pa.array(holder)),
        pa.array(links.first_known[who]).cast(INSTANT),
        _dates(since),
        _dates(until),
    ]
    return pa.table(columns, schema=IDENTITIES_SCHEMA)


def changes_table(links: EncodedLinks, lives: Lifetimes) -> pa.Table:
    """CHANGES_SCHEMA sorted by (as_of, change, to, from): every `new` and `merge` along the as-of axis.

    The cause of `new` is the first link that carries the identifier the customer is named after; the cause of `merge` is the
    link at which `from` ended. Merges of one day name the customer that holds the identifiers at its boundary.
    """
    born = np.flatnonzero(lives.is_visible)
    ended = np.flatnonzero(lives.is_visible & (lives.ends != _NEVER))
    ids = lives.customer_ids
    cause = np.concatenate([links.first_link[born], lives.end_link[ended]])
    columns = [
        _dates(np.concatenate([lives.starts[born], lives.ends[ended]])),
        pa.array(np.repeat(["new", "merge"], [len(born), len(ended)]), pa.string()),
        pa.concat_arrays([pa.nulls(len(born), pa.string()), ids.take(pa.array(ended))]),
        ids.take(pa.array(np.concatenate([born, lives.heir[ended]]))),
        links.link_names.take(pa.array(cause)).cast(pa.string()),
    ]
    return sorted_changes(pa.table(columns, schema=CHANGES_SCHEMA))


def sorted_changes(changes: pa.Table) -> pa.Table:
    """The journal's order: (as_of, change, to, from)."""
    keys = ("as_of", "change", "to_customer_id", "from_customer_id")
    return changes.sort_by([(name, "ascending") for name in keys]).combine_chunks()


def _first_as_of(known: np.ndarray) -> np.ndarray:
    return known // DAY_MICROSECONDS + 1


def _dates(days: np.ndarray) -> pa.Array:
    is_open = days == _NEVER
    return pa.array(np.where(is_open, 0, days).astype(np.int32), mask=is_open).cast(pa.date32())


def _customer_ids(links: EncodedLinks, is_visible: np.ndarray, key: bytes) -> pa.Array:
    """One id per visible customer: keyed BLAKE2b over its oldest identifier (design section 5)."""
    if not 1 <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise SettingError("IDENTITY_KEY", key, expected="1 to 64 bytes", fix="set a random key and keep it", secret=True)
    visible = np.flatnonzero(is_visible)
    instants = np.datetime_as_string(links.first_known[visible].astype("datetime64[us]"), unit="us").tolist()
    texts = links.values.take(pa.array(links.value_of[visible])).to_pylist()
    # Length prefixes: no value can be chosen so that two different identifiers are spelled alike.
    heads = [f"|{len(name)}:{name}|" for name in links.types]
    codes = links.type_of[visible].tolist()
    keyed = hashlib.blake2b(digest_size=8, key=key)
    ids = np.full(links.identifier_count, None, object)
    for place, instant, code, text in zip(visible.tolist(), instants, codes, texts, strict=True):
        digest = keyed.copy()
        digest.update(f"{instant}{heads[code]}{len(text)}:{text}".encode())
        ids[place] = "c_" + digest.hexdigest()
    return pa.array(ids, pa.string())
