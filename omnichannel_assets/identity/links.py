"""Links as integers: identifiers and links are numbered in the order the rules speak of.

Here: checking the links table and encoding it, and decoding numbers back into columns. Not here: any merging (merging).
The fact to keep in mind: a smaller identifier number means an older identifier, and a customer is named after its oldest.
"""

import datetime
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.rules import IdentityRules

INSTANT = pa.timestamp("us", tz="UTC")
DAY_MICROSECONDS = 86_400_000_000

LINKS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("link_id", pa.string(), nullable=False),
        pa.field("known_at", INSTANT, nullable=False),
        pa.field("identifier_type", pa.string(), nullable=False),
        pa.field("identifier_value", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class EncodedLinks:
    """n identifiers and m links, numbered.

    Identifiers are numbered by (first_known_at, priority, value), so the oldest is 0; links by (known_at, source, link_id).
    types              identifier types, highest priority first
    type_of, value_of  [n] index into `types` and into `values` (texts in ascending order)
    first_known        [n] microseconds since 1970, UTC; first_link [n] the first link that carries the identifier
    link_known         [m] microseconds since 1970, UTC; link_names [m] "source:link_id"
    row_link, row_identifier  distinct (link, identifier) pairs by link, inside it by (priority, value)
    """

    types: list[str]
    values: pa.Array
    type_of: np.ndarray
    value_of: np.ndarray
    first_known: np.ndarray
    first_link: np.ndarray
    link_known: np.ndarray
    link_names: pa.Array
    row_link: np.ndarray
    row_identifier: np.ndarray

    @property
    def identifier_count(self) -> int:
        """n, the number of distinct identifiers."""
        return len(self.type_of)


def encode_links(links: pa.Table, rules: IdentityRules, as_of: datetime.date | None = None) -> EncodedLinks:
    """Encode a links table (LINKS_SCHEMA, any row order, repeated rows allowed), keeping links known before `as_of`'s midnight.

    Raises ValueError if a required column is absent or holds a null, or if one link has two known_at: the caller's defect.
    """
    links = _checked(links)
    if as_of is not None:
        links = links.filter(pc.less(links["known_at"], _midnight(as_of)))
    types, type_codes = _ordinals(links["identifier_type"])
    by_priority = sorted(range(len(types)), key=lambda code: rules.priority_key(types[code].as_py()))
    type_codes = np.argsort(np.array(by_priority, np.int64))[type_codes] if len(types) else type_codes
    values, value_codes = _ordinals(links["identifier_value"])
    # `kinds` ascends by (priority, value): the order inside a link.
    kinds, row_kind = np.unique(type_codes * max(len(values), 1) + value_codes, return_inverse=True)
    link_known, link_names, row_link = _numbered_links(links)

    pairs = np.unique(row_link * max(len(kinds), 1) + row_kind)
    pair_link, pair_kind = np.divmod(pairs, max(len(kinds), 1))
    first_link = np.full(len(kinds), len(link_known), np.int64)
    np.minimum.at(first_link, pair_kind, pair_link)
    first_known = link_known[first_link] if len(kinds) else first_link
    oldest_first = np.argsort(first_known, kind="stable")
    number = np.empty_like(oldest_first)
    number[oldest_first] = np.arange(len(kinds))
    kind_type, kind_value = np.divmod(kinds[oldest_first], max(len(values), 1))
    return EncodedLinks(
        types=[types[code].as_py() for code in by_priority],
        values=values,
        type_of=kind_type,
        value_of=kind_value,
        first_known=first_known[oldest_first],
        first_link=first_link[oldest_first],
        link_known=link_known,
        link_names=link_names,
        row_link=pair_link,
        row_identifier=number[pair_kind],
    )


def _checked(links: pa.Table) -> pa.Table:
    absent = [name for name in LINKS_SCHEMA.names if name not in links.column_names]
    if absent:
        raise ValueError(f"links: columns {absent} are absent; it has {links.column_names}")
    links = links.select(LINKS_SCHEMA.names)
    with_nulls = [name for name in LINKS_SCHEMA.names if links[name].null_count]
    if with_nulls:
        raise ValueError(f"links: columns {with_nulls} hold nulls; drop such rows before resolving")
    return links.set_column(2, "known_at", links["known_at"].cast(INSTANT))


def _midnight(day: datetime.date) -> pa.Scalar:
    return pa.scalar(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC), INSTANT)


def _ordinals(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """Distinct texts in ascending (byte) order and, per row, the index into them."""
    # 64-bit offsets: a chunked column of more than 2 GiB of text must still become one array.
    texts = column.cast(pa.large_string()).combine_chunks()
    encoded = pc.dictionary_encode(texts if isinstance(texts, pa.Array) else pa.concat_arrays(texts.chunks))
    order = pc.array_sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)), position[encoded.indices.to_numpy()]


def _numbered_links(links: pa.Table) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    """known_at and name of each link in total order, and the link of each row."""
    sources, source_codes = _ordinals(links["source"])
    ids, id_codes = _ordinals(links["link_id"])
    known = pc.cast(links["known_at"], pa.int64()).to_numpy()
    keys, first_row, row_key = np.unique(source_codes * max(len(ids), 1) + id_codes, return_index=True, return_inverse=True)
    key_known = known[first_row]
    if not np.array_equal(key_known[row_key], known):
        raise ValueError("links: one link has rows with different known_at; every row of a link carries the link's own")
    order = np.argsort(key_known, kind="stable")
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    key_source, key_id = np.divmod(keys[order], max(len(ids), 1))
    names = pc.binary_join_element_wise(sources.take(pa.array(key_source)), ids.take(pa.array(key_id)), pa.scalar(":", pa.large_string()))
    return key_known[order], names, position[row_key]
