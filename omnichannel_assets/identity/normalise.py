"""Raw identifiers -> identifiers that compare equal when they mean the same.

Here: trimming, e-mail case, phone numbers to E.164, composites, and the test for blocked values. Not here: which fields hold identifiers
(segment, dms) and what happens to equal ones (resolve). Nothing a row holds can raise: what cannot be read becomes null.
"""

import unicodedata
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.phones import e164, is_region

if TYPE_CHECKING:
    from omnichannel_assets.identity.rules import IdentityRules

MAX_CHARACTERS = 512
_CONTROL_CHARACTER = r"\p{Cc}"


def normalise_identifiers(table: pa.Table, rules: "IdentityRules") -> pa.Table:
    """Add `identifier_value` and `is_blocked` to distinct raw identifiers (design section 5, specs/segment.md 5.2).

    In: identifier_type string, raw_value string|null, country string|null (ISO alpha-2 in any case), one row per distinct triple.
    Out: the same rows in the same order, plus identifier_value string|null and is_blocked bool (never null).
    Every value is trimmed; `email` is case-folded and needs text on both sides of an @; `phone` must be a possible number of
    its country, else of `rules.default_region`, and becomes E.164; a composite's raw value is its parts with | between them, each of
    which loses case, white space and punctuation (`Ada|Lovelace|1815-12-10` -> `ada|lovelace|18151210`) and must leave something;
    all other types keep their case. Null, empty, over
    512 characters or holding a control character: null. Blocked is tested on the trimmed text and on the result.
    A row makes a link when identifier_value is not null and is_blocked is false. Raises SettingError for an unknown default_region.
    """
    _check_region(rules.default_region)
    kinds = _text_column(table, "identifier_type")
    trimmed = pc.utf8_trim_whitespace(_text_column(table, "raw_value"))
    usable = pc.if_else(_is_readable(trimmed), trimmed, None)
    is_email, is_phone = pc.equal(kinds, "email"), pc.equal(kinds, "phone")
    values = pc.if_else(is_email, _emails(pc.if_else(is_email, usable, None)), usable)
    phones = _phones(pc.if_else(is_phone, usable, None), _text_column(table, "country"), rules.default_region)
    values = pc.if_else(is_phone, phones, values)
    blocked = pc.or_(_blocked(trimmed, rules), _blocked(values, rules))
    if rules.composites:
        is_composite = pc.is_in(kinds, value_set=pa.array(sorted(rules.composite_types), pa.large_string()))
        composites = _composites(pc.if_else(is_composite, usable, None))
        values = pc.if_else(is_composite, composites, values)
        blocked = pc.or_(blocked, pc.or_(_has_blocked_part(pc.if_else(is_composite, trimmed, None), rules), _has_blocked_part(composites, rules)))
    return table.append_column("identifier_value", values.cast(pa.string())).append_column("is_blocked", blocked)


def _text_column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).cast(pa.large_string()).combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _is_readable(texts: pa.Array) -> pa.Array:
    length = pc.utf8_length(texts)
    fits = pc.and_(pc.greater(length, 0), pc.less_equal(length, MAX_CHARACTERS))
    clean = pc.invert(pc.match_substring_regex(texts, _CONTROL_CHARACTER))
    return pc.fill_null(pc.and_(fits, clean), False)


def _emails(texts: pa.Array) -> pa.Array:
    # Lower case equals case folding in ASCII; only the few others need Python's full folding.
    folded = pc.utf8_lower(texts)
    beyond_ascii = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), False)
    if pc.any(beyond_ascii).as_py():
        full = pa.array([text.casefold() for text in texts.filter(beyond_ascii).to_pylist()], pa.large_string())
        folded = pc.replace_with_mask(folded, beyond_ascii, full)
    has_both_sides = pc.fill_null(pc.match_substring_regex(folded, r"[^@]@+[^@]"), False)
    return pc.if_else(has_both_sides, folded, None)


def _phones(texts: pa.Array, countries: pa.Array, default_region: str | None) -> pa.Array:
    given = pc.utf8_upper(pc.utf8_trim_whitespace(countries))
    known: dict[tuple[str, str | None], str | None] = {}
    result: list[str | None] = [None] * len(texts)
    # Only rows that hold a phone reach Python: the parser has no vectorised form.
    rows = pc.indices_nonzero(pc.is_valid(texts))
    for row, text, country in zip(rows.to_pylist(), texts.take(rows).to_pylist(), given.take(rows).to_pylist(), strict=True):
        region = country if country and is_region(country) else default_region
        if (text, region) not in known:
            known[text, region] = e164(text, region)
        result[row] = known[text, region]
    return pa.array(result, pa.large_string())


def _composites(texts: pa.Array) -> pa.Array:
    rows = pc.indices_nonzero(pc.is_valid(texts))
    distinct = pc.dictionary_encode(texts.take(rows))
    normal = pc.utf8_normalize(distinct.dictionary, "NFKC")
    # Lower case equals case folding in ASCII; the others are folded as they were, because lower case alone loses marks (a dotted capital I).
    folded, beyond_ascii = pc.utf8_lower(normal), pc.invert(pc.string_is_ascii(normal))
    if pc.any(beyond_ascii).as_py():
        full = [unicodedata.normalize("NFKC", text.casefold()) for text in normal.filter(beyond_ascii).to_pylist()]
        folded = pc.replace_with_mask(folded, beyond_ascii, pa.array(full, pa.large_string()))
    # Marks stay: in many scripts vowels are marks.
    bare = pc.replace_substring_regex(folded, r"[^\p{L}\p{M}\p{N}|]", "")
    bare = pc.if_else(pc.match_substring_regex(bare, r"^\||\|\||\|$"), None, bare)
    known = pa.nulls(len(texts), pa.large_string())
    return pc.replace_with_mask(known, pc.is_valid(texts), bare.take(distinct.indices))


def _has_blocked_part(texts: pa.Array, rules: "IdentityRules") -> pa.Array:
    parts = pc.split_pattern(texts, "|")
    of_blocked = pc.list_parent_indices(parts).filter(_blocked(pc.utf8_trim_whitespace(pc.list_flatten(parts)), rules))
    return pc.is_in(pa.array(range(len(texts)), pa.int64()), value_set=pc.unique(of_blocked).cast(pa.int64()))


def _blocked(texts: pa.Array, rules: "IdentityRules") -> pa.Array:
    # Python's own regular expressions: the rules promise that syntax, and Arrow's engine differs from it.
    distinct = pc.unique(texts)
    verdicts = {text: rules.is_blocked(text) for text in distinct.to_pylist() if text is not None and len(text) <= MAX_CHARACTERS}
    blocked = pa.array([text for text, verdict in verdicts.items() if verdict], pa.large_string())
    return pc.is_in(texts, value_set=blocked)


def _check_region(region: str | None) -> None:
    if region is not None and not is_region(region):
        raise SettingError(
            "DEFAULT_REGION", region, expected="a country that has phone numbers", fix="write its two letters, for example AU"
        )
