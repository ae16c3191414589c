"""Records of people made comparable: cleaned fields, and keys under which likely pairs meet.

Here: what a field's text is worth as evidence, and which pairs are looked at, within bounds. Not here: the model (match_model).
Nothing a record holds can raise or make the work quadratic: values of very many records are no key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FIELDS = ("first_name", "last_name", "birth_date", "street", "city", "postcode", "email", "phone", "national_id")
"""What a record may tell about its person, in the order explanations name it."""
NAMES = ("first_name", "last_name")
MAX_CHARACTERS = 100
PLACEHOLDER_SHARE, PLACEHOLDER_RECORDS = 0.01, 20
"""A birth date, street, e-mail, phone or number that more than this share of the records (and this many) carry was typed for want of a better one."""
KEYS: tuple[tuple[str, ...], ...] = (
    ("first_name", "last_name"),
    ("first_name", "birth_date"),
    ("last_name", "birth_date"),
    ("birth_date", "postcode"),
    ("birth_date", "city"),
    ("birth_date", "street"),
    ("first_name", "postcode"),
    ("last_name", "postcode"),
    ("first_name", "street"),
    ("last_name", "street"),
    ("street", "postcode"),
    ("national_id",),
    ("email",),
    ("phone",),
)
"""Two records are compared when they agree on one of these; several, so that an error in one field does not lose the pair."""


@dataclass(frozen=True)
class Records:
    """table: `ref`, the usable FIELDS as text, and one integer column `key_N` for each of `keys`. left_out: values too frequent to be a key."""

    table: pa.Table
    fields: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    left_out: int

    def key_column(self, number: int) -> str:
        """The name of a key's column."""
        return f"key_{number}"


def comparable(records: pa.Table, max_pairs: int) -> Records:
    """Clean records (`ref` text, any of FIELDS as text; absent columns and nulls are fine) and give them their keys.

    One record a `ref`; those without one are left out. All keys together make at most `max_pairs` pairs: the values that most records share
    are given up first.
    """
    refs = records["ref"].cast(pa.string()).combine_chunks()
    first = pc.indices_nonzero(pa.array(_is_first(refs)))
    table = pa.table({"ref": refs.take(first)})
    for name in FIELDS:
        if name in records.column_names:
            values = _cleaned(name, records[name].cast(pa.string()).take(first))
            if len(pc.unique(values.drop_null())) > 1:
                table = table.append_column(name, values)
    table = table.sort_by("ref")
    fields = tuple(name for name in FIELDS if name in table.column_names)
    keys = tuple(key for key in KEYS if set(key) <= set(fields))
    left_out = 0
    for number, key in enumerate(keys):
        codes, hot = _bounded_key(table, key, max_pairs // len(keys))
        table = table.append_column(f"key_{number}", codes)
        left_out += hot
    return Records(table, fields, keys, left_out)


def _is_first(refs: pa.Array) -> np.ndarray:
    encoded = refs.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    is_first = np.zeros(len(refs), bool)
    # nulls become NaN, which compares unequal to itself
    usable = np.flatnonzero(encoded == encoded)
    is_first[usable[np.unique(encoded[usable], return_index=True)[1]]] = True
    return is_first


def _cleaned(name: str, values: pa.ChunkedArray) -> pa.Array:
    texts = pc.utf8_lower(pc.utf8_normalize(pc.utf8_slice_codeunits(values, 0, 4 * MAX_CHARACTERS), form="NFKD"))
    if name == "email":
        texts = pc.utf8_trim_whitespace(texts)
    elif name in ("birth_date", "phone"):
        texts = pc.replace_substring_regex(texts, r"[^0-9]+", "")
    elif name in ("postcode", "national_id"):
        texts = pc.replace_substring_regex(texts, r"[^\p{L}\p{N}]+", "")
    else:
        spaced = pc.replace_substring_regex(pc.replace_substring_regex(texts, r"\p{Mn}+", ""), r"[^\p{L}\p{N}]+", " ")
        texts = pc.utf8_trim_whitespace(spaced)
    texts = pc.utf8_slice_codeunits(texts, 0, MAX_CHARACTERS)
    says_nothing = pc.match_substring_regex(texts, r"^[0 ]*$")
    texts = pc.if_else(pc.fill_null(says_nothing, True), None, texts)
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return texts if name in (*NAMES, "city", "postcode") else _without_placeholders(texts)


def _without_placeholders(texts: pa.Array) -> pa.Array:
    counted = pc.value_counts(texts.drop_null())
    often = pc.greater(counted.field("counts"), max(PLACEHOLDER_RECORDS, PLACEHOLDER_SHARE * len(texts)))
    return pc.if_else(pc.is_in(texts, value_set=counted.field("values").filter(often)), None, texts)


def _bounded_key(table: pa.Table, key: tuple[str, ...], max_pairs: int) -> tuple[pa.Array, int]:
    """The key's value of each record as a number, null where it has none or too many share it; and how many values that were."""
    joined = pc.binary_join_element_wise(*(table[name] for name in key), "\x1f") if len(key) > 1 else table[key[0]]
    joined = joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
    encoded = joined.dictionary_encode()
    has = encoded.is_valid().to_numpy(zero_copy_only=False)
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    sizes = np.bincount(codes[has], minlength=len(encoded.dictionary)).astype(np.int64)
    by_size = np.argsort(sizes, kind="stable")
    ascending = sizes[by_size]
    largest_kept = ascending[np.cumsum(ascending * (ascending - 1) // 2) <= max_pairs].max(initial=0)
    # A size is kept or given up as a whole, so that the order of equal sizes does not matter.
    if (sizes[sizes <= largest_kept] * (sizes[sizes <= largest_kept] - 1) // 2).sum() > max_pairs:
        largest_kept -= 1
    hot = sizes > largest_kept
    kept = has & ~hot[codes] if len(hot) else has
    return pa.array(codes.astype(np.int32), mask=~kept), int(hot.sum())
