"""Looking for a person in anything decoded: the independent proof that an erasure left nothing, and the quick test that spares whole partitions.

It knows the clear values, reads with other rules than ``suppression`` does, and says where something stands, never what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from omnichannel_assets.erasure.subject import Subject, is_distinctive

if TYPE_CHECKING:
    import pyarrow as pa

_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_GAP = r"[\s().\-/]{0,3}"
TAIL_DIGITS = 7
"""So many last digits of a phone number are written the same in every country."""


class Needles:
    """What to look for of one person. ``hashed``: hashes of their identifiers, where a table names them by these."""

    def __init__(self, subject: Subject, hashed: Iterable[str] = ()):
        values = {value.strip().casefold() for _, value in (*subject.identifiers, *subject.spellings)}
        self.pairs = frozenset(subject.identifiers) | frozenset(subject.spellings)
        self.ids = frozenset({*subject.customer_ids, *hashed})
        self._loose = sorted({value for value in values if value} | {one.casefold() for one in (*self.ids, *subject.orders)})
        self._strict = {value: _bounded(value) for value in sorted({value for value in values if is_distinctive(value)} | set(self.ids))}
        self._orders = {one.casefold(): _bounded(one.casefold()) for one in subject.orders if is_distinctive(one)}
        phones = [re.sub(r"\D", "", value) for kind, value in subject.identifiers if kind == "phone"]
        self._tails = [re.compile(_GAP.join(number[-TAIL_DIGITS:])) for number in phones]
        self._phones = [re.compile(rf"(?<![\w+])\+?{_GAP.join(number)}(?!\d)") for number in phones]

    def may_be_in(self, text: str) -> bool:
        """Whether anything of the person could stand in a text, in whatever way: nothing is overlooked, some things are found that are not theirs."""
        return self.suspicion(text) is not None

    def suspicion(self, text: str) -> Callable[[str], bool] | None:
        """`may_be_in` for parts of a text, quicker because it looks only for what the whole holds; None when that is nothing."""
        decoded = decoded_text(text)
        values = [value for value in self._loose if value in decoded]
        tails = [tail for tail in self._tails if tail.search(decoded)]
        if not values and not tails:
            return None

        def may_be_in(part: str) -> bool:
            inside = decoded_text(part)
            return any(value in inside for value in values) or any(tail.search(inside) for tail in tails)

        return may_be_in

    def are_in(self, text: str) -> bool:
        """Whether a text names the person: an identifier as somebody wrote it, standing alone, or a customer_id."""
        return bool(self.found_in(text))

    def touch(self, text: str) -> bool:
        """Whether a text names the person, or an order of theirs: a line of it belongs to what a landing zone should lose."""
        decoded = decoded_text(text)
        return bool(self.found_in(text)) or any(value in decoded and pattern.search(decoded) for value, pattern in self._orders.items())

    def found_in(self, text: str) -> list[str]:
        """The values that a text names."""
        decoded = decoded_text(text)
        found = [value for value, pattern in self._strict.items() if value in decoded and pattern.search(decoded)]
        return found + [pattern.pattern for pattern in self._phones if pattern.search(decoded)]


def decoded_text(text: str) -> str:
    """A text case folded; and once more where it holds escapes, with these read."""
    parts = [text.casefold()]
    if "\\u" in text:
        parts.append(_UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).casefold())
    if "%" in text:
        parts.append(unquote(text).casefold())
    return "\n".join(parts)


def _bounded(value: str) -> re.Pattern[str]:
    if "@" in value:
        return re.compile(rf"(?<![\w.+%\-]){re.escape(value)}(?![\w\-]|\.\w)")
    return re.compile(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])")


def texts_of(table: pa.Table) -> Iterator[tuple[str, str]]:
    """(column, every distinct text in it on lines of its own), texts inside lists and structs included."""
    for name in table.column_names:
        texts: list[str] = []
        for chunk in table[name].chunks:
            texts += _texts(chunk)
        if texts:
            yield name, "\n".join(texts)


def _texts(array: pa.Array) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        return _texts(array.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [text for text in pc.unique(array).to_pylist() if text is not None]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [data.decode(errors="replace") for data in pc.unique(array).to_pylist() if data is not None]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return _texts(array.flatten() if not pa.types.is_map(kind) else array.items)
    if pa.types.is_struct(kind):
        return [text for field in array.flatten() for text in _texts(field)]
    return []


def names_person(row: dict[str, Any], needles: Needles) -> bool:
    """Whether a row of a table is about the person: a customer_id of theirs, one of their identifiers beside its type, or a distinctive spelling."""
    if (row.get("identifier_type"), row.get("identifier_value")) in needles.pairs:
        return True
    return any(isinstance(value, str) and (value in needles.ids or needles.are_in(value)) for value in row.values())
