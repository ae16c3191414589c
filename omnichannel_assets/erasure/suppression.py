"""Recognising erased people in what arrives: by the salted hash of an identifier, or of a text that mentions them.

Here: one value, one text. Not here: whole rows (``calls``, ``shop``). Nothing a text holds can raise. What is in no text is never hashed: an
empty list costs nothing, because callers do not ask (``assets/suppression``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from omnichannel_assets.erasure.hashing import MENTION, ORDER, Hasher
from omnichannel_assets.erasure.subject import is_distinctive

if TYPE_CHECKING:
    from omnichannel_assets.identity.rules import IdentityRules

ERASED = "(erased)"
"""Stands where somebody else's row mentioned the person."""
MOST_REMEMBERED = 500_000
_EMAIL = re.compile(r"""[^\s@"'<>()\[\]{},;:=&?/\\|]+@[^\s@"'<>()\[\]{},;:=&?/\\|]+""")
_PHONE = re.compile(r"(?<!\w)\+?\(?\d(?:[\s().\-/]{0,3}\d){6,16}(?!\w)")
_RUN = re.compile(r"""[^\s"'<>()\[\]{},;=&?/\\]+""")
_PART = re.compile(r"\w+")
_ESCAPED_RUN = re.compile(r"""[^\s"'<>?&=/#]*%[0-9A-Fa-f]{2}[^\s"'<>?&=/#]*""")
_JSON_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])\d{9,}(?![\w.])', re.DOTALL)
_OWN_ID = re.compile(r'"(?:user_?id|anonymous_?id|previous_?id)"\s*:\s*"?([^"\s,}]+)', re.IGNORECASE)
PARTS_AT_ONCE = 6
"""Words of a value such as a UUID that are looked at together."""
Raw = tuple[str, str | None, str | None]
"""Identifier type, value as written, country."""
Span = tuple[int, int]


class Suppression:
    """The list of erased people, ready to be asked. ``hashes``: kind -> hashes."""

    def __init__(self, hasher: Hasher, hashes: Mapping[str, Iterable[str]], rules: IdentityRules, regions: Iterable[str] = ()):
        self._hasher, self._rules = hasher, rules
        self._hashes = {kind: frozenset(values) for kind, values in hashes.items()}
        self._regions = sorted({*regions, *([rules.default_region] if rules.default_region else [])})
        self._spans_of: dict[str, tuple[Span, ...]] = {}

    def holds(self, kind: str, value: str) -> bool:
        """Whether a normalised value of this kind is an erased person's."""
        known = self._hashes.get(kind)
        return bool(known) and self._hasher.hash(kind, value) in known

    def holds_order(self, order_id: str) -> bool:
        """Whether an order was an erased person's."""
        return self.holds(ORDER, order_id)

    def verdicts(self, raw: Sequence[Raw]) -> dict[Raw, tuple[bool, bool]]:
        """For raw identifiers: whether it is an erased person's, and whether it points to anybody (readable, not blocked)."""
        import pyarrow as pa

        from omnichannel_assets.identity.normalise import normalise_identifiers

        distinct = sorted(set(raw), key=lambda one: tuple(part or "" for part in one))
        columns = [pa.array([one[at] for one in distinct], pa.string()) for at in range(3)]
        normal = normalise_identifiers(pa.table(columns, names=["identifier_type", "raw_value", "country"]), self._rules)
        values, blocked = normal["identifier_value"].to_pylist(), normal["is_blocked"].to_pylist()
        return {one: (self._is_erased(one, value), value is not None and not bad) for one, value, bad in zip(distinct, values, blocked, strict=True)}

    def _is_erased(self, raw: Raw, value: str | None) -> bool:
        kind, text, _ = raw
        if value is not None and self.holds(kind, value):
            return True
        return text is not None and is_distinctive(text.strip()) and self.is_mention(text)

    def is_mention(self, text: str) -> bool:
        """Whether a text as a whole is an erased person's identifier, of whatever kind."""
        folded = text.strip().casefold()
        return self.holds(MENTION, folded) or ("@" in folded and self.holds("email", folded)) or self._is_phone(folded)

    def _is_phone(self, text: str) -> bool:
        if not self._hashes.get("phone") or not _PHONE.fullmatch(text):
            return False
        from omnichannel_assets.identity.phones import e164

        numbers = {e164(text, region) for region in [None, *self._regions]}
        return any(self.holds("phone", number) for number in numbers if number)

    def redacted(self, text: str) -> str:
        """A text with every mention replaced; itself when there is none."""
        for start, end in reversed(self._spans(text)):
            text = text[:start] + ERASED + text[end:]
        return text

    def redacted_json(self, text: str) -> str:
        """JSON text whose strings and long numbers are redacted; whatever is no JSON is left as it is between them."""
        return _JSON_VALUE.sub(lambda found: self._json_value(found[0]), text)

    def _json_value(self, literal: str) -> str:
        if not literal.startswith('"'):
            return f'"{ERASED}"' if self.is_mention(literal) else literal
        try:
            value = json.loads(literal) if "\\" in literal else literal[1:-1]
        except ValueError:
            value = literal[1:-1]
        clean = self.redacted(value)
        return literal if clean == value else json.dumps(clean, ensure_ascii=False)

    def mentions(self, payload: str, kinds: Iterable[str] = ("user_id", "anonymous_id")) -> bool:
        """Whether a row that could not be read names an erased person: in any word, or as the login or device of a call."""
        decoded = self.redacted_json(payload) != payload or bool(self._spans(payload))
        return decoded or any(self.holds(kind, own) for own in _OWN_ID.findall(payload) for kind in kinds)

    def _spans(self, text: str) -> tuple[Span, ...]:
        known = self._spans_of.get(text)
        if known is None:
            if len(self._spans_of) > MOST_REMEMBERED:
                self._spans_of.clear()
            known = self._spans_of[text] = _merged([span for span, part in _candidates(text) if self.is_mention(part)])
        return known


def _candidates(text: str) -> Iterator[tuple[Span, str]]:
    """Stretches of a text that could be an identifier, each once for every way to read it."""
    if not is_distinctive(text.strip()):
        return
    yield (0, len(text)), text
    for pattern in (_EMAIL, _PHONE):
        for found in pattern.finditer(text):
            stretch = found[0].rstrip(".")
            yield (found.start(), found.start() + len(stretch)), stretch
    for run in _RUN.finditer(text):
        yield from _windows(run[0], run.start())
    for found in _ESCAPED_RUN.finditer(text) if "%" in text else ():
        yield from (((found.start(), found.end()), part) for _, part in _candidates(unquote(found[0])))


def _windows(run: str, offset: int) -> Iterator[tuple[Span, str]]:
    """Neighbouring words of a run, joined as they stand: one identifier may hold dots, hyphens and colons."""
    parts = [(found.start(), found.end()) for found in _PART.finditer(run)]
    for first, (start, _) in enumerate(parts):
        for _, end in parts[first : first + PARTS_AT_ONCE]:
            stretch = run[start:end]
            if is_distinctive(stretch):
                yield (offset + start, offset + end), stretch


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
